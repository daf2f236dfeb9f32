import { randomBytes } from 'node:crypto'
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'

/** Only the owner reads or writes what a relay keeps. */
export const PRIVATE_FILE_MODE = 0o600
export const PRIVATE_DIRECTORY_MODE = 0o700

/**
 * Writes a whole file or nothing: temporary file, fsync, rename, fsync of the directory. Killed at any instant, the old
 * or the new content is there.
 * @throws the file system's error (`EACCES`, `ENOSPC`, …)
 */
export function writeFileAtomic(path: string, content: string | Uint8Array, mode = PRIVATE_FILE_MODE): void {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`
  const bytes = typeof content === 'string' ? Buffer.from(content) : content
  const file = openSync(temporary, 'wx', mode)
  try {
    try {
      for (let written = 0; written < bytes.length; ) written += writeSync(file, bytes, written)
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
    renameSync(temporary, path)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  }
  syncDirectory(dirname(path))
}

/** Windows cannot open a directory, and needs no sync of it. */
function syncDirectory(path: string): void {
  if (process.platform === 'win32') return
  const directory = openSync(path, 'r')
  try {
    fsyncSync(directory)
  } finally {
    closeSync(directory)
  }
}
