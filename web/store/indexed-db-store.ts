import { type IDBPDatabase, type IDBPTransaction, openDB } from 'idb'
import { LaresError } from '../../shared/errors.ts'
import type { LocalStore } from './local-store.ts'
import {
  isChainTip,
  isDirectoryRecord,
  isHeaderChunk,
  isIdentityRecord,
  isIncident,
  isKeyPair,
  isNetworkRecord,
} from './shapes.ts'

/**
 * The database `lares`, one for all networks:
 *
 *     store        key                     value
 *     networks     networkId               NetworkRecord
 *     tips         networkId               ChainTip
 *     chunks       [networkId, first]      HeaderChunk
 *     identities   networkId               IdentityRecord
 *     wallets      networkId               CryptoKeyPair, its private key not extractable
 *     incidents    networkId               StoredIncident[]
 *     directories  networkId               DirectoryRecord, since version 2
 *
 * networkId is hex. Tip and chunks change in one transaction, so do identity and wallet.
 */
const STORES = ['networks', 'tips', 'chunks', 'identities', 'wallets', 'incidents', 'directories'] as const
const DATABASE = 'lares'
const VERSION = 2

type StoreName = (typeof STORES)[number]
type Database = IDBPDatabase<unknown>
type Writing = IDBPTransaction<unknown, StoreName[], 'readwrite'>

/** @throws {LaresError} `no-storage` when this window may not store anything */
export async function openIndexedDbStore(name = DATABASE): Promise<LocalStore> {
  if ((globalThis as Partial<typeof globalThis>).indexedDB === undefined)
    throw new LaresError('no-storage', 'there is no IndexedDB here')
  let database: Database | undefined = await open(name)

  async function open(at: string): Promise<Database> {
    try {
      return await openDB(at, VERSION, {
        upgrade(opened) {
          for (const store of STORES) if (!opened.objectStoreNames.contains(store)) opened.createObjectStore(store)
        },
        // Another tab brings a newer version: this one must not stand in its way.
        blocking: () => drop(),
        // The browser closed it (cleared data, a full disk): the next call opens it anew.
        terminated: () => drop(),
      })
    } catch (error) {
      throw new LaresError('no-storage', `IndexedDB does not open: ${(error as Error).message}`, { cause: error })
    }
  }

  function drop(): void {
    database?.close()
    database = undefined
  }

  async function run<Value>(work: (opened: Database) => Promise<Value>): Promise<Value> {
    database ??= await open(name)
    try {
      return await work(database)
    } catch (error) {
      // A connection that closed under the call is opened anew by the next one.
      if ((error as Error).name === 'InvalidStateError') drop()
      throw new LaresError('storage-failed', `IndexedDB: ${(error as Error).message}`, { cause: error })
    }
  }

  function write(stores: StoreName[], work: (transaction: Writing) => Promise<unknown>[]): Promise<void> {
    return run(async (opened) => {
      const transaction = opened.transaction(stores, 'readwrite')
      await Promise.all([...work(transaction), transaction.done])
    })
  }

  const chunksOf = (networkId: string) => IDBKeyRange.bound([networkId, 0], [networkId, Number.MAX_SAFE_INTEGER])

  return {
    networks: () => run(async (opened) => (await opened.getAll('networks')).filter(isNetworkRecord)),
    putNetwork: (record) => write(['networks'], (to) => [to.objectStore('networks').put(record, record.networkId)]),
    removeNetwork: (networkId) =>
      write([...STORES], (from) =>
        STORES.map((store) => from.objectStore(store).delete(store === 'chunks' ? chunksOf(networkId) : networkId)),
      ),

    readChain: (networkId) =>
      run(async (opened) => {
        const transaction = opened.transaction(['tips', 'chunks'])
        const tip: unknown = await transaction.objectStore('tips').get(networkId)
        const chunks: unknown[] = await transaction.objectStore('chunks').getAll(chunksOf(networkId))
        return isChainTip(tip) ? { tip, chunks: chunks.filter(isHeaderChunk) } : undefined
      }),
    writeChain: (networkId, { tip, put, remove }) =>
      write(['tips', 'chunks'], (to) => [
        ...remove.map((first) => to.objectStore('chunks').delete([networkId, first])),
        ...put.map((chunk) => to.objectStore('chunks').put(chunk, [networkId, chunk.first])),
        to.objectStore('tips').put(tip, networkId),
      ]),
    clearChain: (networkId) =>
      write(['tips', 'chunks'], (from) => [
        from.objectStore('tips').delete(networkId),
        from.objectStore('chunks').delete(chunksOf(networkId)),
      ]),

    readIdentity: (networkId) =>
      run(async (opened) => {
        const record: unknown = await opened.get('identities', networkId)
        return isIdentityRecord(record) ? record : undefined
      }),
    writeIdentity: (networkId, record, wallet) =>
      write(['identities', 'wallets'], (to) => [
        to.objectStore('identities').put(record, networkId),
        ...(wallet === undefined ? [] : [to.objectStore('wallets').put(wallet, networkId)]),
      ]),
    readWallet: (networkId) =>
      run(async (opened) => {
        const wallet: unknown = await opened.get('wallets', networkId)
        return isKeyPair(wallet) ? wallet : undefined
      }),

    readIncidents: (networkId) =>
      run(async (opened) => {
        const incidents: unknown = await opened.get('incidents', networkId)
        return Array.isArray(incidents) ? incidents.filter(isIncident) : []
      }),
    writeIncidents: (networkId, incidents) =>
      write(['incidents'], (to) => [to.objectStore('incidents').put([...incidents], networkId)]),

    readDirectory: (networkId) =>
      run(async (opened) => {
        const directory: unknown = await opened.get('directories', networkId)
        return isDirectoryRecord(directory) ? directory : undefined
      }),
    writeDirectory: (networkId, directory) =>
      write(['directories'], (to) => [to.objectStore('directories').put(directory, networkId)]),
    clearDirectory: (networkId) =>
      write(['directories'], (from) => [from.objectStore('directories').delete(networkId)]),

    close: drop,
  }
}
