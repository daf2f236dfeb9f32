import type { LaresError } from '../errors.ts'
import type { ProtocolSpec, TransportClock, TransportErrorCode } from '../protocol/transport.ts'
import type { Connection, LibraryNode } from './ports.ts'
import type { Requests } from './requests.ts'

/** How often each connection is asked for a sign of life, milliseconds. */
export const HEARTBEAT_MS = 5_000

/** An empty request with an empty answer. A peer that does not speak it is alive all the same. */
const HEARTBEAT: ProtocolSpec = { id: '/lares/heartbeat/1', maxRequest: 0, maxResponse: 0, timeoutMs: 5_000, cost: 1 }

export interface Heartbeat {
  /** The last one, milliseconds; undefined before the first. */
  roundTripMs(connection: Connection): number | undefined
}

/**
 * Measures the round trip of every connection, and ends one that gives no sign of life. libp2p's own monitor opens a stream
 * for every ping: 25,000 a day for a phone that stays connected, see {@link Requests}.
 */
export function startHeartbeat(init: {
  readonly node: LibraryNode
  readonly requests: Requests
  readonly clock: TransportClock
  log(message: string, error?: unknown): void
}): Heartbeat {
  const { node, requests, clock, log } = init
  const roundTrips = new WeakMap<Connection, number>()
  const asked = new WeakSet<Connection>()

  async function beat(connection: Connection): Promise<void> {
    if (connection.status !== 'open' || asked.has(connection)) return
    asked.add(connection)
    const start = clock.now()
    try {
      await requests.ask(connection, HEARTBEAT, new Uint8Array())
      roundTrips.set(connection, clock.now() - start)
    } catch (error) {
      const { code } = error as LaresError<TransportErrorCode>
      if (code !== 'timeout') return
      log(`no sign of life from ${connection.remotePeer}`)
      connection.abort(error as Error)
    } finally {
      asked.delete(connection)
    }
  }

  function beatAll(): void {
    for (const connection of node.getConnections()) void beat(connection)
    clock.after(HEARTBEAT_MS, beatAll)
  }

  requests
    .serve(node, HEARTBEAT, async () => new Uint8Array())
    .catch((error) => log('the heartbeat cannot be answered', error))
  clock.after(HEARTBEAT_MS, beatAll)
  return { roundTripMs: (connection) => roundTrips.get(connection) }
}
