import { LaresError, type Result } from '../errors.ts'
import {
  type CancelSignal,
  MAX_REQUESTS_PER_PEER,
  type ProtocolSpec,
  type RequestHandler,
  STREAM_IDLE_MS,
  type TransportClock,
} from '../protocol/transport.ts'
import { encodeFrame, type FrameCode, REFUSAL_FRAME } from './frame.ts'
import { closeQuietly, isOpen, readFrame, writeBytes } from './frame-stream.ts'
import type { ByteStream, Connection } from './ports.ts'
import { type Asker, askerOf, createRequestBudget } from './request-budget.ts'
import { guardRequest, type RequestGuard } from './request-guard.ts'
import { createRequestPlaces, type Place } from './request-places.ts'
import type { RequestComponents, Requests } from './requests.ts'

/** Of one connection and protocol: far more than are answered, so that what is over is refused, and counted, here. */
const MAX_INBOUND_STREAMS = 8 * MAX_REQUESTS_PER_PEER

/**
 * The answering side: requests one after the other on a stream, within the limits of each peer and of all. A request has a
 * place (see {@link createRequestPlaces}), a deadline, and a cost (see {@link createRequestBudget}).
 */
export function createServer(components: RequestComponents): Pick<Requests, 'serve'> {
  const { clock, charge, log } = components
  const places = createRequestPlaces()
  const budget = createRequestBudget(clock.now)

  function refuse(stream: ByteStream): void {
    try {
      stream.send(REFUSAL_FRAME)
      closeQuietly(stream, clock)
    } catch (error) {
      stream.abort(error as Error)
    }
  }

  /** Refuses what the peer has brought upon itself. */
  function refuseExcess(stream: ByteStream, peer: string): void {
    if (budget.refused(peer)) charge(peer, 'request-flood')
    refuse(stream)
  }

  /** A line may be slow or break, so a few of these cost nothing. */
  function noteUnfinished(peer: string): void {
    if (budget.unfinished(peer)) charge(peer, 'request-unfinished')
  }

  function beginTurn(stream: ByteStream, peer: string, spec: ProtocolSpec): Turn | 'peer-full' | 'all-full' {
    const place = places.take(peer, () => {
      turn.isGivenUp = true
      stream.abort(new LaresError('refused', 'the place is needed by others'))
    })
    if (typeof place === 'string') return place
    const guard = guardRequest(spec.timeoutMs, components)
    guard.watch(stream)
    const turn: Turn = {
      guard,
      place,
      isGivenUp: false,
      end() {
        guard.end()
        place.leave()
      },
    }
    return turn
  }

  async function answer(stream: ByteStream, from: Asker, door: Door, asked: Asked): Promise<boolean> {
    const { spec, handler } = door
    const { request, turn } = asked
    const { peer } = from
    if (request === undefined || !request.ok) {
      if (request === undefined) noteUnfinished(peer)
      else charge(peer, request.code === 'too-long' ? 'request-too-long' : 'request-malformed')
      stream.abort(new LaresError('refused', `bad request frame for ${spec.id}`))
      return false
    }
    const waitMs = budget.pay(from, spec.cost)
    if (waitMs === undefined) {
      refuseExcess(stream, peer)
      return false
    }
    if (waitMs > 0) await pause(waitMs, turn.guard.signal, clock)
    if (hasEnded(turn)) return false
    turn.place.waiting = false
    const response = await handler(peer, request.value, { signal: turn.guard.signal })
    if (hasEnded(turn)) return false
    if (response === 'reject') {
      charge(peer, 'request-rejected')
      refuse(stream)
      return false
    }
    if (response.length > spec.maxResponse)
      throw new LaresError('too-long', `our answer to ${spec.id} is ${response.length} bytes`)
    budget.payAnswer(from, response.length)
    turn.place.waiting = true
    await writeBytes(stream, encodeFrame(response), turn.guard.signal)
    return true
  }

  async function serveStream(stream: ByteStream, connection: Connection, door: Door): Promise<void> {
    const { spec, idle } = door
    const from = askerOf(connection)
    const { peer } = from
    // The first request's time begins with the stream, that of a later one with its first byte.
    let turn = beginTurn(stream, peer, spec)
    let wait: (() => void) | undefined
    function onBytes(): void {
      if (wait === undefined) return
      wait()
      wait = undefined
      turn = beginTurn(stream, peer, spec)
    }
    try {
      while (typeof turn !== 'string') {
        const request = await readFrame(stream, spec.maxRequest, onBytes)
        if (wait !== undefined) return closeQuietly(stream, clock)
        if (typeof turn === 'string') break
        if (turn.isGivenUp || !(await answer(stream, from, door, { request, turn }))) return
        turn.end()
        if (!isOpen(stream) || idle.has(connection.id)) return closeQuietly(stream, clock)
        wait = waitForMore(stream, connection.id, idle)
      }
      if (turn === 'peer-full') refuseExcess(stream, peer)
      else refuse(stream)
    } catch (error) {
      // An end while nothing was being asked is no fault of anyone.
      if (wait !== undefined) return
      if (typeof turn !== 'string' && hasEnded(turn)) noteUnfinished(peer)
      else {
        log(`answering ${spec.id} failed`, error)
        refuse(stream)
      }
    } finally {
      wait?.()
      if (typeof turn !== 'string') turn.end()
    }
  }

  function waitForMore(stream: ByteStream, connectionId: string, idle: Set<string>): () => void {
    idle.add(connectionId)
    const stopTimer = clock.after(STREAM_IDLE_MS, () => stream.abort(new Error('nothing was asked for a long time')))
    return () => {
      stopTimer()
      idle.delete(connectionId)
    }
  }

  return {
    async serve(node, spec, handler) {
      const door: Door = { spec, handler, idle: new Set() }
      await node.handle(spec.id, (stream, connection) => serveStream(stream, connection, door), {
        maxInboundStreams: MAX_INBOUND_STREAMS,
        runOnLimitedConnection: true,
      })
    },
  }
}

/** A protocol that is served. */
interface Door {
  readonly spec: ProtocolSpec
  readonly handler: RequestHandler
  /** Connections with a stream on which nothing is being asked: one each, a second is closed. */
  readonly idle: Set<string>
}

/** A request being answered: its place and its deadline. */
interface Turn {
  readonly guard: RequestGuard
  readonly place: Place
  /** Its place went to somebody else. */
  isGivenUp: boolean
  end(): void
}

interface Asked {
  readonly request: Result<Uint8Array, FrameCode> | undefined
  readonly turn: Turn
}

/** Its time is over, or its place went to somebody else. */
function hasEnded({ guard, isGivenUp }: Turn): boolean {
  return isGivenUp || guard.cause !== undefined
}

/** Until the time has passed, or the request has ended. */
function pause(delayMs: number, signal: CancelSignal, clock: TransportClock): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      stopTimer()
      signal.removeEventListener('abort', end)
      resolve()
    }
    const stopTimer = clock.after(delayMs, end)
    if (signal.aborted) end()
    else signal.addEventListener('abort', end)
  })
}
