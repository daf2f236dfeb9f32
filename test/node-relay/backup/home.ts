/** A relay's data folder with a real chain, as a stopped relay leaves it; and its backups. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openContent } from '../../../node-relay/backup/content.ts'
import { openBackupKey } from '../../../node-relay/backup/passphrase-key.ts'
import { openBackup } from '../../../node-relay/backup/read-backup.ts'
import { restoreBackup } from '../../../node-relay/backup/restore.ts'
import { type WriteInit, writeBackup } from '../../../node-relay/backup/write-backup.ts'
import { createNodeVerifier } from '../../../node-relay/crypto/node-verifier.ts'
import { openDataDir } from '../../../node-relay/data-dir.ts'
import { FullChain } from '../../../node-relay/full-node/chain.ts'
import { createKeys } from '../../../node-relay/full-node/keys.ts'
import { writeRelayFile } from '../../../node-relay/full-node/relay-file.ts'
import { loadNetworkIdentity } from '../../../node-relay/network/network-identity.ts'
import { ChainStore } from '../../../node-relay/store/chain-store.ts'
import { toHex } from '../../../shared/bytes.ts'
import { foundRelay } from '../../framework/chain-actions.ts'
import { ChainBuilder } from '../../framework/chain-builder.ts'

export const CREATED_AT = 1_790_000_000_000
export const farFuture = () => Number.MAX_SAFE_INTEGER

export interface BackupHome {
  readonly directory: string
  readonly dataDir: string
  readonly builder: ChainBuilder
  path(name: string): string
  /** Writes a backup of the data folder. */
  backup(out: string, more?: Partial<WriteInit>): ReturnType<typeof writeBackup>
  restore(from: string, to: string, passphrase?: string): ReturnType<typeof restoreBackup>
  clear(): void
}

export async function createBackupHome({ blocks = 3 } = {}): Promise<BackupHome> {
  const directory = mkdtempSync(join(tmpdir(), 'lares-backup-'))
  const dataDir = join(directory, 'data')
  const builder = new ChainBuilder()
  await foundRelay(builder)
  await builder.mineMany(blocks)
  const opened = openDataDir(dataDir)
  if (!opened.ok) throw new Error(opened.detail)
  await createKeys(dataDir)
  await loadNetworkIdentity(dataDir)
  writeRelayFile(dataDir, { networkId: toHex(builder.networkId), deviceId: '', pageUrl: undefined, link: undefined })
  writeFileSync(join(dataDir, 'config.json'), '{"port":4670}')
  mkdirSync(join(dataDir, 'tls'))
  writeFileSync(join(dataDir, 'tls', 'ca.crt'), 'a certificate')
  writeFileSync(join(dataDir, 'empty'), '')
  const store = await ChainStore.open(join(dataDir, 'chain'))
  const chain = await FullChain.open({
    store,
    verifier: createNodeVerifier(),
    now: farFuture,
    genesis: builder.genesis,
  })
  for (const { block } of builder.from(1)) await chain.accept(block)
  await store.close()
  opened.value.close()

  const path = (name: string) => join(directory, name)
  return {
    directory,
    dataDir,
    builder,
    path,
    async backup(out, more = {}) {
      const store = await ChainStore.open(join(dataDir, 'chain'))
      try {
        const content = await openContent({ dataDir, store, version: '1.2.3', now: () => CREATED_AT })
        return await writeBackup({ out: path(out), content, ...more })
      } finally {
        await store.close()
      }
    },
    async restore(from, to, passphrase) {
      const backup = await openBackup(path(from))
      const key = backup.protection && (await openBackupKey(passphrase ?? '', backup.protection))
      return await restoreBackup({ backup, key, dataDir: path(to), verifier: createNodeVerifier() })
    },
    clear: () => rmSync(directory, { recursive: true, force: true }),
  }
}

/** Every file under a folder but those of the chain database, with its bytes in hex and its mode. */
export function filesOf(folder: string): Record<string, { readonly content: string; readonly mode: number }> {
  return Object.fromEntries(
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => !name.startsWith('chain') && statSync(join(folder, name)).isFile())
      .sort()
      .map((name) => [
        name,
        { content: readFileSync(join(folder, name)).toString('hex'), mode: statSync(join(folder, name)).mode & 0o777 },
      ]),
  )
}
