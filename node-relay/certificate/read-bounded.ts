import { closeSync, openSync, readSync } from 'node:fs'
import { LaresError } from '../../shared/errors.ts'

/**
 * Reads a file, of a long one only `limit + 1` bytes: enough to see that it is too long, whatever its size says.
 * @throws {LaresError} `cannot-read`
 */
export function readBounded(path: string, limit: number): Uint8Array {
  try {
    const file = openSync(path, 'r')
    try {
      const bytes = Buffer.alloc(limit + 1)
      let length = 0
      for (let read = -1; read !== 0 && length < bytes.length; length += read)
        read = readSync(file, bytes, length, bytes.length - length, null)
      return bytes.subarray(0, length)
    } finally {
      closeSync(file)
    }
  } catch (error) {
    throw new LaresError(
      'cannot-read',
      `${path} cannot be read (${(error as NodeJS.ErrnoException).code}); check the file name.`,
    )
  }
}
