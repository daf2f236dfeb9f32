import { closeSync, fsyncSync, openSync, readdirSync, rmSync, statfsSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { ClassicLevel } from 'classic-level'
import { LaresError } from '../../shared/errors.ts'
import { PRIVATE_FILE_MODE } from '../atomic-file.ts'
import { Pace } from '../pace.ts'
import { damaged, storageError } from './damage.ts'
import { describeKey, KEYS, type KeyRange } from './key-table.ts'

/**
 * Left free on the disk, bytes: LevelDB needs room for a memory table (4 MiB) and the tables it merges, and nothing is
 * written to a log that may not take it whole.
 */
export const KEPT_FREE_BYTES = 16 * 1024 * 1024
/** Bytes written to see whether a disk takes anything again. */
const PROBE_BYTES = 64 * 1024
const PROBE_FILE = 'PROBE'
const CHECKSUM_LENGTH = 4
/** Operations that LevelDB is given as one list: about a millisecond. */
const WHOLE_LIST = 512

const ALWAYS_GOOD = async (): Promise<boolean> => true

export type Level = ClassicLevel<Uint8Array, Uint8Array>
export type Operation =
  | { readonly type: 'put'; readonly key: Uint8Array; readonly value: Uint8Array }
  | { readonly type: 'del'; readonly key: Uint8Array }

export interface CheckedLevelInit {
  /** Free bytes on the disk of the database; the system's answer by default. */
  readonly freeBytes?: (() => number) | undefined
  /** Whether a batch is on the disk before it counts as written. Only a copy that is thrown away when cut off goes without. */
  readonly sync?: boolean | undefined
}

/**
 * LevelDB with a checksum in every record, and with a disk that may fill up.
 *
 * LevelDB does not verify its own checksums when it reads tables (there is no way to ask for it here), so a flipped byte
 * would come back as if it had been written. Each value ends with the CRC-32 of key and content.
 *
 * After a failed write the end of LevelDB's log is not to be trusted: what were appended behind it could be lost at the
 * next start. So nothing more is written until the database has been closed and opened anew, and what the failed batch
 * may have left is taken back. Reading goes on meanwhile.
 */
export class CheckedLevel {
  readonly location: string
  readonly #level: Level
  readonly #freeBytes: () => number
  readonly #sync: boolean
  /** Brings back what was before the batch that failed. */
  #takeBack: Operation[] | undefined
  #problem: LaresError | undefined
  #damage: LaresError | undefined

  private constructor(location: string, level: Level, init: CheckedLevelInit) {
    this.location = location
    this.#level = level
    this.#freeBytes = init.freeBytes ?? (() => freeBytesAt(location))
    this.#sync = init.sync ?? true
  }

  /** @throws {LaresError} `database-locked`, `database-damaged`, `disk-full`, `disk-read-only`, `disk-failed` */
  static async open(location: string, init: CheckedLevelInit = {}): Promise<CheckedLevel> {
    // Without the file that names the tables, LevelDB would begin anew and delete them.
    const names = namesIn(location)
    if (!names.includes('CURRENT') && names.some((name) => /\.(ldb|sst)$/.test(name) || name.startsWith('MANIFEST')))
      throw damaged('the file CURRENT is missing')
    const level: Level = new ClassicLevel(location, { keyEncoding: 'view', valueEncoding: 'view' })
    try {
      await level.open()
    } catch (error) {
      throw storageError(error)
    }
    return new CheckedLevel(location, level, init)
  }

  /** LevelDB's own repair of its files: keeps every record that can be read. @throws {LaresError} as {@link open} */
  static async salvage(location: string): Promise<void> {
    try {
      await ClassicLevel.repair(location)
    } catch (error) {
      throw storageError(error)
    }
  }

  /** The database under the checksums: for its format mark, and for migrations. */
  get raw(): Level {
    return this.#level
  }

  /** Why nothing can be written now. */
  get problem(): LaresError | undefined {
    return this.#problem ?? this.#noRoomFor(0)
  }

  /** The first record since opening that was not what was written. */
  get damage(): LaresError | undefined {
    return this.#damage
  }

  async close(): Promise<void> {
    await this.#level.close()
  }

  /** @throws {LaresError} `database-damaged` when the record is not what was written; `database-busy` */
  get(key: Uint8Array): Uint8Array | undefined {
    let value: Uint8Array | undefined
    try {
      value = this.#level.getSync(key)
    } catch (error) {
      throw storageError(error)
    }
    return value && this.#withoutChecksum(key, plain(value))
  }

  #withoutChecksum(key: Uint8Array, value: Uint8Array): Uint8Array {
    const content = contentOf(key, value)
    if (content !== undefined) return content
    const damage = damaged(`${describeKey(key)}: the checksum does not fit`)
    this.#damage ??= damage
    throw damage
  }

  async *entries(range: Partial<KeyRange>): AsyncGenerator<{
    key: Uint8Array
    value: Uint8Array
  }> {
    for await (const [key, value] of this.#iterate(range)) {
      const at = plain(key)
      yield { key: at, value: this.#withoutChecksum(at, plain(value)) }
    }
  }

  /** A table whose blocks cannot be read shows here, as an error of LevelDB's own. */
  async *#iterate(range: Partial<KeyRange> & { reverse?: boolean }): AsyncGenerator<[Uint8Array, Uint8Array]> {
    try {
      yield* this.#level.iterator(range)
    } catch (error) {
      throw storageError(error)
    }
  }

  /** Only what is as it was written. */
  async *readable(range: Partial<KeyRange> & { reverse?: boolean }): AsyncGenerator<Uint8Array> {
    for await (const [key, value] of this.#iterate(range)) {
      const content = contentOf(plain(key), plain(value))
      if (content !== undefined) yield content
    }
  }

  async *keys(range: Partial<KeyRange>): AsyncGenerator<Uint8Array> {
    try {
      for await (const key of this.#level.keys(range)) yield plain(key)
    } catch (error) {
      throw storageError(error)
    }
  }

  /** Everything, with `undefined` where the checksum does not fit. */
  async *all(): AsyncGenerator<{ key: Uint8Array; value: Uint8Array | undefined }> {
    for await (const [key, value] of this.#iterate({})) {
      const at = plain(key)
      yield { key: at, value: contentOf(at, plain(value)) }
    }
  }

  /**
   * All or nothing, safely on disk.
   * @param isGood asked when all is ready to be written
   * @returns false when it was not good: nothing is written
   * @throws {LaresError} `disk-full`, `disk-read-only`, `disk-failed`: nothing of it counts as written
   */
  async batch(operations: readonly Operation[], pace = new Pace(), isGood = ALWAYS_GOOD): Promise<boolean> {
    const checked = await pace.map(operations, (one) =>
      one.type === 'put' ? { ...one, value: withChecksum(one.key, one.value) } : one,
    )
    const noRoom = this.#noRoomFor(checked.reduce((sum, one) => sum + (one.type === 'put' ? one.value.length : 0), 0))
    if (noRoom !== undefined) throw noRoom
    await this.heal()
    return await this.#write(checked, pace, isGood)
  }

  /** After a failed write: opens the database anew once the disk takes something again. @throws as {@link batch} */
  async heal(): Promise<void> {
    const takeBack = this.#takeBack
    if (takeBack === undefined) return
    const noRoom = this.#noRoomFor(0)
    if (noRoom !== undefined) throw noRoom
    this.#probe()
    try {
      await this.#level.close()
      await this.#level.open()
      await this.#level.batch(takeBack, { sync: true })
    } catch (error) {
      throw storageError(error)
    }
    this.#takeBack = undefined
    this.#problem = undefined
  }

  /** Syncing LevelDB's log syncs all batches in it; those before are in tables, which are always synced. */
  async flush(): Promise<void> {
    const key = KEYS.meta('format')
    const mark = this.#level.getSync(key)
    if (mark !== undefined) await this.#level.put(key, mark, { sync: true })
  }

  async compact(): Promise<void> {
    try {
      await this.#level.compactRange(Uint8Array.of(0), Uint8Array.of(0xff))
    } catch (error) {
      throw storageError(error)
    }
  }

  async #write(operations: readonly Operation[], pace: Pace, isGood: () => Promise<boolean>): Promise<boolean> {
    const batch = operations.length > WHOLE_LIST ? await this.#collect(operations, pace) : undefined
    let good = false
    try {
      good = await isGood()
    } finally {
      if (!good) await batch?.close()
    }
    if (!good) return false
    try {
      if (batch === undefined) await this.#level.batch([...operations], { sync: this.#sync })
      else await batch.write({ sync: this.#sync })
      return true
    } catch (error) {
      const problem = storageError(error)
      // Still what was before: LevelDB shows no batch that it could not log.
      this.#takeBack = operations.map(({ key }) => {
        const value = this.#level.getSync(key)
        return value === undefined ? { type: 'del', key } : { type: 'put', key, value: plain(value) }
      })
      this.#problem = problem
      throw problem
    }
  }

  /** One by one: LevelDB takes a whole list without a pause. */
  async #collect(operations: readonly Operation[], pace: Pace) {
    const batch = this.#level.batch()
    for (const one of operations) {
      if (one.type === 'put') batch.put(one.key, one.value)
      else batch.del(one.key)
      if (pace.isDue) await pace.pause()
    }
    return batch
  }

  #noRoomFor(bytes: number): LaresError | undefined {
    const free = this.#freeBytes()
    if (free >= KEPT_FREE_BYTES + 2 * bytes) return undefined
    return new LaresError(
      'disk-full',
      `The disk with the data folder is full: ${Math.ceil((KEPT_FREE_BYTES + 2 * bytes) / 2 ** 20)} MB must be free. Make room on it.`,
    )
  }

  /** Closing for good what can still be read would help nobody: first see that the disk takes a file. */
  #probe(): void {
    const path = join(this.location, PROBE_FILE)
    try {
      const file = openSync(path, 'w', PRIVATE_FILE_MODE)
      try {
        const bytes = Buffer.alloc(PROBE_BYTES, 0x5a)
        for (let written = 0; written < bytes.length; ) written += writeSync(file, bytes, written)
        fsyncSync(file)
      } finally {
        closeSync(file)
      }
    } catch (error) {
      throw storageError(error)
    } finally {
      removeQuietly(path)
    }
  }
}

