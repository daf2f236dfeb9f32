import { createDecipheriv, createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { type Duplex, PassThrough } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { equalBytes } from '../../shared/bytes.ts'
import { LaresError } from '../../shared/errors.ts'
import { diskError } from './disk-error.ts'
import {
  BACKUP_VERSION,
  CHECK_LENGTH,
  FILE_HASH_LENGTH,
  MAGIC,
  NONCE_LENGTH,
  PREFIX_LENGTH,
  PROTECTION,
  SALT_LENGTH,
  TAG_LENGTH,
} from './format.ts'
import type { BackupKey } from './passphrase-key.ts'
import { badBackup, type ContentPart, readContent } from './read-content.ts'

const HASH_PIECE_BYTES = 1024 * 1024

/** A backup file whose hash fits. */
export interface Backup {
  readonly hash: Uint8Array
  /** What a passphrase has to open; undefined when there is none. */
  readonly protection: Omit<BackupKey, 'key'> | undefined
  /** Can be read as often as wanted. @throws {LaresError} `backup-damaged` */
  content(key?: BackupKey | undefined): AsyncGenerator<ContentPart, void>
}

/**
 * Opens a backup: what it is, and whether every byte of it is what was written.
 * @throws {LaresError} `no-such-place`, `not-a-backup`, `backup-newer`, `backup-damaged`
 */
export async function openBackup(path: string): Promise<Backup> {
  let file: FileHandle
  try {
    file = await open(path, 'r')
  } catch (error) {
    throw diskError(error, path, 'Nothing was changed.')
  }
  try {
    const stat = await file.stat()
    if (!stat.isFile()) throw notABackup(path)
    const prefix = await readAt(file, 0, PREFIX_LENGTH)
    if (prefix.length < PREFIX_LENGTH || !equalBytes(new Uint8Array(prefix.subarray(0, MAGIC.length)), MAGIC))
      throw notABackup(path)
    const version = prefix[MAGIC.length] as number
    if (version > BACKUP_VERSION)
      throw new LaresError(
        'backup-newer',
        `This backup was made by a newer Lares (format ${version}, this one knows ${BACKUP_VERSION}): update Lares, and restore it then.`,
      )
    const isProtected = prefix[MAGIC.length + 1] === PROTECTION.passphrase
    const headLength = PREFIX_LENGTH + (isProtected ? SALT_LENGTH + NONCE_LENGTH + CHECK_LENGTH : 0)
    const bodyEnd = stat.size - FILE_HASH_LENGTH - (isProtected ? TAG_LENGTH : 0)
    if (bodyEnd <= headLength) throw badBackup('it is cut off')
    const hash = await checkHash(file, stat.size)
    if (version !== BACKUP_VERSION || (prefix[MAGIC.length + 1] as number) > PROTECTION.passphrase)
      throw badBackup('it is of no known kind')
    const head = await readAt(file, 0, headLength)
    const tag = isProtected ? await readAt(file, bodyEnd, TAG_LENGTH) : undefined
    return {
      hash,
      protection: isProtected ? protectionOf(head) : undefined,
      async *content(key) {
        const decipher = tag && decipherOf(head, tag, key)
        const body = createReadStream(path, { start: headLength, end: bodyEnd - 1 })
        yield* readContent(unpacked(body, decipher))
      },
    }
  } finally {
    await file.close()
  }
}

/** The body as it was put in; an error of any step comes out here. */
async function* unpacked(body: NodeJS.ReadableStream, decipher: Duplex | undefined): AsyncGenerator<Uint8Array, void> {
  const gunzip = createGunzip()
  const ended = pipeline(body, decipher ?? new PassThrough(), gunzip)
  // Whoever reads sees it, too; here it must not be unhandled meanwhile.
  ended.catch(() => undefined)
  try {
    yield* gunzip
    await ended
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw code?.startsWith('E') === true && !code.startsWith('ERR_')
      ? diskError(error, 'the backup', 'Nothing was changed.')
      : badBackup('it cannot be unpacked', error)
  }
}

function decipherOf(head: Uint8Array, tag: Uint8Array, key: BackupKey | undefined) {
  if (key === undefined) throw new LaresError('wrong-passphrase', 'This backup is protected by a passphrase.')
  return createDecipheriv('aes-256-gcm', key.key, key.nonce).setAAD(head).setAuthTag(tag)
}

function protectionOf(head: Uint8Array): Omit<BackupKey, 'key'> {
  const nonceAt = PREFIX_LENGTH + SALT_LENGTH
  const checkAt = nonceAt + NONCE_LENGTH
  return {
    salt: head.subarray(PREFIX_LENGTH, nonceAt),
    nonce: head.subarray(nonceAt, checkAt),
    check: head.subarray(checkAt),
  }
}

async function checkHash(file: FileHandle, size: number): Promise<Uint8Array> {
  const hash = createHash('sha256')
  const end = size - FILE_HASH_LENGTH
  for (let at = 0; at < end; ) {
    const piece = await readAt(file, at, Math.min(HASH_PIECE_BYTES, end - at))
    if (piece.length === 0) throw badBackup('it is cut off')
    hash.update(piece)
    at += piece.length
  }
  const digest = hash.digest()
  if (Buffer.compare(digest, await readAt(file, end, FILE_HASH_LENGTH)) !== 0)
    throw badBackup('it is cut off, or a byte of it has changed')
  return digest
}

/** Shorter at the end of the file. */
async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length)
  let done = 0
  while (done < length) {
    const { bytesRead } = await file.read(bytes, done, length - done, position + done)
    if (bytesRead === 0) break
    done += bytesRead
  }
  return bytes.subarray(0, done)
}

function notABackup(path: string): LaresError {
  return new LaresError('not-a-backup', `${path} is not a backup made by "lares backup".`)
}
