import { hex } from '@scure/base'

/** 32 bytes: a hash, a key or an ID. */
export const HASH_LENGTH = 32

export const EMPTY_BYTES = new Uint8Array(0)
export const ZERO_HASH = new Uint8Array(HASH_LENGTH)

export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  let length = 0
  for (const part of parts) length += part.length
  const out = new Uint8Array(length)
  let offset = 0
  for (const part of parts) {
    out.set(part, offset)
    offset += part.length
  }
  return out
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** Lexicographic order, as used wherever the protocol says "sorted". */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0)
    if (difference !== 0) return difference
  }
  return a.length - b.length
}

const HEX_OF_BYTE = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/** Lower-case hexadecimal. By a table, since it names every record that a block touches. */
export function toHex(bytes: Uint8Array): string {
  let text = ''
  for (let i = 0; i < bytes.length; i++) text += HEX_OF_BYTE[bytes[i] as number]
  return text
}

/** A string that stands for bytes in a map: one UTF-16 unit for two of them. Not printable. */
export function mapKey(bytes: Uint8Array): string {
  const units = new Array<number>((bytes.length >>> 1) + 1)
  for (let i = 0; i < bytes.length >>> 1; i++) units[i] = ((bytes[2 * i] as number) << 8) | (bytes[2 * i + 1] as number)
  // The parity tells an odd last byte from none.
  units[bytes.length >>> 1] = (bytes.length & 1) === 0 ? 0x100 : (bytes[bytes.length - 1] as number)
  return String.fromCharCode.apply(null, units)
}

/** @throws on anything that is not an even number of hexadecimal digits */
export function fromHex(text: string): Uint8Array {
  return hex.decode(text.toLowerCase())
}

/** ASCII only: domain tags and prefixes are plain ASCII, so no TextEncoder is needed. */
export function asciiBytes(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0))
}

/** Unsigned integer, big endian, in `length` bytes. */
export function uintToBytes(value: number | bigint, length: number): Uint8Array {
  const out = new Uint8Array(length)
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) {
    let left = value
    for (let i = length - 1; i >= 0; i--) {
      out[i] = left & 0xff
      left = Math.floor(left / 256)
    }
    if (left !== 0) throw new RangeError(`${value} does not fit in ${length} bytes`)
    return out
  }
  let rest = BigInt(value)
  for (let i = length - 1; i >= 0; i--) {
    out[i] = Number(rest & 0xffn)
    rest >>= 8n
  }
  if (rest !== 0n) throw new RangeError(`${value} does not fit in ${length} bytes`)
  return out
}

/** Big endian bytes to an unsigned integer. */
export function bytesToUint(bytes: Uint8Array): bigint {
  return bytes.length === 0 ? 0n : BigInt(`0x${toHex(bytes)}`)
}
