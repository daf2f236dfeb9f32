import { describe, expect, it } from 'vitest'
import {
  MAX_ASKED_AT_ONCE,
  MAX_REQUESTS_PER_PEER,
  MAX_REQUESTS_TOTAL,
  MAX_TOKEN_WAIT_MS,
  MAX_WAITING_TO_ASK,
  PEER_RATE,
  type ProtocolSpec,
  REFUSALS_ALLOWED,
  REFUSALS_WINDOW_MS,
  STREAM_IDLE_MS,
  UNFINISHED_ALLOWED,
  UNFINISHED_WINDOW_MS,
} from '../../../shared/protocol/transport.ts'
import { encodeFrame, REFUSAL_FRAME } from '../../../shared/transport/frame.ts'
import type { ByteStream } from '../../../shared/transport/ports.ts'
import { createRequests } from '../../../shared/transport/request-response.ts'
import { createFakeTransportClock } from '../../framework/network-doubles.ts'
import { createConnectedNode } from '../../framework/stream-pair.ts'

const SPEC: ProtocolSpec = { id: '/lares-test/echo/1', maxRequest: 100, maxResponse: 100, timeoutMs: 10_000, cost: 1 }
const HELLO = Uint8Array.of(1, 2, 3)

/** Two sides over streams in memory; the served protocol says back what it was asked, unless told otherwise. */
async function createSides(
  handler = async (_from: string, bytes: Uint8Array): Promise<Uint8Array | 'reject'> => bytes,
) {
  const clock = createFakeTransportClock()
  const charges: string[] = []
  const logged: string[] = []
  const { node, connection, opened, openAs } = createConnectedNode('server')
  const components = {
    clock,
    createAbort: () => new AbortController(),
    log: (message: string) => void logged.push(message),
  }
  const server = createRequests({ ...components, charge: (peer, code) => void charges.push(`${peer} ${code}`) })
  const asker = createRequests({ ...components, charge: (peer, code) => void charges.push(`${peer} ${code}`) })
  await server.serve(node, SPEC, handler)
  return {
    clock,
    charges,
    logged,
    connection,
    opened,
    ask: (bytes: Uint8Array, signal?: AbortSignal) => asker.ask(connection, SPEC, bytes, signal),
    /** Opens a stream by hand: the peer that follows no rules. */
    openStream: (from?: string) => (from === undefined ? connection.newStream(SPEC.id) : openAs(from, SPEC.id)),
  }
}

async function readAll(stream: ByteStream): Promise<number[]> {
  const bytes: number[] = []
  for await (const chunk of stream) bytes.push(...chunk.subarray())
  return bytes
}

function gate() {
  let open = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { open, opened }
}

