import { LaresError } from '../errors.ts'
import { PENALTY_POINTS } from '../protocol/penalty-points.ts'
import { type CancelSignal, FORGET_PEER_MS, type PeerNetwork, type TransportClock } from '../protocol/transport.ts'
import { hostOf, transportOf } from './address.ts'
import type { DirectGossip } from './direct-gossip.ts'
import { startHeartbeat } from './heartbeat.ts'
import { createPeerBook, describe } from './peer-book.ts'
import type { PenaltyBook } from './penalties.ts'
import type { Abort, Connection, LibraryGossip, LibraryNode } from './ports.ts'
import { createRequests } from './request-response.ts'
import { createTimers } from './timers.ts'
import { createTopics } from './topics.ts'
import { asTransportError } from './transport-error.ts'

/** How often gossip is led back onto lost streams, milliseconds. */
const GOSSIP_REFRESH_MS = 5_000

/** A banned peer's connections are given this long to close in good order, milliseconds: it goes on meanwhile. */
const BANNED_CLOSE_MS = 100

export interface PeerNetworkComponents {
  node: LibraryNode
  gossip: LibraryGossip
  directGossip: DirectGossip
  penalties: PenaltyBook
  clock: TransportClock
  createAbort(): Abort
  /** `fresh`: open a new connection even when the peer is connected (relayed → direct). */
  dial(address: string, options: { signal?: CancelSignal | undefined; fresh: boolean }): Promise<Connection>
  /** Drops a peer that has gone from the library's address book. */
  forget(peerId: string): Promise<void>
  /** For counting; `banned`: these points were the last. */
  onPenalty?(code: string, points: number, banned: boolean, peerId: string): void
  /** For faults and peers' misdeeds; never called with payloads. */
  log(message: string, error?: unknown): void
}

export interface StoppablePeerNetwork extends PeerNetwork {
  /** Stops what this layer runs by itself. The node is stopped by its owner. */
  end(): void
}

/** A {@link PeerNetwork} over a started libp2p node of either side. */
export function createPeerNetwork(components: PeerNetworkComponents): StoppablePeerNetwork {
  const { node, gossip, directGossip, penalties, log } = components
  const timers = createTimers(components.clock)
  const book = createPeerBook(timers, log)
  const requests = createRequests({ clock: timers, createAbort: components.createAbort, charge, log })
  const topics = createTopics({ gossip, now: timers.now, charge, log })

  function charge(peerId: string, code: keyof typeof PENALTY_POINTS): void {
    penalise(peerId, PENALTY_POINTS[code], code)
  }

  function penalise(peerId: string, points: number, code: string): void {
    const connection = book.best(peerId)
    const host = connection === undefined ? undefined : hostOf(connection.remoteAddr.toString())
    log(`penalty of ${points} to ${peerId}: ${code}`)
    const banned = penalties.add(peerId, host, points)
    components.onPenalty?.(code, points, banned, peerId)
    if (!banned) return
    void disconnect(peerId, `banned: ${code}`)
    // Who is banned need not agree.
    const open = book.connections(peerId)
    timers.after(BANNED_CLOSE_MS, () => {
      for (const one of open) if (one.status !== 'closed') one.abort(new Error(`banned: ${code}`))
    })
  }

  async function disconnect(peerId: string, reason: string): Promise<void> {
    const open = book.connections(peerId)
    if (open.length > 0) log(`disconnecting ${peerId}: ${reason}`)
    await Promise.all(open.map((connection) => connection.close().catch((error: Error) => connection.abort(error))))
  }

  function refreshGossip(): void {
    directGossip.refresh(node.getConnections())
    timers.after(GOSSIP_REFRESH_MS, refreshGossip)
  }

  node.addEventListener('connection:open', ({ detail }) => book.opened(detail))
  node.addEventListener('connection:close', ({ detail }) => {
    book.closed(detail)
    directGossip.refresh(node.getConnections().filter(({ id }) => id !== detail.id))
  })
  book.on('disconnected', ({ peerId }) => {
    timers.after(FORGET_PEER_MS, () => {
      if (book.connections(peerId).length > 0) return
      components.forget(peerId).catch((error) => log('could not forget a peer', error))
    })
  })
  for (const connection of node.getConnections()) book.opened(connection)
  refreshGossip()
  const heartbeat = startHeartbeat({ node, requests, clock: timers, log })

  return {
    peerId: node.peerId.toString(),
    addresses: () => node.getMultiaddrs().map(String),
    handle: (spec, handler) => requests.serve(node, spec, handler),
    async request(peerId, spec, request, options) {
      const connection = book.best(peerId)
      if (connection === undefined) throw new LaresError('peer-gone', `no connection to ${peerId}`)
      return requests.ask(connection, spec, request, options?.signal)
    },
    ...topics,
    peers: () =>
      book.peerIds().flatMap((peerId) => {
        const connection = book.best(peerId)
        if (connection === undefined) return []
        return {
          ...describe(connection),
          connectedAt: connection.timeline.open,
          roundTripMs: heartbeat.roundTripMs(connection),
          penalty: penalties.points(peerId),
        }
      }),
    on: book.on,
    async dial(address, options) {
      const peerId = /\/p2p\/([^/]+)$/.exec(address)?.[1]
      if (peerId !== undefined && penalties.isBanned(peerId))
        throw new LaresError('refused', `${peerId} is banned for a while`)
      const current = peerId === undefined ? undefined : book.best(peerId)
      const relayedOnly = current !== undefined && transportOf(current.remoteAddr.toString()) === 'circuit'
      const fresh = relayedOnly && transportOf(address) !== 'circuit'
      try {
        return describe(await components.dial(address, { signal: options?.signal, fresh }))
      } catch (error) {
        if (options?.signal?.aborted) throw new LaresError('cancelled', 'the caller gave up', { cause: error })
        throw asTransportError(error)
      }
    },
    disconnect,
    penalise,
    end: timers.end,
  }
}
