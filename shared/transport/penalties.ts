import {
  BAN_MS,
  BANS_PER_ADDRESS,
  MAX_BANS,
  MAX_PENALISED_PEERS,
  PENALTY_FORGIVEN_PER_MINUTE,
  PENALTY_LIMIT,
} from '../protocol/transport.ts'
import { isSharedHost } from './address.ts'

export interface PenaltyBook {
  /** Adds points; true when they reach the limit and the peer (perhaps its address, too) is now banned. */
  add(peerId: string, host: string | undefined, points: number): boolean
  points(peerId: string): number
  isBanned(peerId: string): boolean
  /** Only public addresses are ever banned, see {@link isSharedHost}. */
  isHostBanned(host: string): boolean
}

interface Entry {
  points: number
  at: number
}

interface HostEntry {
  bans: number
  until: number
}

const FORGIVE_ONE_MS = 60_000 / PENALTY_FORGIVEN_PER_MINUTE

/** Penalty points and bans, in memory only: a restart forgives. Every map is bounded. */
export function createPenaltyBook(now: () => number): PenaltyBook {
  const entries = new Map<string, Entry>()
  const bannedPeers = new Map<string, number>()
  const hosts = new Map<string, HostEntry>()

  /** Whole points forgiven since; integers only, so that the limit is met exactly. */
  function forgiven(entry: Entry): number {
    return Math.floor(Math.max(0, now() - entry.at) / FORGIVE_ONE_MS)
  }

  function pointsNow(entry: Entry): number {
    return Math.max(0, entry.points - forgiven(entry))
  }

  function ban(peerId: string, host: string | undefined): void {
    const until = now() + BAN_MS
    makeRoom(bannedPeers, MAX_BANS, (end) => end)
    bannedPeers.set(peerId, until)
    if (host === undefined || isSharedHost(host)) return
    const known = hosts.get(host)
    const bans = known !== undefined && known.until > now() ? known.bans + 1 : 1
    if (known === undefined) makeRoom(hosts, MAX_BANS, (entry) => entry.until)
    hosts.set(host, { bans, until })
  }

  return {
    add(peerId, host, points) {
      const known = entries.get(peerId)
      const sum = (known === undefined ? 0 : pointsNow(known)) + Math.max(0, points)
      if (sum < PENALTY_LIMIT) {
        if (known === undefined) makeRoom(entries, MAX_PENALISED_PEERS, pointsNow)
        // A started interval goes on, so that frequent slips are forgiven at the same rate.
        const at = known === undefined || sum === points ? now() : known.at + forgiven(known) * FORGIVE_ONE_MS
        entries.set(peerId, { points: sum, at })
        return false
      }
      entries.delete(peerId)
      ban(peerId, host)
      return true
    },
    points(peerId) {
      const entry = entries.get(peerId)
      return entry === undefined ? 0 : pointsNow(entry)
    },
    isBanned(peerId) {
      const until = bannedPeers.get(peerId)
      if (until === undefined) return false
      if (until > now()) return true
      bannedPeers.delete(peerId)
      return false
    },
    isHostBanned(host) {
      const entry = hosts.get(host)
      if (entry === undefined) return false
      if (entry.until > now()) return entry.bans >= BANS_PER_ADDRESS
      hosts.delete(host)
      return false
    },
  }
}

/** Forgets the entry of the lowest rank when the map is full. */
function makeRoom<Value>(map: Map<string, Value>, limit: number, rank: (value: Value) => number): void {
  if (map.size < limit) return
  let lowest: string | undefined
  let lowestRank = Number.POSITIVE_INFINITY
  for (const [key, value] of map) {
    const valueRank = rank(value)
    if (valueRank < lowestRank) {
      lowest = key
      lowestRank = valueRank
    }
  }
  if (lowest !== undefined) map.delete(lowest)
}
