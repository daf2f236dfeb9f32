import { circuitRelayTransport } from '@libp2p/circuit-relay-v2'
import { gossipsub } from '@libp2p/gossipsub'
import { identify } from '@libp2p/identify'
import type { PrivateKey } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { peerIdFromString } from '@libp2p/peer-id'
import { webRTCDirect } from '@libp2p/webrtc'
import { webSockets } from '@libp2p/websockets'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import type { TransportClock } from '../../shared/protocol/transport.ts'
import { createDirectGossip } from '../../shared/transport/direct-gossip.ts'
import { type ConnectionLimits, createDoor } from '../../shared/transport/door.ts'
import { gossipOptions } from '../../shared/transport/gossip-options.ts'
import { createPeerNetwork, type StoppablePeerNetwork } from '../../shared/transport/peer-network.ts'
import { createPenaltyBook } from '../../shared/transport/penalties.ts'
import { quietLogger } from '../../shared/transport/quiet-logger.ts'
import { browserWebRtc } from './browser-webrtc.ts'
import { createReconnector, type Reconnector } from './reconnect.ts'

/** A page's connections: a few relays, a few browsers. Chromium takes some 26 MB for the page itself. */
export const BROWSER_CONNECTION_LIMITS: ConnectionLimits = {
  total: 32,
  perPublicHost: 16,
  perSharedHost: 32,
  perPeer: 4,
}
/** A whole dial with all its handshakes, milliseconds. A blocked local network shows as this time-out. */
export const DIAL_TIMEOUT_MS = 10_000

export interface BrowserNetworkInit {
  /** libp2p key of the session; a fresh Ed25519 key when absent, so that sessions cannot be linked. */
  privateKey?: PrivateKey
  /**
   * STUN and TURN servers for browser-to-browser connections beyond the local network. Default: none, so that no
   * third party learns who is here.
   */
  iceServers?: RTCIceServer[]
  limits?: ConnectionLimits
  clock?: TransportClock
  log?(message: string, error?: unknown): void
}

export interface BrowserNetwork extends StoppablePeerNetwork {
  /** Raw Ed25519 public key of this page's peer ID, 32 bytes. */
  readonly peerKey: Uint8Array
  /** Keeps a relay connected; addresses are tried in order (WebRTC-direct first, WebSockets after it). */
  keepConnected(peerId: string, addresses: readonly string[]): void
  forget(peerId: string): void
  /** Call on `online`, and when the page becomes visible again. */
  poke(): void
  /** Relays that should be connected and are not. */
  reconnecting: Reconnector['waiting']
  /** Our address by way of a relay at which other browsers reach us directly (`…/p2p-circuit/webrtc/p2p/…`). */
  browserAddresses(): string[]
  stop(): Promise<void>
}

const pageClock: TransportClock = {
  now: () => Date.now(),
  after(delayMs, task) {
    const timer = setTimeout(task, delayMs)
    return () => clearTimeout(timer)
  },
}

/** The browser's side of the network. Lives on the page: workers have no RTCPeerConnection. */
export async function createBrowserNetwork(init: BrowserNetworkInit = {}): Promise<BrowserNetwork> {
  const clock = init.clock ?? pageClock
  const log = init.log ?? (() => {})
  const limits = init.limits ?? BROWSER_CONNECTION_LIMITS
  const penalties = createPenaltyBook(clock.now)
  const directGossip = createDirectGossip()

  const node = await createLibp2p({
    logger: quietLogger,
    start: false,
    ...(init.privateKey === undefined ? {} : { privateKey: init.privateKey }),
    // '/p2p-circuit': be reachable through whichever connected relay has a place; '/webrtc': turn that into a direct connection.
    addresses: { listen: ['/p2p-circuit', '/webrtc'] },
    transports: [
      webRTCDirect({ rtcConfiguration: { iceServers: [] } }),
      browserWebRtc({ rtcConfiguration: { iceServers: init.iceServers ?? [] } }, clock),
      webSockets(),
      circuitRelayTransport(),
    ],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionManager: {
      maxConnections: limits.total * 2,
      dialTimeout: DIAL_TIMEOUT_MS,
      addressDialTimeout: DIAL_TIMEOUT_MS,
      // The reconnector below does it, with the page's hints.
      reconnectRetries: 0,
    },
    // Every ping of it is a stream of its own; the network below has a heartbeat.
    connectionMonitor: { enabled: false },
    connectionGater: {
      // libp2p's default for browsers refuses private addresses and plain WebSockets: the very relay at home.
      denyDialMultiaddr: () => false,
      denyDialPeer: (peerId) => penalties.isBanned(peerId.toString()),
      denyInboundConnection: (connection) => refused(connection.remoteAddr.toString()),
      denyInboundUpgradedConnection: (peerId, connection) =>
        refused(connection.remoteAddr.toString(), peerId.toString()),
    },
    services: {
      identify: identify(),
      gossip: (components: Parameters<ReturnType<typeof gossipsub>>[0]) =>
        gossipsub(gossipOptions('leaf'))(directGossip.wrap(components)),
    },
  })
  const door = createDoor({ limits, penalties, connections: () => node.getConnections() })

  function refused(address: string, peerId?: string): boolean {
    const refusal = door.refusal(address, peerId)
    if (refusal !== undefined) log(`refused ${address}: ${refusal}`)
    return refusal !== undefined
  }

  await node.start()
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
    log,
  })
  const reconnector = createReconnector({
    clock,
    dial: (address) => network.dial(address),
    isConnected: (peerId) => network.peers().some((peer) => peer.peerId === peerId),
    random: Math.random,
    log,
  })
  network.on('connected', ({ peerId }) => reconnector.connected(peerId))
  network.on('disconnected', ({ peerId }) => reconnector.disconnected(peerId))

  const { publicKey } = node.peerId
  if (publicKey?.type !== 'Ed25519') throw new Error('sessions need an Ed25519 key')
  return {
    ...network,
    peerKey: publicKey.raw,
    keepConnected: reconnector.keep,
    forget: reconnector.forget,
    poke: reconnector.poke,
    reconnecting: reconnector.waiting,
    browserAddresses: () =>
      // A relay's TCP address is of no use to a browser.
      network.addresses().filter((address) => /\/(webrtc-direct|wss?)\/.*\/p2p-circuit\/webrtc\//.test(address)),
    async stop() {
      reconnector.end()
      network.end()
      await node.stop()
    },
  }
}
