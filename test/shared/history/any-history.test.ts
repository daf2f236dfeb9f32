/**
 * Histories of any length, work and time: the range kept header by header says of them what all headers at once say, every
 * header has a proof, and a proof that was bent has none.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  historyRoot,
  type MountainRange,
  mountainRangeCodec,
  totalWork,
} from '../../../shared/history/mountain-range.ts'
import type { HistoryLeaf, HistoryNode } from '../../../shared/history/node.ts'
import { historyProofCodec, verifyHistoryProof } from '../../../shared/proof/history-proof.ts'
import { propertyRuns } from '../../framework/property-runs.ts'
import { buildHistory } from './build.ts'
import { referenceHistoryRoot } from './reference.ts'

const MOST_HEADERS = 90

const anyLeaf = fc.record({
  headerHash: fc.uint8Array({ minLength: 32, maxLength: 32 }),
  work: fc.oneof(fc.constant(0n), fc.bigInt({ min: 1n, max: 2n ** 120n })),
  gap: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 2 ** 36 })),
})

const anyHeaders: fc.Arbitrary<HistoryLeaf[]> = fc
  .tuple(fc.nat(2 ** 40), fc.array(anyLeaf, { minLength: 1, maxLength: MOST_HEADERS, size: 'max' }))
  .map(([start, leaves]) => {
    let time = start
    return leaves.map(({ headerHash, work, gap }) => {
      time += gap
      return { headerHash, work, time }
    })
  })

type Input = Parameters<typeof verifyHistoryProof>[0]
/** One place in an array, from any number. */
const at = <Item>(items: readonly Item[], pick: number) => items[pick % items.length] as Item

describe('any history', () => {
  it('has at every length the root, the work and the time of all its headers, and survives its encoding', () => {
    fc.assert(
      fc.property(anyHeaders, (leaves) => {
        const { ranges } = buildHistory(leaves)
        for (const [count, range] of ranges.entries()) {
          const covered = leaves.slice(0, count)
          expect(historyRoot(range)).toEqual(referenceHistoryRoot(covered))
          expect(totalWork(range)).toBe(covered.reduce((sum, { work }) => sum + work, 0n))
          expect([range.peaks[0]?.startTime, range.peaks.at(-1)?.endTime]).toEqual([
            covered[0]?.time,
            covered.at(-1)?.time,
          ])
          expect(mountainRangeCodec.decode(mountainRangeCodec.encode(range))).toEqual({ ok: true, value: range })
        }
      }),
      propertyRuns(5),
    )
  })

  it('has a proof for any header under any root since', () => {
    fc.assert(
      fc.property(
        anyHeaders,
        fc.array(fc.tuple(fc.nat(), fc.nat()), { minLength: 20, maxLength: 20 }),
        (leaves, picks) => {
          const { prover } = buildHistory(leaves)
          for (const [a, b] of picks) {
            const count = 1 + (a % leaves.length)
            const index = b % count
            const covered = leaves.slice(0, count)
            const proof = historyProofCodec.decode(historyProofCodec.encode(prover(count).prove(index)))
            if (!proof.ok) throw new Error(proof.detail)
            const leaf = leaves[index] as HistoryLeaf
            expect(
              verifyHistoryProof({ root: referenceHistoryRoot(covered), count, index, leaf, proof: proof.value }),
            ).toEqual({
              ok: true,
              value: {
                totalWork: covered.reduce((sum, { work }) => sum + work, 0n),
                startTime: covered[0]?.time,
                endTime: covered.at(-1)?.time,
              },
            })
          }
        },
      ),
      propertyRuns(15),
    )
  })
})

/** What a liar may do to a proof; undefined where this one has nothing to do it to. */
const BENDS: Readonly<
  Record<string, (input: Input, pick: number, leaves: readonly HistoryLeaf[]) => Input | undefined>
> = {
  'another header': (input, pick, leaves) => ({
    ...input,
    leaf: at(leaves, input.index + 1 + (pick % (leaves.length - 1))),
  }),
  'more work': (input, pick) => ({ ...input, leaf: { ...input.leaf, work: input.leaf.work + 1n + BigInt(pick) } }),
  'another time': (input, pick) => ({ ...input, leaf: { ...input.leaf, time: input.leaf.time + 1 + (pick % 1_000) } }),
  'another index': (input, pick) => ({ ...input, index: (input.index + 1 + (pick % (input.count - 1))) % input.count }),
  'another count': (input, pick) => ({ ...input, count: input.count + 1 + (pick % 40) }),
  'another root': (input, pick, leaves) => ({
    ...input,
    root: referenceHistoryRoot(leaves.slice(0, pick % input.count)),
  }),
  'a sibling cut': (input, pick) => withSiblings(input, (all) => all.toSpliced(pick % all.length, 1)),
  'a sibling twice': (input, pick) => withSiblings(input, (all) => all.toSpliced(pick % all.length, 0, at(all, pick))),
  'two siblings swapped': (input, pick) =>
    input.proof.siblings.length < 2
      ? undefined
      : withSiblings(input, (all) => {
          const i = pick % (all.length - 1)
          return all.toSpliced(i, 2, all[i + 1] as HistoryNode, all[i] as HistoryNode)
        }),
  'a sibling with less work': (input, pick) =>
    bentSibling(input, pick, (one) => ({ ...one, work: one.work === 0n ? 1n : one.work - 1n })),
  'a sibling with another hash': (input, pick) =>
    bentSibling(input, pick, (one) => ({
      ...one,
      hash: one.hash.map((byte, i) => (i === pick % 32 ? byte ^ 1 : byte)),
    })),
  'a sibling that ends later': (input, pick) =>
    bentSibling(input, pick, (one) => ({ ...one, endTime: one.endTime + 1 })),
  'a sibling that starts earlier': (input, pick) =>
    bentSibling(input, pick, (one) => ({ ...one, startTime: one.startTime - 1 })),
  'work moved between two siblings': (input) => {
    const [a, b] = input.proof.siblings
    if (a === undefined || b === undefined || a.work === 0n) return undefined
    return withSiblings(input, (all) => all.toSpliced(0, 2, { ...a, work: a.work - 1n }, { ...b, work: b.work + 1n }))
  },
}

function withSiblings(input: Input, bend: (all: HistoryNode[]) => HistoryNode[]): Input | undefined {
  const siblings = [...input.proof.siblings]
  return siblings.length === 0 ? undefined : { ...input, proof: { siblings: bend(siblings) } }
}

function bentSibling(input: Input, pick: number, bend: (one: HistoryNode) => HistoryNode): Input | undefined {
  return withSiblings(input, (all) => all.map((one, i) => (i === pick % all.length ? bend(one) : one)))
}

describe('a bent proof', () => {
  it.each(Object.entries(BENDS))('%s gives no verdict', (_, bend) => {
    fc.assert(
      fc.property(anyHeaders, fc.nat(), fc.nat(), (leaves, picked, pick) => {
        fc.pre(leaves.length > 1)
        // Headers of one hash, work and time but for their place do not occur: times rise.
        const count = leaves.length
        const index = picked % count
        const { ranges, prover } = buildHistory(leaves)
        const root = historyRoot(ranges[count] as MountainRange)
        const input: Input = {
          root,
          count,
          index,
          leaf: leaves[index] as HistoryLeaf,
          proof: prover(count).prove(index),
        }
        expect(verifyHistoryProof(input).ok).toBe(true)
        const bent = bend(input, pick, leaves)
        if (bent !== undefined) expect(verifyHistoryProof(bent).ok).toBe(false)
      }),
      propertyRuns(15),
    )
  })
})
