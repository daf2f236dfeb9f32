import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { generateWebSigner, webSignerFromKeyPair } from '../../web/crypto/web-signer.ts'
import type {
  HeaderChunk,
  IdentityRecord,
  LocalStore,
  NetworkRecord,
  RestartRecord,
} from '../../web/store/local-store.ts'

const A = 'a'.repeat(64)
const B = 'b'.repeat(64)
const hash = (fill: number) => new Uint8Array(32).fill(fill)
const chunk = (first: number, fill: number): HeaderChunk => ({
  first,
  start: hash(fill),
  items: Uint8Array.of(fill, fill),
})
const restart = (height: number): RestartRecord => ({
  height,
  hash: hash(height),
  settled: { height: height - 1, keepersSeen: 1, keepers: 2 },
  floor: 1,
  start: hash(4),
  items: Uint8Array.of(0, 0),
})
const network = (networkId: string): NetworkRecord => ({
  networkId,
  name: 'Home',
  checkpoint: { height: 3, hash: hash(1) },
  addresses: ['/ip4/10.0.0.1/udp/1/webrtc-direct'],
  start: undefined,
  lastActive: 5,
})
const identity: IdentityRecord = {
  state: 'joining',
  deviceId: hash(2),
  anchor: hash(3),
  label: 1,
  application: Uint8Array.of(1),
  transaction: undefined,
  done: ['verify-voucher'],
  failure: undefined,
}

/** What every store of the page must do. `create` gives a fresh, empty one. */
export function localStoreSuite(name: string, create: () => LocalStore | Promise<LocalStore>): void {
  describe(`local store: ${name}`, () => {
    let store: LocalStore
    beforeEach(async () => {
      store = await create()
    })
    afterEach(() => store.close())

    it('has nothing at first', async () => {
      expect(await store.networks()).toEqual([])
      expect(await store.readChain(A)).toBeUndefined()
      expect(await store.readIdentity(A)).toBeUndefined()
      expect(await store.readWallet(A)).toBeUndefined()
      expect(await store.readIncidents(A)).toEqual([])
    })

    it('keeps networks apart and replaces a record', async () => {
      await store.putNetwork(network(A))
      await store.putNetwork(network(B))
      await store.putNetwork({ ...network(A), name: 'Other', start: Uint8Array.of(9) })
      const all = (await store.networks()).sort((a, b) => a.networkId.localeCompare(b.networkId))
      expect(all).toEqual([{ ...network(A), name: 'Other', start: Uint8Array.of(9) }, network(B)])
    })

    it('writes restart point and chunks together, and names chunks by height', async () => {
      await store.writeChain(A, { restart: restart(20), put: [chunk(11, 2), chunk(2, 1)], remove: [] })
      await store.writeChain(B, { restart: restart(1), put: [chunk(1, 9)], remove: [] })
      expect(await store.readChain(A)).toEqual({ restart: restart(20), firsts: [2, 11] })
      expect(await store.readChunk(A, 11)).toEqual(chunk(11, 2))
      expect(await store.readChunk(A, 1)).toBeUndefined()
      await store.writeChain(A, { restart: restart(12), put: [chunk(2, 3)], remove: [11, 99] })
      expect(await store.readChain(A)).toEqual({ restart: restart(12), firsts: [2] })
      expect(await store.readChunk(A, 2)).toEqual(chunk(2, 3))
      expect(await store.readChunk(B, 1)).toEqual(chunk(1, 9))
    })

    it('removes before it puts', async () => {
      await store.writeChain(A, { restart: restart(2), put: [chunk(1, 1)], remove: [] })
      await store.writeChain(A, { restart: restart(2), put: [chunk(1, 2)], remove: [1] })
      expect(await store.readChunk(A, 1)).toEqual(chunk(1, 2))
    })

    it('makes room by forgetting chunks of every network, and nothing else', async () => {
      for (const id of [A, B]) {
        await store.writeChain(id, { restart: restart(9), put: [chunk(1, 1)], remove: [] })
        await store.writeIdentity(id, identity)
      }
      await store.dropChunks()
      for (const id of [A, B]) {
        expect(await store.readChain(id)).toEqual({ restart: restart(9), firsts: [] })
        expect(await store.readIdentity(id)).toEqual(identity)
      }
    })

    it('forgets headers without the identity', async () => {
      await store.writeChain(A, { restart: restart(2), put: [chunk(1, 1)], remove: [] })
      await store.writeIdentity(A, identity)
      await store.clearChain(A)
      expect(await store.readChain(A)).toBeUndefined()
      expect(await store.readIdentity(A)).toEqual(identity)
    })

    it('keeps a wallet whose private key cannot leave, and that still signs', async () => {
      const made = await generateWebSigner()
      if (!made.ok) throw new Error(made.detail)
      await store.writeIdentity(A, identity, made.value.keyPair)
      const kept = await store.readWallet(A)
      expect(kept?.privateKey.extractable).toBe(false)
      const signer = await webSignerFromKeyPair(kept as CryptoKeyPair)
      expect(signer.ok && signer.value.publicKey).toEqual(made.value.publicKey)
      expect(signer.ok && (await signer.value.sign(hash(1)))).toEqual(await made.value.sign(hash(1)))
      // A later state of the identity leaves the wallet where it is.
      await store.writeIdentity(A, { ...identity, state: 'settled' })
      expect(await store.readWallet(A)).toBeDefined()
      expect((await store.readIdentity(A))?.state).toBe('settled')
    })

    it('keeps incidents with their evidence', async () => {
      const incident = { at: 1, code: 'x', sentence: 'X.', severity: 'alarm' as const, evidence: Uint8Array.of(1, 2) }
      await store.writeIncidents(A, [incident])
      expect(await store.readIncidents(A)).toEqual([incident])
      expect(await store.readIncidents(B)).toEqual([])
    })

    it('keeps a directory until it is cleared', async () => {
      const directory = { bytes: Uint8Array.of(1, 2, 3), importedAt: 7 }
      expect(await store.readDirectory(A)).toBeUndefined()
      await store.writeDirectory(A, { bytes: Uint8Array.of(9), importedAt: 6 })
      await store.writeDirectory(A, directory)
      expect(await store.readDirectory(A)).toEqual(directory)
      expect(await store.readDirectory(B)).toBeUndefined()
      await store.clearDirectory(A)
      expect(await store.readDirectory(A)).toBeUndefined()
    })

    it('forgets a whole network', async () => {
      for (const id of [A, B]) {
        await store.putNetwork(network(id))
        await store.writeChain(id, { restart: restart(2), put: [chunk(1, 1)], remove: [] })
        await store.writeIdentity(id, identity)
        await store.writeDirectory(id, { bytes: Uint8Array.of(1), importedAt: 1 })
      }
      await store.removeNetwork(A)
      expect(await store.networks()).toEqual([network(B)])
      expect(await store.readChain(A)).toBeUndefined()
      expect(await store.readIdentity(A)).toBeUndefined()
      expect(await store.readDirectory(A)).toBeUndefined()
      expect(await store.readChain(B)).toBeDefined()
      expect(await store.readDirectory(B)).toBeDefined()
    })
  })
}
