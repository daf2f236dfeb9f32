import { describe, expect, it } from 'vitest'
import { createMemoryStateStorage } from '../../../shared/state-tree/memory-storage.ts'
import { createNodeCache, MAX_CACHED_RECORD_LENGTH } from '../../../shared/state-tree/node-cache.ts'
import type { NodeRecord, NodeReference, StateBatch } from '../../../shared/state-tree/storage.ts'
import { stateStorageSuite } from '../../conformance/state-storage.ts'

for (const limit of [2, 5, 1000]) {
  stateStorageSuite(`cache of ${limit} over memory`, () => {
    const storage = createMemoryStateStorage()
    const cache = createNodeCache({ storage, limit })
    return {
      storage: cache,
      write(batch) {
        storage.write(batch)
        cache.applied(batch)
      },
    }
  })
}

describe('node cache', () => {
  const reference = (fill: number): NodeReference => ({ version: 1, hash: new Uint8Array(32).fill(fill) })
  const node = (fill: number, length = 1): NodeRecord => ({
    reference: reference(fill),
    record: new Uint8Array(length),
  })

  function createCounted(limit: number) {
    const storage = createMemoryStateStorage()
    const reads: number[] = []
    const cache = createNodeCache({
      storage: {
        get(wanted) {
          reads.push(wanted.hash[0] as number)
          return storage.get(wanted)
        },
      },
      limit,
    })
    const write = (batch: StateBatch) => {
      storage.write(batch)
      cache.applied(batch)
    }
    return { storage, cache, reads, write }
  }

  it('never holds more than its limit, and keeps what is in use', () => {
    const { cache, reads, write } = createCounted(20)
    write({ remove: [], put: [node(0)] })
    for (let fill = 1; fill < 200; fill++) {
      write({ remove: [], put: [node(fill)] })
      cache.get(reference(0))
      expect(cache.size).toBeLessThanOrEqual(20)
    }
    expect(reads).toEqual([])
    cache.get(reference(199))
    cache.get(reference(191))
    expect(reads).toEqual([])
    cache.get(reference(1))
    expect(reads).toEqual([1])
    expect(cache.size).toBeLessThanOrEqual(20)
  })

  it('reads a node once, and long ones each time', () => {
    const { storage, cache, reads } = createCounted(10)
    storage.write({ remove: [], put: [node(1), node(2, MAX_CACHED_RECORD_LENGTH + 1)] })
    for (let i = 0; i < 3; i++) {
      expect(cache.get(reference(1))).toHaveLength(1)
      expect(cache.get(reference(2))).toHaveLength(MAX_CACHED_RECORD_LENGTH + 1)
    }
    expect(reads).toEqual([1, 2, 2, 2])
  })

  it('does not remember that a node was absent', () => {
    const { storage, cache } = createCounted(10)
    expect(cache.get(reference(1))).toBeUndefined()
    storage.write({ remove: [], put: [node(1)] })
    expect(cache.get(reference(1))).toHaveLength(1)
  })
})
