import * as P from 'micro-packed'
import { equalBytes } from './bytes.ts'
import { accept, LaresError, type Result, reject } from './errors.ts'

export type DecodeCode = 'too-long' | 'malformed'

/** A wire format: the layout is a value, its type is inferred from it. */
export interface Codec<Value> {
  /** Largest encoding accepted, bytes. */
  readonly maxLength: number
  /** @throws {LaresError} `unencodable` when the value is not one of this format: a fault of the caller */
  encode(value: Value): Uint8Array
  /** Never throws. Rejects short, long, oversized and non-canonical input. */
  decode(bytes: Uint8Array): Result<Value, DecodeCode>
}

/** What is said of a malformed message at most, characters: its sender must not choose how much is logged. */
const MAX_DETAIL = 200

/**
 * Wraps a micro-packed coder as a {@link Codec}: size is checked before anything is read, and what decodes must encode to
 * the very same bytes (nothing left over, no second form of one value).
 */
export function createCodec<Value>(name: string, maxLength: number, coder: P.CoderType<Value>): Codec<Value> {
  return {
    maxLength,
    encode(value) {
      let bytes: Uint8Array
      try {
        bytes = coder.encode(value)
      } catch (error) {
        throw new LaresError('unencodable', `not a ${name}: ${(error as Error).message}`, { cause: error })
      }
      if (bytes.length > maxLength)
        throw new LaresError('unencodable', `${name} of ${bytes.length} bytes; at most ${maxLength}`)
      return bytes
    },
    decode(bytes) {
      if (bytes.length > maxLength) return reject('too-long', `${name} of ${bytes.length} bytes; at most ${maxLength}`)
      try {
        // Bytes that are left over are found by writing the value again; micro-packed would spell them all out.
        const value = coder.decode(bytes, { allowUnreadBytes: true })
        if (!equalBytes(coder.encode(value), bytes)) return reject('malformed', `${name} is not in canonical form`)
        return accept(value)
      } catch (error) {
        return reject('malformed', `${name}: ${(error as Error).message.slice(0, MAX_DETAIL)}`)
      }
    },
  }
}

/** 32 bytes: hash, key or ID. */
export const hash32 = P.bytes(32)
/** Ed25519 signature. */
export const bytes64 = P.bytes(64)

/** Unsigned big endian integer of 6 bytes as a number: times in milliseconds since the Unix epoch. */
export const u48: P.CoderType<number> = P.apply(P.bigint(6, false, false, true), {
  encode: (value) => Number(value),
  decode: (value) => BigInt(value),
})

/** Unsigned big endian integer of 16 bytes: summed work. */
export const u128: P.CoderType<bigint> = P.bigint(16, false, false, true)

/** Sorted, duplicate-free or otherwise constrained arrays: `check` returns what is wrong, or nothing. */
export function checked<Value>(
  coder: P.CoderType<Value>,
  check: (value: Value) => string | undefined,
): P.CoderType<Value> {
  return P.validate(coder, (value) => {
    const wrong = check(value)
    if (wrong !== undefined) throw new Error(wrong)
    return value
  })
}

/** UTF-8 text with a one-byte length. */
export const text8 = P.string(P.U8)
