import { HASH_LENGTH, uintToBytes } from '../bytes.ts'
import { sha256, TAGS, tagged, taggedHash } from '../hash.ts'

/**
 * The hashes of the history mountain range (after ZIP-221): every node carries the summed work and the time span of
 * the headers under it, and commits to those of its children.
 */
export interface HistoryNode {
  /** 32 bytes. */
  readonly hash: Uint8Array
  /** Summed work of all headers under the node, u128. */
  readonly work: bigint
  /** Time of the first header under the node, ms since the Unix epoch, u48. */
  readonly startTime: number
  /** Time of the last. */
  readonly endTime: number
}

/** What the history keeps of one header. */
export interface HistoryLeaf {
  /** 32 bytes. */
  readonly headerHash: Uint8Array
  /** Work of this header alone, u128. */
  readonly work: bigint
  /** ms since the Unix epoch, u48. */
  readonly time: number
}

/** Proof that a header is in the history: the nodes beside the way from its leaf to the root, from the leaf up. */
export interface HistoryProof {
  readonly siblings: HistoryNode[]
}

export const HISTORY_NODE_LENGTH = HASH_LENGTH + 16 + 6 + 6
/** Largest summed work. */
export const MAX_WORK = (1n << 128n) - 1n
/** Largest time, ms since the Unix epoch. */
export const MAX_TIME = 2 ** 48 - 1
/** Header counts are u32. */
export const MAX_HISTORY_COUNT = 0xffff_ffff
/** Levels of a mountain range of that many leaves: 0..31. */
export const HISTORY_LEVELS = 32

/** `H(historyLeaf, header hash 32, u128 work, u48 time)` */
export function historyLeafNode({ headerHash, work, time }: HistoryLeaf): HistoryNode {
  const numbers = new Uint8Array(22)
  const view = new DataView(numbers.buffer)
  writeWork(view, 0, work)
  writeTime(view, 16, time)
  const hash = taggedHash(TAGS.historyLeaf, headerHash, numbers)
  return { hash, work, startTime: time, endTime: time }
}

/** `H(historyNode, left node, right node)`; work is the sum, the span runs from the left's start to the right's end. */
export function historyParent(left: HistoryNode, right: HistoryNode): HistoryNode {
  const preimage = PARENT.slice()
  const view = new DataView(preimage.buffer)
  writeNode(preimage, view, preimage.length - 2 * HISTORY_NODE_LENGTH, left)
  writeNode(preimage, view, preimage.length - HISTORY_NODE_LENGTH, right)
  const hash = sha256(preimage)
  return { hash, work: left.work + right.work, startTime: left.startTime, endTime: right.endTime }
}

/** `H(historyRoot, u32 count, bagged node)`, or `H(historyRoot, u32 0)`: commits to count, total work and span. */
export function historyRootHash(count: number, bagged: HistoryNode | undefined): Uint8Array {
  const parts = bagged === undefined ? [] : [encodeHistoryNode(bagged)]
  return taggedHash(TAGS.historyRoot, uintToBytes(count, 4), ...parts)
}

/** `hash 32 || u128 work || u48 startTime || u48 endTime`. Written by hand: it runs twice for each step of a proof. */
export function encodeHistoryNode({ hash, work, startTime, endTime }: HistoryNode): Uint8Array {
  const out = new Uint8Array(HISTORY_NODE_LENGTH)
  writeNode(out, new DataView(out.buffer), 0, { hash, work, startTime, endTime })
  return out
}

const PARENT = tagged(TAGS.historyNode, new Uint8Array(2 * HISTORY_NODE_LENGTH))

function writeNode(out: Uint8Array, view: DataView, offset: number, node: HistoryNode): void {
  out.set(node.hash, offset)
  writeWork(view, offset + HASH_LENGTH, node.work)
  writeTime(view, offset + HASH_LENGTH + 16, node.startTime)
  writeTime(view, offset + HASH_LENGTH + 22, node.endTime)
}

function writeWork(view: DataView, offset: number, work: bigint): void {
  if (work < 0n || work > MAX_WORK) throw new RangeError(`work ${work} does not fit u128`)
  view.setBigUint64(offset, work >> 64n)
  view.setBigUint64(offset + 8, work & 0xffff_ffff_ffff_ffffn)
}

function writeTime(view: DataView, offset: number, time: number): void {
  if (!Number.isInteger(time) || time < 0 || time > MAX_TIME) throw new RangeError(`time ${time} does not fit u48`)
  view.setUint16(offset, Math.floor(time / 2 ** 32))
  view.setUint32(offset + 2, time % 2 ** 32)
}

/** Place of a node: `index` counts the nodes of its level from the left; leaves are level 0. */
export interface HistoryPosition {
  readonly level: number
  readonly index: number
}

/** Where the peaks over `count` leaves stand, highest first: one for each bit of the count. */
export function peakPositions(count: number): HistoryPosition[] {
  const positions: HistoryPosition[] = []
  let covered = 0
  for (let level = HISTORY_LEVELS - 1; level >= 0; level--) {
    const size = 2 ** level
    if (count - covered < size) continue
    positions.push({ level, index: covered / size })
    covered += size
  }
  return positions
}
