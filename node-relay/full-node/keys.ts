import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fromHex, toHex } from '../../shared/bytes.ts'
import type { Signer } from '../../shared/crypto/signer.ts'
import { LaresError } from '../../shared/errors.ts'
import { writeFileAtomic } from '../atomic-file.ts'
import { createNodeSigner, generateSeed } from '../crypto/node-signer.ts'

const KEYS_FILE = 'keys.json'

/** The relay's own keys. They never leave this directory: a 0600 file, read by this process and the command line. */
export interface RelayKeys {
  /** Signs for the device. */
  readonly wallet: Signer
  /** Seals headers and signs votes. */
  readonly sealing: Signer
}

interface KeysFile {
  readonly version: 1
  readonly walletSeed: string
  readonly sealingSeed: string
}

/** @throws {LaresError} `no-keys` when this directory has none yet, `keys-damaged` */
export async function loadKeys(dataDir: string): Promise<RelayKeys> {
  const path = join(dataDir, KEYS_FILE)
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    throw new LaresError('no-keys', `There is no relay in ${dataDir} yet. Start it once with "npm start".`)
  }
  try {
    const file = JSON.parse(text) as KeysFile
    if (file.version !== 1) throw new Error(`version ${file.version}`)
    return { wallet: createNodeSigner(fromHex(file.walletSeed)), sealing: createNodeSigner(fromHex(file.sealingSeed)) }
  } catch (error) {
    throw new LaresError('keys-damaged', keysLost(`The key file ${path} cannot be read.`), { cause: error })
  }
}

/** What helps a relay without its keys, after what has become of them. */
export function keysLost(what: string): string {
  return `${what} Move the folder away and bring the relay back from a backup with "lares restore"; then "lares recover" lets it go on.`
}

/** Makes and stores new keys. */
export async function createKeys(dataDir: string): Promise<RelayKeys> {
  const file: KeysFile = { version: 1, walletSeed: toHex(generateSeed()), sealingSeed: toHex(generateSeed()) }
  writeFileAtomic(join(dataDir, KEYS_FILE), `${JSON.stringify(file)}\n`)
  return await loadKeys(dataDir)
}

/** The relay goes on sealing with another key; in one step. @throws {LaresError} `no-keys`, `keys-damaged` */
export async function replaceSealingKey(dataDir: string, seed: Uint8Array): Promise<void> {
  await loadKeys(dataDir)
  const path = join(dataDir, KEYS_FILE)
  const file = JSON.parse(await readFile(path, 'utf8')) as KeysFile
  writeFileAtomic(path, `${JSON.stringify({ ...file, sealingSeed: toHex(seed) })}\n`)
}
