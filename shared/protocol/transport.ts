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
 * A request/response protocol: one frame each way, then the stream may carry the next request; either side may close it.
 * A frame is `u32 length (big endian) || payload`; the length {@link REFUSED_LENGTH} without payload is a refusal.
 */
export interface ProtocolShape {
  /** Protocol ID as negotiated, e.g. `/lares/headers/1`. */
  readonly id: string
  /** Largest request payload, bytes. */
  readonly maxRequest: number
  /** Largest response payload, bytes. */
  readonly maxResponse: number
  /** From opening the stream, or a later request's first byte, to the last byte of the response, milliseconds. Both sides keep it. */
  readonly timeoutMs: number
}

/** A protocol as it is served. */
export interface ProtocolSpec extends ProtocolShape {
  /** What a request takes of its sender's rate, tokens; the length of the answer comes on top, see {@link PEER_RATE}. */
  readonly cost: number
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
  request(peerId: string, spec: ProtocolShape, request: Uint8Array, options?: CancelOptions): Promise<Uint8Array>
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

/** Requests of one peer being answered at once; more are refused. */
export const MAX_REQUESTS_PER_PEER = 16
/** Requests to one peer that wait for an answer at once, a little below that: more wait for their turn here. */
export const MAX_ASKED_AT_ONCE = 12
/** Requests that wait for their turn with one peer; more fail at once. */
export const MAX_WAITING_TO_ASK = 1_024
/** Requests being answered at once from all peers; more are refused. */
export const MAX_REQUESTS_TOTAL = 256
/**
 * What a peer may ask, in tokens: a token is about half a millisecond of a relay's time, what the smallest request takes
 * with its stream. A phone that verifies headers as fast as it can takes about 60 a second, a relay that syncs from empty a
 * few hundred. What was used beyond what was there, by long answers, is paid off before the next: a debt that ends after
 * longer than {@link MAX_TOKEN_WAIT_MS}, or nothing would ever be refused.
 */
export const PEER_RATE = { capacity: 400, perSecond: 400, debt: 1_000 } as const
/** Of all peers of one public address: a household, an office. */
export const HOST_RATE = { capacity: 4_000, perSecond: 1_600 } as const
/** Of all together. A peer that has half of its own left is served when this is used up: light use is never crowded out. */
export const TOTAL_RATE = { capacity: 8_000, perSecond: 1_600 } as const
/** Bytes of an answer that cost as much as a small request. */
export const ANSWER_BYTES_PER_TOKEN = 32 * 1024
/** A request waits this long at most for its tokens, milliseconds; beyond that it is refused. */
export const MAX_TOKEN_WAIT_MS = 2_000
/** Peers, and public addresses, whose rates are remembered. The one unused longest is forgotten. */
export const MAX_RATED_PEERS = 1_024
/** Refusals of one peer's requests that cost nothing, in a window: who goes on asking beyond them is charged. */
export const REFUSALS_ALLOWED = 40
export const REFUSALS_WINDOW_MS = 10_000
/** Requests and answers of one peer that got stuck and cost nothing, in a window: a bad line has a few. */
export const UNFINISHED_ALLOWED = 8
export const UNFINISHED_WINDOW_MS = 2 * 60_000
/** A stream on which nothing was asked for this long is ended, milliseconds. One of each protocol and connection is kept. */
export const STREAM_IDLE_MS = 15 * 60_000
/** Gossip messages of one peer being judged at once; more are ignored. */
export const MAX_VALIDATIONS_PER_PEER = 256
/** Gossip messages of one peer that were of no use; more are ignored. What is accepted and passed on counts for nothing. */
export const GOSSIP_RATE = { capacity: 300, perSecond: 100 } as const
/** Messages ignored for that, in a window, that cost nothing, */
export const USELESS_ALLOWED = 500
/** and those ignored since too many were being judged: an honest neighbour may have much to pass on at once. */
export const IGNORED_ALLOWED = 5_000
export const IGNORED_WINDOW_MS = 10_000
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
