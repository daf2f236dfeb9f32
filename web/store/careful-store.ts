import { LaresError } from '../../shared/errors.ts'
import type { IdentityRecord, LocalStore, NetworkRecord } from './local-store.ts'

/** A store that guards what cannot be fetched again: networks, identities, wallets. */
export interface CarefulStore extends LocalStore {
  /** Brings back into an emptied database what this page had read from it, or written to it. */
  restore(): Promise<void>
  /** What this page has read or written of identities, by network ID. */
  identities(): ReadonlyMap<string, IdentityRecord>
}

/**
 * Headers make room: when one of these, or a directory, finds none, all packed headers go, and it is written once more. And since a
 * database can be deleted under a page, networks, identities and wallets are held in memory as well: one small entry for
 * each network, which are bounded.
 *
 * @throws {LaresError} `storage-failed` when the store cannot be read
 */
export async function createCarefulStore(store: LocalStore): Promise<CarefulStore> {
  const networks = new Map<string, NetworkRecord>()
  const identities = new Map<string, { readonly record: IdentityRecord; readonly wallet: CryptoKeyPair | undefined }>()
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
    async putNetwork(record) {
      await withRoom(() => store.putNetwork(record))
      networks.set(record.networkId, record)
    },
    async removeNetwork(networkId) {
      await store.removeNetwork(networkId)
      networks.delete(networkId)
      identities.delete(networkId)
    },
    async writeIdentity(networkId, record, wallet) {
      await withRoom(() => store.writeIdentity(networkId, record, wallet))
      identities.set(networkId, { record, wallet: wallet ?? identities.get(networkId)?.wallet })
    },
    writeDirectory: (networkId, directory) => withRoom(() => store.writeDirectory(networkId, directory)),
    async restore() {
      for (const record of networks.values()) await store.putNetwork(record)
      for (const [networkId, { record, wallet }] of identities) await store.writeIdentity(networkId, record, wallet)
    },
    identities: () => new Map([...identities].map(([networkId, { record }]) => [networkId, record])),
  }
}
