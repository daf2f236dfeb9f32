import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import { LaresError } from '../../shared/errors.ts'
import { CHECK_LENGTH, NONCE_LENGTH, SALT_LENGTH } from './format.ts'

/** 128 MiB and some tenths of a second for each guess. */
const SCRYPT = { N: 2 ** 17, r: 8, p: 1, maxmem: 256 * 1024 * 1024 } as const
const KEY_LENGTH = 32
/** Characters. */
const MIN_PASSPHRASE_LENGTH = 8
const MAX_PASSPHRASE_LENGTH = 1_024

const scryptAsync = promisify<string, Uint8Array, number, typeof SCRYPT, Buffer>(scrypt)

/** What opens one file: no two have the same key. */
export interface BackupKey {
  readonly key: Uint8Array
  readonly salt: Uint8Array
  readonly nonce: Uint8Array
  readonly check: Uint8Array
}

/** @throws {LaresError} `bad-passphrase` when it is too short to protect anything */
export async function createBackupKey(passphrase: string): Promise<BackupKey> {
  if (passphrase.length < MIN_PASSPHRASE_LENGTH || passphrase.length > MAX_PASSPHRASE_LENGTH)
    throw new LaresError(
      'bad-passphrase',
      `The passphrase must have ${MIN_PASSPHRASE_LENGTH} to ${MAX_PASSPHRASE_LENGTH} characters; five or more words are good.`,
    )
  const salt = randomBytes(SALT_LENGTH)
  return { ...(await derive(passphrase, salt)), salt, nonce: randomBytes(NONCE_LENGTH) }
}

/** @throws {LaresError} `wrong-passphrase` */
export async function openBackupKey(passphrase: string, header: Omit<BackupKey, 'key'>): Promise<BackupKey> {
  const { key, check } = await derive(passphrase.slice(0, MAX_PASSPHRASE_LENGTH), header.salt)
  if (!timingSafeEqual(check, header.check))
    throw new LaresError('wrong-passphrase', 'This is not the passphrase of the backup. Nothing was changed.')
  return { ...header, key }
}

async function derive(passphrase: string, salt: Uint8Array): Promise<{ key: Uint8Array; check: Uint8Array }> {
  const bytes = await scryptAsync(passphrase.normalize('NFKC'), salt, KEY_LENGTH + CHECK_LENGTH, SCRYPT)
  return { key: bytes.subarray(0, KEY_LENGTH), check: bytes.subarray(KEY_LENGTH) }
}
