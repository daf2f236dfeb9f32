import type { TransportClock } from '../../shared/protocol/transport.ts'

/** First wait after a lost or failed connection, milliseconds; doubled each time. */
export const RECONNECT_MIN_MS = 1_000
/** Longest wait, milliseconds: a relay that comes back is found within half a minute. */
export const RECONNECT_MAX_MS = 30_000
/** Relays kept connected at once: the primary, a warm standby and some more for the tip. */
export const MAX_KEPT_RELAYS = 8

export interface Reconnector {
  /** Keeps the peer at these addresses connected, tried in order. @throws when there are too many */
  keep(peerId: string, addresses: readonly string[]): void
  forget(peerId: string): void
  /** The connection is there or has gone. */
  connected(peerId: string): void
  disconnected(peerId: string): void
  /** Something changed for the better (online, visible again): try everyone now, from the shortest wait. */
  poke(): void
  /** Peers that are kept but not connected, with the time of the next try (undefined: trying now). */
  waiting(): { peerId: string; nextTryAt: number | undefined }[]
  end(): void
}

export interface ReconnectorComponents {
  clock: TransportClock
  /** Resolves when connected. */
  dial(address: string): Promise<unknown>
  isConnected(peerId: string): boolean
  /** 0 ≤ x < 1: spreads a whole household's tabs when the relay restarts. */
  random(): number
  log(message: string, error?: unknown): void
}

interface Kept {
  addresses: readonly string[]
  waitMs: number
  dialling: boolean
  /** Poked while dialling: start over at once if that dial fails. */
  again: boolean
  nextTryAt?: number | undefined
  cancel?: (() => void) | undefined
}

/** Keeps chosen relays connected, with exponential back-off and jitter. */
export function createReconnector(components: ReconnectorComponents): Reconnector {
  const { clock, dial, isConnected, random, log } = components
  const kept = new Map<string, Kept>()

  function schedule(peerId: string, entry: Kept, delayMs: number): void {
    entry.cancel?.()
    entry.nextTryAt = clock.now() + delayMs
    entry.cancel = clock.after(delayMs, () => void attempt(peerId, entry))
  }

  async function attempt(peerId: string, entry: Kept): Promise<void> {
    entry.cancel?.()
    entry.cancel = undefined
    entry.nextTryAt = undefined
    if (entry.dialling || isConnected(peerId)) return
    entry.dialling = true
    entry.again = false
    for (const address of entry.addresses) {
      if (kept.get(peerId) !== entry || isConnected(peerId)) break
      await dial(address).catch((error) => log(`could not reach ${address}`, error))
    }
    entry.dialling = false
    if (kept.get(peerId) !== entry || isConnected(peerId)) return
    if (entry.again) {
      entry.waitMs = RECONNECT_MIN_MS
      schedule(peerId, entry, 0)
      return
    }
    schedule(peerId, entry, entry.waitMs * (0.5 + random() / 2))
    entry.waitMs = Math.min(RECONNECT_MAX_MS, entry.waitMs * 2)
  }

  return {
    keep(peerId, addresses) {
      const known = kept.get(peerId)
      if (known !== undefined) {
        known.addresses = addresses
        return
      }
      if (kept.size >= MAX_KEPT_RELAYS) throw new Error(`more than ${MAX_KEPT_RELAYS} relays to keep connected`)
      const entry: Kept = { addresses, waitMs: RECONNECT_MIN_MS, dialling: false, again: false }
      kept.set(peerId, entry)
      schedule(peerId, entry, 0)
    },
    forget(peerId) {
      kept.get(peerId)?.cancel?.()
      kept.delete(peerId)
    },
    connected(peerId) {
      const entry = kept.get(peerId)
      if (entry === undefined) return
      entry.cancel?.()
      entry.nextTryAt = undefined
      entry.waitMs = RECONNECT_MIN_MS
    },
    disconnected(peerId) {
      const entry = kept.get(peerId)
      if (entry !== undefined && !entry.dialling) schedule(peerId, entry, entry.waitMs * (0.5 + random() / 2))
    },
    poke() {
      for (const [peerId, entry] of kept) {
        entry.waitMs = RECONNECT_MIN_MS
        if (entry.dialling) entry.again = true
        else if (!isConnected(peerId)) schedule(peerId, entry, 0)
      }
    },
    waiting: () =>
      [...kept].filter(([peerId]) => !isConnected(peerId)).map(([peerId, { nextTryAt }]) => ({ peerId, nextTryAt })),
    end() {
      for (const entry of kept.values()) entry.cancel?.()
      kept.clear()
    },
  }
}
