/**
 * What the rest of the code sees of the network: bytes to and from peers, no chain knowledge.
 * Types and constants only; a relay and a browser each build a {@link PeerNetwork} behind them.
 */

/** The real AbortSignal where there is one; the part of it that `shared` uses where there is none. */
export type CancelSignal = typeof globalThis extends { AbortSignal: { prototype: infer Signal } } ? Signal : BareSignal

export interface BareSignal {
  readonly aborted: boolean
  readonly reason: unknown
  addEventListener(type: 'abort', listener: () => void): void
  removeEventListener(type: 'abort', listener: () => void): void
}

export interface CancelOptions {
  readonly signal?: CancelSignal | undefined
}

/**
 * A request/response protocol: one stream per request, on it one frame each way, then it is closed.
 * A frame is `u32 length (big endian) || payload`; the length {@link REFUSED_LENGTH} without payload is a refusal.
 */
export interface ProtocolSpec {
  /** Protocol ID as negotiated, e.g. `/lares/headers/1`. */
  readonly id: string
  /** Largest request payload, bytes. */
  readonly maxRequest: number
  /** Largest response payload, bytes. */
  readonly maxResponse: number
  /** From opening the stream to the last byte of the response, milliseconds. Both sides keep it. */
  readonly timeoutMs: number
}

/** Length field of a response frame that says: I will not answer this. */
export const REFUSED_LENGTH = 0xffffffff

/** Answers one request. `reject`: the request was bad; the sender is told "refused" and penalised. */
export type RequestHandler = (
  from: string,
  request: Uint8Array,
  context: { readonly signal: CancelSignal },
) => Promise<Uint8Array | 'reject'>

/**
 * Codes of the LaresError that `request`, `dial` and `publish` throw.
 * `cancelled`: the caller's own signal. `peer-gone`: no connection, or it broke. `refused`: the peer (or our ban) said no.
 */
export type TransportErrorCode = 'timeout' | 'too-long' | 'peer-gone' | 'unsupported' | 'refused' | 'cancelled'

export type GossipVerdict = 'accept' | 'ignore' | 'reject'

/** Judges a gossip message from the neighbour `from`: accept (forwarded), ignore (dropped), reject (dropped, penalised). */
export type GossipValidator = (from: string, bytes: Uint8Array) => Promise<GossipVerdict>

export type TransportKind = 'webrtc-direct' | 'webrtc' | 'websocket' | 'tcp' | 'circuit'

export interface PeerConnection {
  readonly peerId: string
  /** Remote multiaddr as text. */
  readonly address: string
  readonly transport: TransportKind
  readonly direction: 'inbound' | 'outbound'
}

export interface PeerSnapshot extends PeerConnection {
  /** Milliseconds since the Unix epoch. */
  readonly connectedAt: number
  /** Last measured round trip, milliseconds; absent until the first ping. */
  readonly roundTripMs?: number | undefined
  /** Penalty points held against the peer now. */
  readonly penalty: number
}

/**
 * `connected`: first connection of a peer. `changed`: its best connection is another one now (relayed → direct).
 * `disconnected`: the last one has gone; carries that last connection.
 */
export type PeerEvent = 'connected' | 'changed' | 'disconnected'
export type PeerListener = (connection: PeerConnection) => void

export interface PeerNetwork {
  /** Our own libp2p peer ID. */
  readonly peerId: string
  /** Addresses that others can dial, as multiaddr text with our peer ID. */
  addresses(): string[]
  /** Registers the handler of a protocol. @throws on a second handler for one ID */
  handle(spec: ProtocolSpec, handler: RequestHandler): Promise<void>
  /** @throws {LaresError} {@link TransportErrorCode} */
  request(peerId: string, spec: ProtocolSpec, request: Uint8Array, options?: CancelOptions): Promise<Uint8Array>
  /** Joins a topic; messages over `maxSize` bytes are rejected before `validate` sees them. One validator a topic. */
  subscribe(topic: string, maxSize: number, validate: GossipValidator): void
  unsubscribe(topic: string): void
  /** Number of neighbours it was sent to (0 is no error). @throws {LaresError} `too-long` over the topic's size */
  publish(topic: string, bytes: Uint8Array): Promise<number>
  peers(): PeerSnapshot[]
  /** Returns the function that ends the subscription. */
  on(event: PeerEvent, listener: PeerListener): () => void
  /** Connects to a multiaddr (or returns the open connection). @throws {LaresError} {@link TransportErrorCode} */
  dial(address: string, options?: CancelOptions): Promise<PeerConnection>
  /** Closes every connection to the peer; `reason` is for our log. */
  disconnect(peerId: string, reason: string): Promise<void>
  /** The one place where misbehaviour counts. At {@link PENALTY_LIMIT} points the peer is dropped and banned. */
  penalise(peerId: string, points: number, code: string): void
}

/** Time and timers, injected so that tests own them. */
export interface TransportClock {
  /** Milliseconds since the Unix epoch. */
  now(): number
  /** Runs `task` once after `delayMs`; returns the function that calls it off. */
  after(delayMs: number, task: () => void): () => void
}

/** Points at which a peer is dropped and banned. */
export const PENALTY_LIMIT = 100
/** Points forgiven per minute, so that rare slips of an honest peer never add up. */
export const PENALTY_FORGIVEN_PER_MINUTE = 5
/** How long a ban lasts, milliseconds. */
export const BAN_MS = 15 * 60_000
/** Bans from one public address after which the address itself is banned: new peer IDs cost nothing. */
export const BANS_PER_ADDRESS = 3
/** Peers whose points are remembered; when full the one with the fewest points is forgotten. */
export const MAX_PENALISED_PEERS = 1_024
/** Bans remembered, of peers and of addresses each; when full the one that ends first is lifted. */
export const MAX_BANS = 1_024

/** What the transport itself charges for. Handlers charge through `penalise` with their own codes. */
export const PENALTY_POINTS = {
  'gossip-rejected': 20,
  'gossip-too-long': 50,
  'gossip-flood': 5,
  'request-rejected': 20,
  'request-too-long': 50,
  'request-malformed': 20,
  'request-unfinished': 5,
  'response-too-long': 50,
  'response-malformed': 20,
} as const

/** Requests of one peer being answered at once; more are refused. */
export const MAX_REQUESTS_PER_PEER = 16
/** Requests being answered at once from all peers; more are refused. */
export const MAX_REQUESTS_TOTAL = 256
/** Gossip messages of one peer being judged at once; more are ignored. */
export const MAX_VALIDATIONS_PER_PEER = 64
/** Topics one node subscribes to. */
export const MAX_TOPICS = 32
/** Largest gossip message of any topic, bytes. */
export const MAX_GOSSIP_MESSAGE = 4 * 1024 * 1024
/** Largest gossipsub frame (several messages and control data), bytes. */
export const MAX_GOSSIP_FRAME = MAX_GOSSIP_MESSAGE + 256 * 1024
/** Bytes waiting for one slow gossip neighbour before its stream is dropped and opened anew. */
export const MAX_GOSSIP_BACKLOG = 8 * 1024 * 1024
/** A relayed connection is closed this long after a direct one to the same peer is open, milliseconds. */
export const CIRCUIT_LINGER_MS = 5_000
/** A peer that has been gone this long leaves the address book, milliseconds: browsers come with a new ID each time. */
export const FORGET_PEER_MS = 60_000