function removeQuietly(path: string): void {
  try {
    rmSync(path, { force: true })
  } catch {
    // A disk that cannot be written keeps it; the next probe overwrites it.
  }
}

/** `content, u32 CRC-32 (ISO-HDLC) over key and content` */
export function withChecksum(key: Uint8Array, content: Uint8Array): Uint8Array {
  const value = new Uint8Array(content.length + CHECKSUM_LENGTH)
  value.set(content)
  new DataView(value.buffer).setUint32(content.length, checksum(key, content))
  return value
}

/** undefined when the checksum is another. */
export function contentOf(key: Uint8Array, value: Uint8Array): Uint8Array | undefined {
  if (value.length < CHECKSUM_LENGTH) return undefined
  const content = value.subarray(0, -CHECKSUM_LENGTH)
  const stored = new DataView(value.buffer, value.byteOffset + content.length).getUint32(0)
  return stored === checksum(key, content) ? content : undefined
}

/** LevelDB gives Buffers, whose slice() is no copy. */
export function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** Bytes that this process may still write on the disk of a folder. */
function freeBytesAt(path: string): number {
  try {
    const { bavail, bsize } = statfsSync(path)
    return bavail * bsize
  } catch {
    // Not every system tells; then a full disk shows when a write fails.
    return Number.POSITIVE_INFINITY
  }
}

function checksum(key: Uint8Array, content: Uint8Array): number {
  return crc32(content, crc32(key))
}

function namesIn(location: string): string[] {
  try {
    return readdirSync(location)
  } catch {
    // Not there yet: LevelDB makes it.
    return []
  }
}
