import { describe, expect, it } from 'vitest'
import { historyRoot, type MountainRange, totalWork } from '../../../shared/history/mountain-range.ts'
import {
  type HistoryNode,
  historyLeafNode,
  historyParent,
  historyRootHash,
  peakPositions,
} from '../../../shared/history/node.ts'
import {
  type HistoryProof,
  historyProofCodec,
  MAX_HISTORY_PROOF_LENGTH,
  verifyHistoryProof,
} from '../../../shared/proof/history-proof.ts'
import { buildHistory } from '../history/build.ts'
import { headers } from '../history/reference.ts'
import { MASKS } from './masks.ts'

type Input = Parameters<typeof verifyHistoryProof>[0]

const leaves = headers(300)
const history = buildHistory(leaves)
const rootAt = (count: number) => historyRoot(history.ranges[count] as MountainRange)
const inputFor = (count: number, index: number): Input => ({
  root: rootAt(count),
  count,
  index,
  leaf: leaves[index] as Input['leaf'],
  proof: history.prover(count).prove(index),
})
const codeOf = (input: Input) => {
  const verdict = verifyHistoryProof(input)
  return verdict.ok || verdict.code
}

describe('history proofs', () => {
  // All headers of the smaller ranges and around powers of two; the ends of every mountain of the others.
  const indicesOf = (count: number) => {
    const all = Array.from({ length: count }, (_, index) => index)
    if (count <= 80 || [127, 128, 129, 255, 256, 257, 299, 300].includes(count)) return all
    const ends = peakPositions(count).flatMap(({ level, index }) => [index * 2 ** level, (index + 1) * 2 ** level - 1])
    return all.filter((index) => ends.includes(index))
  }

  it('hold for the headers under every root of 1 to 300 headers, and show the total work and span', () => {
    for (let count = 1; count <= 300; count++) {
      const summary = {
        totalWork: totalWork(history.ranges[count] as MountainRange),
        startTime: leaves[0]?.time,
        endTime: leaves[count - 1]?.time,
      }
      for (const index of indicesOf(count)) {
        const verdict = verifyHistoryProof(inputFor(count, index))
        if (!verdict.ok) expect.fail(`${index} of ${count}: ${verdict.detail}`)
        expect(verdict.value).toEqual(summary)
      }
    }
  })

  it('give no verdict for another header, index, count, work, time or root', () => {
    for (let count = 1; count <= 20; count++)
      for (let index = 0; index < count; index++) {
        const input = inputFor(count, index)
        const { leaf } = input
        expect(codeOf({ ...input, leaf: { ...leaf, headerHash: new Uint8Array(32) } })).toBe('wrong-root')
        expect(codeOf({ ...input, leaf: { ...leaf, work: leaf.work + 1n } })).toBe('wrong-root')
        expect(codeOf({ ...input, leaf: { ...leaf, time: leaf.time + 1 } })).toBe('wrong-root')
        expect(codeOf({ ...input, root: rootAt(count - 1) })).toBe('wrong-root')
        for (let other = 0; other <= 20; other++) {
          if (other !== index) expect(codeOf({ ...input, index: other }), `${other}`).not.toBe(true)
          if (other !== count) expect(codeOf({ ...input, count: other }), `${other}`).not.toBe(true)
        }
      }
  })

  it('give no verdict when any byte is changed, one is cut off or one is added', () => {
    for (const [count, index] of [
      [7, 2],
      [8, 5],
      [11, 10],
      [1, 0],
    ] as const) {
      const input = inputFor(count, index)
      const encoded = historyProofCodec.encode(input.proof)
      const judge = (bytes: Uint8Array) => {
        const decoded = historyProofCodec.decode(bytes)
        return decoded.ok && verifyHistoryProof({ ...input, proof: decoded.value }).ok
      }
      expect(judge(encoded)).toBe(true)
      for (let i = 0; i < encoded.length; i++) {
        for (const mask of MASKS) {
          const bent = encoded.slice()
          bent[i] = (bent[i] as number) ^ mask
          if (judge(bent)) expect.fail(`byte ${i} ^ ${mask} of ${index} in ${count} still gives a verdict`)
        }
        expect(judge(encoded.subarray(0, i))).toBe(false)
      }
      expect(judge(Uint8Array.of(...encoded, 0))).toBe(false)
    }
  })

  it('have room for 64 siblings and no more', () => {
    const node: HistoryNode = { hash: new Uint8Array(32), work: 1n, startTime: 1, endTime: 2 }
    const proof = (length: number): HistoryProof => ({ siblings: Array.from({ length }, () => node) })
    expect(historyProofCodec.encode(proof(64))).toHaveLength(MAX_HISTORY_PROOF_LENGTH)
    expect(() => historyProofCodec.encode(proof(65))).toThrow(expect.objectContaining({ code: 'unencodable' }))
    expect(historyProofCodec.decode(new Uint8Array(MAX_HISTORY_PROOF_LENGTH + 1))).toMatchObject({ code: 'too-long' })
  })
})

