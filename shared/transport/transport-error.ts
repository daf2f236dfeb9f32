import { LaresError } from '../errors.ts'
import type { TransportErrorCode } from '../protocol/transport.ts'

/** Errors of the library as ours, by the names it gives them. */
export function asTransportError(error: unknown): LaresError<TransportErrorCode> {
  if (error instanceof LaresError) return error as LaresError<TransportErrorCode>
  const { name, message } = error as Error
  if (name === 'UnsupportedProtocolError') return new LaresError('unsupported', message, { cause: error })
  if (name === 'TimeoutError') return new LaresError('timeout', message, { cause: error })
  return new LaresError('peer-gone', message, { cause: error })
}
