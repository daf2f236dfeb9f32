import { HASH_LENGTH } from '../bytes.ts'

/**
 * Names one stored node. Nodes are kept under version *and* hash: one that went stale and is later created
 * again with the same content is a different record, so deleting the old one never hurts the new one.
 */
export interface NodeReference {
  /** Version of the tree (block height) that created the node, u32. */
  readonly version: number
  /** 32 bytes. */
  readonly hash: Uint8Array
}

export interface NodeRecord {
  readonly reference: NodeReference
  readonly record: Uint8Array
}

/**
 * What a storage applies in one atomic step: removals first, then writes. The order matters when one branch
 * replaces another, since both may hold a node of the same version and hash whose children have other versions.
 * For the same reason a storage holds the nodes of one branch only; other branches live in memory until they win.
 */
export interface StateBatch {
  readonly remove: readonly NodeReference[]
  readonly put: readonly NodeRecord[]
}

/** All that a tree needs of a storage. Returned bytes are not changed by the tree. */
export interface StateStorage {
  get(reference: NodeReference): Uint8Array | undefined
}

export const REFERENCE_LENGTH = 4 + HASH_LENGTH
export const MAX_VERSION = 0xffff_ffff

/** `u32 version || hash 32`: the key of a node in a database. Sorts by version. */
export function encodeReference(reference: NodeReference): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(REFERENCE_LENGTH)
  writeReference(reference, out, 0)
  return out
}

/** The same into a longer record. */
export function writeReference({ version, hash }: NodeReference, out: Uint8Array, offset: number): void {
  out[offset] = version >>> 24
  out[offset + 1] = version >>> 16
  out[offset + 2] = version >>> 8
  out[offset + 3] = version
  out.set(hash, offset + 4)
}

const units = new Uint16Array(REFERENCE_LENGTH / 2)

/** The same as a string of 18 UTF-16 units, for maps; not printable. It runs for every node read, so: no spreading. */
export function referenceText({ version, hash }: NodeReference): string {
  units[0] = version >>> 16
  units[1] = version
  for (let i = 0; i < HASH_LENGTH; i += 2) units[2 + i / 2] = ((hash[i] as number) << 8) | (hash[i + 1] as number)
  return String.fromCharCode.apply(null, units as unknown as number[])
}
