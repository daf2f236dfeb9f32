/**
 * Random trees over many versions, proofs of present and absent keys, and what a liar may do to them: whatever shape it
 * gives a proof, under the true root it shows either nothing or the truth.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type StateProof, stateProofCodec, verifyStateProof } from '../../../shared/proof/state-proof.ts'
import { createMemoryStateStorage } from '../../../shared/state-tree/memory-storage.ts'
import { openStateTree, type StateTree } from '../../../shared/state-tree/tree.ts'
import { propertyRuns } from '../../framework/property-runs.ts'
import { anyKey, anyPool, changed, changesOf, type Entries, hexOf, referenceRoot } from '../state-tree/reference.ts'
import { cut } from './fold.ts'

const anyHistory = anyPool.chain((pool) =>
  fc.record({ pool: fc.constant(pool), batches: fc.array(changesOf(pool), { minLength: 1, maxLength: 6 }) }),
)
interface Version {
  readonly tree: StateTree
  readonly entries: Entries
}
const at = <Item>(items: readonly Item[], pick: number) => items[pick % items.length] as Item
const flip = (bytes: Uint8Array, pick: number) =>
  bytes.map((byte, i) => (i === (pick >>> 3) % 32 ? byte ^ (0x80 >>> (pick & 7)) : byte))

/** As a relay keeps it: stored after each batch, stale nodes removed, opened again from the storage. */
function grow(batches: Parameters<typeof changed>[1][]): Version[] {
  const storage = createMemoryStateStorage()
  const versions: Version[] = []
  let entries: Entries = new Map()
  let tree = openStateTree({ storage, root: undefined })
  for (const [version, changes] of batches.entries()) {
    const update = tree.update({ version, changes })
    storage.write({ remove: [], put: update.created })
    entries = changed(entries, changes)
    tree = openStateTree({ storage, root: update.reference })
    versions.push({ tree, entries })
  }
  return versions
}

/** Nothing, or what the map says. */
function expectTruth({ entries }: Version, root: Uint8Array, key: Uint8Array, proof: StateProof): boolean {
  const verdict = verifyStateProof({ root, key, proof })
  const value = entries.get(hexOf(key))
  if (verdict.ok) expect(verdict.value).toEqual(value === undefined ? { absent: true } : { value })
  return verdict.ok
}

/** What is done to a proof; `others` are true proofs of the same and of other versions. */
type Bend = (proof: StateProof, pick: number, others: readonly StateProof[], key: Uint8Array) => StateProof
const path =
  (bend: (steps: StateProof['path'], pick: number, others: StateProof['path']) => StateProof['path']): Bend =>
  (proof, pick, others) => ({ ...proof, path: bend([...proof.path], pick, at(others, pick >>> 8).path) })
