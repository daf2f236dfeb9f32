import type { ConnectionLimits } from '../../shared/transport/door.ts'
import type { TurnLimits } from './handshake-turns.ts'

/** Connections a home relay holds; about 0.5 MB each. Assignment spreads more load over more full nodes. */
export const RELAY_CONNECTION_LIMITS: ConnectionLimits = {
  total: 384,
  perPublicHost: 64,
  perSharedHost: 192,
  perPeer: 4,
}

/** New connections of one address per second: a household coming back after a power cut, not a flood. */
export const INBOUND_PER_HOST_PER_SECOND = 64
/** Connections that have not finished their handshake, from everywhere. */
export const MAX_PENDING_INBOUND = 256
/** A handshake is given up after this long, milliseconds. */
export const HANDSHAKE_TIMEOUT_MS = 10_000

/**
 * When handshakes begin. One takes some 20 milliseconds of the event loop, with identify and gossip: a household of thirty
 * that comes back after a power cut is in after five seconds, and requests are answered meanwhile.
 */
export const HANDSHAKE_LIMITS: TurnLimits = {
  perHost: { burst: 4, perSecond: 6 },
  total: { burst: 16, perSecond: 24 },
  /** Three seconds each, and never more than five: within the time that who is honest and shares the address waits. */
  turnsPerBan: 18,
  maxTurnsAhead: 30,
  maxPerHost: 64,
  maxWaiting: 192,
  /** Dialling takes ten seconds at most. */
  maxWaitMs: 8_000,
  handshakeMs: HANDSHAKE_TIMEOUT_MS,
}

/** Circuit relay: libp2p's 15 reservations, 2 minutes and 128 KiB are too small for a home of browsers. */
export const CIRCUIT_LIMITS = {
  /** Browsers that can be called through this relay. */
  maxReservations: 256,
  /** Milliseconds; browsers renew before it ends. */
  reservationTtl: 2 * 3_600_000,
  /** Longest life of one relayed connection, milliseconds. It only has to carry the WebRTC handshake, or be the last resort. */
  defaultDurationLimit: 3_600_000,
  /** Bytes over one relayed connection, both ways together. */
  defaultDataLimit: 64n * 1024n * 1024n,
} as const

/** Relayed calls being set up for one browser at once. */
export const MAX_HOP_STREAMS = 32
/** Relayed connections to one browser at once. */
export const MAX_STOP_STREAMS = 64
