import { type NodeReference, referenceText, type StateBatch, type StateStorage } from './storage.ts'

export interface MemoryStateStorage extends StateStorage {
  /** Nodes held. Unbounded: its caller prunes, as with any storage. */
  readonly size: number
  write(batch: StateBatch): void
}

/** Keeps nodes in a map: for tests, light views and trees that are rebuilt at start. */
export function createMemoryStateStorage(): MemoryStateStorage {
  const records = new Map<string, Uint8Array>()
  return {
    get size() {
      return records.size
    },
    get(reference: NodeReference) {
      return records.get(referenceText(reference))
    },
    write({ remove, put }) {
      for (const reference of remove) records.delete(referenceText(reference))
      for (const { reference, record } of put) records.set(referenceText(reference), record)
    },
  }
}
