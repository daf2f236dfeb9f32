import { LaresError, type Result } from '../errors.ts'
import {
  type CancelSignal,
  MAX_REQUESTS_PER_PEER,
  MAX_REQUESTS_TOTAL,
  type PENALTY_POINTS,
  type ProtocolSpec,
  type RequestHandler,
  type TransportClock,
  type TransportErrorCode,
} from '../protocol/transport.ts'
import { createFrameReader, encodeFrame, type FrameCode, REFUSAL_FRAME } from './frame.ts'
import type { Abort, ByteStream, Connection, LibraryNode } from './ports.ts'

/** Bytes handed to a stream before its back-pressure is looked at. */
const WRITE_CHUNK = 64 * 1024
/** Grace for the close handshake of a stream that has done its work, milliseconds. */
const CLOSE_MS = 5_000

export interface RequestComponents {
  clock: TransportClock
  createAbort(): Abort
  charge(peerId: string, code: keyof typeof PENALTY_POINTS): void
  log(message: string, error?: unknown): void
}

export interface Requests {
  serve(node: LibraryNode, spec: ProtocolSpec, handler: RequestHandler): Promise<void>
  /** @throws {LaresError} {@link TransportErrorCode} */
  ask(connection: Connection, spec: ProtocolSpec, request: Uint8Array, outer?: CancelSignal): Promise<Uint8Array>
}

/** One stream per request, a frame each way; see {@link ProtocolSpec}. */
export function createRequests(components: RequestComponents): Requests {
  const { clock, createAbort, charge, log } = components
  const answering = new Map<string, number>()
  let answeringTotal = 0

  /** Ends the stream when the deadline passes or the caller gives up; `cause` says which. */
  function guard(timeoutMs: number, outer?: CancelSignal) {
    const abort = createAbort()
    const state: { cause?: LaresError<TransportErrorCode>; stream?: ByteStream } = {}
    const fail = (error: LaresError<TransportErrorCode>) => {
      if (state.cause !== undefined) return
      state.cause = error
      abort.abort(error)
      state.stream?.abort(error)
    }
    const stopTimer = clock.after(timeoutMs, () => fail(new LaresError('timeout', `no answer in ${timeoutMs} ms`)))
    const onCancel = () => fail(new LaresError('cancelled', 'the caller gave up', { cause: outer?.reason }))
    if (outer?.aborted) onCancel()
    else outer?.addEventListener('abort', onCancel)
    return {
      signal: abort.signal,
      state,
      end() {
        stopTimer()
        outer?.removeEventListener('abort', onCancel)
      },
    }
  }

  function closeQuietly(stream: ByteStream): void {
    const stopTimer = clock.after(CLOSE_MS, () => stream.abort(new Error('close took too long')))
    stream
      .close()
      .catch((error: Error) => stream.abort(error))
      .finally(stopTimer)
  }

  async function answer(stream: ByteStream, from: string, spec: ProtocolSpec, handler: RequestHandler): Promise<void> {
    const deadline = guard(spec.timeoutMs)
    deadline.state.stream = stream
    try {
      const request = await readFrame(stream, spec.maxRequest)
      if (request === undefined || !request.ok) {
        if (request === undefined) charge(from, 'request-unfinished')
        else charge(from, request.code === 'too-long' ? 'request-too-long' : 'request-malformed')
        stream.abort(new LaresError('refused', `bad request frame for ${spec.id}`))
        return
      }
      const response = await handler(from, request.value, { signal: deadline.signal })
      if (deadline.state.cause !== undefined) return
      if (response === 'reject') charge(from, 'request-rejected')
      else if (response.length > spec.maxResponse)
        throw new LaresError('too-long', `our answer to ${spec.id} is ${response.length} bytes`)
      await write(stream, response === 'reject' ? REFUSAL_FRAME : encodeFrame(response), deadline.signal)
      closeQuietly(stream)
    } catch (error) {
      if (deadline.state.cause === undefined) {
        log(`answering ${spec.id} failed`, error)
        refuse(stream, closeQuietly)
      } else charge(from, 'request-unfinished')
    } finally {
      deadline.end()
    }
  }

  return {
    async serve(node, spec, handler) {
      await node.handle(
        spec.id,
        async (stream, connection) => {
          const from = connection.remotePeer.toString()
          const already = answering.get(from) ?? 0
          if (already >= MAX_REQUESTS_PER_PEER || answeringTotal >= MAX_REQUESTS_TOTAL) {
            refuse(stream, closeQuietly)
            return
          }
          answering.set(from, already + 1)
          answeringTotal++
          try {
            await answer(stream, from, spec, handler)
          } finally {
            const left = (answering.get(from) ?? 1) - 1
            if (left === 0) answering.delete(from)
            else answering.set(from, left)
            answeringTotal--
          }
        },
        // Twice the limit, so that what is over it hears a refusal and not a broken stream.
        { maxInboundStreams: MAX_REQUESTS_PER_PEER * 2, runOnLimitedConnection: true },
      )
    },

    async ask(connection, spec, request, outer) {
      if (request.length > spec.maxRequest)
        throw new LaresError('too-long', `request of ${request.length} bytes; ${spec.id} takes ${spec.maxRequest}`)
      const deadline = guard(spec.timeoutMs, outer)
      const peer = connection.remotePeer.toString()
      let stream: ByteStream | undefined
      try {
        if (deadline.state.cause !== undefined) throw deadline.state.cause
        stream = await connection.newStream(spec.id, { signal: deadline.signal, runOnLimitedConnection: true })
        deadline.state.stream = stream
        await write(stream, encodeFrame(request), deadline.signal)
        const response = await readFrame(stream, spec.maxResponse)
        if (response === undefined) throw new LaresError('peer-gone', `${peer} closed without an answer`)
        if (response.ok) {
          closeQuietly(stream)
          return response.value
        }
        if (response.code === 'refused') {
          closeQuietly(stream)
          throw new LaresError('refused', `${peer} refused ${spec.id}`)
        }
        charge(peer, response.code === 'too-long' ? 'response-too-long' : 'response-malformed')
        throw new LaresError(response.code === 'too-long' ? 'too-long' : 'refused', response.detail)
      } catch (error) {
        const outcome = deadline.state.cause ?? asTransportError(error)
        if (outcome.code !== 'refused') stream?.abort(outcome)
        throw outcome
      } finally {
        deadline.end()
      }
    },
  }
}

