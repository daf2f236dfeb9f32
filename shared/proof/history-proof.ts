import * as P from 'micro-packed'
import { equalBytes, HASH_LENGTH } from '../bytes.ts'
import { createCodec } from '../codec.ts'
import { accept, type Result, reject } from '../errors.ts'
import {
  HISTORY_LEVELS,
  HISTORY_NODE_LENGTH,
  type HistoryLeaf,
  type HistoryNode,
  type HistoryPosition,
  type HistoryProof,
  historyLeafNode,
  historyParent,
  historyRootHash,
  MAX_HISTORY_COUNT,
  MAX_TIME,
  MAX_WORK,
  peakPositions,
} from '../history/node.ts'
import { historyNodeCoder } from '../history/node-codec.ts'

export type { HistoryProof } from '../history/node.ts'

export type HistoryProofCode =
  /** A hash is not 32 bytes, or a number does not fit its field. */
  | 'wrong-length'
  /** No header has this index among that many. */
  | 'index-out-of-range'
  /** More or fewer siblings than the place in the range has. */
  | 'path-length'
  /** Spans that overlap or are out of order, though header time only rises. */
  | 'time-order'
  /** Work that sums to more than u128. */
  | 'work-overflow'
  /** The hashes do not lead to the root. */
  | 'wrong-root'

/** Levels of the own mountain, the bag on its right and the mountains on its left are never more. */
const MAX_SIBLINGS = 2 * HISTORY_LEVELS
export const MAX_HISTORY_PROOF_LENGTH = 1 + MAX_SIBLINGS * HISTORY_NODE_LENGTH

/** `u8 siblings || siblings × (hash 32 || u128 work || u48 startTime || u48 endTime)`, from the leaf up. */
export const historyProofCoder: P.CoderType<HistoryProof> = P.struct({ siblings: P.array(P.U8, historyNodeCoder) })

export const historyProofCodec = createCodec('history proof', MAX_HISTORY_PROOF_LENGTH, historyProofCoder)

/** What a proof shows beside membership: summed work and span of all headers under the root. */
export interface HistorySummary {
  readonly totalWork: bigint
  readonly startTime: number
  readonly endTime: number
}

/**
 * That the header with this hash, work and time is number `index` of the `count` headers under a history root.
 * Sums and spans are checked at every step. Uses hashes alone, never throws.
 */
export function verifyHistoryProof({
  root,
  count,
  index,
  leaf,
  proof: { siblings },
}: {
  /** History root of the header at height `count`. */
  readonly root: Uint8Array
  readonly count: number
  /** Height of the proven header. */
  readonly index: number
  readonly leaf: HistoryLeaf
  readonly proof: HistoryProof
}): Result<HistorySummary, HistoryProofCode> {
  if (root.length !== HASH_LENGTH || leaf.headerHash.length !== HASH_LENGTH)
    return reject('wrong-length', 'root and header hash must be 32 bytes')
  if (!isWork(leaf.work) || !isTime(leaf.time)) return reject('wrong-length', 'work or time does not fit its field')
  if (!Number.isInteger(count) || count > MAX_HISTORY_COUNT || !Number.isInteger(index) || index < 0 || index >= count)
    return reject('index-out-of-range', `header ${index} of ${count}`)

  const sides = siblingSides(count, index)
  if (siblings.length !== sides.length)
    return reject('path-length', `${siblings.length} siblings where there are ${sides.length}`)

  let node = historyLeafNode(leaf)
  for (const [i, sibling] of siblings.entries()) {
    if (!isNode(sibling)) return reject('wrong-length', 'a sibling field does not fit')
    const [left, right] = sides[i] === 'left' ? [sibling, node] : [node, sibling]
    if (left.startTime > left.endTime || right.startTime > right.endTime || left.endTime >= right.startTime)
      return reject('time-order', 'spans of neighbours overlap or are out of order')
    if (left.work + right.work > MAX_WORK) return reject('work-overflow', 'summed work does not fit u128')
    node = historyParent(left, right)
  }
  if (!equalBytes(historyRootHash(count, node), root))
    return reject('wrong-root', 'the proof leads to another history root')
  return accept({ totalWork: node.work, startTime: node.startTime, endTime: node.endTime })
}

/** On which side each sibling stands, from the leaf up: fixed by count and index, so that a proof cannot choose. */
function siblingSides(count: number, leafIndex: number): ('left' | 'right')[] {
  const sides: ('left' | 'right')[] = []
  const peaks = peakPositions(count)
  const own = peaks.findIndex(({ level, index }) => leafIndex < (index + 1) * 2 ** level)
  let index = leafIndex
  for (let level = 0; level < (peaks[own] as HistoryPosition).level; level++) {
    sides.push(index % 2 === 0 ? 'right' : 'left')
    index = Math.floor(index / 2)
  }
  if (own < peaks.length - 1) sides.push('right')
  for (let i = 0; i < own; i++) sides.push('left')
  return sides
}

function isNode({ hash, work, startTime, endTime }: HistoryNode): boolean {
  return hash.length === HASH_LENGTH && isWork(work) && isTime(startTime) && isTime(endTime)
}

function isWork(work: bigint): boolean {
  return work >= 0n && work <= MAX_WORK
}

function isTime(time: number): boolean {
  return Number.isInteger(time) && time >= 0 && time <= MAX_TIME
}
