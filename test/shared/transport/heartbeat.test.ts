import { describe, expect, it } from 'vitest'
import { LaresError } from '../../../shared/errors.ts'
import { HEARTBEAT_MS, startHeartbeat } from '../../../shared/transport/heartbeat.ts'
import type { LibraryNode } from '../../../shared/transport/ports.ts'
import { createFakeConnection, createFakeTransportClock } from '../../framework/network-doubles.ts'

function start(ask: (clock: ReturnType<typeof createFakeTransportClock>) => Promise<Uint8Array>) {
  const clock = createFakeTransportClock()
  const connection = createFakeConnection('phone', '/ip4/192.168.1.9/tcp/1')
  let asked = 0
  const heartbeat = startHeartbeat({
    node: { getConnections: () => [connection] } as unknown as LibraryNode,
    requests: {
      serve: async () => {},
      ask() {
        asked++
        return ask(clock)
      },
    },
    clock,
    log: () => {},
  })
  return { clock, connection, heartbeat, asked: () => asked }
}

describe('the heartbeat', () => {
  it('measures the round trip again and again', async () => {
    const { clock, connection, heartbeat, asked } = start(
      ({ after }) => new Promise((resolve) => after(14, () => resolve(new Uint8Array()))),
    )
    expect(heartbeat.roundTripMs(connection)).toBeUndefined()
    await clock.advance(HEARTBEAT_MS * 4 + 20)
    expect(heartbeat.roundTripMs(connection)).toBe(14)
    expect(asked()).toBe(4)
    expect(connection.status).toBe('open')
  })

  it('ends a connection that gives no sign of life', async () => {
    const { clock, connection } = start(() => Promise.reject(new LaresError('timeout', 'no answer')))
    await clock.advance(HEARTBEAT_MS)
    expect(connection.status).toBe('aborted')
  })

  it('leaves one alone that does not speak it, or is too busy', async () => {
    for (const code of ['unsupported', 'refused'] as const) {
      const { clock, connection } = start(() => Promise.reject(new LaresError(code, 'no')))
      await clock.advance(HEARTBEAT_MS * 3)
      expect(connection.status).toBe('open')
    }
  })

  it('does not ask again before the last question is answered', async () => {
    const { clock, asked } = start(() => new Promise(() => {}))
    await clock.advance(HEARTBEAT_MS * 5)
    expect(asked()).toBe(1)
  })
})
