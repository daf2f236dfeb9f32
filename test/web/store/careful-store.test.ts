/** What cannot be fetched again is guarded, and what was removed stays away. */
import { describe, expect, it } from 'vitest'
import { LaresError } from '../../../shared/errors.ts'
import { createCarefulStore } from '../../../web/store/careful-store.ts'
import type { IdentityRecord, LocalStore, NetworkRecord } from '../../../web/store/local-store.ts'
import { createMemoryStore } from '../../../web/store/memory-store.ts'

const ID = 'a'.repeat(64)
const NETWORK: NetworkRecord = {
  networkId: ID,
  name: 'home',
  checkpoint: { height: 0, hash: new Uint8Array(32) },
  addresses: [],
  start: undefined,
  lastActive: 0,
}
const IDENTITY: IdentityRecord = {
  state: 'joining',
  deviceId: new Uint8Array(32),
  anchor: new Uint8Array(32),
  label: 1,
  application: new Uint8Array(),
  transaction: undefined,
  done: [],
  failure: undefined,
}
const RESTART = { height: 0, hash: new Uint8Array(32), floor: 1, start: new Uint8Array(), items: new Uint8Array() }

async function writeEverything(store: LocalStore): Promise<void> {
  await store.writeIdentity(ID, IDENTITY)
  await store.writeDirectory(ID, { bytes: new Uint8Array(1), importedAt: 1 })
  await store.writeIncidents(ID, [{ at: 1, code: 'x', sentence: 'x', severity: 'note' }])
  await store.writeChain(ID, { restart: RESTART, put: [], remove: [] })
}

async function kept(store: LocalStore): Promise<unknown[]> {
  const { length } = await store.readIncidents(ID)
  return [await store.readIdentity(ID), await store.readDirectory(ID), length, await store.readChain(ID)]
}

describe('a network that was removed', () => {
  it('gets nothing written any more by what was still under way, until it is added again', async () => {
    const inner = createMemoryStore()
    const store = await createCarefulStore(inner)
    await store.putNetwork(NETWORK)
    await writeEverything(store)
    await store.removeNetwork(ID)
    await writeEverything(store)
    expect(await kept(inner)).toEqual([undefined, undefined, 0, undefined])
    expect(store.identities().size).toBe(0)

    await store.putNetwork(NETWORK)
    await writeEverything(store)
    expect(await kept(inner)).toEqual([IDENTITY, expect.anything(), 1, expect.anything()])
  })

  it('is still there when the database would not remove it', async () => {
    const inner = createMemoryStore()
    const removeNetwork = async () => Promise.reject(new LaresError('storage-failed', 'not now'))
    const store = await createCarefulStore({ ...inner, removeNetwork })
    await store.putNetwork(NETWORK)
    await expect(store.removeNetwork(ID)).rejects.toThrow('not now')
    await writeEverything(store)
    expect(await kept(inner)).toEqual([IDENTITY, expect.anything(), 1, expect.anything()])
    expect(await store.networks()).toEqual([NETWORK])
  })
})

it('a network that finds no room is there all the same, and is written by the next change of it', async () => {
  const inner = createMemoryStore()
  const store = await createCarefulStore(inner)
  store.hold(NETWORK)
  expect(await store.networks()).toEqual([NETWORK])
  expect(await inner.networks()).toEqual([])
  await store.putNetwork({ ...NETWORK, lastActive: 7 })
  expect(await inner.networks()).toEqual([{ ...NETWORK, lastActive: 7 }])
})
