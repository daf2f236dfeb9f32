import { transportOf } from './address.ts'
import type { ByteStream, Connection, StreamHandlerOptions } from './ports.ts'

interface PeerName {
  toString(): string
}

interface Topology {
  onConnect?(peer: PeerName, connection: Connection): void | Promise<void>
  onDisconnect?(peer: PeerName): void | Promise<void>
}

/** The part of libp2p's registrar that gossipsub uses. */
interface Registrar {
  handle(
    protocol: string,
    handler: (stream: ByteStream, connection: Connection) => void | Promise<void>,
    options?: StreamHandlerOptions,
  ): Promise<void>
  unhandle(protocols: string | string[]): Promise<void>
  register(protocol: string, topology: Topology): Promise<string>
  unregister(id: string): void
}

/** What gossipsub takes of a node. libp2p hands it over as a proxy that cannot be copied by spreading. */
interface GossipComponents {
  privateKey: unknown
  peerId: unknown
  peerStore: unknown
  registrar: Registrar
  connectionManager: unknown
  logger: unknown
}

export interface DirectGossip {
  /** The components gossipsub gets, with a registrar that shows it direct connections only. */
  wrap<Components extends GossipComponents>(components: Components): Components
  /**
   * Makes gossip follow the connections that are there: opens its streams anew on a direct connection where they were
   * lost, forgets peers that are only reached through a relay. Called when a connection closes and every few seconds.
   */
  refresh(connections: readonly Connection[]): void
}

/**
 * Keeps gossip on direct connections.
 *
 * gossipsub opens its streams on the first connection to a peer that it hears of and stays there. For two browsers that
 * met through a relay that is the relayed connection, and when the relay dies the gossip between them dies although a
 * direct WebRTC connection is open. Nor does it open a lost stream again while any connection remains. So gossipsub
 * sees neither relayed connections nor streams on them, and is told again of each peer's direct connection; for a peer
 * whose stream is open that does nothing.
 */
export function createDirectGossip(): DirectGossip {
  const topologies = new Map<string, Topology>()
  const announced = new Map<string, PeerName>()

  return {
    wrap(components) {
      const { registrar } = components
      const wrapped: Registrar = {
        handle: (protocol, handler, options) =>
          registrar.handle(
            protocol,
            (stream, connection) => {
              if (isDirect(connection)) return handler(stream, connection)
              stream.abort(new Error('gossip runs on direct connections only'))
            },
            options,
          ),
        unhandle: (protocols) => registrar.unhandle(protocols),
        async register(protocol, topology) {
          const id = await registrar.register(protocol, {
            onConnect(peer: PeerName, connection: Connection) {
              if (!isDirect(connection)) return
              announced.set(peer.toString(), peer)
              return topology.onConnect?.(peer, connection)
            },
            onDisconnect: (peer: PeerName) => topology.onDisconnect?.(peer),
          })
          topologies.set(id, topology)
          return id
        },
        unregister(id) {
          topologies.delete(id)
          registrar.unregister(id)
        },
      }
      return {
        privateKey: components.privateKey,
        peerId: components.peerId,
        peerStore: components.peerStore,
        registrar: wrapped,
        connectionManager: components.connectionManager,
        logger: components.logger,
      } as typeof components
    },
    refresh(connections) {
      for (const [id, peer] of announced) {
        const direct = connections.find(
          (connection) =>
            connection.status === 'open' && connection.remotePeer.toString() === id && isDirect(connection),
        )
        // One topology object is registered for each version of the protocol: tell it once.
        for (const topology of new Set(topologies.values())) {
          if (direct !== undefined) void topology.onConnect?.(peer, direct)
          else void topology.onDisconnect?.(peer)
        }
        if (direct === undefined) announced.delete(id)
      }
    },
  }
}

function isDirect(connection: Connection): boolean {
  return transportOf(connection.remoteAddr.toString()) !== 'circuit'
}
