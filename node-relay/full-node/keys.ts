import { existsSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { fromHex, HASH_LENGTH, toHex } from '../../shared/bytes.ts'
import type { Signer } from '../../shared/crypto/signer.ts'
import { LaresError } from '../../shared/errors.ts'
import { writeFileAtomic } from '../atomic-file.ts'
import { createNodeSigner, generateSeed } from '../crypto/node-signer.ts'

const KEYS_FILE = 'keys.json'
const KEYS_VERSION = 2
const DAMAGED_KEYS_FILE = 'keys.damaged.json'

/** The relay's own keys. They never leave this directory: a 0600 file, read by this process and the command line. */
export interface RelayKeys {
  /** Signs for the device. */
  readonly wallet: Signer
  /** Seals headers and signs votes. */
  readonly sealing: Signer
  /** Whose keys these are; undefined while the wallet key is the first one, from which that follows. */
  readonly device: KeysDevice | undefined
  /** Keys that are to take the place of the others. Both are kept until that is settled: a reorganization may undo it. */
  readonly next: NextKeys | undefined
}

/** What stays when keys change. */
export interface KeysDevice {
  readonly deviceId: Uint8Array
  /** Of the first wallet key: by it a seat is known. */
  readonly walletId: Uint8Array
}

export interface NextKeys {
  readonly wallet: Signer
  /** undefined: the sealing key stays. */
  readonly sealing: Signer | undefined
  /** Encoded transactions by the recovery key, which is not here; undefined: the present keys sign. */
  readonly signed: readonly Uint8Array[] | undefined
}

/** New keys as they are handed over to be kept: seeds of 32 bytes. */
export interface NewKeys {
  readonly walletSeed: Uint8Array
  readonly sealingSeed: Uint8Array | undefined
  readonly signed?: readonly Uint8Array[] | undefined
}

/** Version 2 has the device, and perhaps next keys: what an older Lares must not pass over. Bytes in hex. */
interface KeysFile {
  readonly version: 1 | 2
  readonly walletSeed: string
  readonly sealingSeed: string
  readonly device?: { readonly deviceId: string; readonly walletId: string }
  readonly next?: { readonly walletSeed: string; readonly sealingSeed?: string; readonly signed?: readonly string[] }
}

/** @throws {LaresError} `no-keys` when this directory has none yet, `keys-damaged`, `keys-newer` */
export async function loadKeys(dataDir: string): Promise<RelayKeys> {
  return readKeys(dataDir).keys
}

/** What helps a relay without its keys, after what has become of them. */
export function keysLost(what: string): string {
  return `${what} Its recovery words give it new ones: "lares wallet recover". Or move the folder away and bring the relay back from a backup with "lares restore"; then "lares recover" lets it go on.`
}

/** Makes and stores new keys. */
export async function createKeys(dataDir: string): Promise<RelayKeys> {
  return write(dataDir, { version: 1, walletSeed: toHex(generateSeed()), sealingSeed: toHex(generateSeed()) })
}

/** New keys of a device that is in the ledger and has lost its own. What was there, and cannot be read, is set aside. */
export function createKeysOf(dataDir: string, { deviceId, walletId }: KeysDevice): RelayKeys {
  const path = join(dataDir, KEYS_FILE)
  if (existsSync(path)) renameSync(path, join(dataDir, DAMAGED_KEYS_FILE))
  return write(dataDir, {
    version: 2,
    walletSeed: toHex(generateSeed()),
    sealingSeed: toHex(generateSeed()),
    device: { deviceId: toHex(deviceId), walletId: toHex(walletId) },
  })
}

/** The relay goes on sealing with another key; in one step. @throws {LaresError} `no-keys`, `keys-damaged` */
export function replaceSealingKey(dataDir: string, seed: Uint8Array): RelayKeys {
  const { next, ...file } = readKeys(dataDir).file
  // A new sealing key that waits would replace the one from which it was to take over.
  const { sealingSeed: _, ...wallet } = next ?? { walletSeed: '' }
  return write(dataDir, { ...file, sealingSeed: toHex(seed), ...(next && { next: wallet }) })
}

/**
 * Keeps new keys beside the present ones, in one step, before anything is signed with them.
 * @throws {LaresError} `no-keys`, `keys-damaged`, and the file system's errors
 */
export function keepNextKeys(dataDir: string, { deviceId, walletId }: KeysDevice, keys: NewKeys): RelayKeys {
  const { walletSeed, sealingSeed, signed } = keys
  return write(dataDir, {
    ...readKeys(dataDir).file,
    version: 2,
    device: { deviceId: toHex(deviceId), walletId: toHex(walletId) },
    next: {
      walletSeed: toHex(walletSeed),
      ...(sealingSeed && { sealingSeed: toHex(sealingSeed) }),
      ...(signed && { signed: signed.map(toHex) }),
    },
  })
}

/** Transactions by the recovery key for the next keys. @throws as {@link keepNextKeys} */
export function signNextKeys(dataDir: string, signed: readonly Uint8Array[]): RelayKeys {
  const { file } = readKeys(dataDir)
  return write(dataDir, { ...file, ...(file.next && { next: { ...file.next, signed: signed.map(toHex) } }) })
}

/**
 * The new keys are the keys, those of them that were taken into use; the old ones are gone for good.
 * @throws as {@link keepNextKeys}
 */
export function takeNextKeys(
  dataDir: string,
  take: { readonly wallet: boolean; readonly sealing: boolean },
): RelayKeys {
  const { next, ...file } = readKeys(dataDir).file
  return write(dataDir, {
    ...file,
    ...(take.wallet && next && { walletSeed: next.walletSeed }),
    ...(take.sealing && next?.sealingSeed && { sealingSeed: next.sealingSeed }),
  })
}

function write(dataDir: string, file: KeysFile): RelayKeys {
  const keys = keysOf(file)
  writeFileAtomic(join(dataDir, KEYS_FILE), `${JSON.stringify(file)}\n`)
  return keys
}

function readKeys(dataDir: string): { readonly file: KeysFile; readonly keys: RelayKeys } {
  const path = join(dataDir, KEYS_FILE)
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    throw new LaresError('no-keys', `There is no relay in ${dataDir} yet. Start it once with "npm start".`)
  }
  try {
    const file = JSON.parse(text) as KeysFile
    const version: unknown = file.version
    if (Number.isInteger(version) && (version as number) > KEYS_VERSION)
      throw new LaresError('keys-newer', `The key file ${path} was made by a newer Lares: update Lares.`)
    if (version !== 1 && version !== KEYS_VERSION) throw new Error(`version ${version}`)
    return { file, keys: keysOf(file) }
  } catch (error) {
    if (error instanceof LaresError && error.code === 'keys-newer') throw error
    throw new LaresError('keys-damaged', keysLost(`The key file ${path} cannot be read.`), { cause: error })
  }
}

function keysOf({ walletSeed, sealingSeed, device, next }: KeysFile): RelayKeys {
  return {
    wallet: createNodeSigner(fromHex(walletSeed)),
    sealing: createNodeSigner(fromHex(sealingSeed)),
    device: device && { deviceId: hashIn(device.deviceId), walletId: hashIn(device.walletId) },
    next: next && {
      wallet: createNodeSigner(fromHex(next.walletSeed)),
      sealing: next.sealingSeed === undefined ? undefined : createNodeSigner(fromHex(next.sealingSeed)),
      signed: next.signed?.map(fromHex),
    },
  }
}

function hashIn(hex: string): Uint8Array {
  const bytes = fromHex(hex)
  if (bytes.length !== HASH_LENGTH) throw new Error(`${bytes.length} bytes`)
  return bytes
}
