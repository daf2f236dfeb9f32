import { describe, expect, it } from 'vitest'
import { stateProofCodec, verifyStateProof } from '../../../shared/proof/state-proof.ts'
import { createMemoryStateStorage } from '../../../shared/state-tree/memory-storage.ts'
import { openStateTree } from '../../../shared/state-tree/tree.ts'
import vectors from '../../vectors/state-tree.json' with { type: 'json' }
import { bytesOf, hexOf, plainSha256 } from './reference.ts'

/** Fixed vectors: a change of format shows here, and other clients can be tested with the same file. */

function makeKey(type: number, i: number): Uint8Array {
  return Uint8Array.of(type, ...plainSha256(Buffer.from(`state key ${i}`)).subarray(0, 31))
}

function makeVectors() {
  const entries = Array.from({ length: 7 }, (_, i) => ({
    key: makeKey(1 + (i % 3), i),
    value: Uint8Array.from({ length: i * 5 }, (_, j) => i * 16 + j),
  }))
  const treeOf = (count: number) =>
    openStateTree({ storage: createMemoryStateStorage(), root: undefined }).update({
      version: 0,
      changes: entries.slice(0, count),
    }).tree
  const proofOf = (count: number, key: Uint8Array) => {
    const tree = treeOf(count)
    const proof = tree.prove(key)
    return {
      root: hexOf(tree.root),
      key: hexOf(key),
      terminal: proof.terminal.TAG,
      value: proof.terminal.TAG === 'present' ? hexOf(proof.terminal.data.value) : null,
      proof: hexOf(stateProofCodec.encode(proof)),
    }
  }
  return {
    entries: entries.map(({ key, value }) => ({ key: hexOf(key), value: hexOf(value) })),
    roots: Array.from({ length: entries.length + 1 }, (_, count) => hexOf(treeOf(count).root)),
    proofs: [
      proofOf(0, makeKey(1, 0)),
      proofOf(1, makeKey(1, 0)),
      proofOf(7, makeKey(1, 3)),
      proofOf(7, makeKey(1, 100)),
      proofOf(7, makeKey(1, 101)),
      proofOf(7, makeKey(2, 102)),
      proofOf(7, makeKey(0xf0, 0)),
    ],
  }
}

describe('state tree vectors', () => {
  it('are what the code makes', () => {
    expect(makeVectors()).toEqual(vectors)
  })

  it('hold each kind of terminal', () => {
    const kinds = new Set(vectors.proofs.map(({ terminal }) => terminal))
    expect([...kinds].sort()).toEqual(['divergingInner', 'empty', 'otherLeaf', 'present'])
  })

  it.each(vectors.proofs)('$terminal of $key', ({ root, key, value, proof }) => {
    const decoded = stateProofCodec.decode(bytesOf(proof))
    if (!decoded.ok) expect.fail(decoded.detail)
    expect(verifyStateProof({ root: bytesOf(root), key: bytesOf(key), proof: decoded.value })).toEqual({
      ok: true,
      value: value === null ? { absent: true } : { value: bytesOf(value) },
    })
  })
})
