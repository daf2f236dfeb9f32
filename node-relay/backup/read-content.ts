import { equalBytes } from '../../shared/bytes.ts'
import { LaresError } from '../../shared/errors.ts'
import {
  endCoder,
  FRAME,
  MAX_BACKUP_FILE_BYTES,
  MAX_BACKUP_FILES,
  MAX_BACKUP_KEY_BYTES,
  MAX_BACKUP_PATH_BYTES,
  MAX_BACKUP_RECORD_BYTES,
  type Manifest,
  manifestCodec,
} from './format.ts'
import { isGoodPath, NEEDED_FILES } from './names.ts'

export type ContentPart =
  | { readonly kind: 'manifest'; readonly manifest: Manifest }
  | { readonly kind: 'file'; readonly path: string; readonly content: Uint8Array }
  | { readonly kind: 'record'; readonly key: Uint8Array; readonly value: Uint8Array }

/** The file is not what was written, or was not written by Lares. */
export function badBackup(why: string, cause?: unknown): LaresError {
  return new LaresError('backup-damaged', `This backup is damaged (${why}); take another one. Nothing was changed.`, {
    cause,
  })
}

/**
 * The parts of a backup's content (format.ts), in order. Trusts nothing: every length is bounded before it is read, paths
 * stay in the data folder, and the end must be there with the right counts.
 * @throws {LaresError} `backup-damaged`
 */
export async function* readContent(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<ContentPart, void> {
  const input = createInput(pieces)
  try {
    yield* readParts(input)
  } finally {
    await input.close()
  }
}

async function* readParts(input: ReturnType<typeof createInput>): AsyncGenerator<ContentPart, void> {
  const paths = new Set<string>()
  let records = 0
  const length = async (bytes: 1 | 2 | 4, most: number, what: string) => {
    const value = (await input.take(bytes)).readUIntBE(0, bytes)
    if (value > most) throw badBackup(`${what} of ${value} bytes`)
    return value
  }
  if ((await input.take(1))[0] !== FRAME.manifest) throw badBackup('it does not begin with its manifest')
  const manifest = manifestCodec.decode(copy(await input.take(await length(2, manifestCodec.maxLength, 'a manifest'))))
  if (!manifest.ok) throw badBackup(manifest.detail)
  yield { kind: 'manifest', manifest: manifest.value }

  for (;;) {
    const kind = (await input.take(1))[0]
    if (kind === FRAME.file) {
      const path = Buffer.from(await input.take(await length(2, MAX_BACKUP_PATH_BYTES, 'a path'))).toString('utf8')
      // Systems that do not tell "A" from "a" must not see one file twice.
      const place = path.normalize('NFC').toLowerCase()
      if (!isGoodPath(path) || paths.has(place)) throw badBackup('a file in it has no place in a data folder')
      if (records > 0 || paths.size >= MAX_BACKUP_FILES) throw badBackup('too many files, or out of order')
      paths.add(place)
      yield { kind: 'file', path, content: await input.take(await length(4, MAX_BACKUP_FILE_BYTES, 'a file')) }
    } else if (kind === FRAME.record) {
      records++
      const key = copy(await input.take(await length(1, MAX_BACKUP_KEY_BYTES, 'a key')))
      const value = copy(await input.take(await length(4, MAX_BACKUP_RECORD_BYTES, 'a record')))
      yield { kind: 'record', key, value }
    } else if (kind === FRAME.end) break
    else throw badBackup('a part of no known kind')
  }
  const counts = endCoder.encode({ files: paths.size, records })
  if (!equalBytes(copy(await input.take(counts.length)), counts)) throw badBackup('parts are missing')
  if (!(await input.isAtEnd())) throw badBackup('something follows its end')
  const missing = NEEDED_FILES.find((name) => !paths.has(name))
  if (missing !== undefined) throw badBackup(`${missing} is not in it`)
}

/** Gives exact lengths of what comes in pieces, and holds no more than asked for and one piece. */
function createInput(pieces: AsyncIterable<Uint8Array>) {
  const iterator = pieces[Symbol.asyncIterator]()
  let rest: Uint8Array = new Uint8Array()
  /** The next piece that is not empty. */
  async function next(): Promise<Uint8Array | undefined> {
    for (;;) {
      const { done, value } = await iterator.next()
      if (done === true) return undefined
      if (value.length > 0) return value
    }
  }
  return {
    async take(length: number): Promise<Buffer> {
      const parts: Uint8Array[] = []
      let missing = length
      while (missing > rest.length) {
        parts.push(rest)
        missing -= rest.length
        const piece = await next()
        if (piece === undefined) throw badBackup('it ends in the middle')
        rest = piece
      }
      parts.push(rest.subarray(0, missing))
      rest = rest.subarray(missing)
      return Buffer.concat(parts)
    },
    /** Reads to the end, so that what follows the content on the way here (a tag) has been checked, too. */
    async isAtEnd(): Promise<boolean> {
      return rest.length === 0 && (await next()) === undefined
    },
    async close(): Promise<void> {
      await iterator.return?.()
    },
  }
}

/** Plain bytes: a Buffer's slice() is no copy. */
function copy(bytes: Buffer): Uint8Array {
  return new Uint8Array(bytes)
}
