import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createMemoryStateStorage } from '../../../shared/state-tree/memory-storage.ts'
import { EMPTY_STATE_ROOT } from '../../../shared/state-tree/node.ts'
import type { StateStorage } from '../../../shared/state-tree/storage.ts'
import { openStateTree, type StateTree } from '../../../shared/state-tree/tree.ts'
import type { StateChange } from '../../../shared/state-tree/update.ts'
import {
  anyKey,
  anyPool,
  bitsOf,
  bytesOf,
  changed,
  changesOf,
  type Entries,
  hexOf,
  referenceRoot,
} from './reference.ts'

const key = (...bytes: number[]) => Uint8Array.from({ length: 32 }, (_, i) => bytes[i] ?? 0)
const value = (...bytes: number[]) => Uint8Array.from(bytes)
const emptyTree = () => openStateTree({ storage: createMemoryStateStorage(), root: undefined })

/** Batches over a pool of keys, one for each version. */
const anyHistory = anyPool.chain((pool) =>
  fc.record({ pool: fc.constant(pool), batches: fc.array(changesOf(pool), { minLength: 1, maxLength: 8 }) }),
)

function expectContent(tree: StateTree, entries: Entries, pool: readonly Uint8Array[]): void {
  expect(hexOf(tree.root)).toBe(hexOf(referenceRoot(entries)))
  for (const asked of pool) expect(tree.get(asked)).toEqual(entries.get(hexOf(asked)))
  const sorted = [...entries].sort(([a], [b]) => (a < b ? -1 : 1))
  expect([...tree.leaves()]).toEqual(sorted.map(([name, content]) => ({ key: bytesOf(name), value: content })))
}

