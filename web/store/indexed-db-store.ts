import type { IDBPDatabase, IDBPTransaction } from 'idb'
import { LaresError } from '../../shared/errors.ts'
import type { LocalStore } from './local-store.ts'
import { openDatabase, STORES, type StoreName } from './open-database.ts'
import {
  isDirectoryRecord,
  isHeaderChunk,
  isIdentityRecord,
  isIncident,
  isKeyPair,
  isNetworkRecord,
  isRestartRecord,
} from './shapes.ts'

const DATABASE = 'lares'

type Database = IDBPDatabase<unknown>
type Writing = IDBPTransaction<unknown, StoreName[], 'readwrite'>

/**
 * - `emptied`: the database was deleted while it was in use, and there is a new, empty one in its place
 * - `newer`: a newer page has taken the database over: this one may not touch it any more
 */
export type StorageLoss = 'emptied' | 'newer'

export interface IndexedDbInit {
  readonly name?: string
  /** What became of the database while it was open. */
  readonly onLoss?: (loss: StorageLoss) => void
}

/**
 * The store on disk: see open-database.ts for what is where. Tip and chunks change in one transaction, so do identity and
 * wallet.
 *
 * @throws {LaresError} `no-storage` when this window may not store anything, `newer-storage` when the database is a newer
 * page's, `storage-blocked` when another tab will not let go of an older one, `storage-unusable` when it does not open
 */
export async function openIndexedDbStore(init: IndexedDbInit = {}): Promise<LocalStore> {
  const { name = DATABASE, onLoss = () => {} } = init
  let closed = false
  let opening: Promise<Database> | undefined
  opening = open()
  await opening

  async function open(isFirst = true): Promise<Database> {
    try {
      const opened = await openDatabase(name, { onGone })
      if (opened.isNew && !isFirst) onLoss('emptied')
      return opened.database
    } catch (error) {
      opening = undefined
      if (!isFirst && (error as LaresError).code === 'newer-storage') onLoss('newer')
      throw error
    }
  }

  /**
   * Somebody deletes the database, brings a newer version of it, or the browser closed it. This connection is closed
   * already and in nobody's way; the next one is asked for at once, so that what is lost is noticed while it is in memory.
   */
  function onGone(): void {
    opening = undefined
    // Who reads or writes next gets the error.
    if (!closed) database().catch(() => undefined)
  }

  function database(): Promise<Database> {
    opening ??= open(false)
    return opening
  }

  async function run<Value>(work: (opened: Database) => Promise<Value>): Promise<Value> {
    for (let again = true; ; again = false) {
      const opened = await database()
      try {
        return await work(opened)
      } catch (error) {
        const { name: kind, message } = error as Error
        // The connection was closed before the call reached it: the next one is good.
        if (kind === 'InvalidStateError') opening = undefined
        if (kind === 'InvalidStateError' && again) continue
        // Chromium: the error of a transaction that found no room may only be told by its abort.
        const code = kind === 'QuotaExceededError' || /quota/i.test(message) ? 'storage-full' : 'storage-failed'
        throw new LaresError(code, `IndexedDB: ${message}`, { cause: error })
      }
    }
  }

  function write(stores: StoreName[], work: (transaction: Writing) => Promise<unknown>[]): Promise<void> {
    return run(async (opened) => {
      const transaction = opened.transaction(stores, 'readwrite')
      const done = Promise.all([...work(transaction), transaction.done])
      await done.catch((error) => {
        // An abort says why only here.
        throw (transaction.error as Error | null) ?? error
      })
    })
  }

  async function read<Value>(
    store: StoreName,
    key: IDBValidKey,
    isValue: (value: unknown) => value is Value,
  ): Promise<Value | undefined> {
    const value: unknown = await run((opened) => opened.get(store, key))
    return isValue(value) ? value : undefined
  }

  const put = (store: StoreName, key: string, value: unknown) =>
    write([store], (to) => [to.objectStore(store).put(value, key)])
  const chunksOf = (networkId: string) => IDBKeyRange.bound([networkId, 0], [networkId, Number.MAX_SAFE_INTEGER])

  return {
    networks: () => run(async (opened) => (await opened.getAll('networks')).filter(isNetworkRecord)),
    putNetwork: (record) => put('networks', record.networkId, record),
    removeNetwork: (networkId) =>
      write([...STORES], (from) =>
        STORES.map((store) => from.objectStore(store).delete(store === 'chunks' ? chunksOf(networkId) : networkId)),
      ),

    readChain: (networkId) =>
      run(async (opened) => {
        const transaction = opened.transaction(['restarts', 'chunks'])
        const restart: unknown = await transaction.objectStore('restarts').get(networkId)
        const keys = await transaction.objectStore('chunks').getAllKeys(chunksOf(networkId))
        const firsts = keys.map((key) => (key as [string, number])[1])
        if (restart === undefined && firsts.length === 0) return undefined
        return { restart: isRestartRecord(restart) ? restart : undefined, firsts }
      }),
    readChunk: (networkId, first) => read('chunks', [networkId, first], isHeaderChunk),
    writeChain: (networkId, { restart, put: chunks, remove }) =>
      write(['restarts', 'chunks'], (to) => [
        ...remove.map((first) => to.objectStore('chunks').delete([networkId, first])),
        ...chunks.map((chunk) => to.objectStore('chunks').put(chunk, [networkId, chunk.first])),
        to.objectStore('restarts').put(restart, networkId),
      ]),
    clearChain: (networkId) =>
      write(['restarts', 'chunks'], (from) => [
        from.objectStore('restarts').delete(networkId),
        from.objectStore('chunks').delete(chunksOf(networkId)),
      ]),
    dropChunks: () => write(['chunks'], (from) => [from.objectStore('chunks').clear()]),

    readIdentity: (networkId) => read('identities', networkId, isIdentityRecord),
    writeIdentity: (networkId, record, wallet) =>
      write(['identities', 'wallets'], (to) => [
        to.objectStore('identities').put(record, networkId),
        ...(wallet === undefined ? [] : [to.objectStore('wallets').put(wallet, networkId)]),
      ]),
    readWallet: (networkId) => read('wallets', networkId, isKeyPair),

    readIncidents: async (networkId) => ((await read('incidents', networkId, Array.isArray)) ?? []).filter(isIncident),
    writeIncidents: (networkId, incidents) => put('incidents', networkId, [...incidents]),

    readDirectory: (networkId) => read('directories', networkId, isDirectoryRecord),
    writeDirectory: (networkId, directory) => put('directories', networkId, directory),
    clearDirectory: (networkId) =>
      write(['directories'], (from) => [from.objectStore('directories').delete(networkId)]),

    close() {
      closed = true
      opening?.then(
        (opened) => opened.close(),
        () => undefined,
      )
      opening = undefined
    },
  }
}
