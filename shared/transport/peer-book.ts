import {
  CIRCUIT_LINGER_MS,
  type PeerConnection,
  type PeerEvent,
  type PeerListener,
  type TransportClock,
} from '../protocol/transport.ts'
import { transportOf } from './address.ts'
import type { Connection } from './ports.ts'

export interface PeerBook {
  opened(connection: Connection): void
  closed(connection: Connection): void
  /** The connection to use: a direct one before a relayed one, the older before the newer. */
  best(peerId: string): Connection | undefined
  connections(peerId: string): readonly Connection[]
  peerIds(): string[]
  on(event: PeerEvent, listener: PeerListener): () => void
}

/**
 * Who is connected, over which connection. Bounded by the number of connections, which the door limits.
 * Once a peer is reached directly, its relayed connections are closed after a while: they load the relay.
 */
export function createPeerBook(clock: TransportClock, log: (message: string, error?: unknown) => void): PeerBook {
  const peers = new Map<string, Connection[]>()
  const listeners: Record<PeerEvent, Set<PeerListener>> = {
    connected: new Set(),
    changed: new Set(),
    disconnected: new Set(),
  }

  function best(peerId: string): Connection | undefined {
    const open = peers.get(peerId)?.filter((connection) => connection.status === 'open') ?? []
    return open.find((connection) => !isRelayed(connection)) ?? open[0]
  }

  function emit(event: PeerEvent, connection: Connection): void {
    for (const listener of listeners[event]) {
      try {
        listener(describe(connection))
      } catch (error) {
        log(`a listener of "${event}" failed`, error)
      }
    }
  }

  function closeRelayedLater(peerId: string): void {
    clock.after(CIRCUIT_LINGER_MS, () => {
      const current = best(peerId)
      if (current === undefined || isRelayed(current)) return
      for (const connection of peers.get(peerId) ?? [])
        if (isRelayed(connection)) connection.close().catch((error: Error) => connection.abort(error))
    })
  }

  return {
    opened(connection) {
      const peerId = connection.remotePeer.toString()
      const known = peers.get(peerId) ?? []
      if (known.some(({ id }) => id === connection.id)) return
      const before = best(peerId)
      peers.set(peerId, [...known, connection])
      if (known.length === 0) emit('connected', connection)
      else if (best(peerId) === connection && before !== connection) emit('changed', connection)
      closeRelayedLater(peerId)
    },
    closed(connection) {
      const peerId = connection.remotePeer.toString()
      const known = peers.get(peerId)
      if (known === undefined || !known.some(({ id }) => id === connection.id)) return
      const rest = known.filter(({ id }) => id !== connection.id)
      if (rest.length === 0) {
        peers.delete(peerId)
        emit('disconnected', connection)
        return
      }
      const wasBest = known.find((one) => !isRelayed(one)) ?? known[0]
      peers.set(peerId, rest)
      const now = best(peerId)
      if (wasBest?.id === connection.id && now !== undefined) emit('changed', now)
    },
    best,
    connections: (peerId) => peers.get(peerId) ?? [],
    peerIds: () => [...peers.keys()],
    on(event, listener) {
      listeners[event].add(listener)
      return () => listeners[event].delete(listener)
    },
  }
}

export function describe(connection: Connection): PeerConnection {
  const address = connection.remoteAddr.toString()
  return {
    peerId: connection.remotePeer.toString(),
    address,
    transport: transportOf(address),
    direction: connection.direction,
  }
}

function isRelayed(connection: Connection): boolean {
  return transportOf(connection.remoteAddr.toString()) === 'circuit'
}
