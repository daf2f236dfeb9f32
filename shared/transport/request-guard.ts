import { LaresError } from '../errors.ts'
import type { CancelSignal, TransportClock, TransportErrorCode } from '../protocol/transport.ts'
import type { Abort, ByteStream } from './ports.ts'

export interface RequestGuard {
  readonly signal: CancelSignal
  /** Why the request was given up, once it was. */
  readonly cause: LaresError<TransportErrorCode> | undefined
  /** The stream that is aborted with the request. */
  watch(stream: ByteStream): void
  end(): void
}

/** Gives a request up when its time is over or its caller has: its stream is aborted, and `cause` says which it was. */
export function guardRequest(
  timeoutMs: number,
  init: { readonly clock: TransportClock; createAbort(): Abort; readonly outer?: CancelSignal | undefined },
): RequestGuard {
  const { clock, outer } = init
  const abort = init.createAbort()
  let cause: LaresError<TransportErrorCode> | undefined
  let watched: ByteStream | undefined

  function fail(error: LaresError<TransportErrorCode>): void {
    if (cause !== undefined) return
    cause = error
    abort.abort(error)
    watched?.abort(error)
  }

  const stopTimer = clock.after(timeoutMs, () => fail(new LaresError('timeout', `no answer in ${timeoutMs} ms`)))
  const onCancel = () => fail(new LaresError('cancelled', 'the caller gave up', { cause: outer?.reason }))
  if (outer?.aborted) onCancel()
  else outer?.addEventListener('abort', onCancel)
  return {
    signal: abort.signal,
    get cause() {
      return cause
    },
    watch(stream) {
      watched = stream
    },
    end() {
      stopTimer()
      outer?.removeEventListener('abort', onCancel)
    },
  }
}