/** Roots that someone made against the rules: only the check named stands between them and a verdict. */
describe('histories against the rules', () => {
  const leaf = { headerHash: new Uint8Array(32).fill(1), work: 5n, time: 1000 }
  const beside = (change: Partial<HistoryNode>, side: 'left' | 'right'): Input => {
    const span = side === 'right' ? { startTime: 1001, endTime: 1001 } : { startTime: 999, endTime: 999 }
    const sibling = { hash: new Uint8Array(32).fill(2), work: 7n, ...span, ...change }
    const own = historyLeafNode(leaf)
    const top = side === 'right' ? historyParent(own, sibling) : historyParent(sibling, own)
    const fits = top.work >= 0n && top.work < 2n ** 128n
    const root = fits ? historyRootHash(2, top) : new Uint8Array(32)
    return { root, count: 2, index: side === 'right' ? 0 : 1, leaf, proof: { siblings: [sibling] } }
  }

  it('are told by their spans', () => {
    expect(codeOf(beside({}, 'right'))).toBe(true)
    expect(codeOf(beside({}, 'left'))).toBe(true)
    expect(codeOf(beside({ startTime: 1000 }, 'right'))).toBe('time-order')
    expect(codeOf(beside({ endTime: 1000 }, 'left'))).toBe('time-order')
    expect(codeOf(beside({ endTime: 1000, startTime: 1005 }, 'right'))).toBe('time-order')
    expect(codeOf(beside({ startTime: 999, endTime: 5 }, 'left'))).toBe('time-order')
  })

  it('are told by work that runs over', () => {
    expect(codeOf(beside({ work: 2n ** 128n - 6n }, 'right'))).toBe(true)
    expect(codeOf(beside({ work: 2n ** 128n - 5n }, 'right'))).toBe('work-overflow')
  })

  it('are told by fields that do not fit', () => {
    const input = beside({}, 'right')
    const [sibling] = input.proof.siblings as [HistoryNode]
    const bend = (change: Partial<HistoryNode>) => ({ ...input, proof: { siblings: [{ ...sibling, ...change }] } })
    for (const change of [
      { hash: new Uint8Array(31) },
      { work: -1n },
      { work: 2n ** 128n },
      { startTime: 1001.5 },
      { endTime: 2 ** 48 },
    ])
      expect(codeOf(bend(change))).toBe('wrong-length')
    expect(codeOf({ ...input, root: new Uint8Array(31) })).toBe('wrong-length')
    expect(codeOf({ ...input, leaf: { ...leaf, headerHash: new Uint8Array(31) } })).toBe('wrong-length')
    expect(codeOf({ ...input, leaf: { ...leaf, work: 2n ** 128n } })).toBe('wrong-length')
    expect(codeOf({ ...input, leaf: { ...leaf, time: -1 } })).toBe('wrong-length')
  })

  it('are told by their place and length', () => {
    const input = beside({}, 'right')
    for (const [index, count] of [
      [2, 2],
      [-1, 2],
      [0.5, 2],
      [0, 0],
      [0, 2 ** 32],
      [0, Number.NaN],
      [0, 2.5],
    ] as const)
      expect(codeOf({ ...input, index, count })).toBe('index-out-of-range')
    expect(codeOf({ ...input, proof: { siblings: [] } })).toBe('path-length')
    expect(codeOf({ ...input, proof: { siblings: [...input.proof.siblings, ...input.proof.siblings] } })).toBe(
      'path-length',
    )
  })
})
