import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { equalBytes } from '../../shared/bytes.ts'
import type { NodeRecord, NodeReference, StateBatch, StateStorage } from '../../shared/state-tree/storage.ts'
import { openStateTree } from '../../shared/state-tree/tree.ts'

/** A storage under test: what it reads with, and how a batch gets into it. */
export interface StateStorageUnderTest {
  readonly storage: StateStorage
  /** Resolves when the whole batch can be read. */
  write(batch: StateBatch): void | Promise<void>
  close?(): void | Promise<void>
}

const hash = (fill: number) => new Uint8Array(32).fill(fill)
const reference = (version: number, fill: number): NodeReference => ({ version, hash: hash(fill) })
const node = (version: number, fill: number, ...record: number[]): NodeRecord => ({
  reference: reference(version, fill),
  record: Uint8Array.from(record),
})

/** What every storage of state nodes must do. `create` gives a fresh, empty one. */
export function stateStorageSuite(
  name: string,
  create: () => StateStorageUnderTest | Promise<StateStorageUnderTest>,
): void {
  describe(`state storage: ${name}`, () => {
    let tested: StateStorageUnderTest
    beforeEach(async () => {
      tested = await create()
    })
    afterEach(async () => {
      await tested.close?.()
    })

    it('has nothing at first', () => {
      expect(tested.storage.get(reference(1, 1))).toBeUndefined()
    })

    it('gives back what was put, byte for byte', async () => {
      const long = Uint8Array.from({ length: 65_568 }, (_, i) => i % 251)
      await tested.write({
        remove: [],
        put: [node(0, 1, 1, 2, 3), node(0xffff_ffff, 2, 0), { reference: reference(7, 0), record: long }],
      })
      expect(tested.storage.get(reference(0, 1))).toEqual(Uint8Array.of(1, 2, 3))
      expect(tested.storage.get(reference(0xffff_ffff, 2))).toEqual(Uint8Array.of(0))
      // Not toEqual: that takes most of a second on so many bytes.
      expect(equalBytes(tested.storage.get(reference(7, 0)) as Uint8Array, long)).toBe(true)
    })

    it('returns plain Uint8Arrays', async () => {
      await tested.write({ remove: [], put: [node(1, 1, 5)] })
      expect(Object.getPrototypeOf(tested.storage.get(reference(1, 1)))).toBe(Uint8Array.prototype)
    })

    it('keeps one hash of two versions apart', async () => {
      await tested.write({
        remove: [],
        put: [node(1, 9, 1), node(2, 9, 2), node(0x1_0001, 9, 3), node(0x100_0001, 9, 4)],
      })
      expect(tested.storage.get(reference(1, 9))).toEqual(Uint8Array.of(1))
      await tested.write({ remove: [reference(1, 9)], put: [] })
      expect(tested.storage.get(reference(1, 9))).toBeUndefined()
      expect(tested.storage.get(reference(2, 9))).toEqual(Uint8Array.of(2))
      expect(tested.storage.get(reference(0x1_0001, 9))).toEqual(Uint8Array.of(3))
      expect(tested.storage.get(reference(0x100_0001, 9))).toEqual(Uint8Array.of(4))
    })

    it('removes before it puts, so that one branch can replace another in one batch', async () => {
      await tested.write({ remove: [], put: [node(3, 4, 1)] })
      await tested.write({ remove: [reference(3, 4)], put: [node(3, 4, 2)] })
      expect(tested.storage.get(reference(3, 4))).toEqual(Uint8Array.of(2))
    })

    it('takes removals of what is absent, and empty batches', async () => {
      await tested.write({ remove: [], put: [node(1, 1, 1)] })
      await tested.write({ remove: [reference(1, 2)], put: [] })
      await tested.write({ remove: [], put: [] })
      expect(tested.storage.get(reference(1, 1))).toEqual(Uint8Array.of(1))
    })

    it('carries a tree over versions, pruning and undoing', async () => {
      const key = (fill: number) => hash(fill)
      const open = (root: NodeReference | undefined) => openStateTree({ storage: tested.storage, root })
      const first = open(undefined).update({
        version: 1,
        changes: [1, 2, 3, 200].map((fill) => ({ key: key(fill), value: Uint8Array.of(fill) })),
      })
      await tested.write({ remove: [], put: first.created })
      const second = open(first.reference).update({ version: 2, changes: [{ key: key(2), value: undefined }] })
      await tested.write({ remove: [], put: second.created })
      expect(open(first.reference).get(key(2))).toEqual(Uint8Array.of(2))
      expect(open(second.reference).get(key(2))).toBeUndefined()

      // Undo the second version, take another one instead,
      const other = open(first.reference).update({ version: 2, changes: [{ key: key(3), value: undefined }] })
      await tested.write({ remove: second.created.map((record) => record.reference), put: other.created })
      expect(open(other.reference).get(key(3))).toBeUndefined()
      expect(open(other.reference).get(key(2))).toEqual(Uint8Array.of(2))
      expect(() => open(second.reference).get(key(1))).toThrow('not in the storage')

      // and drop what only the first version needed.
      await tested.write({ remove: other.stale, put: [] })
      expect([...open(other.reference).leaves()].map((leaf) => leaf.key[0])).toEqual([1, 2, 200])
      expect(() => open(first.reference).get(key(1))).toThrow('not in the storage')
    })
  })
}