describe('state tree against a plain map', () => {
  it('holds the same entries under the same root, in memory over many versions', () => {
    fc.assert(
      fc.property(anyHistory, ({ pool, batches }) => {
        let entries: Entries = new Map()
        const versions = [{ tree: emptyTree(), entries }]
        for (const [version, changes] of batches.entries()) {
          const { tree } = (versions.at(-1) as { tree: StateTree }).tree.update({ version, changes })
          entries = changed(entries, changes)
          versions.push({ tree, entries })
        }
        // Earlier versions are as they were.
        for (const { tree, entries } of versions) expectContent(tree, entries, pool)
      }),
      { numRuns: 300 },
    )
  })

  it('keeps exactly the nodes of one version when stale ones are removed at once', () => {
    fc.assert(
      fc.property(anyHistory, ({ pool, batches }) => {
        const storage = createMemoryStateStorage()
        let entries: Entries = new Map()
        let tree = openStateTree({ storage, root: undefined })
        for (const [version, changes] of batches.entries()) {
          const update = tree.update({ version, changes })
          storage.write({ remove: update.stale, put: update.created })
          entries = changed(entries, changes)
          tree = openStateTree({ storage, root: update.reference })
          expectContent(tree, entries, pool)
          // A compacted tree of n leaves has n - 1 inner nodes: not one node more, not one less.
          expect(storage.size).toBe(Math.max(0, 2 * entries.size - 1))
        }
      }),
      { numRuns: 300 },
    )
  })

  it('serves the last versions when stale nodes are removed later, and goes back when they are undone', () => {
    const KEPT = 3
    fc.assert(
      fc.property(anyHistory, ({ pool, batches }) => {
        const storage = createMemoryStateStorage()
        const updates = []
        const contents: Entries[] = []
        let entries: Entries = new Map()
        let tree = openStateTree({ storage, root: undefined })
        for (const [version, changes] of batches.entries()) {
          const update = tree.update({ version, changes })
          updates.push(update)
          entries = changed(entries, changes)
          contents.push(entries)
          storage.write({ remove: updates[version - KEPT]?.stale ?? [], put: update.created })
          tree = openStateTree({ storage, root: update.reference })
          for (let back = Math.max(0, version - KEPT); back <= version; back++) {
            const earlier = openStateTree({ storage, root: updates[back]?.reference })
            expectContent(earlier, contents[back] as Entries, pool)
          }
        }
        const last = updates.length - 1
        for (let undone = last; undone > Math.max(0, last - KEPT); undone--) {
          storage.write({ remove: (updates[undone]?.created ?? []).map(({ reference }) => reference), put: [] })
          const before = openStateTree({ storage, root: updates[undone - 1]?.reference })
          expectContent(before, contents[undone - 1] as Entries, pool)
        }
      }),
      { numRuns: 200 },
    )
  })

  it('gives one root, and the same records, whatever the order of the changes', () => {
    fc.assert(
      fc.property(
        anyPool.chain((pool) => fc.tuple(changesOf(pool), changesOf(pool))),
        fc.func(fc.nat()),
        ([before, changes], rank) => {
          const shuffled = changes
            .map((change) => ({ change, rank: rank(hexOf(change.key)) }))
            .sort((a, b) => a.rank - b.rank)
            .map(({ change }) => change)
          const base = emptyTree().update({ version: 0, changes: before }).tree
          const [a, b] = [changes, shuffled].map((list) => base.update({ version: 1, changes: list }))
          expect({ ...a, tree: undefined }).toEqual({ ...b, tree: undefined })
        },
      ),
    )
  })

  it('gives one root whether changes come in one batch or one by one', () => {
    fc.assert(
      fc.property(
        anyPool.chain((pool) => changesOf(pool)),
        (changes) => {
          let tree = emptyTree()
          for (const [version, change] of changes.entries()) tree = tree.update({ version, changes: [change] }).tree
          expect(tree.root).toEqual(emptyTree().update({ version: 0, changes }).root)
        },
      ),
    )
  })

  it('lists the leaves under any prefix', () => {
    fc.assert(
      fc.property(anyPool, anyKey, fc.boolean(), fc.nat(256), (pool, other, own, length) => {
        const tree = emptyTree().update({ version: 0, changes: pool.map((k) => ({ key: k, value: k })) }).tree
        const bits = own ? (pool[0] as Uint8Array) : other
        const text = bitsOf(hexOf(bits)).slice(0, length)
        const wanted = pool.map(hexOf).filter((name) => bitsOf(name).startsWith(text))
        expect([...tree.leaves({ bits, length })].map((leaf) => hexOf(leaf.key))).toEqual(wanted.sort())
      }),
    )
  })

  it('reads no more for the leaves under a prefix than the way to them', () => {
    const storage = createMemoryStateStorage()
    const update = openStateTree({ storage, root: undefined }).update({
      version: 0,
      changes: Array.from({ length: 256 }, (_, first) => ({ key: key(first, 0x80), value: value(first) })),
    })
    storage.write({ remove: [], put: update.created })
    let reads = 0
    const get: StateStorage['get'] = (reference) => {
      reads++
      return storage.get(reference)
    }
    const open = () => openStateTree({ storage: { get }, root: update.reference })
    expect([...open().leaves({ bits: key(0x30), length: 6 })]).toHaveLength(4)
    // Six inner nodes on the way, then three more and the four leaves.
    expect(reads).toBe(13)
    reads = 0
    // Eight inner nodes, and the leaf 30 80… that lies beside the prefix.
    const tree = open()
    expect([...tree.leaves({ bits: key(0x30, 0x40), length: 10 })]).toEqual([])
    expect(reads).toBe(9)
    reads = 0
    // The inner nodes stay with the tree that has read them.
    expect(tree.get(key(0x30, 0x80))).toEqual(value(0x30))
    expect(reads).toBe(1)
  })

  it('does not go below an inner node that lies beside the prefix', () => {
    const storage = createMemoryStateStorage()
    const keys = [key(0x00), key(0xf0), key(0xf1), key(0xf2), key(0xf3)]
    const update = openStateTree({ storage, root: undefined }).update({
      version: 0,
      changes: keys.map((k) => ({ key: k, value: k })),
    })
    storage.write({ remove: [], put: update.created })
    let reads = 0
    const get: StateStorage['get'] = (reference) => {
      reads++
      return storage.get(reference)
    }
    const tree = openStateTree({ storage: { get }, root: update.reference })
    expect([...tree.leaves({ bits: key(0x80), length: 3 })]).toEqual([])
    expect(reads).toBe(2)
  })
})

