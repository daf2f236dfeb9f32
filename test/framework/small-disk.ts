/** A disk of a few megabytes that a test can fill: a tmpfs of its own. Needs Linux and root. */
import { execFileSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmdirSync, rmSync, statSync, truncateSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const CHUNK_BYTES = 64 * 1024
const PAGE_BYTES = 4 * 1024

export interface SmallDisk {
  readonly path: string
  /** Takes all room but so many bytes, in a file that {@link empty} removes. */
  fill(left?: number): void
  empty(): void
  /** Only when nothing on it is open for writing. */
  setReadOnly(readOnly: boolean): void
  remove(): void
}

/** Why there can be no such disk here, as a sentence; undefined when there can. */
export function smallDiskObstacle(): string | undefined {
  if (process.platform !== 'linux') return 'A small tmpfs is a thing of Linux, and this is another system.'
  if (process.getuid?.() !== 0) return 'Mounting a tmpfs needs root, and this user is not root.'
  try {
    createSmallDisk(1).remove()
    return undefined
  } catch (error) {
    return `A tmpfs cannot be mounted here (${(error as Error).message.trim().split('\n').at(-1)}).`
  }
}

export function createSmallDisk(megabytes: number): SmallDisk {
  const path = mkdtempSync(join(tmpdir(), 'lares-disk-'))
  try {
    mount('-t', 'tmpfs', '-o', `size=${megabytes}m,mode=0700`, 'tmpfs', path)
  } catch (error) {
    rmdirSync(path)
    throw error
  }
  const filler = join(path, 'filler')
  return {
    path,
    fill(left = 0) {
      const file = openSync(filler, 'a')
      try {
        for (let size = CHUNK_BYTES; size >= PAGE_BYTES; ) {
          try {
            if (writeSync(file, Buffer.alloc(size)) < size) size /= 2
          } catch (error) {
            if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
            size /= 2
          }
        }
      } finally {
        closeSync(file)
      }
      if (left > 0) truncateSync(filler, statSync(filler).size - left)
    },
    empty: () => rmSync(filler, { force: true }),
    setReadOnly: (readOnly) => mount('-o', `remount,${readOnly ? 'ro' : 'rw'}`, path),
    remove() {
      system('umount', '-l', path)
      rmdirSync(path)
    },
  }
}

const mount = (...args: readonly string[]) => system('mount', ...args)

function system(command: string, ...args: readonly string[]): void {
  execFileSync(command, args, { stdio: 'pipe' })
}
