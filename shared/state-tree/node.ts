import { HASH_LENGTH } from '../bytes.ts'
import { sha256 as defaultSha256, TAGS, tagged, taggedHash } from '../hash.ts'

/**
 * The hashes of the state tree, a path-compacted sparse Merkle tree. Bits of a key are numbered from the most
 * significant bit of byte 0. The children of an inner node at bit depth d share the first d bits and differ in
 * bit d (0 left, 1 right), so the shape depends on the set of keys alone.
 */

/** 32 bytes: one type byte and 31 bytes of a hash. The tree itself does not look at the parts. */
export type StateKey = Uint8Array

/** SHA-256 of the bytes; platforms may bring a faster one. */
export type Sha256 = (bytes: Uint8Array) => Uint8Array

export const STATE_KEY_LENGTH = 32
/** Bit depths of inner nodes are 0..255; a leaf stands at 256. */
export const STATE_KEY_BITS = 256
/** Bytes: a length that fits u16. */
export const MAX_STATE_VALUE_LENGTH = 65_535

/** Root of the tree without leaves. */
export const EMPTY_STATE_ROOT = taggedHash(TAGS.stateEmpty)

/** One inner node passed on the way from the root to a key; its prefix is the key's own. */
export interface StateProofStep {
  readonly bitDepth: number
  /** Hash of the child that is not on the way. */
  readonly sibling: Uint8Array
}

/** What stands where the way to the asked key ends. */
export type StateProofTerminal =
  | { readonly TAG: 'empty'; readonly data: undefined }
  | { readonly TAG: 'present'; readonly data: { readonly value: Uint8Array } }
  | { readonly TAG: 'otherLeaf'; readonly data: { readonly key: StateKey; readonly valueHash: Uint8Array } }
  | { readonly TAG: 'divergingInner'; readonly data: DivergingInner }

export interface DivergingInner {
  readonly bitDepth: number
  readonly prefix: Uint8Array
  readonly left: Uint8Array
  readonly right: Uint8Array
}

/** Proof that a key has a value, or has none, under a state root. `path` runs from the root down. */
export interface StateProof {
  readonly path: StateProofStep[]
  readonly terminal: StateProofTerminal
}

/** Bit `depth` (0..255) of a key. */
export function keyBit(key: Uint8Array, depth: number): 0 | 1 {
  return (((key[depth >>> 3] as number) >>> (7 - (depth & 7))) & 1) as 0 | 1
}

/** How many leading bits two keys share, 0..256. */
export function commonPrefixLength(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < STATE_KEY_LENGTH; i++) {
    const difference = (a[i] as number) ^ (b[i] as number)
    if (difference !== 0) return i * 8 + Math.clz32(difference) - 24
  }
  return STATE_KEY_BITS
}

/** The first `bitDepth` bits of a key, all later bits zero. 32 bytes. */
export function keyPrefix(key: Uint8Array, bitDepth: number): Uint8Array {
  const prefix = new Uint8Array(STATE_KEY_LENGTH)
  const whole = bitDepth >>> 3
  prefix.set(key.subarray(0, whole))
  if ((bitDepth & 7) !== 0) prefix[whole] = (key[whole] as number) & (0xff00 >>> (bitDepth & 7))
  return prefix
}

/** `H(stateLeaf, key 32, SHA-256(value) 32)`. */
export function hashStateLeaf(key: StateKey, valueHash: Uint8Array, sha256: Sha256 = defaultSha256): Uint8Array {
  return sha256(tagged(TAGS.stateLeaf, key, valueHash))
}

/** `H(stateInner, u8 bitDepth, prefix 32, left 32, right 32)`: 117 bytes in all, two blocks of SHA-256. */
export function hashStateInner(
  bitDepth: number,
  prefix: Uint8Array,
  left: Uint8Array,
  right: Uint8Array,
  sha256: Sha256 = defaultSha256,
): Uint8Array {
  return sha256(tagged(TAGS.stateInner, Uint8Array.of(bitDepth), prefix, left, right))
}

/** True for 32 bytes: what every hash and key of the tree must be before it is hashed. */
export function isHash(bytes: Uint8Array): boolean {
  return bytes.length === HASH_LENGTH
}
