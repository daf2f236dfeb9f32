/**
 * A page's whole database as text, and back: the fixtures of each schema version in test/vectors/indexed-db-<version>.json
 * were made with it, by the code of that version. Keys in them are of test wallets that sign nothing real.
 */
import { base64 } from '@scure/base'
import { type IDBPDatabase, openDB } from 'idb'

export interface DatabaseDump {
  readonly version: number
  readonly stores: Readonly<Record<string, readonly { readonly key: unknown; readonly value: unknown }[]>>
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

/** The wallet's private key must be one that can be exported: only a test has such. */
async function toText(value: unknown): Promise<unknown> {
  if (value instanceof Uint8Array) return { $bytes: base64.encode(value) }
  if (value === undefined) return { $undefined: true }
  if (Array.isArray(value)) return Promise.all(value.map(toText))
  if (!isObject(value)) return value
  if ('privateKey' in value) return { $wallet: await crypto.subtle.exportKey('jwk', value['privateKey'] as CryptoKey) }
  return Object.fromEntries(
    await Promise.all(Object.entries(value).map(async ([name, one]) => [name, await toText(one)])),
  )
}

/** A wallet comes back as the page makes it: its private key stays where it is. */
async function fromText(value: unknown): Promise<unknown> {
  if (Array.isArray(value)) return Promise.all(value.map(fromText))
  if (!isObject(value)) return value
  if (typeof value['$bytes'] === 'string') return base64.decode(value['$bytes'])
  if ('$undefined' in value) return undefined
  if (isObject(value['$wallet'])) {
    const { d: _secret, ...open } = value['$wallet'] as JsonWebKey
    const { crv, kty, x } = open
    return {
      privateKey: await crypto.subtle.importKey('jwk', value['$wallet'] as JsonWebKey, 'Ed25519', false, ['sign']),
      publicKey: await crypto.subtle.importKey('jwk', { crv, kty, x } as JsonWebKey, 'Ed25519', true, ['verify']),
    }
  }
  return Object.fromEntries(
    await Promise.all(Object.entries(value).map(async ([name, one]) => [name, await fromText(one)])),
  )
}

export async function dumpDatabase(name: string): Promise<DatabaseDump> {
  const database: IDBPDatabase<unknown> = await openDB(name)
  const stores: Record<string, { key: unknown; value: unknown }[]> = {}
  for (const store of database.objectStoreNames) {
    const keys = await database.getAllKeys(store)
    stores[store] = await Promise.all(
      keys.map(async (key) => ({ key, value: await toText(await database.get(store, key)) })),
    )
  }
  const { version } = database
  database.close()
  return { version, stores }
}

/** Makes the database anew, as it was when it was dumped. */
export async function restoreDump(name: string, dump: DatabaseDump): Promise<void> {
  const database: IDBPDatabase<unknown> = await openDB(name, dump.version, {
    upgrade(opened) {
      for (const store of Object.keys(dump.stores)) opened.createObjectStore(store)
    },
  })
  for (const [store, rows] of Object.entries(dump.stores))
    for (const { key, value } of rows) await database.put(store, await fromText(value), key as IDBValidKey)
  database.close()
}
