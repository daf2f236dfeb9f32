import { createCipheriv, createHash } from 'node:crypto'
import { closeSync, fsyncSync, openSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { constants, createGzip } from 'node:zlib'
import { LaresError } from '../../shared/errors.ts'
import { PRIVATE_FILE_MODE } from '../atomic-file.ts'
import { diskError } from './disk-error.ts'
import { BACKUP_VERSION, MAGIC, type Manifest, PROTECTION } from './format.ts'
import type { BackupKey } from './passphrase-key.ts'
import { openBackup } from './read-backup.ts'

const UNDONE = 'No backup was written.'

export interface WriteInit {
  readonly out: string
  /** As {@link openContent} gives it. */
  readonly content: AsyncIterable<Uint8Array>
  /** Without one the file is readable to whoever has it. */
  readonly key?: BackupKey | undefined
  readonly signal?: AbortSignal | undefined
}

export interface Written {
  readonly manifest: Manifest
  /** Of the file. */
  readonly bytes: number
  readonly files: number
  readonly records: number
}

/**
 * Writes a backup (format.ts) beside its place, reads it back as a restore would, and puts it there: killed at any
 * instant, the place holds what it held before, or the new backup whole.
 * @throws {LaresError} `disk-full`, `disk-read-only`, `disk-failed`, `no-such-place`, `backup-damaged`, and what the
 *   content fails with
 */
export async function writeBackup({ out, content, key, signal }: WriteInit): Promise<Written> {
  const temporary = `${out}.${process.pid}.part`
  try {
    removeLeftovers(out)
    const hash = await writeFile(temporary, content, key, signal)
    const written = await readBack(temporary, hash, key)
    signal?.throwIfAborted()
    renameSync(temporary, out)
    syncFolder(dirname(out))
    return written
  } catch (error) {
    rmSync(temporary, { force: true })
    if (signal?.aborted === true) throw new LaresError('interrupted', `Interrupted. ${UNDONE}`)
    throw diskError(error, out, UNDONE)
  }
}

/** @returns the hash that ends the file */
async function writeFile(
  path: string,
  content: AsyncIterable<Uint8Array>,
  key: BackupKey | undefined,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const file = await open(path, 'wx', PRIVATE_FILE_MODE)
  try {
    const hash = createHash('sha256')
    const put = async (bytes: Uint8Array) => {
      for (let done = 0; done < bytes.length; )
        done += (await file.write(bytes, done, bytes.length - done)).bytesWritten
    }
    const write = async (bytes: Uint8Array) => {
      hash.update(bytes)
      await put(bytes)
    }
    const protection = key === undefined ? PROTECTION.none : PROTECTION.passphrase
    const prefix = Buffer.from([...MAGIC, BACKUP_VERSION, protection])
    const head = key === undefined ? prefix : Buffer.concat([prefix, key.salt, key.nonce, key.check])
    await write(head)
    const cipher = key && createCipheriv('aes-256-gcm', key.key, key.nonce).setAAD(head)
    // Hashes and signatures do not become shorter by trying hard.
    const gzip = createGzip({ level: constants.Z_BEST_SPEED })
    const drain = async (body: AsyncIterable<Uint8Array>) => {
      for await (const piece of body) await write(piece)
    }
    const source = Readable.from(content, { objectMode: false })
    const options = signal === undefined ? {} : { signal }
    if (cipher === undefined) await pipeline(source, gzip, drain, options)
    else {
      await pipeline(source, gzip, cipher, drain, options)
      await write(cipher.getAuthTag())
    }
    const digest = hash.digest()
    await put(digest)
    await file.sync()
    return digest
  } finally {
    await file.close()
  }
}

/** A disk that lies is found now, not when the backup is needed. */
async function readBack(path: string, hash: Uint8Array, key: BackupKey | undefined): Promise<Written> {
  const backup = await openBackup(path)
  if (Buffer.compare(backup.hash, hash) !== 0)
    throw new LaresError('disk-failed', `The disk gave back something else than was written. ${UNDONE}`)
  let manifest: Manifest | undefined
  let files = 0
  let records = 0
  for await (const part of backup.content(key)) {
    if (part.kind === 'manifest') manifest = part.manifest
    else if (part.kind === 'file') files++
    else records++
  }
  return { manifest: manifest as Manifest, bytes: statSync(path).size, files, records }
}

/** Half files of backups to the same place that were killed: they hold keys. */
function removeLeftovers(out: string): void {
  const prefix = `${basename(out)}.`
  for (const name of readdirSync(dirname(out))) {
    const pid = name.startsWith(prefix) ? /^(\d+)\.part$/.exec(name.slice(prefix.length))?.[1] : undefined
    if (pid !== undefined && !isAlive(Number(pid))) rmSync(join(dirname(out), name), { force: true })
  }
}

function isAlive(pid: number): boolean {
  if (pid === process.pid) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // EPERM: it lives, as somebody else's.
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}

/** Windows cannot open a directory, and needs no sync of it. */
export function syncFolder(path: string): void {
  if (process.platform === 'win32') return
  const folder = openSync(path, 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}
