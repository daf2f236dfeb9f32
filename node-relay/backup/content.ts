import type { Dirent } from 'node:fs'
import { type FileHandle, open, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { LaresError } from '../../shared/errors.ts'
import type { ChainStore } from '../store/chain-store.ts'
import type { HeaderPlace } from '../store/snapshot.ts'
import { endCoder, FRAME, MAX_BACKUP_FILE_BYTES, MAX_BACKUP_FILES, manifestCodec } from './format.ts'
import { isGoodPath, isLeftOut, NEEDED_FILES } from './names.ts'

/** Small frames are put together to pieces of this size, bytes; a file is read in such pieces. */
const PIECE_BYTES = 64 * 1024

export interface ContentInit {
  readonly dataDir: string
  readonly store: Pick<ChainStore, 'snapshot'>
  /** Of Lares. */
  readonly version: string
  readonly now: () => number
}

/**
 * What a backup holds (format.ts), in pieces, as it was at the instant of the call. The relay goes on meanwhile. Whoever
 * asks must read it to the end, or give it back by `return()`: the database keeps what is in it until then.
 * @throws {LaresError} `backup-incomplete`, `backup-strange-file`, `database-damaged`, `database-busy`
 */
export async function openContent(init: ContentInit): Promise<AsyncGenerator<Uint8Array, void>> {
  const paths = await pathsOf(init.dataDir)
  const snapshot = await init.store.snapshot()
  const plain = ({ height, hash, time }: HeaderPlace) => ({ height, hash, time })
  const manifest = manifestCodec.encode({
    createdAt: init.now(),
    networkId: snapshot.networkId,
    tip: plain(snapshot.tip),
    settled: plain(snapshot.settled),
    version: init.version,
  })
  async function* frames(): AsyncGenerator<Uint8Array, void> {
    yield frame(FRAME.manifest, uint(manifest.length, 2), manifest)
    for (const path of paths) yield* fileFrames(init.dataDir, path)
    let records = 0
    for await (const { key, value } of snapshot.records()) {
      records++
      yield frame(FRAME.record, uint(key.length, 1), key, uint(value.length, 4))
      yield value
    }
    yield frame(FRAME.end, endCoder.encode({ files: paths.length, records }))
  }
  const content = gathered(frames())
  // A generator that was never begun would not come to its `finally`.
  const closing = (async function* () {
    try {
      yield new Uint8Array()
      yield* content
    } finally {
      await snapshot.close()
    }
  })()
  await closing.next()
  return closing
}

/** Files that belong into a backup, in order. */
async function pathsOf(dataDir: string): Promise<string[]> {
  const paths: string[] = []
  async function walk(folder: string): Promise<void> {
    const entries = await readdir(join(dataDir, folder), { withFileTypes: true })
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`
      if (isLeftOut(path)) continue
      if (entry.isDirectory()) await walk(path)
      else if (await isFile(dataDir, path, entry)) paths.push(path)
      if (paths.length > MAX_BACKUP_FILES) throw strange(dataDir, `holds more than ${MAX_BACKUP_FILES} files`)
    }
  }
  await walk('')
  const missing = NEEDED_FILES.find((name) => !paths.includes(name))
  if (missing !== undefined)
    throw new LaresError(
      'backup-incomplete',
      `${join(dataDir, missing)} is missing: without it a backup restores no relay.`,
    )
  return paths
}

/** A link to a file is that file; what is neither is nothing that a relay has put there. */
async function isFile(dataDir: string, path: string, entry: Dirent): Promise<boolean> {
  // The sockets of other programs are gone when they are.
  if (entry.isSocket()) return false
  // A link to nothing is strange like anything else that is no file.
  const found = entry.isSymbolicLink() ? await stat(join(dataDir, path)).catch(() => undefined) : entry
  if (found?.isFile() !== true) throw strange(join(dataDir, path), 'is neither a file nor a folder')
  if (!isGoodPath(path)) throw strange(join(dataDir, path), 'has a name that other systems do not know')
  return true
}

function strange(path: string, why: string): LaresError {
  return new LaresError('backup-strange-file', `${path} ${why}; move it out of the data folder first.`)
}

/** Files of a relay are replaced, never changed, so what is open is whole. */
async function* fileFrames(dataDir: string, path: string): AsyncGenerator<Uint8Array, void> {
  const file = await open(join(dataDir, path), 'r')
  try {
    const { size } = await file.stat()
    if (size > MAX_BACKUP_FILE_BYTES)
      throw strange(join(dataDir, path), `has more than ${MAX_BACKUP_FILE_BYTES / 2 ** 20} MB`)
    const name = Buffer.from(path)
    yield frame(FRAME.file, uint(name.length, 2), name, uint(size, 4))
    for (let done = 0; done < size; ) {
      const piece = await readPiece(file, Math.min(PIECE_BYTES, size - done))
      if (piece.length === 0)
        throw new LaresError(
          'backup-file-changed',
          `${join(dataDir, path)} was changed meanwhile; run the backup again.`,
        )
      done += piece.length
      yield piece
    }
  } finally {
    await file.close()
  }
}

async function readPiece(file: FileHandle, length: number): Promise<Uint8Array> {
  const piece = new Uint8Array(length)
  const { bytesRead } = await file.read(piece, 0, length)
  return piece.subarray(0, bytesRead)
}

function uint(value: number, length: 1 | 2 | 4): Uint8Array {
  const bytes = Buffer.alloc(length)
  bytes.writeUIntBE(value, 0, length)
  return bytes
}

function frame(kind: number, ...parts: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat([Uint8Array.of(kind), ...parts])
}

/** Many small pieces as few larger ones. */
async function* gathered(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  let waiting: Uint8Array[] = []
  let length = 0
  for await (const piece of pieces) {
    waiting.push(piece)
    length += piece.length
    if (length < PIECE_BYTES) continue
    yield Buffer.concat(waiting)
    waiting = []
    length = 0
  }
  if (length > 0) yield Buffer.concat(waiting)
}
