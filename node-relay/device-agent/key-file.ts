import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { fromHex, toHex } from '../../shared/bytes.ts'
import { LaresError } from '../../shared/errors.ts'
import { PRIVATE_FILE_MODE, writeFileAtomic } from '../atomic-file.ts'

const HEX_32 = /^[0-9a-f]{64}$/

/** Who a device is in a network. */
export interface Membership {
  readonly networkId: Uint8Array
  readonly deviceId: Uint8Array
  /** Origin of the relay that it joined at. */
  readonly relay: string
}

/** A device's key, in a 0600 file on its board. */
export interface DeviceKeyFile {
  readonly path: string
  /** Of the wallet key (RFC 8032's private key), 32 bytes. */
  readonly seed: Uint8Array
  /** The public half: the private one is in the owner's recovery words. */
  readonly recoveryKey: Uint8Array
  /** From the first attempt to join on. */
  readonly membership: Membership | undefined
}

/** Makes a new file and never overwrites one. @throws {LaresError} `key-file-exists`, `key-file-unwritable` */
export function createKeyFile(path: string, seed: Uint8Array, recoveryKey: Uint8Array): void {
  try {
    writeFileSync(path, format({ path, seed, recoveryKey, membership: undefined }), {
      flag: 'wx',
      mode: PRIVATE_FILE_MODE,
      flush: true,
    })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST')
      throw new LaresError('key-file-exists', `There is a file ${path} already; a key is never overwritten.`)
    throw new LaresError('key-file-unwritable', `The key cannot be written to ${path} (${code}).`, { cause: error })
  }
}

/** @throws {LaresError} `no-key-file`, `key-file-open-to-others`, `key-file-damaged`, each with a sentence */
export function readKeyFile(path: string): DeviceKeyFile {
  let text: string
  try {
    // Windows has no such modes.
    if (process.platform !== 'win32' && (statSync(path).mode & 0o077) !== 0)
      throw new LaresError('key-file-open-to-others', `Other users can read the key in ${path}; run: chmod 600 ${path}`)
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if (error instanceof LaresError) throw error
    throw new LaresError(
      'no-key-file',
      `There is no key file ${path} that can be read; make one with "lares device keygen --out ${path}".`,
      { cause: error },
    )
  }
  const file = parse(path, text)
  if (file === undefined)
    throw new LaresError('key-file-damaged', `${path} is not a key file, or is damaged; restore it from a copy.`)
  return file
}

/** Remembers who this device is. Killed at any instant, the old or the new file is there. */
export function storeMembership(file: DeviceKeyFile, membership: Membership): DeviceKeyFile {
  const changed = { ...file, membership }
  writeFileAtomic(file.path, format(changed))
  return changed
}

function format({ seed, recoveryKey, membership }: DeviceKeyFile): string {
  const member = membership && {
    networkId: toHex(membership.networkId),
    deviceId: toHex(membership.deviceId),
    relay: membership.relay,
  }
  const content = { kind: 'lares-device', version: 1, seed: toHex(seed), recoveryKey: toHex(recoveryKey), ...member }
  return `${JSON.stringify(content, undefined, 1)}\n`
}

function parse(path: string, text: string): DeviceKeyFile | undefined {
  let content: unknown
  try {
    content = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof content !== 'object' || content === null) return undefined
  const fields = content as Readonly<Record<string, unknown>>
  const key = (name: string) => {
    const value = fields[name]
    return typeof value === 'string' && HEX_32.test(value) ? fromHex(value) : undefined
  }
  const [seed, recoveryKey, networkId, deviceId] = [key('seed'), key('recoveryKey'), key('networkId'), key('deviceId')]
  const relay = fields['relay']
  if (fields['kind'] !== 'lares-device' || fields['version'] !== 1) return undefined
  if (seed === undefined || recoveryKey === undefined) return undefined
  if (networkId === undefined || deviceId === undefined || typeof relay !== 'string')
    return fields['networkId'] === undefined ? { path, seed, recoveryKey, membership: undefined } : undefined
  return { path, seed, recoveryKey, membership: { networkId, deviceId, relay } }
}
