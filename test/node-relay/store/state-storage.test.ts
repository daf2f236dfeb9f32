import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ChainStore } from '../../../node-relay/store/chain-store.ts'
import { ZERO_HASH } from '../../../shared/bytes.ts'
import type { StateBatch } from '../../../shared/state-tree/storage.ts'
import { stateStorageSuite } from '../../conformance/state-storage.ts'
import { ChainBuilder } from '../../framework/chain-builder.ts'

/**
 * The store writes state nodes with blocks only, so each batch goes in as a made-up block: removals as what the block
 * before it made stale.
 */
stateStorageSuite('LevelDB', async () => {
  const location = mkdtempSync(join(tmpdir(), 'lares-state-'))
  const store = await ChainStore.open(location)
  const { block, item } = new ChainBuilder().first
  let height = 0
  const commit = async ({ put, remove }: StateBatch, pruneStatesTo: number) => {
    height++
    const state = { root: undefined, created: put, stale: remove }
    await store.commit({
      undo: [],
      apply: [{ height, hash: ZERO_HASH, block, item, transactionIds: [], history: [], state }],
      settled: { height: 0, keepersSeen: 1, keepers: 1 },
      pruneStatesTo,
    })
  }
  return {
    storage: store.stateStorage,
    async write({ put, remove }) {
      // Stale in one block, pruned by the next but one, which puts: removals come first.
      await commit({ put: [], remove }, 0)
      await commit({ put, remove: [] }, height)
    },
    async close() {
      await store.close()
      rmSync(location, { recursive: true, force: true })
    },
  }
})
