import { randomBytes } from 'node:crypto'
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { type Result, reject } from '../shared/errors.ts'
import { PRIVATE_FILE_MODE } from './atomic-file.ts'

export interface Lock {
  /** Does nothing when the lock is no longer ours. */
  release(): void
}

interface Holder {
  readonly pid: number
  /** Start of that process as the system counts it, where it tells: a pid is given out again after a reboot. */
  readonly processStart: string | undefined
}

/** A taken-over lock is tried again this often before giving up. */
const ATTEMPTS = 5

/**
 * One process per data dir. The lock of a process that is gone is taken over.
 * @returns `in-use` with the pid of the holder in the detail
 * @throws the file system's error when the lock file cannot be written
 */
export function acquireLock(path: string): Result<Lock, 'in-use'> {
  const own = JSON.stringify({
    pid: process.pid,
    processStart: processStart(process.pid),
    token: randomBytes(8).toString('hex'),
  })
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    try {
      writeFileSync(path, own, { flag: 'wx', mode: PRIVATE_FILE_MODE })
      return { ok: true, value: { release: () => releaseLock(path, own) } }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
    const seen = readLock(path)
    if (seen === undefined) continue
    const holder = parseHolder(seen)
    if (holder !== undefined && isAlive(holder)) return reject('in-use', `process ${holder.pid}`)
    takeAside(path, seen)
  }
  return reject('in-use', 'another process that is just starting')
}

/** Who holds the lock now; undefined when nobody does. */
export function lockHolder(path: string): number | undefined {
  const holder = parseHolder(readLock(path) ?? '')
  return holder !== undefined && isAlive(holder) ? holder.pid : undefined
}

/** Whether a file of this name is the lock, or one that was being taken over when its new holder was killed. */
export function isLockName(name: string, lock: string): boolean {
  return name === lock || (name.startsWith(`${lock}.`) && name.endsWith('.stale'))
}

/** Moves a dead holder's lock away, and puts it back when another process has made a fresh one meanwhile. */
function takeAside(path: string, seen: string): void {
  const aside = `${path}.${randomBytes(6).toString('hex')}.stale`
  try {
    renameSync(path, aside)
    if (readLock(aside) !== seen) linkSync(aside, path)
  } catch (error) {
    if (!['ENOENT', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
  } finally {
    rmSync(aside, { force: true })
  }
}

function releaseLock(path: string, own: string): void {
  if (readLock(path) === own) rmSync(path, { force: true })
}

function readLock(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

function parseHolder(text: string): Holder | undefined {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null) return undefined
    const { pid, processStart: start } = value as Record<string, unknown>
    if (typeof pid !== 'number' || !Number.isSafeInteger(pid) || pid <= 0) return undefined
    return { pid, processStart: typeof start === 'string' ? start : undefined }
  } catch {
    return undefined
  }
}

function isAlive(holder: Holder): boolean {
  try {
    process.kill(holder.pid, 0)
  } catch (error) {
    // EPERM: it lives, as somebody else's.
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
  }
  const start = processStart(holder.pid)
  return start === undefined || holder.processStart === undefined || start === holder.processStart
}

/** Boot ID and start time in clock ticks (proc(5), field 22) on Linux; undefined elsewhere. */
function processStart(pid: number): string | undefined {
  if (process.platform !== 'linux') return undefined
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The command name in field 2 may hold blanks and parentheses.
    const ticks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
    return ticks === undefined ? undefined : `${boot}/${ticks}`
  } catch {
    return undefined
  }
}
