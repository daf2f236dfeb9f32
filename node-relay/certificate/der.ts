/** One element of strict DER (X.690 section 10). */
export interface DerElement {
  readonly tag: number
  /** With tag and length: what is signed, hashed and compared. */
  readonly bytes: Uint8Array
  readonly content: Uint8Array
  /** Empty for a primitive element. */
  readonly children: readonly DerElement[]
}

export const DER_BOOLEAN = 0x01
export const DER_INTEGER = 0x02
export const DER_BIT_STRING = 0x03
export const DER_OID = 0x06
export const DER_UTC_TIME = 0x17
export const DER_GENERALIZED_TIME = 0x18
export const DER_SEQUENCE = 0x30
const DER_NULL = 0x05
const DER_SET = 0x31

const CONSTRUCTED = 0x20
const FIRST_OF_OTHER_CLASSES = 0x40
/** Deeper than any name or extension goes; what is nested further is an attack on the stack. */
const MAX_DER_DEPTH = 16
/** Four length bytes already say more than any file that is read here. */
const MAX_LENGTH_BYTES = 4

/**
 * Reads one element that fills its bytes. What has two encodings in BER has one here, so that no altered byte can go
 * unnoticed: definite minimal lengths, minimal integers, TRUE as 0xff, no unused bits set, nothing left over.
 * @returns undefined when it is not strict DER
 */
export function readDer(bytes: Uint8Array): DerElement | undefined {
  const element = readElement(bytes, 0)
  return element?.bytes.length === bytes.length ? element : undefined
}

function readElement(bytes: Uint8Array, depth: number): DerElement | undefined {
  const tag = bytes[0]
  if (depth > MAX_DER_DEPTH || tag === undefined || (tag & 0x1f) === 0x1f) return undefined
  const header = readLength(bytes)
  if (header === undefined || header.start + header.length > bytes.length) return undefined
  const end = header.start + header.length
  const element = { tag, bytes: bytes.subarray(0, end), content: bytes.subarray(header.start, end) }
  if ((tag & CONSTRUCTED) === 0) return isCanonical(tag, element.content) ? { ...element, children: [] } : undefined
  if (tag < FIRST_OF_OTHER_CLASSES && tag !== DER_SEQUENCE && tag !== DER_SET) return undefined
  const children: DerElement[] = []
  for (let rest = element.content; rest.length > 0; ) {
    const child = readElement(rest, depth + 1)
    if (child === undefined) return undefined
    children.push(child)
    rest = rest.subarray(child.bytes.length)
  }
  return { ...element, children }
}

function readLength(bytes: Uint8Array): { start: number; length: number } | undefined {
  const first = bytes[1]
  if (first === undefined) return undefined
  if (first < 0x80) return { start: 2, length: first }
  const count = first & 0x7f
  if (count === 0 || count > MAX_LENGTH_BYTES || bytes.length < 2 + count) return undefined
  let length = 0
  for (const byte of bytes.subarray(2, 2 + count)) length = length * 256 + byte
  const isMinimal = length >= (count === 1 ? 0x80 : 256 ** (count - 1))
  return isMinimal ? { start: 2 + count, length } : undefined
}

function isCanonical(tag: number, content: Uint8Array): boolean {
  const [first = 0, second = 0] = content
  switch (tag) {
    case DER_SEQUENCE - CONSTRUCTED:
    case DER_SET - CONSTRUCTED:
      return false
    case DER_BOOLEAN:
      return content.length === 1 && (first === 0 || first === 0xff)
    case DER_INTEGER:
      if (content.length < 2) return content.length === 1
      return !((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80))
    case DER_BIT_STRING: {
      if (content.length < 2) return content.length === 1 && first === 0
      const last = content.at(-1) ?? 0
      return first < 8 && (last & ((1 << first) - 1)) === 0
    }
    case DER_NULL:
      return content.length === 0
    case DER_OID:
      return isCanonicalOid(content)
    case DER_UTC_TIME:
    case DER_GENERALIZED_TIME:
      return parseTime(tag, content) !== undefined
    default:
      return true
  }
}

/** No part begins with a zero digit, and the last one ends (X.690 section 8.19). */
function isCanonicalOid(content: Uint8Array): boolean {
  return (
    content.length > 0 &&
    (content.at(-1) ?? 0x80) < 0x80 &&
    !content.some((byte, index) => byte === 0x80 && (content[index - 1] ?? 0) < 0x80)
  )
}

/** Dotted decimal. */
export function oidText({ content }: DerElement): string {
  const parts: bigint[] = []
  let value = 0n
  for (const byte of content) {
    value = (value << 7n) | BigInt(byte & 0x7f)
    if (byte < 0x80) {
      parts.push(value)
      value = 0n
    }
  }
  const [first = 0n, ...rest] = parts
  const root = first < 80n ? first / 40n : 2n
  return [root, first - root * 40n, ...rest].join('.')
}

/** @returns ms since 1970; undefined when the element is no time */
export function timeOf(element: DerElement | undefined): number | undefined {
  return element && parseTime(element.tag, element.content)
}

/** To the second and in UTC (RFC 5280 section 4.1.2.5), and a day that exists. */
function parseTime(tag: number, content: Uint8Array): number | undefined {
  if (tag !== DER_UTC_TIME && tag !== DER_GENERALIZED_TIME) return undefined
  const written = Buffer.from(content).toString('latin1')
  // Two digits of a year are of 1950 to 2049.
  const text = tag === DER_UTC_TIME ? `${written < '5' ? '20' : '19'}${written}` : written
  if (!/^\d{14}Z$/.test(text)) return undefined
  const iso = text.replace(/(....)(..)(..)(..)(..)(..)Z/, '$1-$2-$3T$4:$5:$6.000Z')
  const time = Date.parse(iso)
  return Number.isNaN(time) || new Date(time).toISOString() !== iso ? undefined : time
}
