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

/**
 * Keeps the nodes used last in front of a slower storage. They live in two generations: what is used moves to the
 * young one, and when that is full (half the limit) the old one goes and the young one takes its place.
 * @param init.limit at least 2
 */
export function createNodeCache({
  storage,
  limit = NODE_CACHE_LIMIT,
}: {
  readonly storage: StateStorage
  readonly limit?: number
}): NodeCache {
  const generationLimit = Math.max(1, Math.floor(limit / 2))
  let young = new Map<string, Uint8Array>()
  let old = new Map<string, Uint8Array>()

  function keep(name: string, record: Uint8Array): void {
    if (record.length > MAX_CACHED_RECORD_LENGTH) return
    if (young.size >= generationLimit) {
      old = young
      young = new Map()
    }
    young.set(name, record)
  }

  function forget(name: string): void {
    young.delete(name)
    old.delete(name)
  }

  return {
    get size() {
      return young.size + old.size
    },
    get(reference: NodeReference) {
      const name = referenceText(reference)
      const recent = young.get(name)
      if (recent !== undefined) return recent
      const record = old.get(name) ?? storage.get(reference)
      if (record !== undefined) {
        old.delete(name)
        keep(name, record)
      }
      return record
    },
    applied({ remove, put }) {
      for (const reference of remove) forget(referenceText(reference))
      for (const { reference, record } of put) {
        const name = referenceText(reference)
        forget(name)
        keep(name, record)
      }
    },
  }
}
