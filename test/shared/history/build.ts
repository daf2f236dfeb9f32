import { appendHeader, EMPTY_RANGE, type MountainRange } from '../../../shared/history/mountain-range.ts'
import type { HistoryLeaf, HistoryNode } from '../../../shared/history/node.ts'
import { createHistoryProver } from '../../../shared/history/prover.ts'

/** Appends headers one by one: the range after each of them, and a store of every node created. */
export function buildHistory(leaves: readonly HistoryLeaf[]) {
  const nodes = new Map<string, HistoryNode>()
  const ranges: MountainRange[] = [EMPTY_RANGE]
  for (const leaf of leaves) {
    const { range, created } = appendHeader(ranges.at(-1) as MountainRange, leaf)
    ranges.push(range)
    for (const { level, index, node } of created) nodes.set(`${level}/${index}`, node)
  }
  const getNode = (level: number, index: number) => nodes.get(`${level}/${index}`)
  return { ranges, nodes, prover: (count: number) => createHistoryProver({ getNode, count }) }
}
