import 'fake-indexeddb/auto'
import { openDB } from 'idb'
import { describe, expect, it } from 'vitest'
import { openIndexedDbStore } from '../../../web/store/indexed-db-store.ts'
import { localStoreSuite } from '../../conformance/local-store.ts'

let number = 0
localStoreSuite('IndexedDB', () => openIndexedDbStore(`store ${++number}`))

const A = 'a'.repeat(64)

describe('IndexedDB store', () => {
  it('takes damaged records for absent ones', async () => {
    const store = await openIndexedDbStore('damaged')
    store.close()
    const raw = await openDB('damaged')
    await raw.put('networks', { networkId: A }, A)
    await raw.put('tips', { height: -1, hash: new Uint8Array(32) }, A)
    await raw.put('chunks', 'not a chunk', [A, 1])
    await raw.put('identities', { state: 'king' }, A)
    await raw.put('wallets', { privateKey: 'secret' }, A)
    await raw.put('incidents', [{ at: 'noon' }, 7], A)
    await raw.put('directories', { bytes: 'text', importedAt: 1 }, A)
    raw.close()
    const again = await openIndexedDbStore('damaged')
    expect(await again.networks()).toEqual([])
    expect(await again.readChain(A)).toBeUndefined()
    expect(await again.readIdentity(A)).toBeUndefined()
    expect(await again.readWallet(A)).toBeUndefined()
    expect(await again.readIncidents(A)).toEqual([])
    expect(await again.readDirectory(A)).toBeUndefined()
    again.close()
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
    const store = await openIndexedDbStore('old')
    expect(await store.readIncidents(A)).toHaveLength(1)
    await store.writeDirectory(A, { bytes: Uint8Array.of(1), importedAt: 2 })
    expect(await store.readDirectory(A)).toEqual({ bytes: Uint8Array.of(1), importedAt: 2 })
    store.close()
  })

  it('opens anew after the connection was closed under it', async () => {
    const store = await openIndexedDbStore('closed')
    await store.writeIncidents(A, [{ at: 1, code: 'x', sentence: 'X.', severity: 'note' }])
    store.close()
    expect(await store.readIncidents(A)).toHaveLength(1)
    store.close()
  })

  it('says in one code that this window may not store', async () => {
    const real = globalThis.indexedDB
    const refusing = {
      open: () => {
        throw new Error('denied')
      },
    } as unknown as IDBFactory
    for (const broken of [undefined, refusing]) {
      Object.defineProperty(globalThis, 'indexedDB', { value: broken, configurable: true })
      await expect(openIndexedDbStore('refused')).rejects.toMatchObject({ code: 'no-storage' })
    }
    Object.defineProperty(globalThis, 'indexedDB', { value: real, configurable: true })
  })
})
