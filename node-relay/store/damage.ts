import { LaresError } from '../../shared/errors.ts'

/**
 * A record that is not what was written. The sentence names the command that says more, and repairs what can be repaired.
 * @param detail what is wrong, without a full stop
 */
export function damaged(detail: string, cause?: unknown): LaresError {
  return new LaresError(
    'database-damaged',
    `The chain database is damaged (${detail}). Stop the relay and run "lares db verify --repair": it repairs what can be repaired, and says what else helps.`,
    { cause },
  )
}

/** What LevelDB, or the system under it, says went wrong, as an error with a sentence for a person. */
export function storageError(error: unknown): LaresError {
  if (error instanceof LaresError) return error
  const { code, message } = innermost(error)
  if (code === 'LEVEL_LOCKED')
    return new LaresError('database-locked', 'Another process works with the chain database; stop it first.', {
      cause: error,
    })
  if (code === 'LEVEL_DATABASE_NOT_OPEN' || code === 'LEVEL_ITERATOR_NOT_OPEN')
    return new LaresError('database-busy', 'The chain database is being opened; try again in a moment.', {
      cause: error,
    })
  if (/no space left|quota exceeded|ENOSPC|EDQUOT/i.test(message))
    return new LaresError('disk-full', 'The disk with the data folder is full. Make room on it.', { cause: error })
  if (/read-only file system|permission denied|operation not permitted|EROFS|EACCES|EPERM/i.test(message))
    return new LaresError('disk-read-only', 'The data folder cannot be written. Make it writable again.', {
      cause: error,
    })
  if (code === 'LEVEL_CORRUPTION' || /no such file|corrupt|does not exist|invalid argument/i.test(message))
    return damaged(message, error)
  return new LaresError('disk-failed', `The disk with the data folder does not work as it should (${message}).`, {
    cause: error,
  })
}

/** Problems of the disk that end by themselves or by a person's hand, not by a repair of the database. */
export function isDiskProblem(error: unknown): error is LaresError {
  return error instanceof LaresError && ['disk-full', 'disk-read-only', 'disk-failed'].includes(error.code)
}

/** abstract-level wraps what LevelDB said. */
function innermost(error: unknown): { code: string | undefined; message: string } {
  let inner = error as { code?: string; message?: string; cause?: unknown }
  while (inner.code === 'LEVEL_DATABASE_NOT_OPEN' && inner.cause instanceof Error) inner = inner.cause
  return { code: inner.code, message: inner.message ?? String(inner) }
}