/** Errors of the library as ours, by the names it gives them. */
export function asTransportError(error: unknown): LaresError<TransportErrorCode> {
  if (error instanceof LaresError) return error as LaresError<TransportErrorCode>
  const { name, message } = error as Error
  if (name === 'UnsupportedProtocolError') return new LaresError('unsupported', message, { cause: error })
  if (name === 'TimeoutError') return new LaresError('timeout', message, { cause: error })
  return new LaresError('peer-gone', message, { cause: error })
}

async function write(stream: ByteStream, bytes: Uint8Array, signal: CancelSignal): Promise<void> {
  for (let offset = 0; offset < bytes.length; offset += WRITE_CHUNK)
    if (!stream.send(bytes.subarray(offset, offset + WRITE_CHUNK))) await stream.onDrain({ signal })
}

/** Undefined when the stream ended first. */
async function readFrame(stream: ByteStream, maxLength: number): Promise<Result<Uint8Array, FrameCode> | undefined> {
  const reader = createFrameReader(maxLength)
  for await (const chunk of stream) {
    const outcome = reader.push(chunk instanceof Uint8Array ? chunk : chunk.subarray())
    if (outcome !== undefined) return outcome
  }
  return undefined
}

function refuse(stream: ByteStream, close: (stream: ByteStream) => void): void {
  try {
    stream.send(REFUSAL_FRAME)
    close(stream)
  } catch (error) {
    stream.abort(error as Error)
  }
}
