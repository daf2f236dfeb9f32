import { type NodeReference, referenceText, type StateBatch, type StateStorage } from './storage.ts'

/** Nodes kept at most. With {@link MAX_CACHED_RECORD_LENGTH} that is 32 MiB of records at worst, usually under 5. */
export const NODE_CACHE_LIMIT = 32_768
/** Longer records (rare: large values) are read from the storage each time. Bytes. */
export const MAX_CACHED_RECORD_LENGTH = 1024

export interface NodeCache extends StateStorage {
  /** Nodes held now. */
  readonly size: number
  /** To be called when the storage below has applied the batch. */
  applied(batch: StateBatch): void
}

/** Keeps the nodes used last in front of a slower storage. When full, the one unused for longest goes. */
export function createNodeCache({
  storage,
  limit = NODE_CACHE_LIMIT,
}: {
  readonly storage: StateStorage
  readonly limit?: number
}): NodeCache {
  // A Map iterates in order of insertion, and every use inserts anew: its first key is the least recently used.
  const records = new Map<string, Uint8Array>()

  function keep(name: string, record: Uint8Array): void {
    records.delete(name)
    if (record.length > MAX_CACHED_RECORD_LENGTH) return
    records.set(name, record)
    if (records.size > limit) records.delete(records.keys().next().value as string)
  }

  return {
    get size() {
      return records.size
    },
    get(reference: NodeReference) {
      const name = referenceText(reference)
      const record = records.get(name) ?? storage.get(reference)
      if (record !== undefined) keep(name, record)
      return record
    },
    applied({ remove, put }) {
      for (const reference of remove) records.delete(referenceText(reference))
      for (const { reference, record } of put) keep(referenceText(reference), record)
    },
  }
}
