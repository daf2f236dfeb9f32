import { LaresError } from '../../shared/errors.ts'
import type { IdentityRecord, LocalStore, NetworkRecord } from './local-store.ts'

/** A store that guards what cannot be fetched again: networks, identities, wallets. */
export interface CarefulStore extends LocalStore {
  /** Takes a network up that finds no room in the database: in memory, until it is written. */
  hold(record: NetworkRecord): void
  /** Brings back into an emptied database what this page had read from it, or written to it. */
  restore(): Promise<void>
  /** What this page has read or written of identities, by network ID. */
  identities(): ReadonlyMap<string, IdentityRecord>
}

/**
 * Headers make room: when one of these, or a directory, finds none, all packed headers go, and it is written once more. And since a
 * database can be deleted under a page, networks, identities and wallets are held in memory as well: one small entry for
 * each network, which are bounded. What is still under way when a network is removed writes nothing into it any more.
 *
 * @throws {LaresError} `storage-failed` when the store cannot be read
 */
export async function createCarefulStore(store: LocalStore): Promise<CarefulStore> {
  const networks = new Map<string, NetworkRecord>()
  const identities = new Map<string, { readonly record: IdentityRecord; readonly wallet: CryptoKeyPair | undefined }>()
  /** Bounded by what a person removes while the page is open. */
  const removed = new Set<string>()
  for (const network of await store.networks()) {
    const { networkId } = network
    networks.set(networkId, network)
    // One record that the browser cannot read must not keep the others from being used.
    const record = await store.readIdentity(networkId).catch(() => undefined)
    const wallet = await store.readWallet(networkId).catch(() => undefined)
    if (record !== undefined) identities.set(networkId, { record, wallet })
  }

  async function withRoom(write: () => Promise<void>): Promise<void> {
    try {
      await write()
    } catch (error) {
      if (!(error instanceof LaresError) || error.code !== 'storage-full') throw error
      await store.dropChunks()
      await write()
    }
  }

  return {
    ...store,
    networks: async () => [...networks.values()],
    hold: (record) => void networks.set(record.networkId, record),
    async putNetwork(record) {
      removed.delete(record.networkId)
      await withRoom(() => store.putNetwork(record))
      networks.set(record.networkId, record)
    },
    async removeNetwork(networkId) {
      removed.add(networkId)
      try {
        await store.removeNetwork(networkId)
      } catch (error) {
        removed.delete(networkId)
        throw error
      }
      networks.delete(networkId)
      identities.delete(networkId)
    },
    async writeChain(networkId, write) {
      if (!removed.has(networkId)) await store.writeChain(networkId, write)
    },
    async writeIncidents(networkId, incidents) {
      if (!removed.has(networkId)) await store.writeIncidents(networkId, incidents)
    },
    async writeIdentity(networkId, record, wallet) {
      if (removed.has(networkId)) return
      await withRoom(() => store.writeIdentity(networkId, record, wallet))
      identities.set(networkId, { record, wallet: wallet ?? identities.get(networkId)?.wallet })
    },
    async writeDirectory(networkId, directory) {
      if (!removed.has(networkId)) await withRoom(() => store.writeDirectory(networkId, directory))
    },
    async restore() {
      for (const record of networks.values()) await store.putNetwork(record)
      for (const [networkId, { record, wallet }] of identities) await store.writeIdentity(networkId, record, wallet)
    },
    identities: () => new Map([...identities].map(([networkId, { record }]) => [networkId, record])),
  }
}
