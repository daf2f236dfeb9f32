import type { TransportClock } from '../../shared/protocol/transport.ts'
import type { ByteStream, Connection } from '../../shared/transport/ports.ts'

/** A clock that moves only when told; due tasks run in order. */
export function createFakeTransportClock(start = 1_000_000) {
  let time = start
  let order = 0
  const tasks = new Set<{ at: number; order: number; run: () => void }>()
  const clock: TransportClock = {
    now: () => time,
    after(delayMs, run) {
      const task = { at: time + delayMs, order: order++, run }
      tasks.add(task)
      return () => tasks.delete(task)
    },
  }
  return {
    ...clock,
    pending: () => tasks.size,
    /** Lets promises settle between tasks. */
    async advance(ms: number) {
      const end = time + ms
      for (;;) {
        await settle()
        const next = [...tasks].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at || a.order - b.order)[0]
        if (next === undefined) break
        tasks.delete(next)
        time = Math.max(time, next.at)
        next.run()
      }
      time = end
    },
  }
}

async function settle(): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve()
}

let connectionCount = 0

export interface FakeConnection extends Connection {
  status: string
  rtt?: number
}

/** An open connection without a network behind it. */
export function createFakeConnection(
  peerId: string,
  address: string,
  newStream?: () => Promise<ByteStream>,
): FakeConnection {
  const connection: FakeConnection = {
    id: `connection-${connectionCount++}`,
    remotePeer: { toString: () => peerId },
    remoteAddr: { toString: () => address },
    direction: 'outbound',
    status: 'open',
    timeline: { open: 5 },
    newStream: newStream ?? (() => Promise.reject(new Error('no streams here'))),
    async close() {
      connection.status = 'closed'
    },
    abort() {
      connection.status = 'aborted'
    },
  }
  return connection
}
