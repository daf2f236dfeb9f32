/**
 * Databases that earlier pages have written, kept as they were (test/vectors/indexed-db-<version>.json): each opens in
 * today's page with identity, wallet and incidents, and with every header, none of them fetched again.
 */
import 'fake-indexeddb/auto'
import { readFileSync } from 'node:fs'
import { openDB } from 'idb'
import { describe, expect, it } from 'vitest'
import { openIndexedDbStore } from '../../../web/store/indexed-db-store.ts'
import { SCHEMA_VERSION, STORES } from '../../../web/store/open-database.ts'
import { ChainBuilder } from '../../framework/chain-builder.ts'
import { ClientHarness } from '../../framework/client-harness.ts'
import { type DatabaseDump, dumpDatabase, restoreDump } from '../../framework/database-dump.ts'

interface Fixture extends DatabaseDump {
  readonly tip: { readonly height: number; readonly hash: string }
}

function fixtureOf(version: number): Fixture {
  return JSON.parse(readFileSync(new URL(`../../vectors/indexed-db-${version}.json`, import.meta.url), 'utf8'))
}

const VERSIONS = Array.from({ length: SCHEMA_VERSION }, (_, i) => i + 1)

describe('a database of version', () => {
  it.each(VERSIONS)(
    '%i opens with all that is in it',
    async (version) => {
      const { tip, ...dump } = fixtureOf(version)
      expect(dump.version).toBe(version)
      const name = `version ${version}`
      await restoreDump(name, dump)
      const store = await openIndexedDbStore({ name })
      const page = new ClientHarness({ chain: new ChainBuilder({ name: 'fixture' }), openStore: async () => store })
      await page.call({ call: 'open', init: { codeOrigin: 'test', servedBy: undefined } })
      await expect.poll(() => page.network.headersStored, { timeout: 30_000 }).toBe(tip.height)
      expect(page.app.view()).toMatchObject({ obstacle: undefined, storage: { problem: undefined } })
      expect(page.network).toMatchObject({
        tip,
        headersVerified: tip.height,
        headersFetched: 0,
        identity: { state: 'settled', isLost: false },
      })
      // The directory in the fixture is bytes without a meaning.
      expect(page.incidents).toEqual(version === 2 ? ['names-damaged', 'asleep'] : ['asleep'])
      await page.app.close()
      // The next page finds it in today's form.
      const raw = await openDB(name)
      expect([raw.version, [...raw.objectStoreNames].sort()]).toEqual([SCHEMA_VERSION, [...STORES].sort()])
      expect(await raw.get('restarts', page.networkId)).toMatchObject({ height: tip.height, floor: 1 })
      raw.close()
    },
    60_000,
  )

  it('1 with damaged records opens all the same, with what is whole', async () => {
    const { tip: _tip, ...dump } = fixtureOf(1)
    const { tips = [], chunks = [] } = dump.stores
    for (const [name, stores] of Object.entries({
      'damaged tip': { tips: tips.map(({ key }) => ({ key, value: 'nonsense' })) },
      'damaged chunk': { chunks: chunks.map(({ key }) => ({ key, value: 7 })) },
      'no chunks': { chunks: [] },
    })) {
      await restoreDump(name, { ...dump, stores: { ...dump.stores, ...stores } })
      const store = await openIndexedDbStore({ name })
      const [network] = await store.networks()
      expect(await store.readIdentity(network?.networkId ?? '')).toMatchObject({ state: 'settled' })
      expect(await store.readWallet(network?.networkId ?? '')).toBeDefined()
      expect((await store.readChain(network?.networkId ?? ''))?.restart).toBeUndefined()
      store.close()
    }
  })

  it('any can be dumped and made anew, for the next fixture', async () => {
    const wallet = await crypto.subtle.generateKey('Ed25519', true, ['sign', 'verify'])
    const value = { bytes: Uint8Array.of(1, 2), none: undefined, list: [{ wallet }] }
    const raw = await openDB('dumped', 5, { upgrade: (opened) => void opened.createObjectStore('things') })
    await raw.put('things', value, ['a', 1])
    raw.close()
    const dump = JSON.parse(JSON.stringify(await dumpDatabase('dumped'))) as DatabaseDump
    await restoreDump('made anew', dump)
    const again = await openDB('made anew')
    const read = await again.get('things', ['a', 1])
    expect(again.version).toBe(5)
    expect(read).toMatchObject({ bytes: Uint8Array.of(1, 2), none: undefined })
    expect(read.list[0].wallet.privateKey.extractable).toBe(false)
    again.close()
  })
})