describe('update', () => {
  const three: StateChange[] = [
    { key: key(0x00), value: value(1) },
    { key: key(0x80), value: value(2) },
    { key: key(0xc0), value: value(3) },
  ]

  it('creates nothing and keeps the reference when nothing changes', () => {
    const { tree } = emptyTree().update({ version: 1, changes: three })
    const same = tree.update({
      version: 2,
      changes: [...three, { key: key(0x40), value: undefined }, { key: key(0xe0), value: undefined }],
    })
    expect([same.created, same.stale]).toEqual([[], []])
    expect(same.reference).toEqual(tree.reference)
    expect(same.reference?.version).toBe(1)
  })

  it('hashes each node above the changes once', () => {
    let hashed = 0
    const sha256 = (bytes: Uint8Array) => {
      hashed++
      return Uint8Array.from(createHash('sha256').update(bytes).digest())
    }
    const tree = openStateTree({ storage: createMemoryStateStorage(), root: undefined, sha256 })
    const update = tree.update({ version: 0, changes: three })
    // Three leaves of two hashes, two inner nodes of one.
    expect(hashed).toBe(8)
    expect(update.created).toHaveLength(5)
    hashed = 0
    update.tree.update({ version: 1, changes: three.slice(1).map((change) => ({ ...change, value: value(9) })) })
    expect(hashed).toBe(6)
    expect(update.root).toEqual(emptyTree().update({ version: 0, changes: three }).root)
  })

  it('moves a lone child up as it is', () => {
    const { tree } = emptyTree().update({ version: 1, changes: three })
    const { created, stale, tree: next } = tree.update({ version: 2, changes: [{ key: key(0x80), value: undefined }] })
    expect(created).toHaveLength(1)
    expect(stale).toHaveLength(3)
    const last = next.update({ version: 3, changes: [{ key: key(0), value: undefined }] })
    expect(last.created).toEqual([])
    expect(last.reference?.version).toBe(1)
  })

  it('touches the storage only to read', () => {
    const storage: StateStorage = Object.freeze({
      get() {
        throw new Error('nothing is stored yet')
      },
    })
    let tree = openStateTree({ storage, root: undefined })
    for (let version = 0; version < 5; version++)
      tree = tree.update({ version, changes: [{ key: key(version), value: value(version) }] }).tree
    expect(tree.get(key(3))).toEqual(value(3))
  })

  it('lets two branches grow from one version, and either be stored', () => {
    const storage = createMemoryStateStorage()
    const base = openStateTree({ storage, root: undefined }).update({ version: 1, changes: three })
    storage.write({ remove: [], put: base.created })
    const stored = openStateTree({ storage, root: base.reference })
    const a2 = stored.update({ version: 2, changes: [{ key: key(0x80), value: value(7) }] })
    const a3 = a2.tree.update({ version: 3, changes: [{ key: key(0x80), value: undefined }] })
    const b2 = stored.update({ version: 2, changes: [{ key: key(0x80), value: undefined }] })
    const b3 = b2.tree.update({ version: 3, changes: [{ key: key(0x20), value: value(8) }] })
    expect(a3.root).toEqual(b2.root)
    storage.write({ remove: [], put: [...a2.created, ...a3.created] })
    storage.write({
      remove: [...a2.created, ...a3.created].map(({ reference }) => reference),
      put: [...b2.created, ...b3.created],
    })
    const opened = openStateTree({ storage, root: b3.reference })
    expect([...opened.leaves()].map((leaf) => leaf.key[0])).toEqual([0, 0x20, 0xc0])
    expect(opened.root).toEqual(b3.tree.root)
  })

  it('is not changed by a caller that reuses its buffers, nor by one that writes into what it got', () => {
    const change = { key: key(1), value: value(1) }
    const { tree } = emptyTree().update({ version: 0, changes: [change] })
    change.key[0] = 9
    change.value[0] = 9
    const got = tree.get(key(1)) as Uint8Array
    expect(got).toEqual(value(1))
    got[0] = 9
    expect(tree.get(key(1))).toEqual(value(1))
  })

  it('returns to the empty root', () => {
    const { tree } = emptyTree().update({ version: 0, changes: three })
    const gone = tree.update({ version: 1, changes: three.map((change) => ({ key: change.key, value: undefined })) })
    expect(gone.root).toEqual(EMPTY_STATE_ROOT)
    expect(gone.reference).toBeUndefined()
    expect([gone.created.length, gone.stale.length]).toEqual([0, 5])
  })

  it('refuses what a caller must not pass', () => {
    const { tree } = emptyTree().update({ version: 5, changes: three })
    const invalid = expect.objectContaining({ code: 'state-change-invalid' })
    const attempt =
      (...changes: StateChange[]) =>
      () =>
        tree.update({ version: 6, changes })
    expect(attempt({ key: new Uint8Array(31), value: value(1) })).toThrow(invalid)
    expect(attempt({ key: new Uint8Array(33), value: value(1) })).toThrow(invalid)
    expect(attempt({ key: key(1), value: new Uint8Array(65_536) })).toThrow(invalid)
    expect(attempt({ key: key(1), value: new Uint8Array(65_535) })).not.toThrow()
    expect(attempt({ key: key(1), value: value(1) }, { key: key(1), value: undefined })).toThrow(invalid)
    for (const version of [4, 5, 2 ** 32, 6.5, Number.NaN])
      expect(() => tree.update({ version, changes: [] })).toThrow(
        expect.objectContaining({ code: 'state-version-invalid' }),
      )
    expect(() => tree.get(new Uint8Array(31))).toThrow(expect.objectContaining({ code: 'state-key-invalid' }))
  })

  it('says when the storage lost or spoiled a node', () => {
    const root = { version: 1, hash: new Uint8Array(32) }
    const open = (record: Uint8Array | undefined) => openStateTree({ storage: { get: () => record }, root })
    expect(() => open(undefined).get(key(1))).toThrow(expect.objectContaining({ code: 'state-node-missing' }))
    expect(() => open(value(2, 3)).get(key(1))).toThrow(expect.objectContaining({ code: 'state-node-malformed' }))
  })
})