const BENDS: readonly Bend[] = [
  // Depths.
  path((steps, pick) =>
    steps.map((step, i) => (i === pick % steps.length ? { ...step, bitDepth: (pick >>> 4) % 256 } : step)),
  ),
  path((steps, pick) =>
    steps.map((step, i) => (i === pick % steps.length ? { ...step, bitDepth: step.bitDepth - 1 } : step)),
  ),
  // Siblings: bent, cut, added, swapped, taken from another proof.
  path((steps, pick) =>
    steps.map((step, i) => (i === pick % steps.length ? { ...step, sibling: flip(step.sibling, pick) } : step)),
  ),
  path((steps, pick) => steps.toSpliced(pick % (steps.length + 1), 1)),
  path((steps, pick, other) => [...steps, ...other].slice(0, 1 + (pick % 300))),
  path((steps, pick, other) => [...steps, ...other].sort((a, b) => a.bitDepth - b.bitDepth).slice(0, 1 + (pick % 300))),
  path((steps) => steps.toReversed()),
  path((steps, pick) => steps.map((step, i) => ({ ...step, sibling: at(steps, i + pick).sibling }))),
  path((steps, _, other) => steps.map((step, i) => ({ ...step, sibling: other[i]?.sibling ?? step.sibling }))),
  path((_, __, other) => other),
  // What stands at the end: that of another proof, a leaf of another key, an inner node bent in depth, prefix, children.
  (proof, pick, others) => ({ ...proof, terminal: at(others, pick).terminal }),
  (_proof, pick, others) => ({ path: at(others, pick).path, terminal: at(others, pick >>> 8).terminal }),
  (proof, _, __, key) => ({ ...proof, terminal: { TAG: 'present', data: { value: key } } }),
  (proof) => ({ ...proof, terminal: { TAG: 'empty', data: undefined } }),
  (proof, pick, _, key) => ({
    ...proof,
    terminal: { TAG: 'otherLeaf', data: { key: flip(key, pick), valueHash: flip(key, 3) } },
  }),
  ({ path: steps, terminal }, pick, _, key) => {
    if (terminal.TAG !== 'divergingInner') return { path: steps, terminal: { TAG: 'empty', data: undefined } }
    const { bitDepth, prefix, left, right } = terminal.data
    const bent = at(
      [
        { bitDepth: (bitDepth + 1 + pick) % 256 },
        { prefix: cut(key, bitDepth) },
        { prefix: flip(prefix, pick) },
        { left: right, right: left },
      ],
      pick,
    )
    return { path: steps, terminal: { TAG: 'divergingInner', data: { bitDepth, prefix, left, right, ...bent } } }
  },
]

describe('state proofs under random batches', () => {
  it('show for every key of every version what the map says, and nothing under another root', () => {
    fc.assert(
      fc.property(anyHistory, fc.array(anyKey, { maxLength: 6 }), ({ pool, batches }, strangers) => {
        const versions = grow(batches)
        for (const version of versions) {
          expect(hexOf(version.tree.root)).toBe(hexOf(referenceRoot(version.entries)))
          for (const key of [...pool, ...strangers]) {
            const proof = version.tree.prove(key)
            expect(expectTruth(version, version.tree.root, key, proof)).toBe(true)
            for (const { tree } of versions)
              if (hexOf(tree.root) !== hexOf(version.tree.root))
                expect(verifyStateProof({ root: tree.root, key, proof })).toMatchObject({ code: 'wrong-root' })
          }
        }
      }),
      propertyRuns(25),
    )
  })

  it('show, bent in any way, nothing but the truth', () => {
    let refused = 0
    fc.assert(
      fc.property(
        anyHistory,
        anyKey,
        fc.array(fc.tuple(fc.nat(BENDS.length - 1), fc.nat()), { minLength: 30, maxLength: 30 }),
        ({ pool, batches }, stranger, bends) => {
          const versions = grow(batches)
          const keys = [...pool, stranger]
          const others = versions.flatMap(({ tree }) => keys.map((key) => tree.prove(key)))
          for (const [bend, pick] of bends) {
            const version = at(versions, pick >>> 5)
            const key = at(keys, pick >>> 10)
            const bent = (BENDS[bend] as Bend)(version.tree.prove(key), pick, others, key)
            if (!expectTruth(version, version.tree.root, key, bent)) refused++
          }
        },
      ),
      propertyRuns(150),
    )
    expect(refused).toBeGreaterThan(1_000)
  })

  it('show nothing when their bytes are bent and still decode', () => {
    fc.assert(
      fc.property(
        anyHistory,
        fc.nat(),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        ({ pool, batches }, pickKey, pickByte, mask) => {
          const version = grow(batches).at(-1) as Version
          const key = at(pool, pickKey)
          const bytes = stateProofCodec.encode(version.tree.prove(key))
          const place = pickByte % bytes.length
          bytes[place] = (bytes[place] as number) ^ mask
          const decoded = stateProofCodec.decode(bytes)
          if (decoded.ok)
            expect(verifyStateProof({ root: version.tree.root, key, proof: decoded.value }).ok).toBe(false)
        },
      ),
      propertyRuns(150),
    )
  })
})
