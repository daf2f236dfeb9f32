import {
  ANSWER_BYTES_PER_TOKEN,
  HOST_RATE,
  MAX_RATED_PEERS,
  MAX_TOKEN_WAIT_MS,
  PEER_RATE,
  REFUSALS_ALLOWED,
  REFUSALS_WINDOW_MS,
  TOTAL_RATE,
  UNFINISHED_ALLOWED,
  UNFINISHED_WINDOW_MS,
} from '../protocol/transport.ts'
import { hostOf, isSharedHost } from './address.ts'
import type { Connection } from './ports.ts'
import { createTally } from './tally.ts'
import { createBuckets } from './token-bucket.ts'

/** Who asks, as far as the limits tell peers apart. */
export interface Asker {
  readonly peer: string
  /** Its public address; undefined where many honest peers share one, or none is known. */
  readonly host: string | undefined
}

export interface RequestBudget {
  /**
   * Pays for a request before it is answered. A peer that is a little ahead of its rate waits, so that honest speed is
   * shaped and never refused; nothing is paid when the request is refused.
   * @returns how long the answer has to wait, milliseconds; undefined: refused
   */
  pay(asker: Asker, tokens: number): number | undefined
  /** Pays for the length of an answer, once that is known. */
  payAnswer(asker: Asker, length: number): void
  /** Counts a refusal that the peer has brought upon itself; true: it goes on far beyond its rate. */
  refused(peer: string): boolean
  /** Counts a request or an answer that got stuck; true: slowness does not explain it. */
  unfinished(peer: string): boolean
}

export function askerOf({ remotePeer, remoteAddr }: Pick<Connection, 'remotePeer' | 'remoteAddr'>): Asker {
  const host = hostOf(remoteAddr.toString())
  return { peer: remotePeer.toString(), host: host === undefined || isSharedHost(host) ? undefined : host }
}

/** There is one bucket for all, under this key. */
const ALL = 'all'

/** What requests cost their senders: tokens of the peer, of its public address, and of all together. */
export function createRequestBudget(now: () => number): RequestBudget {
  const peers = createBuckets(PEER_RATE, MAX_RATED_PEERS, now)
  const hosts = createBuckets(HOST_RATE, MAX_RATED_PEERS, now)
  const total = createBuckets(TOTAL_RATE, 1, now)
  const refusals = createTally({
    allowed: REFUSALS_ALLOWED,
    windowMs: REFUSALS_WINDOW_MS,
    maxKeys: MAX_RATED_PEERS,
    now,
  })
  const stuck = createTally({
    allowed: UNFINISHED_ALLOWED,
    windowMs: UNFINISHED_WINDOW_MS,
    maxKeys: MAX_RATED_PEERS,
    now,
  })

  function take({ peer, host }: Asker, tokens: number): void {
    peers.take(peer, tokens)
    if (host !== undefined) hosts.take(host, tokens)
    total.take(ALL, tokens)
  }

  return {
    pay(asker, tokens) {
      const { peer, host } = asker
      // Others may use up what all have together; who has hardly asked for anything is served all the same.
      const isModest = peers.level(peer) >= PEER_RATE.capacity / 2
      const wait = Math.max(
        peers.waitMs(peer, tokens),
        host === undefined ? 0 : hosts.waitMs(host, tokens),
        isModest ? 0 : total.waitMs(ALL, tokens),
      )
      if (wait > MAX_TOKEN_WAIT_MS) return undefined
      take(asker, tokens)
      return wait
    },
    payAnswer: (asker, length) => take(asker, Math.floor(length / ANSWER_BYTES_PER_TOKEN)),
    refused(peer) {
      if (!refusals.add(peer)) return false
      refusals.clear(peer)
      return true
    },
    unfinished: (peer) => stuck.add(peer),
  }
}
