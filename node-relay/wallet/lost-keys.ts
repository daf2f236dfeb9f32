import { equalBytes, fromHex } from '../../shared/bytes.ts'
import { LaresError } from '../../shared/errors.ts'
import { STATUS } from '../../shared/identity/label.ts'
import { createKeysOf, loadKeys } from '../full-node/keys.ts'
import { loadChain } from '../full-node/load-chain.ts'
import { findRelayFile } from '../full-node/relay-file.ts'
import { recordOf } from '../full-node/views.ts'
import { ChainStore } from '../store/chain-store.ts'

/** Whether a relay was here that cannot start for want of its keys. */
export async function areKeysLost(dataDir: string): Promise<boolean> {
  if (findRelayFile(dataDir) === undefined) return false
  try {
    await loadKeys(dataDir)
    return false
  } catch (error) {
    if (error instanceof LaresError && ['no-keys', 'keys-damaged'].includes(error.code)) return true
    throw error
  }
}

/**
 * New keys for a stopped relay whose own are lost. The ledger does not know them yet, but the relay starts with them, as the
 * device that it was. The caller holds the lock of the data folder.
 * @param recoveryKey public half of the words that somebody has typed
 * @returns whether it is the only keeper: then nobody else makes the block with its new keys, and the owners must let it go on
 * @throws {LaresError} `not-registered`, `not-the-recovery-words`, and those of opening the chain
 */
export async function replaceLostKeys(init: {
  readonly dataDir: string
  readonly location: string
  readonly recoveryKey: Uint8Array
  /** ms since the Unix epoch */
  readonly now: number
}): Promise<{ readonly isOnlyKeeper: boolean }> {
  const { dataDir } = init
  const store = await ChainStore.open(init.location)
  try {
    const { tree, graph } = await loadChain({ store })
    const record = recordOf(tree, fromHex(findRelayFile(dataDir)?.deviceId ?? ''))
    if (record?.status !== STATUS.active)
      throw new LaresError(
        'not-registered',
        'This relay is not in the ledger, so no words bring its keys back. Restore a backup.',
      )
    if (!equalBytes(record.recoveryKey, init.recoveryKey)) throw notTheWords()
    const { members } = graph.tip.roster
    const isOnlyKeeper = members.length === 1 && equalBytes(members[0]?.walletId ?? new Uint8Array(), record.walletId)
    const { height, hash } = graph.tip
    // Before the keys: killed in between, the command is run again.
    if (isOnlyKeeper && store.restored() === undefined)
      await store.setRestored({ height, hash, time: init.now, highestSealed: undefined })
    createKeysOf(dataDir, record)
    return { isOnlyKeeper }
  } finally {
    await store.close()
  }
}

export function notTheWords(): LaresError {
  return new LaresError(
    'not-the-recovery-words',
    'These are not the recovery words of this relay: the founder has them with the owner words, another relay was shown its own when it registered. Nothing was changed.',
  )
}
