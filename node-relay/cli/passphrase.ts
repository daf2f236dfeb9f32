import { closeSync, openSync, readSync } from 'node:fs'
import { resolve } from 'node:path'
import { LaresError } from '../../shared/errors.ts'
import type { Flag } from '../config.ts'
import type { CliContext } from './command.ts'

/** More than any passphrase. */
const MAX_PASSPHRASE_FILE_BYTES = 8 * 1024

export const PASSPHRASE_FILE_FLAG: Flag = {
  type: 'string',
  hint: 'FILE',
  help: 'a file with the passphrase on its first line, for scripts',
}

/** @throws {LaresError} `bad-passphrase` when the file cannot be read */
export function readPassphraseFile(path: string, { cwd }: Pick<CliContext, 'cwd'>): string {
  const bytes = Buffer.alloc(MAX_PASSPHRASE_FILE_BYTES)
  let length: number
  try {
    const file = openSync(resolve(cwd, path), 'r')
    try {
      length = readSync(file, bytes)
    } finally {
      closeSync(file)
    }
  } catch (error) {
    throw new LaresError('bad-passphrase', `The file ${path} with the passphrase cannot be read.`, { cause: error })
  }
  return bytes.subarray(0, length).toString('utf8').split(/\r?\n/, 1)[0] as string
}
