import {
  closeSync,
  existsSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { equalBytes, toHex } from '../../shared/bytes.ts'
import type { SignatureVerifier } from '../../shared/crypto/signature-verifier.ts'
import { LaresError } from '../../shared/errors.ts'
import { hashHeader } from '../../shared/header/header.ts'
import { PRIVATE_DIRECTORY_MODE, PRIVATE_FILE_MODE } from '../atomic-file.ts'
import { inspectDataDir } from '../data-dir.ts'
import { loadKeys } from '../full-node/keys.ts'
import { findRelayFile } from '../full-node/relay-file.ts'
import { verifyChain } from '../full-node/verify-chain.ts'
import { acquireLock, isLockName } from '../lock.ts'
import { ChainStore } from '../store/chain-store.ts'
import { storageError } from '../store/damage.ts'
import { diskError } from './disk-error.ts'
import type { Manifest } from './format.ts'
import { CHAIN_DIRECTORY } from './names.ts'
import type { BackupKey } from './passphrase-key.ts'
import type { Backup } from './read-backup.ts'
import { badBackup } from './read-content.ts'
import { syncFolder } from './write-backup.ts'

/** Bytes of records that are written in one step. */
const BATCH_BYTES = 1024 * 1024
/** In the folder being restored, too: no relay starts in it before all is done. */
const LOCK_FILE = 'lock'
/** Patient with a folder in which the database, or a virus scanner, still has a file. */
const REMOVE = { recursive: true, force: true, maxRetries: 5, retryDelay: 50 } as const
const UNDONE = 'Nothing was restored.'

export interface RestoreInit {
  readonly backup: Backup
  readonly key?: BackupKey | undefined
  /** Absent or empty. */
  readonly dataDir: string
  readonly verifier: SignatureVerifier
  readonly signal?: AbortSignal | undefined
  onProgress?(sentence: string): void
}

/**
 * Makes a relay's data folder from a backup. All of it is written and verified in a folder beside its place, which it takes
 * in one step: killed at any instant, nothing is there, or the whole relay. What a kill leaves goes with the next restore.
 *
 * The chain is marked as taken back: others may know blocks that the same keys sealed after the backup was made.
 * @throws {LaresError} `data-dir-not-empty`, `other-network`, `foreign-data-dir`, `backup-damaged`, `backup-newer`,
 *   `database-newer`, `restore-running`, `disk-full`, `disk-read-only`, `disk-failed`
 */
export async function restoreBackup(init: RestoreInit): Promise<Manifest> {
  const { backup, key } = init
  const manifest = await readManifest(backup, key)
  const target = targetOf(init.dataDir, manifest.networkId)
  const building = `${target}.restoring`
  try {
    mkdirSync(dirname(target), { recursive: true, mode: PRIVATE_DIRECTORY_MODE })
    takePlace(building)
  } catch (error) {
    throw diskError(error, building, UNDONE)
  }
  try {
    await unpack(init, building)
    await checkRelay(init, building, manifest)
    init.signal?.throwIfAborted()
    syncFolder(building)
    if (process.platform === 'win32' && existsSync(target)) rmdirSync(target)
    renameSync(building, target)
  } catch (error) {
    if (existsSync(building)) clear(building)
    rmSync(building, REMOVE)
    if (init.signal?.aborted === true) throw new LaresError('interrupted', `Interrupted. ${UNDONE}`)
    throw translated(error, target)
  }
  syncFolder(dirname(target))
  rmSync(join(target, LOCK_FILE), { force: true })
  return manifest
}

async function readManifest(backup: Backup, key: BackupKey | undefined): Promise<Manifest> {
  for await (const part of backup.content(key)) if (part.kind === 'manifest') return part.manifest
  throw badBackup('it has no manifest')
}

/** @returns the folder itself, where a link leads to it */
function targetOf(dataDir: string, networkId: Uint8Array): string {
  const path = resolve(dataDir)
  const found = inspectDataDir(path)
  if (found.ok && found.value === 'absent') return path
  if (!found.ok && found.code === 'data-dir-not-writable') throw new LaresError(found.code, found.detail)
  const isFolder = lstatSync(realpathSync(path)).isDirectory()
  if (isFolder && readdirSync(path).length === 0) return realpathSync(path)
  const other = findRelayFile(path)?.networkId
  if (other !== undefined && other !== toHex(networkId))
    throw new LaresError(
      'other-network',
      `${path} holds a relay of another network than the backup: restore into another folder with --data-dir. ${UNDONE}`,
    )
  throw new LaresError(
    'data-dir-not-empty',
    isFolder
      ? `${path} is not empty, and a backup is never restored over something else. Stop the relay in it, if there is one, and move the folder away first; or name another with --data-dir. ${UNDONE}`
      : `${path} is a file; name a folder with --data-dir. ${UNDONE}`,
  )
}

/** Makes the folder, or clears what a killed restore has left in it. */
function takePlace(building: string): void {
  // Not recursive: that says ENOENT of a disk that cannot be written.
  if (!existsSync(building)) mkdirSync(building, { mode: PRIVATE_DIRECTORY_MODE })
  const names = readdirSync(building)
  if (!lstatSync(building).isDirectory() || (names.length > 0 && !names.some(isLock)))
    throw new LaresError(
      'data-dir-not-empty',
      `${building} is in the way, and was not made by a restore; move it away first. ${UNDONE}`,
    )
  const lock = lockOf(building)
  if (!lock.ok)
    throw new LaresError('restore-running', `Another restore (${lock.detail}) works in ${building}. ${UNDONE}`)
  clear(building)
}

const isLock = (name: string) => isLockName(name, LOCK_FILE)

/** The lock stays to the last: by it the folder is known for one of a restore. */
function clear(building: string): void {
  for (const name of readdirSync(building)) if (name !== LOCK_FILE) rmSync(join(building, name), REMOVE)
}

/** A lock that cannot even be written leaves a folder that is nobody's. */
function lockOf(building: string): ReturnType<typeof acquireLock> {
  try {
    return acquireLock(join(building, LOCK_FILE))
  } catch (error) {
    rmSync(building, { recursive: true, force: true })
    throw error
  }
}

async function unpack({ backup, key, signal }: RestoreInit, building: string): Promise<void> {
  const location = join(building, CHAIN_DIRECTORY)
  const folders = new Set<string>()
  const level = new ClassicLevel<Uint8Array, Uint8Array>(location, { keyEncoding: 'view', valueEncoding: 'view' })
  await level.open()
  try {
    let batch: { type: 'put'; key: Uint8Array; value: Uint8Array }[] = []
    let bytes = 0
    for await (const part of backup.content(key)) {
      signal?.throwIfAborted()
      if (part.kind === 'file') {
        const path = join(building, part.path)
        mkdirSync(dirname(path), { recursive: true, mode: PRIVATE_DIRECTORY_MODE })
        const names = part.path.split('/')
        for (let depth = 1; depth < names.length; depth++) folders.add(join(building, ...names.slice(0, depth)))
        writeNewFile(path, part.content)
      }
      if (part.kind !== 'record') continue
      batch.push({ type: 'put', key: part.key, value: part.value })
      bytes += part.value.length
      if (bytes < BATCH_BYTES) continue
      await level.batch(batch)
      batch = []
      bytes = 0
    }
    await level.batch(batch, { sync: true })
  } finally {
    await level.close()
  }
  for (const folder of folders) syncFolder(folder)
}

function writeNewFile(path: string, content: Uint8Array): void {
  const file = openSync(path, 'wx', PRIVATE_FILE_MODE)
  try {
    for (let done = 0; done < content.length; ) done += writeSync(file, content, done)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

/** What was unpacked is a relay whose chain is whole, and which will seal nothing. */
async function checkRelay(init: RestoreInit, building: string, manifest: Manifest): Promise<void> {
  const found = inspectDataDir(building)
  if (!found.ok && found.code === 'newer-data-dir')
    throw new LaresError('backup-newer', `This backup was made by a newer Lares: update Lares. ${UNDONE}`)
  if (!found.ok || found.value !== 'relay') throw badBackup('its mark cannot be read')
  await loadKeys(building).catch((error: unknown) => {
    throw badBackup('its keys cannot be read', error)
  })
  const { height, hash } = manifest.tip
  const store = await ChainStore.open(join(building, CHAIN_DIRECTORY))
  try {
    const { damageCount, damages, tip } = await verifyChain({
      store,
      verifier: init.verifier,
      ...(init.onProgress && { onProgress: init.onProgress }),
    })
    if (damageCount > 0) throw badBackup(damages[0] ?? 'its chain is not whole')
    const first = store.headerItem(0)
    const own = store.tip()
    if (first === undefined || !equalBytes(hashHeader(first.sealed.header), manifest.networkId))
      throw badBackup('its chain is of another network')
    if (tip !== height || own === undefined || !equalBytes(own.hash, hash))
      throw badBackup('its chain ends at another block')
    await store.setRestored({ height, hash, time: manifest.createdAt, highestSealed: undefined })
  } finally {
    await store.close()
  }
}

function translated(error: unknown, target: string): Error {
  if (error instanceof LaresError)
    return error.code === 'database-damaged' || error.code === 'database-foreign'
      ? badBackup('its chain cannot be read', error)
      : error
  const { code } = error as NodeJS.ErrnoException
  if (code === 'EBUSY' || code === 'EXDEV')
    return new LaresError(
      'disk-failed',
      `${target} is the root of a disk; name a folder in it, as ${join(target, basename(target))}. ${UNDONE}`,
      { cause: error },
    )
  if (code === 'ENOTEMPTY' || code === 'EEXIST')
    return new LaresError('data-dir-not-empty', `Something was put into ${target} meanwhile. ${UNDONE}`)
  return code?.startsWith('LEVEL_') === true ? storageError(error) : diskError(error, target, UNDONE)
}
