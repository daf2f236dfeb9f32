import { LaresError } from '../../shared/errors.ts'

/**
 * What the system says about a file or folder outside the data folder, as a sentence for a person.
 * @param undone what the person may count on
 */
export function diskError(error: unknown, path: string, undone: string): Error {
  if (error instanceof LaresError) return error
  const { code } = error as NodeJS.ErrnoException
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new LaresError('disk-full', `The disk with ${path} is full; make room, or name another place. ${undone}`, {
        cause: error,
      })
    case 'EROFS':
    case 'EACCES':
    case 'EPERM':
      return new LaresError('disk-read-only', `${path} cannot be written (${code}); name another place. ${undone}`, {
        cause: error,
      })
    case 'ENOENT':
    case 'ENOTDIR':
      return new LaresError('no-such-place', `There is no such place as ${path}. ${undone}`, { cause: error })
    default:
      // Not the system but a fault of this program.
      if (code === undefined || code.startsWith('ERR_')) return error as Error
      return new LaresError('disk-failed', `${path}: the system says ${code}. ${undone}`, { cause: error })
  }
}
