import { describe, expect, it } from 'vitest'
import { historyRoot, type MountainRange, mountainRangeCodec } from '../../../shared/history/mountain-range.ts'
import { historyProofCodec, verifyHistoryProof } from '../../../shared/proof/history-proof.ts'
import vectors from '../../vectors/history.json' with { type: 'json' }
import { bytesOf, hexOf } from '../state-tree/reference.ts'
import { buildHistory } from './build.ts'
import { headers } from './reference.ts'

/** Fixed vectors: a change of format shows here, and other clients can be tested with the same file. */

function makeVectors() {
  const leaves = headers(11)
  const { ranges, prover } = buildHistory(leaves)
  const proofOf = (count: number, index: number) => ({
    count,
    index,
    proof: hexOf(historyProofCodec.encode(prover(count).prove(index))),
  })
  return {
    headers: leaves.map(({ headerHash, work, time }) => ({ headerHash: hexOf(headerHash), work: `${work}`, time })),
    roots: ranges.map((range) => hexOf(historyRoot(range))),
    range: hexOf(mountainRangeCodec.encode(ranges[11] as MountainRange)),
    proofs: [
      proofOf(1, 0),
      proofOf(2, 1),
      proofOf(7, 2),
      proofOf(8, 5),
      proofOf(11, 0),
      proofOf(11, 9),
      proofOf(11, 10),
    ],
  }
}

describe('history vectors', () => {
  it('are what the code makes', () => {
    expect(makeVectors()).toEqual(vectors)
  })

  it.each(vectors.proofs)('header $index of $count', ({ count, index, proof }) => {
    const decoded = historyProofCodec.decode(bytesOf(proof))
    if (!decoded.ok) expect.fail(decoded.detail)
    const { headerHash, work, time } = vectors.headers[index] as (typeof vectors.headers)[0]
    const leaf = { headerHash: bytesOf(headerHash), work: BigInt(work), time }
    const root = bytesOf(vectors.roots[count] as string)
    expect(verifyHistoryProof({ root, count, index, leaf, proof: decoded.value }).ok).toBe(true)
  })
})
