import 'fake-indexeddb/auto'
import { deleteDB, openDB } from 'idb'
import { describe, expect, it } from 'vitest'
import { openIndexedDbStore, type StorageLoss } from '../../../web/store/indexed-db-store.ts'
import { SCHEMA_VERSION } from '../../../web/store/open-database.ts'
import { localStoreSuite } from '../../conformance/local-store.ts'

let number = 0
localStoreSuite('IndexedDB', () => openIndexedDbStore({ name: `store ${++number}` }))

const A = 'a'.repeat(64)

describe('IndexedDB store', () => {
  it('takes damaged records for absent ones', async () => {
    const store = await openIndexedDbStore({ name: 'damaged' })
    store.close()
    const raw = await openDB('damaged')
    await raw.put('networks', { networkId: A }, A)
    await raw.put('restarts', { height: -1, hash: new Uint8Array(32) }, A)
    await raw.put('chunks', 'not a chunk', [A, 1])
    await raw.put('identities', { state: 'king' }, A)
    await raw.put('wallets', { privateKey: 'secret' }, A)
    await raw.put('incidents', [{ at: 'noon' }, 7], A)
    await raw.put('directories', { bytes: 'text', importedAt: 1 }, A)
    raw.close()
    const again = await openIndexedDbStore({ name: 'damaged' })
    expect(await again.networks()).toEqual([])
    expect(await again.readChain(A)).toEqual({ restart: undefined, firsts: [1] })
    expect(await again.readChunk(A, 1)).toBeUndefined()
    expect(await again.readIdentity(A)).toBeUndefined()
    expect(await again.readWallet(A)).toBeUndefined()
    expect(await again.readIncidents(A)).toEqual([])
    expect(await again.readDirectory(A)).toBeUndefined()
    again.close()
  })

  it('takes a network that no join link can have named for a damaged one', async () => {
    const checkpoint = { height: 0, hash: new Uint8Array(32) }
    const good = {
      networkId: A,
      name: 'home',
      checkpoint,
      addresses: ['/ip4/10.0.0.1'],
      start: undefined,
      lastActive: 0,
    }
    const damages = [
      { addresses: ['ip4/10.0.0.1'] },
      { addresses: [`/${'a'.repeat(300)}`] },
      { addresses: Array.from({ length: 9 }, () => '/ip4/10.0.0.1') },
      { name: 'ho\u0000me' },
      { name: 'n'.repeat(400) },
      { checkpoint: { ...checkpoint, height: 2 ** 40 } },
    ]
    for (const damage of [{}, ...damages]) {
      const store = await openIndexedDbStore({ name: `link ${++number}` })
      await store.putNetwork({ ...good, ...damage })
      expect(await store.networks(), JSON.stringify(damage)).toHaveLength(damages.includes(damage as never) ? 0 : 1)
      store.close()
    }
  })

  it('brings a database of version 1 forward, with what is in it', async () => {
    const old = await openDB('old', 1, {
      upgrade(opened) {
        for (const name of ['networks', 'tips', 'chunks', 'identities', 'wallets', 'incidents'])
          opened.createObjectStore(name)
      },
    })
    await old.put('incidents', [{ at: 1, code: 'x', sentence: 'X.', severity: 'note' }], A)
    old.close()
    const store = await openIndexedDbStore({ name: 'old' })
    expect(await store.readIncidents(A)).toHaveLength(1)
    await store.writeDirectory(A, { bytes: Uint8Array.of(1), importedAt: 2 })
    expect(await store.readDirectory(A)).toEqual({ bytes: Uint8Array.of(1), importedAt: 2 })
    store.close()
  })

  it('opens anew after the connection was closed under it', async () => {
    const store = await openIndexedDbStore({ name: 'closed' })
    await store.writeIncidents(A, [{ at: 1, code: 'x', sentence: 'X.', severity: 'note' }])
    store.close()
    expect(await store.readIncidents(A)).toHaveLength(1)
    store.close()
  })

  it('says what keeps it from opening, and deletes nothing', async () => {
    const real = globalThis.indexedDB
    const use = (value: unknown) => Object.defineProperty(globalThis, 'indexedDB', { value, configurable: true })
    const refusing = (name: string) => ({
      open: () => {
        throw Object.assign(new Error('denied'), { name })
      },
    })
    const store = await openIndexedDbStore({ name: 'refused' })
    await store.writeIncidents(A, [{ at: 1, code: 'x', sentence: 'X.', severity: 'note' }])
    store.close()
    try {
      for (const [broken, code] of [
        [undefined, 'no-storage'],
        [refusing('SecurityError'), 'no-storage'],
        [refusing('UnknownError'), 'storage-unusable'],
      ] as const) {
        use(broken)
        await expect(openIndexedDbStore({ name: 'refused' })).rejects.toMatchObject({ code })
      }
    } finally {
      use(real)
    }
    const again = await openIndexedDbStore({ name: 'refused' })
    expect(await again.readIncidents(A)).toHaveLength(1)
    again.close()
  })

  it("leaves a newer page's database alone", async () => {
    const newer = await openDB('newer', SCHEMA_VERSION + 1, {
      upgrade: (opened) => void opened.createObjectStore('new'),
    })
    await newer.put('new', 'kept', 'key')
    newer.close()
    await expect(openIndexedDbStore({ name: 'newer' })).rejects.toMatchObject({ code: 'newer-storage' })
    const after = await openDB('newer')
    expect([after.version, await after.get('new', 'key')]).toEqual([SCHEMA_VERSION + 1, 'kept'])
    after.close()
  })

  it("tells when the database is deleted or made newer while it is in use, and stands in nobody's way", async () => {
    const losses: StorageLoss[] = []
    const told: (() => void)[] = []
    const nextLoss = () => new Promise<void>((resolve) => told.push(resolve))
    const store = await openIndexedDbStore({
      name: 'lost',
      onLoss: (loss) => {
        losses.push(loss)
        for (const resolve of told.splice(0)) resolve()
      },
    })
    await store.writeIncidents(A, [{ at: 1, code: 'x', sentence: 'X.', severity: 'note' }])
    const emptied = nextLoss()
    await deleteDB('lost')
    await emptied
    expect(losses).toEqual(['emptied'])
    // A new, empty one is in its place, and is used.
    expect(await store.readIncidents(A)).toEqual([])
    await store.writeIncidents(A, [{ at: 2, code: 'y', sentence: 'Y.', severity: 'note' }])
    expect(await store.readIncidents(A)).toMatchObject([{ code: 'y' }])

    const taken = nextLoss()
    const newer = await openDB('lost', SCHEMA_VERSION + 1)
    await taken
    expect(losses).toEqual(['emptied', 'newer'])
    await expect(store.readIncidents(A)).rejects.toMatchObject({ code: 'newer-storage' })
    expect(await newer.get('incidents', A)).toMatchObject([{ code: 'y' }])
    newer.close()
    store.close()
  })
})
