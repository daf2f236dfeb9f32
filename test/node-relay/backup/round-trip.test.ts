/** What is backed up and restored is the same relay, which seals nothing; and what is left out. */
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openContent } from '../../../node-relay/backup/content.ts'
import { createBackupKey } from '../../../node-relay/backup/passphrase-key.ts'
import { writeBackup } from '../../../node-relay/backup/write-backup.ts'
import { createNodeVerifier } from '../../../node-relay/crypto/node-verifier.ts'
import { FullChain } from '../../../node-relay/full-node/chain.ts'
import { ChainStore } from '../../../node-relay/store/chain-store.ts'
import { toHex } from '../../../shared/bytes.ts'
import { type BackupHome, CREATED_AT, createBackupHome, farFuture, filesOf } from './home.ts'

let home: BackupHome
beforeEach(async () => {
  home = await createBackupHome()
})
afterEach(() => home.clear())

const code = (expected: string) => expect.objectContaining({ name: 'LaresError', code: expected })

/** Records by key, in hex. */
async function recordsOf(dataDir: string): Promise<Map<string, string>> {
  const store = await ChainStore.open(join(dataDir, 'chain'))
  const records = new Map<string, string>()
  for await (const { key, value } of store.records())
    if (value !== undefined) records.set(toHex(new Uint8Array(key)), toHex(new Uint8Array(value)))
  await store.close()
  return records
}

describe('a backup that is restored', () => {
  it('is the same relay, file by file and record by record, and is marked as taken back', async () => {
    const { builder } = home
    const written = await home.backup('b')
    expect(statSync(home.path('b')).mode & 0o777).toBe(0o600)
    expect(written).toMatchObject({ files: 7, manifest: { createdAt: CREATED_AT, version: '1.2.3' } })
    expect(toHex(written.manifest.networkId)).toBe(toHex(builder.networkId))
    expect(written.manifest.tip).toEqual({
      height: builder.tip.node.height,
      hash: builder.tip.node.hash,
      time: builder.tip.block.header.time,
    })

    const manifest = await home.restore('b', 'new')
    expect(manifest).toEqual(written.manifest)
    const before = filesOf(home.dataDir)
    for (const file of Object.values(before)) Object.assign(file, { mode: 0o600 })
    expect(filesOf(home.path('new'))).toEqual(before)
    expect(Object.keys(before)).toEqual([
      'config.json',
      'empty',
      'keys.json',
      'lares.json',
      'network.json',
      'relay.json',
      'tls/ca.crt',
    ])
    for (const folder of ['new', 'new/tls', 'new/chain'])
      expect(statSync(home.path(folder)).mode & 0o700, folder).toBe(0o700)
    expect(readdirSync(home.directory).sort()).toEqual(['b', 'data', 'new'])

    const restoredKey = toHex(new TextEncoder().encode('mrestored'))
    const after = await recordsOf(home.path('new'))
    expect(after.has(restoredKey)).toBe(true)
    after.delete(restoredKey)
    expect(after).toEqual(await recordsOf(home.dataDir))

    const store = await ChainStore.open(home.path('new/chain'))
    const chain = await FullChain.open({ store, verifier: createNodeVerifier(), now: farFuture })
    expect(chain.tip.id).toBe(builder.tip.node.id)
    expect(chain.obstacle?.code).toBe('chain-taken-back')
    expect(store.restored()).toEqual({
      height: builder.tip.node.height,
      hash: builder.tip.node.hash,
      time: CREATED_AT,
      highestSealed: undefined,
    })
    await store.close()
    const original = await ChainStore.open(join(home.dataDir, 'chain'))
    expect(original.restored()).toBeUndefined()
    await original.close()
  })

  it('opens with its passphrase, whatever form its letters have, and with no other', async () => {
    const key = await createBackupKey('Grüße aus dem Wald')
    await home.backup('b', { key })
    expect(readFileSync(home.path('b')).includes('walletSeed')).toBe(false)
    await expect(home.restore('b', 'new', 'Gruesse aus dem Wald')).rejects.toEqual(code('wrong-passphrase'))
    await expect(home.restore('b', 'new')).rejects.toEqual(code('wrong-passphrase'))
    expect(readdirSync(home.directory).sort()).toEqual(['b', 'data'])
    await home.restore('b', 'new', 'Grüße aus dem Wald'.normalize('NFD'))
    expect(filesOf(home.path('new'))['keys.json']?.content).toBe(filesOf(home.dataDir)['keys.json']?.content)
  }, 60_000)

  it('wants a passphrase that is worth its name', async () => {
    await expect(createBackupKey('short')).rejects.toEqual(code('bad-passphrase'))
  })

  it('leaves out locks, logs, what is half written and a recovery under way, and nothing else', async () => {
    for (const name of [
      'lock',
      'relay.log',
      'relay.log.2',
      'service.log',
      'keys.json.0123456789ab.tmp',
      'lares-task.xml',
      'recovery.json',
    ])
      writeFileSync(join(home.dataDir, name), 'not in a backup')
    mkdirSync(join(home.dataDir, 'chain.before'))
    writeFileSync(join(home.dataDir, 'chain.before', 'x'), 'not in a backup')
    mkdirSync(join(home.dataDir, 'mine', 'deep'), { recursive: true })
    for (const name of ['relay.log.bak', 'mine/relay.log', 'mine/deep/chain', 'chains'])
      writeFileSync(join(home.dataDir, name), 'in it')
    writeFileSync(home.path('settings.json'), '{"port":1}')
    symlinkSync(home.path('settings.json'), join(home.dataDir, 'linked.json'))
    expect(await home.backup('b')).toMatchObject({ files: 12 })
    await home.restore('b', 'new')
    const names = readdirSync(home.path('new'), { recursive: true, encoding: 'utf8' })
      .filter((name) => !name.startsWith('chain/'))
      .sort()
    expect(names).toEqual(
      [
        ...['chain', 'chains', 'config.json', 'empty', 'keys.json', 'lares.json', 'linked.json', 'mine', 'mine/deep'],
        ...['mine/deep/chain', 'mine/relay.log', 'network.json', 'relay.json', 'relay.log.bak', 'tls', 'tls/ca.crt'],
      ].sort(),
    )
    expect(readFileSync(home.path('new/linked.json'), 'utf8')).toBe('{"port":1}')
  })

  it('refuses to leave out what it cannot take along', async () => {
    symlinkSync(home.directory, join(home.dataDir, 'elsewhere'))
    await expect(home.backup('b')).rejects.toEqual(code('backup-strange-file'))
    expect(readdirSync(home.directory).sort()).toEqual(['data'])
  })
})