describe('requests', () => {
  it('follow one another on one stream', async () => {
    const { ask, opened, charges, clock } = await createSides()
    for (let i = 0; i < 50; i++) {
      expect(await ask(Uint8Array.of(i))).toEqual(Uint8Array.of(i))
      await clock.advance(60_000)
    }
    expect(opened).toHaveLength(1)
    expect(charges).toEqual([])
  })

  it('at the same time have streams of their own, of which one is kept', async () => {
    const { ask, opened, clock } = await createSides()
    const answers = await Promise.all([1, 2, 3].map((byte) => ask(Uint8Array.of(byte))))
    expect(answers).toEqual([1, 2, 3].map((byte) => Uint8Array.of(byte)))
    expect(opened).toHaveLength(3)
    await clock.advance(0)
    expect(
      opened.filter(({ status, remoteWriteStatus }) => status === 'open' && remoteWriteStatus !== 'closed'),
    ).toHaveLength(1)
    expect(await ask(HELLO)).toEqual(HELLO)
    expect(opened).toHaveLength(3)
  })

  it('are answered after a long silence, in which the stream was ended, and nobody is blamed', async () => {
    const { ask, opened, charges, logged, clock } = await createSides()
    await ask(HELLO)
    await clock.advance(STREAM_IDLE_MS - 1)
    expect(opened[0]?.status).toBe('open')
    await clock.advance(1)
    await clock.advance(0)
    expect(opened[0]?.status).toBe('reset')
    expect(await ask(HELLO)).toEqual(HELLO)
    expect(opened).toHaveLength(2)
    expect({ charges, logged }).toEqual({ charges: [], logged: [] })
  })

  it('are answered over a new stream when the kept one ends at that very moment', async () => {
    const { ask, opened, charges } = await createSides()
    await ask(HELLO)
    const again = ask(HELLO)
    opened[0]?.abort(new Error('gone'))
    expect(await again).toEqual(HELLO)
    expect(opened).toHaveLength(2)
    expect(charges).toEqual([])
  })

  it('do not use a stream on which something came that nobody asked for', async () => {
    const sides = await createSides()
    await sides.ask(HELLO)
    Object.defineProperty(sides.opened[0], 'readBufferLength', { value: 4 })
    expect(await sides.ask(HELLO)).toEqual(HELLO)
    expect(sides.opened).toHaveLength(2)
  })

  it('that the caller gives up are not asked again', async () => {
    let asked = 0
    const { ask, opened } = await createSides(async (_from, bytes) => {
      if (asked++ === 1) await new Promise(() => {})
      return bytes
    })
    await ask(HELLO)
    const controller = new AbortController()
    const answer = ask(HELLO, controller.signal)
    await Promise.resolve()
    controller.abort()
    await expect(answer).rejects.toMatchObject({ code: 'cancelled' })
    expect(opened).toHaveLength(1)
    expect(await ask(HELLO)).toEqual(HELLO)
    expect(opened).toHaveLength(2)
  })

  it('have their whole time each, from the first byte on', async () => {
    const slow = gate()
    let asked = 0
    const { ask, clock } = await createSides(async (_from, bytes) => {
      if (++asked > 1) await slow.opened
      return bytes
    })
    await ask(HELLO)
    await clock.advance(SPEC.timeoutMs * 3)
    const second = ask(HELLO)
    await clock.advance(SPEC.timeoutMs - 1)
    slow.open()
    expect(await second).toEqual(HELLO)
  })

  it('that get stuck cost nothing now and then, as on a bad line, and points when there are many', async () => {
    const { openStream, charges, clock } = await createSides()
    const stuck = async (bytes: Uint8Array) => {
      const stream = await openStream()
      stream.send(bytes)
      await clock.advance(SPEC.timeoutMs)
      expect(stream.status).toBe('reset')
    }
    const allowed = Math.min(UNFINISHED_ALLOWED, Math.floor(UNFINISHED_WINDOW_MS / SPEC.timeoutMs) - 1)
    for (let i = 0; i < 3 * allowed; i++) {
      await stuck(encodeFrame(HELLO).subarray(0, i % 5))
      await clock.advance(UNFINISHED_WINDOW_MS / allowed)
    }
    expect(charges).toEqual([])
    await clock.advance(UNFINISHED_WINDOW_MS)
    for (let i = 0; i <= UNFINISHED_ALLOWED; i++) (await openStream()).send(Uint8Array.of(0, 0))
    await clock.advance(SPEC.timeoutMs)
    expect(charges).toEqual(['asker request-unfinished'])
  })

  it('of one peer are refused when too many are being answered; streams at rest do not count', async () => {
    const held = gate()
    const { ask, openStream, clock } = await createSides(async (_from, bytes) => {
      if (bytes[0] === 0) await held.opened
      return bytes
    })
    const resting = await openStream()
    resting.send(encodeFrame(HELLO))
    await clock.advance(0)
    for (let i = 0; i < MAX_REQUESTS_PER_PEER; i++) (await openStream()).send(encodeFrame(Uint8Array.of(0)))
    await clock.advance(0)
    await expect(ask(HELLO)).rejects.toMatchObject({ code: 'refused' })
    resting.send(encodeFrame(HELLO))
    await clock.advance(0)
    held.open()
    await clock.advance(0)
    expect(await ask(HELLO)).toEqual(HELLO)
    const said = await readAll(resting)
    expect(said).toEqual([...encodeFrame(HELLO), ...REFUSAL_FRAME])
  })

  it('of an honest asker are never too many at once: they wait for one another, in order', async () => {
    const held = gate()
    const begun: number[] = []
    const { ask, charges, clock } = await createSides(async (_from, bytes) => {
      begun.push(bytes[0] as number)
      await held.opened
      return bytes
    })
    const all = Array.from({ length: 3 * MAX_REQUESTS_PER_PEER }, (_, i) => ask(Uint8Array.of(i)))
    await clock.advance(0)
    expect(begun).toEqual(Array.from({ length: MAX_ASKED_AT_ONCE }, (_, i) => i))
    held.open()
    expect(await Promise.all(all)).toEqual(all.map((_, i) => Uint8Array.of(i)))
    expect(begun).toEqual(all.map((_, i) => i))
    expect(charges).toEqual([])
  })

  it('that wait for their turn end with their caller or their time, and make way', async () => {
    const held = gate()
    const { ask, clock } = await createSides(async (_from, bytes) => {
      if (bytes[0] === 0) await held.opened
      return bytes
    })
    const busy = Array.from({ length: MAX_ASKED_AT_ONCE }, () => ask(Uint8Array.of(0)))
    const abort = new AbortController()
    const cancelled = ask(HELLO, abort.signal)
    const waiting = Array.from({ length: MAX_WAITING_TO_ASK - 1 }, () => ask(HELLO))
    await clock.advance(0)
    await expect(ask(HELLO)).rejects.toMatchObject({ code: 'refused' })
    abort.abort()
    await expect(cancelled).rejects.toMatchObject({ code: 'cancelled' })
    const late = Promise.allSettled(waiting)
    const lost = Promise.allSettled(busy)
    await clock.advance(SPEC.timeoutMs)
    for (const outcome of await lost) expect(outcome).toMatchObject({ reason: { code: 'timeout' } })
    // Whose turn came in that moment was answered, whose time was over with them was not; none waits on.
    expect(await late).toHaveLength(waiting.length)
    held.open()
    await clock.advance(MAX_TOKEN_WAIT_MS)
    expect(await ask(HELLO)).toEqual(HELLO)
  })

  it('that are rejected cost points and end the stream', async () => {
    const { ask, opened, charges } = await createSides(async () => 'reject')
    await expect(ask(HELLO)).rejects.toMatchObject({ code: 'refused' })
    await expect(ask(HELLO)).rejects.toMatchObject({ code: 'refused' })
    expect(opened).toHaveLength(2)
    expect(charges).toEqual(['asker request-rejected', 'asker request-rejected'])
  })

  it('cost points when a later one is malformed', async () => {
    const { openStream, charges, clock } = await createSides()
    const stream = await openStream()
    stream.send(encodeFrame(HELLO))
    await clock.advance(0)
    stream.send(Uint8Array.of(...encodeFrame(HELLO), 9))
    await clock.advance(0)
    expect(charges).toEqual(['asker request-malformed'])
  })

  it('beyond the rate of their sender wait a little, then are refused, and cost points only far beyond', async () => {
    const { ask, openStream, opened, charges, clock } = await createSides()
    for (let i = 0; i < PEER_RATE.capacity; i++) await ask(HELLO)
    // One after the other they are only slowed down, to the rate.
    const begin = clock.now()
    for (let i = 0; i < 40; i++) {
      const answer = ask(HELLO)
      await clock.advance(Math.ceil(1_000 / PEER_RATE.perSecond))
      expect(await answer).toEqual(HELLO)
    }
    expect(clock.now() - begin).toBeGreaterThanOrEqual((40 * 1_000) / PEER_RATE.perSecond)
    expect(opened).toHaveLength(1)

    const flood = async (count: number) => {
      for (let i = 0; i < count; i++) (await openStream()).send(encodeFrame(HELLO))
      await clock.advance(0)
    }
    await flood(REFUSALS_ALLOWED)
    expect(charges).toEqual([])
    await flood(4 * MAX_REQUESTS_PER_PEER)
    expect(charges).toEqual(['asker request-flood'])
    await clock.advance(REFUSALS_WINDOW_MS)
    await flood(REFUSALS_ALLOWED)
    expect(charges).toEqual(['asker request-flood'])
    await clock.advance(10_000)
    expect(await ask(HELLO)).toEqual(HELLO)
  })

  it('make room for others when they only wait for their own sender', async () => {
    const { openStream, ask, charges, clock } = await createSides()
    const streams: ByteStream[] = []
    for (let peer = 0; streams.length < MAX_REQUESTS_TOTAL; peer++)
      for (let i = 0; i < MAX_REQUESTS_PER_PEER; i++) {
        const stream = await openStream(`silent ${peer}`)
        stream.send(Uint8Array.of(0, 0))
        streams.push(stream)
      }
    await clock.advance(0)
    expect(await ask(HELLO)).toEqual(HELLO)
    await clock.advance(0)
    expect(streams.filter(({ status }) => status !== 'open')).toEqual([streams[0]])
    expect(charges).toEqual([])
  })

  it('leave no timer behind', async () => {
    const { ask, clock, opened } = await createSides()
    await ask(HELLO)
    expect(clock.pending()).toBe(1)
    await opened[0]?.close()
    await clock.advance(5_000)
    expect(clock.pending()).toBe(0)
  })
})
