import * as P from 'micro-packed'
import { checked, createCodec } from '../codec.ts'
import { LaresError } from '../errors.ts'
import {
  HISTORY_LEVELS,
  HISTORY_NODE_LENGTH,
  type HistoryLeaf,
  type HistoryNode,
  type HistoryPosition,
  historyLeafNode,
  historyParent,
  historyRootHash,
  MAX_HISTORY_COUNT,
  MAX_WORK,
  peakPositions,
} from './node.ts'
import { historyNodeCoder } from './node-codec.ts'

/** All headers so far, folded: an immutable value of at most 32 nodes, enough to go on appending. */
export interface MountainRange {
  /** Headers covered, u32. */
  readonly count: number
  /** Highest first: one for each bit of `count`. */
  readonly peaks: HistoryNode[]
}

export const EMPTY_RANGE: MountainRange = { count: 0, peaks: [] }

/** A node that never changes again, for a prover to keep. Replaces what a branch now undone left at its place. */
export interface PlacedHistoryNode extends HistoryPosition {
  readonly node: HistoryNode
}

/**
 * The range with one header more, and the nodes this completes: its leaf and every mountain it closes.
 * @throws {LaresError} `history-leaf-invalid` when time does not rise, or count or work run over: a header that
 * passed validation does none of it
 */
export function appendHeader(
  range: MountainRange,
  leaf: HistoryLeaf,
): { readonly range: MountainRange; readonly created: readonly PlacedHistoryNode[] } {
  const last = range.peaks.at(-1)
  if (last !== undefined && leaf.time <= last.endTime)
    throw new LaresError('history-leaf-invalid', `time ${leaf.time} after ${last.endTime}`)
  if (range.count === MAX_HISTORY_COUNT) throw new LaresError('history-leaf-invalid', 'the history is full')
  if (leaf.work < 0n || totalWork(range) + leaf.work > MAX_WORK)
    throw new LaresError('history-leaf-invalid', `work ${leaf.work}`)

  const peaks = [...range.peaks]
  let node = historyLeafNode(leaf)
  let index = range.count
  const created: PlacedHistoryNode[] = [{ level: 0, index, node }]
  // As in binary addition: each one-bit at the low end of the count is a mountain to merge with.
  for (let level = 1; index % 2 === 1; level++) {
    node = historyParent(peaks.pop() as HistoryNode, node)
    index = (index - 1) / 2
    created.push({ level, index, node })
  }
  peaks.push(node)
  return { range: { count: range.count + 1, peaks }, created }
}

/** What a header commits to: all headers before it, their number, summed work and time span. 32 bytes. */
export function historyRoot({ count, peaks }: MountainRange): Uint8Array {
  return historyRootHash(count, bagPeaks(peaks))
}

/** Summed work of all headers covered. */
export function totalWork({ peaks }: MountainRange): bigint {
  return peaks.reduce((sum, { work }) => sum + work, 0n)
}

/** One node over all peaks, folded from right to left; none for none. */
export function bagPeaks(peaks: readonly HistoryNode[]): HistoryNode | undefined {
  let bagged: HistoryNode | undefined
  for (const peak of peaks.toReversed()) bagged = bagged === undefined ? peak : historyParent(peak, bagged)
  return bagged
}

/** `u32 count || u8 peaks || peaks × 60`. */
export const mountainRangeCoder: P.CoderType<MountainRange> = checked(
  P.struct({ count: P.U32BE, peaks: P.array(P.U8, historyNodeCoder) }),
  faultOfRange,
)

export const mountainRangeCodec = createCodec(
  'mountain range',
  4 + 1 + HISTORY_LEVELS * HISTORY_NODE_LENGTH,
  mountainRangeCoder,
)

function faultOfRange({ count, peaks }: MountainRange): string | undefined {
  if (peaks.length !== peakPositions(count).length) return `${peaks.length} peaks over ${count} headers`
  if (totalWork({ count, peaks }) > MAX_WORK) return 'summed work runs over'
  for (const [i, peak] of peaks.entries()) {
    const before = peaks[i - 1]
    if (before !== undefined && peak.startTime <= before.endTime) return 'peaks are not in order of time'
  }
  return undefined
}
