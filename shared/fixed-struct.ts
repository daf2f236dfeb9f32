import * as P from 'micro-packed'

/** A field of fixed length within a {@link fixedStruct}. */
export interface FixedField<Value> {
  /** Bytes. */
  readonly length: number
  /** @throws on a value that is none of this field */
  write(out: Uint8Array, at: number, value: Value): void
  /** Byte fields are views into what is read. @throws on what no value writes */
  read(bytes: Uint8Array, at: number): Value
}

export type FixedStruct<Value> = P.CoderType<Value> & FixedField<Value>

type Fields = Readonly<Record<string, FixedField<unknown>>>
type ValueOf<Of extends Fields> = { [Name in keyof Of]: Of[Name] extends FixedField<infer Value> ? Value : never }

/**
 * `P.struct` for fields of fixed length, and its bytes: written at once into one array and read from one, several times
 * faster. For what a full block has thousands of.
 */
export function fixedStruct<Of extends Fields>(fields: Of): FixedStruct<ValueOf<Of>> {
  type Value = ValueOf<Of>
  const entries = Object.entries(fields)
  const length = entries.reduce((sum, [, field]) => sum + field.length, 0)

  function write(out: Uint8Array, at: number, value: Value): void {
    let offset = at
    for (const [name, field] of entries) {
      try {
        field.write(out, offset, value[name])
      } catch (error) {
        throw new Error(`${name}: ${(error as Error).message}`)
      }
      offset += field.length
    }
  }

  function read(bytes: Uint8Array, at: number): Value {
    const value: Record<string, unknown> = {}
    let offset = at
    for (const [name, field] of entries) {
      value[name] = field.read(bytes, offset)
      offset += field.length
    }
    return value as Value
  }

  const coder = P.wrap<Value>({
    size: length,
    encodeStream(writer, value) {
      const out = new Uint8Array(length)
      write(out, 0, value)
      writer.bytes(out)
    },
    decodeStream: (reader) => read(reader.bytes(length), 0),
  })
  return { ...coder, length, write, read }
}

/** So many bytes as they are. */
export function bytesField(length: number): FixedField<Uint8Array> {
  return {
    length,
    write(out, at, value) {
      if (!(value instanceof Uint8Array) || value.length !== length)
        throw new TypeError(`${value instanceof Uint8Array ? value.length : typeof value} instead of ${length} bytes`)
      out.set(value, at)
    },
    read: (bytes, at) => bytes.subarray(at, at + length),
  }
}

/** Unsigned integer, big endian, of 1 to 6 bytes: all of them are exact as numbers. */
export function uintField(length: 1 | 2 | 4 | 6): FixedField<number> {
  const end = 2 ** (8 * length)
  return {
    length,
    write(out, at, value) {
      if (!Number.isInteger(value) || value < 0 || value >= end)
        throw new RangeError(`${value} does not fit in ${length} bytes`)
      let rest = value
      for (let i = length - 1; i >= 0; i--) {
        out[at + i] = rest & 0xff
        rest = Math.floor(rest / 256)
      }
    },
    read(bytes, at) {
      let value = 0
      for (let i = 0; i < length; i++) value = value * 256 + (bytes[at + i] as number)
      return value
    },
  }
}

/** One byte, 0 or 1. */
export const boolField: FixedField<boolean> = {
  length: 1,
  write(out, at, value) {
    if (typeof value !== 'boolean') throw new TypeError(`${typeof value} instead of a boolean`)
    out[at] = value ? 1 : 0
  },
  read(bytes, at) {
    const value = bytes[at]
    if (value !== 0 && value !== 1) throw new Error(`${value} is no boolean`)
    return value === 1
  },
}

/** One of some numbers. `name` is said of others. */
export function oneOfField(
  name: string,
  field: FixedField<number>,
  isOne: (value: number) => boolean,
): FixedField<number> {
  const checked = (value: number): number => {
    if (!isOne(value)) throw new Error(`unknown ${name} ${value}`)
    return value
  }
  return {
    length: field.length,
    write: (out, at, value) => field.write(out, at, checked(value)),
    read: (bytes, at) => checked(field.read(bytes, at)),
  }
}

export const hash32Field = bytesField(32)
export const bytes64Field = bytesField(64)
export const u8Field = uintField(1)
export const u16Field = uintField(2)
export const u32Field = uintField(4)
/** ms since the Unix epoch */
export const u48Field = uintField(6)