describe('a chain that goes on meanwhile', () => {
  it('is backed up as it was when the backup began', async () => {
    const { builder } = home
    const store = await ChainStore.open(join(home.dataDir, 'chain'))
    const chain = await FullChain.open({ store, verifier: createNodeVerifier(), now: farFuture })
    const before = builder.tip
    await builder.mineMany(40)
    const later = builder.from(before.node.height + 1)
    let pieces = 0
    const content = await openContent({ dataDir: home.dataDir, store, version: '1', now: () => CREATED_AT })
    async function* whileMining() {
      for await (const piece of content) {
        for (const { block } of later.splice(0, 10)) await chain.accept(block)
        pieces++
        yield piece
      }
    }
    for (const { block } of later.splice(0, 10)) await chain.accept(block)
    const { manifest } = await writeBackup({ out: home.path('b'), content: whileMining() })
    expect(pieces).toBeGreaterThan(0)
    expect(chain.tip.height).toBeGreaterThan(before.node.height + 15)
    expect(manifest.tip.height).toBe(before.node.height)
    await store.close()

    // Restoring verifies every record.
    await home.restore('b', 'new')
    const restored = await ChainStore.open(home.path('new/chain'))
    expect(restored.tip()?.height).toBe(before.node.height)
    expect(restored.headerItem(before.node.height + 1)).toBeUndefined()
    await restored.close()
  })

  it('frees its snapshot when nobody reads to the end', async () => {
    const store = await ChainStore.open(join(home.dataDir, 'chain'))
    const content = await openContent({ dataDir: home.dataDir, store, version: '1', now: () => CREATED_AT })
    await content.return()
    await store.close()
    await (await ChainStore.open(join(home.dataDir, 'chain'))).close()
  })
})
