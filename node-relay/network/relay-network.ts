import { createSocket } from 'node:dgram'
import { circuitRelayServer, type ServerReservationStoreInit } from '@libp2p/circuit-relay-v2'
import { generateKeyPair, privateKeyFromProtobuf, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import { gossipsub } from '@libp2p/gossipsub'
import { identify } from '@libp2p/identify'
import { noise } from '@libp2p/noise'
import { peerIdFromString } from '@libp2p/peer-id'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { webRTCDirect } from '@libp2p/webrtc'
import { webSockets } from '@libp2p/websockets'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { LaresError } from '../../shared/errors.ts'
import type { TransportClock } from '../../shared/protocol/transport.ts'
import { hostOf } from '../../shared/transport/address.ts'
import { createDirectGossip } from '../../shared/transport/direct-gossip.ts'
import { type ConnectionLimits, createDoor } from '../../shared/transport/door.ts'
import { gossipOptions } from '../../shared/transport/gossip-options.ts'
import { createPeerNetwork, type StoppablePeerNetwork } from '../../shared/transport/peer-network.ts'
import { createPenaltyBook, type PenaltyBook } from '../../shared/transport/penalties.ts'
import { quietLogger } from '../../shared/transport/quiet-logger.ts'
import { letGoOfClosedChannels } from './closed-channels.ts'
import { whoGivesWay } from './give-way.ts'
import { createHandshakeTurns } from './handshake-turns.ts'
import {
  CIRCUIT_LIMITS,
  HANDSHAKE_LIMITS,
  HANDSHAKE_TIMEOUT_MS,
  INBOUND_PER_HOST_PER_SECOND,
  MAX_HOP_STREAMS,
  MAX_PENDING_INBOUND,
  MAX_STOP_STREAMS,
  RELAY_CONNECTION_LIMITS,
} from './relay-limits.ts'
import { watchStandings } from './standing.ts'
import { systemClock } from './system-clock.ts'
import type { WebRtcCertificate } from './webrtc-certificate.ts'
import { type ChannelBounds, endWornConnections } from './worn-connections.ts'

/** Who gives way to a newcomer is given this long to close in good order, milliseconds. */
const GIVE_WAY_MS = 1_000

export interface RelayNetworkInit {
  /** libp2p private key as protobuf, see {@link createNodeKey}. Kept by the relay: its peer ID is part of its address. */
  privateKey: Uint8Array
  /** Made once and kept, see `createWebRtcCertificate`. */
  webrtcCertificate: WebRtcCertificate
  /** IP addresses to listen on. Default: all of IPv4. */
  hosts?: readonly string[]
  /** WebRTC-direct. 0: any free port. */
  udpPort: number
  /** WebSockets. 0: any free port. Absent: none. */
  wsPort?: number | undefined
  /** TCP, for other relays. 0: any free port. Absent: none. */
  tcpPort?: number | undefined
  /** With it the WebSockets are `wss`: PEM texts. A page served over HTTPS cannot open plain ones. */
  webSocketTls?: { readonly key: string; readonly cert: string } | undefined
  /** Further addresses at which we are reached (multiaddr text); for WebRTC-direct the certhash is added. */
  announce?: readonly string[]
  limits?: ConnectionLimits
  /** Default: {@link CIRCUIT_LIMITS}. `applyDefaultLimit: false` lifts those of each relayed connection; `off`: it relays none. */
  circuitLimits?: ServerReservationStoreInit | 'off'
  /** Data channels of one WebRTC connection before it is renewed. */
  channelBounds?: ChannelBounds
  clock?: TransportClock
  /** Points charged to a peer, for counting. */
  onPenalty?(code: string, points: number, banned: boolean, peerId: string): void
  log?(message: string, error?: unknown): void
}

export interface RelayNetwork extends StoppablePeerNetwork {
  /** Opens a new connection to an address, even where the peer is connected, and closes it. @throws when it cannot */
  probe(address: string, signal: AbortSignal): Promise<void>
  /**
   * Ends every connection. The native WebRTC listener keeps its UDP port bound until the process ends, so one process
   * can use a fixed UDP port once.
   */
  stop(): Promise<void>
}

/** A new Ed25519 libp2p key as protobuf. */
export async function createNodeKey(): Promise<Uint8Array> {
  return privateKeyToProtobuf(await generateKeyPair('Ed25519'))
}

/**
 * The relay's side of the network: WebRTC-direct for browsers, WebSockets as their fallback, TCP for relays, circuit
 * relay so that browsers can find each other. Listens when it returns.
 * @throws {LaresError} `port-busy` when a port is taken, `cannot-listen` for other reasons
 */
export async function createRelayNetwork(init: RelayNetworkInit): Promise<RelayNetwork> {
  const clock = init.clock ?? systemClock
  const log = init.log ?? (() => {})
  const hosts = init.hosts ?? ['0.0.0.0']
  const turns = createHandshakeTurns(HANDSHAKE_LIMITS, clock)
  const book = createPenaltyBook(clock.now)
  const penalties: PenaltyBook = {
    ...book,
    add(peerId, host, points) {
      const isBanned = book.add(peerId, host, points)
      if (isBanned) turns.setBack(host)
      return isBanned
    },
  }
  const directGossip = createDirectGossip()
  const limits = init.limits ?? RELAY_CONNECTION_LIMITS
  const udpPorts = await Promise.all(hosts.map((host) => freeUdpPort(host, init.udpPort)))

  const node = await createLibp2p({
    start: false,
    // DEBUG is how libp2p is asked to speak.
    ...(process.env['DEBUG'] === undefined ? { logger: quietLogger } : {}),
    privateKey: privateKeyFromProtobuf(init.privateKey),
    addresses: { listen: listenAddresses(init, hosts, udpPorts), appendAnnounce: [...(init.announce ?? [])] },
    transports: [
      webRTCDirect({ certificate: init.webrtcCertificate, rtcConfiguration: { iceServers: [] } }),
      webSockets(init.webSocketTls === undefined ? {} : { https: { ...init.webSocketTls } }),
      tcp(),
    ],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionManager: {
      // The door refuses first; libp2p would prune connections that are in use.
      maxConnections: limits.total + MAX_PENDING_INBOUND,
      inboundConnectionThreshold: INBOUND_PER_HOST_PER_SECOND,
      maxIncomingPendingConnections: MAX_PENDING_INBOUND,
      inboundUpgradeTimeout: HANDSHAKE_TIMEOUT_MS,
      reconnectRetries: 0,
    },
    connectionGater: {
      denyInboundConnection: async (connection) => {
        const address = connection.remoteAddr.toString()
        if (refused(address)) return true
        if (await turns.enter(connection, hostOf(address))) return false
        log(`refused ${address}: too many at once`)
        return true
      },
      denyInboundUpgradedConnection: (peerId, connection) => {
        turns.leave(connection)
        return refused(connection.remoteAddr.toString(), peerId.toString())
      },
      denyInboundRelayReservation: (peerId) => penalties.isBanned(peerId.toString()),
      denyOutboundRelayedConnection: (peerId) => penalties.isBanned(peerId.toString()),
    },
    // Every ping of it is a stream of its own; the network below has a heartbeat.
    connectionMonitor: { enabled: false },
    services: {
      identify: identify(),
      ping: ping(),
      gossip: (components: Parameters<ReturnType<typeof gossipsub>>[0]) =>
        gossipsub(gossipOptions('hub'))(directGossip.wrap(components)),
      ...(init.circuitLimits !== 'off' && {
        circuit: circuitRelayServer({
          reservations: init.circuitLimits ?? CIRCUIT_LIMITS,
          maxInboundHopStreams: MAX_HOP_STREAMS,
          maxOutboundStopStreams: MAX_STOP_STREAMS,
        }),
      }),
    },
  })
  const door = createDoor({ limits, penalties, connections: () => node.getConnections() })

  /** @param peerId once it is proved: then somebody gives way where there is no room */
  function refused(address: string, peerId?: string): boolean {
    const refusal = door.refusal(address, peerId)
    if (refusal === undefined) return false
    if ((refusal === 'full' || refusal === 'address-full') && makeRoom(address, refusal, peerId !== undefined))
      return false
    log(`refused ${address}: ${refusal}`)
    return true
  }

  function makeRoom(address: string, refusal: 'full' | 'address-full', isProved: boolean): boolean {
    const open = node.getConnections().filter(({ status }) => status === 'open')
    const occupants = open.map(({ id, remotePeer, remoteAddr, direction, timeline }) => ({
      ...{ id, direction, openedAt: timeline.open, host: hostOf(remoteAddr.toString()) },
      ...standings.of(remotePeer.toString()),
    }))
    const leaving = whoGivesWay(occupants, { host: hostOf(address), refusal }, clock.now())
    if (leaving === undefined) return false
    if (isProved) {
      const connection = open.find(({ id }) => id === leaving.id)
      log(
        `${connection?.remotePeer} gives way to ${address}: ${leaving.hasSpoken ? 'too many of its address' : 'silent'}`,
      )
      // Who is silent need not agree; over WebSockets an end without a goodbye is not noticed for long.
      connection?.close({ signal: AbortSignal.timeout(GIVE_WAY_MS) }).catch((error: Error) => connection.abort(error))
    }
    return true
  }

  node.addEventListener('connection:open', ({ detail }) => {
    letGoOfClosedChannels(detail)
    endWornConnections(detail, { clock, bounds: init.channelBounds, log })
  })
  try {
    await node.start()
  } catch (error) {
    await node.stop()
    throw listenError(error as Error)
  }

  const network = createPeerNetwork({
    node,
    gossip: node.services.gossip,
    directGossip,
    penalties,
    clock,
    createAbort: () => new AbortController(),
    dial: (address, { signal, fresh }) =>
      node.dial(multiaddr(address), { force: fresh, ...(signal === undefined ? {} : { signal }) }),
    forget: (peerId) => node.peerStore.delete(peerIdFromString(peerId)),
    ...(init.onPenalty === undefined ? {} : { onPenalty: init.onPenalty }),
    log,
  })
  const standings = watchStandings(network)
  return {
    ...network,
    ...standings.watched,
    async probe(address, signal) {
      const connection = await node.dial(multiaddr(address), { force: true, signal })
      await connection.close()
    },
    async stop() {
      network.end()
      await node.stop()
    },
  }
}

function listenAddresses(init: RelayNetworkInit, hosts: readonly string[], udpPorts: readonly number[]): string[] {
  return hosts.flatMap((host, i) => {
    const base = host.includes(':') ? `/ip6/${host}` : `/ip4/${host}`
    const addresses = [`${base}/udp/${udpPorts[i]}/webrtc-direct`]
    if (init.wsPort !== undefined)
      addresses.push(`${base}/tcp/${init.wsPort}${init.webSocketTls === undefined ? '' : '/tls'}/ws`)
    if (init.tcpPort !== undefined) addresses.push(`${base}/tcp/${init.tcpPort}`)
    return addresses
  })
}

/**
 * The native UDP listener reports a taken port late and unclearly, so it is tried first. For port 0 it would take one that is
 * free for TCP, and fail where UDP is not; the system gives one that is free.
 */
function freeUdpPort(host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = createSocket({ type: host.includes(':') ? 'udp6' : 'udp4', ipv6Only: host.includes(':') })
    socket.once('error', (error) => reject(listenError(error)))
    socket.bind({ address: host, port, exclusive: true }, () => {
      const free = socket.address().port
      socket.close(() => resolve(free))
    })
  })
}

function listenError(error: Error): LaresError<'port-busy' | 'cannot-listen'> {
  const text = [error.message, ...((error as AggregateError).errors ?? []).map((one: Error) => one.message)].join('; ')
  if (/EADDRINUSE/.test(text)) return new LaresError('port-busy', `a port is taken already: ${text}`, { cause: error })
  return new LaresError('cannot-listen', `cannot listen: ${text}`, { cause: error })
}
