import { LaresError, type Result } from '../errors.ts'
import type { CancelSignal, ProtocolShape } from '../protocol/transport.ts'
import { createAskingTurns } from './asking-turns.ts'
import { encodeFrame, type FrameCode } from './frame.ts'
import { closeQuietly, isOpen, readFrame, writeBytes } from './frame-stream.ts'
import type { ByteStream, Connection } from './ports.ts'
import { guardRequest, type RequestGuard } from './request-guard.ts'
import type { RequestComponents, Requests } from './requests.ts'
import { asTransportError } from './transport-error.ts'

/** The asking side. Keeps one idle stream of each protocol and connection. */
export function createAsker(components: RequestComponents): Pick<Requests, 'ask'> {
  const { clock, charge } = components
  const turns = createAskingTurns()
  const kept = new WeakMap<Connection, Map<string, ByteStream>>()

  function takeKept(connection: Connection, protocol: string): ByteStream | undefined {
    const streams = kept.get(connection)
    const stream = streams?.get(protocol)
    if (stream === undefined) return undefined
    streams?.delete(protocol)
    if (isOpen(stream) && (stream.readBufferLength ?? 0) === 0) return stream
    // Ended by the other side, or with bytes that nobody asked for.
    stream.abort(new Error('cannot be used again'))
    return undefined
  }

  function keep(connection: Connection, protocol: string, stream: ByteStream): void {
    const streams = kept.get(connection) ?? new Map<string, ByteStream>()
    if (streams.has(protocol) || !isOpen(stream)) closeQuietly(stream, clock)
    else kept.set(connection, streams.set(protocol, stream))
  }

  async function exchange(
    stream: ByteStream,
    asked: { readonly spec: ProtocolShape; readonly request: Uint8Array },
    guard: RequestGuard,
  ): Promise<Result<Uint8Array, FrameCode> | undefined> {
    guard.watch(stream)
    await writeBytes(stream, encodeFrame(asked.request), guard.signal)
    return readFrame(stream, asked.spec.maxResponse)
  }

  return {
    async ask(connection, spec, request, outer?: CancelSignal) {
      if (request.length > spec.maxRequest)
        throw new LaresError('too-long', `request of ${request.length} bytes; ${spec.id} takes ${spec.maxRequest}`)
      const guard = guardRequest(spec.timeoutMs, { ...components, outer })
      const peer = connection.remotePeer.toString()
      let stream: ByteStream | undefined
      let leave = () => {}
      try {
        if (guard.cause !== undefined) throw guard.cause
        leave = await turns.enter(connection, guard.signal)
        stream = takeKept(connection, spec.id)
        let response: Result<Uint8Array, FrameCode> | undefined
        if (stream !== undefined) {
          // The other side may just have ended a stream on which nothing was asked for long: that is no answer.
          response = await exchange(stream, { spec, request }, guard).catch(() => undefined)
          if (guard.cause !== undefined) throw guard.cause
        }
        if (stream === undefined || response === undefined) {
          stream?.abort(new Error('ended without an answer'))
          stream = await connection.newStream(spec.id, { signal: guard.signal, runOnLimitedConnection: true })
          response = await exchange(stream, { spec, request }, guard)
        }
        if (response === undefined) throw new LaresError('peer-gone', `${peer} closed without an answer`)
        if (response.ok) {
          keep(connection, spec.id, stream)
          return response.value
        }
        if (response.code === 'refused') {
          closeQuietly(stream, clock)
          throw new LaresError('refused', `${peer} refused ${spec.id}`)
        }
        charge(peer, response.code === 'too-long' ? 'response-too-long' : 'response-malformed')
        throw new LaresError(response.code === 'too-long' ? 'too-long' : 'refused', response.detail)
      } catch (error) {
        const outcome = guard.cause ?? asTransportError(error)
        if (outcome.code !== 'refused') stream?.abort(outcome)
        throw outcome
      } finally {
        guard.end()
        leave()
      }
    },
  }
}
