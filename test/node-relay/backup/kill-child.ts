/** Backs up, or restores, again and again until it is killed. Says so once when it begins. */
import { join } from 'node:path'
import { openContent } from '../../../node-relay/backup/content.ts'
import { openBackup } from '../../../node-relay/backup/read-backup.ts'
import { restoreBackup } from '../../../node-relay/backup/restore.ts'
import { writeBackup } from '../../../node-relay/backup/write-backup.ts'
import { createNodeVerifier } from '../../../node-relay/crypto/node-verifier.ts'
import { ChainStore } from '../../../node-relay/store/chain-store.ts'

/** Parent → child. */
export type KillTask =
  | { readonly kind: 'backup'; readonly dataDir: string; readonly out: string }
  | { readonly kind: 'restore'; readonly from: string; readonly into: string; readonly first: number }

process.once('message', async (task: KillTask) => {
  if (task.kind === 'backup') {
    const store = await ChainStore.open(join(task.dataDir, 'chain'))
    process.send?.('begun')
    for (;;) {
      const content = await openContent({ dataDir: task.dataDir, store, version: '1', now: Date.now })
      await writeBackup({ out: task.out, content })
    }
  }
  const backup = await openBackup(task.from)
  const verifier = createNodeVerifier()
  process.send?.('begun')
  for (let i = task.first; ; i++) await restoreBackup({ backup, dataDir: `${task.into}${i}`, verifier })
})
