import { accessSync, chmodSync, constants, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { accept, type Rejection, type Result, reject } from '../shared/errors.ts'
import { PRIVATE_DIRECTORY_MODE, writeFileAtomic } from './atomic-file.ts'
import { acquireLock, lockHolder } from './lock.ts'

/** Marks a directory as a relay's; another number is another layout. */
export const DATA_DIR_FORMAT = 1
const MARKER_KIND = 'lares-relay'
const MARKER_FILE = 'lares.json'
const LOCK_FILE = 'lock'
export const CONFIG_FILE = 'config.json'
/** Left by a kill in the middle of an atomic write. */
const TEMPORARY_FILE = /\.[0-9a-f]{12}\.(tmp|stale)$/

export type DataDirCode =
  | 'foreign-data-dir'
  | 'corrupt-data-dir'
  | 'newer-data-dir'
  | 'data-dir-not-writable'
  | 'data-dir-in-use'

export interface DataDir {
  readonly path: string
  /** Path of a file in it. */
  file(...parts: string[]): string
  /** Makes a directory in it that only the owner may enter, and returns its path. */
  directory(name: string): string
  /** Gives the directory free for the next process. */
  close(): void
}

/** The system's place for data of one user: XDG base directories, Library on macOS, local app data on Windows. */
export function defaultDataDir(
  env: NodeJS.ProcessEnv,
  platform: NodeJS.Platform = process.platform,
  home = homedir(),
): string {
  if (platform === 'win32') return join(env['LOCALAPPDATA'] ?? join(home, 'AppData', 'Local'), 'Lares')
  if (platform === 'darwin') return join(home, 'Library', 'Application Support', 'Lares')
  const xdg = env['XDG_DATA_HOME']
  // The XDG specification says to ignore relative paths.
  return join(xdg?.startsWith('/') === true ? xdg : join(home, '.local', 'share'), 'lares')
}

/** Opens or makes a relay's data directory and holds its lock. Details of rejections are sentences for people. */
export function openDataDir(path: string): Result<DataDir, DataDirCode> {
  try {
    mkdirSync(path, { recursive: true, mode: PRIVATE_DIRECTORY_MODE })
    const found = inspectDataDir(path)
    if (!found.ok) return found
    chmodSync(path, PRIVATE_DIRECTORY_MODE)
    accessSync(path, constants.R_OK | constants.W_OK)
    const lock = acquireLock(join(path, LOCK_FILE))
    if (!lock.ok)
      return reject(
        'data-dir-in-use',
        `A relay (${lock.detail}) already works with ${path}; stop it first, or choose another folder with --data-dir.`,
      )
    for (const name of readdirSync(path)) if (TEMPORARY_FILE.test(name)) rmSync(join(path, name), { force: true })
    if (found.value === 'empty')
      writeFileAtomic(join(path, MARKER_FILE), `${JSON.stringify({ kind: MARKER_KIND, format: DATA_DIR_FORMAT })}\n`)
    return accept({
      path,
      file: (...parts) => join(path, ...parts),
      directory(name) {
        const directory = join(path, name)
        mkdirSync(directory, { recursive: true, mode: PRIVATE_DIRECTORY_MODE })
        return directory
      },
      close: lock.value.release,
    })
  } catch (error) {
    return fileSystemRejection(path, error as NodeJS.ErrnoException)
  }
}

/** Whether a directory is a relay's, without touching it. `absent` and `empty` may become one. */
export function inspectDataDir(path: string): Result<'absent' | 'empty' | 'relay', DataDirCode> {
  let names: string[]
  try {
    if (!statSync(path).isDirectory())
      return reject('foreign-data-dir', `${path} is a file, not a folder; choose another place with --data-dir.`)
    names = readdirSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return accept('absent')
    return fileSystemRejection(path, error as NodeJS.ErrnoException)
  }
  if (names.includes(MARKER_FILE)) return readMarker(path)
  const foreign = names.filter((name) => name !== CONFIG_FILE && name !== LOCK_FILE && !TEMPORARY_FILE.test(name))
  if (foreign.length > 0)
    return reject(
      'foreign-data-dir',
      `${path} holds other files and no Lares data; choose a new or empty folder with --data-dir.`,
    )
  return accept('empty')
}

/** Pid of the relay that works with this directory, if one does. */
export function dataDirHolder(path: string): number | undefined {
  return lockHolder(join(path, LOCK_FILE))
}

function readMarker(path: string): Result<'relay', DataDirCode> {
  let marker: unknown
  try {
    marker = JSON.parse(readFileSync(join(path, MARKER_FILE), 'utf8'))
  } catch {
    marker = undefined
  }
  const { kind, format } = (typeof marker === 'object' && marker !== null ? marker : {}) as Record<string, unknown>
  if (kind !== MARKER_KIND || typeof format !== 'number')
    return reject(
      'corrupt-data-dir',
      `${path} is damaged (${MARKER_FILE} cannot be read); restore it from a backup, or start with a new folder by --data-dir.`,
    )
  if (format > DATA_DIR_FORMAT)
    return reject(
      'newer-data-dir',
      `${path} was written by a newer Lares; update this one, or choose another folder with --data-dir.`,
    )
  return accept('relay')
}

function fileSystemRejection(path: string, error: NodeJS.ErrnoException): Rejection<DataDirCode> {
  if (error.code === 'ENOTDIR' || error.code === 'EEXIST')
    return reject('foreign-data-dir', `${path} is not a folder; choose another place with --data-dir.`)
  const why = error.code === 'ENOSPC' ? 'the disk is full' : `the system says ${error.code ?? error.message}`
  return reject(
    'data-dir-not-writable',
    `The data folder ${path} cannot be written (${why}); make it writable, or choose another with --data-dir.`,
  )
}
