import { closeSync, openSync, readSync, type Stats, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { equalBytes } from '../../shared/bytes.ts'
import { LaresError } from '../../shared/errors.ts'
import { writeFileAtomic } from '../atomic-file.ts'
import { diskError } from '../backup/disk-error.ts'

/**
 * Looks, before the work, whether a command can put its file there. Files are put in place by renaming: that would take the
 * place of a device (`/dev/null`) as well.
 * @param kind what alone may be replaced: files that begin with `magic`, and empty ones
 * @throws {LaresError} `no-such-place`, `file-in-the-way`
 */
export function assertOutput(path: string, kind?: { readonly magic: Uint8Array; readonly name: string }): void {
  if (statOf(dirname(path))?.isDirectory() !== true)
    throw new LaresError(
      'no-such-place',
      `There is no such place as ${path}: make the folder, or name another with --out.`,
    )
  const there = statOf(path)
  if (there === undefined) return
  if (there.isDirectory()) throw inTheWay(`${path} is a folder; name a file in it with --out.`)
  if (!there.isFile()) throw inTheWay(`${path} is no file; name another with --out.`)
  if (kind !== undefined && there.size > 0 && !equalBytes(beginOf(path, kind.magic.length), kind.magic))
    throw inTheWay(`${path} is there already and is not ${kind.name}; name another file with --out, or move it away.`)
}

/**
 * Writes a whole file or nothing.
 * @param undone what the person may count on when it cannot be written
 * @throws {LaresError} `disk-full`, `disk-read-only`, `no-such-place`, `disk-failed`
 */
export function writeOutput(path: string, content: string | Uint8Array, undone: string): void {
  try {
    writeFileAtomic(path, content)
  } catch (error) {
    throw diskError(error, path, undone)
  }
}

function inTheWay(sentence: string): LaresError {
  return new LaresError('file-in-the-way', sentence)
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path)
  } catch {
    // Nothing, or nothing that can be seen: the write says why.
    return undefined
  }
}

function beginOf(path: string, length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  try {
    const file = openSync(path, 'r')
    try {
      return bytes.subarray(0, readSync(file, bytes))
    } finally {
      closeSync(file)
    }
  } catch (error) {
    throw diskError(error, path, 'Nothing was changed.')
  }
}
