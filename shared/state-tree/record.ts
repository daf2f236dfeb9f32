import { concatBytes, HASH_LENGTH } from '../bytes.ts'
import { accept, type Result, reject } from '../errors.ts'
import { MAX_STATE_VALUE_LENGTH, STATE_KEY_LENGTH, type StateKey } from './node.ts'
import { type NodeReference, REFERENCE_LENGTH, writeReference } from './storage.ts'

/**
 * A reference that may hold the node itself: nodes not yet stored are reached through memory alone, and a tree keeps those
 * that every look-up passes.
 */
export interface NodeLink extends NodeReference {
  node: StateNode | undefined
}

export interface LeafNode {
  readonly kind: 'leaf'
  readonly key: StateKey
  readonly value: Uint8Array
}

export interface InnerNode {
  readonly kind: 'inner'
  readonly bitDepth: number
  /** 32 bytes, zero from bit `bitDepth` on. */
  readonly prefix: Uint8Array
  readonly left: NodeLink
  readonly right: NodeLink
}

export type StateNode = LeafNode | InnerNode

const LEAF = 1
const INNER = 2
const INNER_HEAD_LENGTH = 2

/** `u8 1 || key 32 || value`: the value runs to the end of the record. */
export function encodeLeafRecord(key: StateKey, value: Uint8Array): Uint8Array {
  return concatBytes(Uint8Array.of(LEAF), key, value)
}

/**
 * `u8 2 || u8 bitDepth || prefix || left || right`: the prefix in as few whole bytes as hold `bitDepth` bits,
 * the children as `u32 version || hash 32`.
 */
export function encodeInnerRecord(
  bitDepth: number,
  prefix: Uint8Array,
  left: NodeReference,
  right: NodeReference,
): Uint8Array {
  const prefixLength = (bitDepth + 7) >>> 3
  const record = new Uint8Array(INNER_HEAD_LENGTH + prefixLength + 2 * REFERENCE_LENGTH)
  record[0] = INNER
  record[1] = bitDepth
  for (let i = 0; i < prefixLength; i++) record[INNER_HEAD_LENGTH + i] = prefix[i] as number
  writeReference(left, record, INNER_HEAD_LENGTH + prefixLength)
  writeReference(right, record, INNER_HEAD_LENGTH + prefixLength + REFERENCE_LENGTH)
  return record
}

/**
 * Reads a stored node; its byte fields are views into the record. Written out by hand because it runs for every
 * node of every look-up. Only the form is checked: hashes are not recomputed.
 */
export function decodeNodeRecord(record: Uint8Array): Result<StateNode, 'malformed'> {
  switch (record[0]) {
    case LEAF:
      return decodeLeaf(record)
    case INNER:
      return decodeInner(record)
    default:
      return reject('malformed', 'state node is neither leaf nor inner')
  }
}

function decodeLeaf(record: Uint8Array): Result<LeafNode, 'malformed'> {
  const head = 1 + STATE_KEY_LENGTH
  if (record.length < head) return reject('malformed', `leaf record of ${record.length} bytes`)
  if (record.length > head + MAX_STATE_VALUE_LENGTH) return reject('malformed', 'leaf value too long')
  return accept({ kind: 'leaf', key: record.subarray(1, head), value: record.subarray(head) })
}

function decodeInner(record: Uint8Array): Result<InnerNode, 'malformed'> {
  const bitDepth = record[1] ?? 0
  const prefixEnd = INNER_HEAD_LENGTH + ((bitDepth + 7) >>> 3)
  if (record.length !== prefixEnd + 2 * REFERENCE_LENGTH)
    return reject('malformed', `inner record of ${record.length} bytes at bit depth ${bitDepth}`)
  const spareBits = (8 - (bitDepth & 7)) & 7
  if (spareBits !== 0 && ((record[prefixEnd - 1] as number) & (0xff >>> (8 - spareBits))) !== 0)
    return reject('malformed', 'inner prefix has bits after its depth')
  const prefix = new Uint8Array(STATE_KEY_LENGTH)
  for (let i = INNER_HEAD_LENGTH; i < prefixEnd; i++) prefix[i - INNER_HEAD_LENGTH] = record[i] as number
  const left = decodeLink(record, prefixEnd)
  const right = decodeLink(record, prefixEnd + REFERENCE_LENGTH)
  return accept({ kind: 'inner', bitDepth, prefix, left, right })
}

function decodeLink(record: Uint8Array, offset: number): NodeLink {
  let version = 0
  for (let i = 0; i < 4; i++) version = version * 256 + (record[offset + i] as number)
  const hashStart = offset + REFERENCE_LENGTH - HASH_LENGTH
  return { version, hash: record.subarray(hashStart, hashStart + HASH_LENGTH), node: undefined }
}
