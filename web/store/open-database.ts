import { type IDBPDatabase, type IDBPTransaction, openDB } from 'idb'
import { LaresError } from '../../shared/errors.ts'
import { isHeaderChunk } from './shapes.ts'

/**
 * The database, one for all networks. Version 2:
 *
 *     store        key                     value
 *     networks     networkId               NetworkRecord
 *     restarts     networkId               RestartRecord: all that a reload reads before it opens
 *     chunks       [networkId, first]      HeaderChunk: older headers
 *     identities   networkId               IdentityRecord
 *     wallets      networkId               CryptoKeyPair, its private key not extractable
 *     incidents    networkId               StoredIncident[]
 *     directories  networkId               DirectoryRecord
 *
 * networkId is hex. Version 1 had no directories, and in place of restarts a store `tips` (height, hash and what was
 * settled); the newest headers were in the last chunk.
 */
export const STORES = ['networks', 'restarts', 'chunks', 'identities', 'wallets', 'incidents', 'directories'] as const
export const SCHEMA_VERSION = 2

export type StoreName = (typeof STORES)[number]
type Upgrading = IDBPTransaction<unknown, string[], 'versionchange'>

/** A database that does not open is tried again after these pauses, ms: the disk may be busy. */
const RETRY_PAUSES_MS = [250, 1_000]
/** So long may another tab, which was told to, take to let go of an older version, ms. */
const BLOCKED_MS = 10_000

export interface OpenedDatabase {
  readonly database: IDBPDatabase<unknown>
  /** There was none before. */
  readonly isNew: boolean
}

/**
 * @throws {LaresError} `no-storage`, `newer-storage`, `storage-blocked`, `storage-unusable`: see {@link openIndexedDbStore}.
 * Nothing is ever deleted for not being understood.
 */
export async function openDatabase(name: string, init: { readonly onGone: () => void }): Promise<OpenedDatabase> {
  if ((globalThis as Partial<typeof globalThis>).indexedDB === undefined)
    throw new LaresError('no-storage', 'there is no IndexedDB here')
  for (let tries = 0; ; tries++) {
    try {
      return await openOnce(name, init.onGone)
    } catch (error) {
      const { name: kind, message } = error as Error
      if (error instanceof LaresError) throw error
      if (kind === 'VersionError') throw new LaresError('newer-storage', message, { cause: error })
      // The browser forbids it (private window, cookies off): no second try helps.
      if (kind === 'SecurityError' || kind === 'InvalidStateError')
        throw new LaresError('no-storage', `IndexedDB does not open: ${message}`, { cause: error })
      const pause = RETRY_PAUSES_MS[tries]
      if (pause === undefined)
        throw new LaresError('storage-unusable', `IndexedDB does not open: ${message}`, { cause: error })
      await new Promise((resolve) => setTimeout(resolve, pause))
    }
  }
}

async function openOnce(name: string, onGone: () => void): Promise<OpenedDatabase> {
  let isNew = false
  let patience: ReturnType<typeof setTimeout> | undefined
  let giveUp = (_reason: LaresError) => {}
  const blocked = new Promise<never>((_resolve, reject) => {
    giveUp = reject
  })
  const opening = openDB(name, SCHEMA_VERSION, {
    async upgrade(database, oldVersion, _newVersion, transaction) {
      isNew = oldVersion === 0
      for (const store of STORES) if (!database.objectStoreNames.contains(store)) database.createObjectStore(store)
      if (oldVersion === 1) await fromVersion1(transaction as unknown as Upgrading, database)
    },
    blocked() {
      patience = setTimeout(() => giveUp(new LaresError('storage-blocked', 'another tab holds it')), BLOCKED_MS)
    },
    blocking(_current, _next, event) {
      ;(event.target as IDBDatabase).close()
      onGone()
    },
    terminated: onGone,
  })
  try {
    const database = await Promise.race([opening, blocked])
    return { database, isNew }
  } catch (error) {
    // Should it open after all, it must not stand in anybody's way.
    opening.then((late) => late.close()).catch(() => undefined)
    throw error
  } finally {
    clearTimeout(patience)
  }
}

/** The last chunk becomes the restart point. What is damaged is left out: it is fetched again. */
async function fromVersion1(transaction: Upgrading, database: IDBPDatabase<unknown>): Promise<void> {
  const [tips, restarts, chunks] = ['tips', 'restarts', 'chunks'].map((store) => transaction.objectStore(store))
  if (tips === undefined || restarts === undefined || chunks === undefined) return
  for (const networkId of await tips.getAllKeys()) {
    const tip: unknown = await tips.get(networkId)
    const keys = await chunks.getAllKeys(IDBKeyRange.bound([networkId, 0], [networkId, Number.MAX_SAFE_INTEGER]))
    const [lowest, last] = [keys[0], keys.at(-1)]
    const chunk: unknown = last === undefined ? undefined : await chunks.get(last)
    if (lowest === undefined || last === undefined || !isHeaderChunk(chunk) || typeof tip !== 'object') continue
    const { start, items } = chunk
    await restarts.put({ ...tip, floor: (lowest as [string, number])[1], start, items }, networkId)
    await chunks.delete(last)
  }
  database.deleteObjectStore('tips')
}
