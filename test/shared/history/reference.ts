import type { HistoryLeaf, HistoryNode } from '../../../shared/history/node.ts'
import { plainTagged } from '../state-tree/reference.ts'

/** The history a second time, the plain way: from all headers at once. */

export function headers(count: number): HistoryLeaf[] {
  return Array.from({ length: count }, (_, i) => ({
    headerHash: plainTagged('test', Uint8Array.of(i, i >>> 8)),
    work: BigInt(i * i + 1) << BigInt(i % 60),
    time: 1_700_000_000_000 + i * 30_000,
  }))
}

function uint(value: number | bigint, bytes: number): Buffer {
  return Buffer.from(
    BigInt(value)
      .toString(16)
      .padStart(bytes * 2, '0'),
    'hex',
  )
}

function encoded({ hash, work, startTime, endTime }: HistoryNode): Uint8Array {
  return Buffer.concat([hash, uint(work, 16), uint(startTime, 6), uint(endTime, 6)])
}

function parent(left: HistoryNode, right: HistoryNode): HistoryNode {
  const hash = plainTagged('lares/history/node/1', encoded(left), encoded(right))
  return { hash, work: left.work + right.work, startTime: left.startTime, endTime: right.endTime }
}

/** One node over headers whose number is a power of two. */
function mountain(leaves: readonly HistoryLeaf[]): HistoryNode {
  const [first] = leaves as [HistoryLeaf]
  if (leaves.length > 1) {
    const half = leaves.length / 2
    return parent(mountain(leaves.slice(0, half)), mountain(leaves.slice(half)))
  }
  const hash = plainTagged('lares/history/leaf/1', first.headerHash, uint(first.work, 16), uint(first.time, 6))
  return { hash, work: first.work, startTime: first.time, endTime: first.time }
}

/** The largest mountain first, the rest bagged beside it. */
function bagged(leaves: readonly HistoryLeaf[]): HistoryNode {
  let size = 1
  while (size * 2 <= leaves.length) size *= 2
  const first = mountain(leaves.slice(0, size))
  return size === leaves.length ? first : parent(first, bagged(leaves.slice(size)))
}

export function referenceHistoryRoot(leaves: readonly HistoryLeaf[]): Uint8Array {
  const count = uint(leaves.length, 4)
  return leaves.length === 0
    ? plainTagged('lares/history/root/1', count)
    : plainTagged('lares/history/root/1', count, encoded(bagged(leaves)))
}
