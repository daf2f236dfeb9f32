/** Alters valid bytes the way formats break: bits, ends, lengths, counts, pieces of another valid one. */
import type { FuzzRandom } from './random.ts'

/** Mutations piled onto one input at most. */
const MOST_MUTATIONS = 4
const EDGE_BYTES = [0, 1, 0x7f, 0x80, 0xfe, 0xff]
/** Widths of big endian integers in the formats, bytes. */
const WIDTHS = [1, 2, 4, 6, 8]
/** A count that is believed would ask for this much more, bytes. */
const LARGE_REPEATS = [2, 16, 300]

type Mutation = (bytes: Uint8Array, random: FuzzRandom, others: readonly Uint8Array[]) => Uint8Array

const MUTATIONS: readonly Mutation[] = [
  function flipBit(bytes, random) {
    return setByte(bytes, random, (byte) => byte ^ (1 << random.below(8)))
  },
  function edgeByte(bytes, random) {
    return setByte(bytes, random, () => random.pick(EDGE_BYTES))
  },
  function anyByte(bytes, random) {
    return setByte(bytes, random, () => random.below(256))
  },
  function nearByte(bytes, random) {
    return setByte(bytes, random, (byte) => byte + random.below(5) - 2)
  },
  function truncate(bytes, random) {
    return bytes.slice(0, random.below(bytes.length + 1))
  },
  function cutFront(bytes, random) {
    return bytes.slice(random.below(bytes.length + 1))
  },
  function extend(bytes, random) {
    const tail = Uint8Array.from({ length: 1 + random.below(64) }, () => random.below(256))
    return join(bytes, tail)
  },
  function splice(bytes, random, others) {
    const other = random.pick(others)
    return join(bytes.subarray(0, random.below(bytes.length + 1)), other.subarray(random.below(other.length + 1)))
  },
  function transplant(bytes, random, others) {
    const other = random.pick(others)
    const from = random.below(other.length + 1)
    const piece = other.subarray(from, from + 1 + random.below(64))
    const at = random.below(bytes.length + 1)
    return join(bytes.subarray(0, at), piece, bytes.subarray(Math.min(bytes.length, at + piece.length)))
  },
  /** Any place may be a length or a count: it is set to an edge, or to what is left, or near it. */
  function lengthField(bytes, random) {
    const width = random.pick(WIDTHS)
    if (bytes.length < width) return bytes
    const at = random.below(bytes.length - width + 1)
    const left = bytes.length - at - width
    const full = 2n ** BigInt(8 * width) - 1n
    const value = random.pick([0n, 1n, full, full - 1n, full >> 1n, (full >> 1n) + 1n, BigInt(left), BigInt(left + 1)])
    return writeInteger(bytes, at, width, value & full)
  },
  function nudgeInteger(bytes, random) {
    const width = random.pick(WIDTHS)
    if (bytes.length < width) return bytes
    const at = random.below(bytes.length - width + 1)
    const full = 2n ** BigInt(8 * width)
    const value = readInteger(bytes, at, width) + BigInt(random.below(33) - 16)
    return writeInteger(bytes, at, width, (value + full) % full)
  },
  function remove(bytes, random) {
    const at = random.below(bytes.length + 1)
    return join(bytes.subarray(0, at), bytes.subarray(at + 1 + random.below(40)))
  },
  function repeat(bytes, random) {
    const at = random.below(bytes.length + 1)
    const piece = bytes.subarray(at, at + 1 + random.below(80))
    const times = random.pick(LARGE_REPEATS)
    return join(bytes.subarray(0, at), ...Array.from({ length: times }, () => piece), bytes.subarray(at))
  },
  function fill(bytes, random) {
    const at = random.below(bytes.length + 1)
    return bytes.slice().fill(random.pick(EDGE_BYTES), at, at + 1 + random.below(40))
  },
  function swap(bytes, random) {
    const [a = 0, b = 0, c = 0] = [0, 0, 0].map(() => random.below(bytes.length + 1)).sort((x, y) => x - y)
    return join(bytes.subarray(0, a), bytes.subarray(b, c), bytes.subarray(a, b), bytes.subarray(c))
  },
]

/** @param others valid ones of any format, for pieces @param maxLength longer results are cut */
export function mutateBytes(
  valid: Uint8Array,
  random: FuzzRandom,
  others: readonly Uint8Array[],
  maxLength: number,
): Uint8Array {
  // A Buffer would share its memory with its slices.
  let bytes: Uint8Array = Uint8Array.from(valid)
  const times = 1 + random.below(MOST_MUTATIONS)
  for (let time = 0; time < times; time++) bytes = random.pick(MUTATIONS)(bytes, random, others)
  return bytes.length > maxLength ? bytes.slice(0, maxLength) : bytes
}

function join(...parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    joined.set(part, at)
    at += part.length
  }
  return joined
}

function setByte(bytes: Uint8Array, random: FuzzRandom, change: (byte: number) => number): Uint8Array {
  if (bytes.length === 0) return bytes
  const changed = bytes.slice()
  const at = random.below(changed.length)
  changed[at] = change(changed[at] as number)
  return changed
}

function readInteger(bytes: Uint8Array, at: number, width: number): bigint {
  let value = 0n
  for (let i = 0; i < width; i++) value = (value << 8n) | BigInt(bytes[at + i] as number)
  return value
}

function writeInteger(bytes: Uint8Array, at: number, width: number, value: bigint): Uint8Array {
  const changed = bytes.slice()
  let left = value
  for (let i = width - 1; i >= 0; i--) {
    changed[at + i] = Number(left & 0xffn)
    left >>= 8n
  }
  return changed
}
