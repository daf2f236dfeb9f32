import type { TransportClock } from '../../shared/protocol/transport.ts'

/** So many at once after a rest, and so many each second. */
export interface TurnRate {
  readonly burst: number
  readonly perSecond: number
}

export interface TurnLimits {
  readonly perHost: TurnRate
  readonly total: TurnRate
  /** Turns of an address that pass when somebody who came from there is banned, and how many at most lie ahead for that. */
  readonly turnsPerBan: number
  readonly maxTurnsAhead: number
  /** Of one address, waiting or in their handshake. */
  readonly maxPerHost: number
  /** Waiting for their turn, from everywhere. */
  readonly maxWaiting: number
  /** Who has waited so long is turned away, ms. */
  readonly maxWaitMs: number
  /** A handshake takes no longer: libp2p ends it, ms. */
  readonly handshakeMs: number
}

export interface HandshakeTurns {
  /**
   * Waits for the turn of a connection that has just come in.
   * @param host its network address; undefined: one of its own is not known
   * @returns false: it is to be turned away
   */
  enter(connection: object, host: string | undefined): Promise<boolean>
  /** Its handshake is over. */
  leave(connection: object): void
  /**
   * Somebody from there was banned: new peer IDs cost nothing, so who comes next from this address waits. An address that
   * honest people may share is never closed for it.
   */
  setBack(host: string | undefined): void
}

interface Newcomer {
  readonly connection: object
  readonly host: string
  /** When it is turned away, or has surely ended, ms. */
  until: number
  /** Says whether its turn has come; absent once that was said. */
  decide?: ((mayEnter: boolean) => void) | undefined
}

/** Relayed connections, which have no address of their own, share one. */
const NO_HOST = ''

/**
 * Turns for handshakes. One costs tens of milliseconds of the event loop with the streams that follow it, so those of a
 * crowd are spread over time, before any of their cryptography: requests are answered between them. The address that has
 * had the fewest turns lately is next, so a crowd from one address waits for itself alone.
 */
export function createHandshakeTurns(limits: TurnLimits, clock: TransportClock): HandshakeTurns {
  /** Bounded by `maxWaiting`, and by what gets a turn within `handshakeMs`. */
  const newcomers = new Map<object, Newcomer>()
  const hosts = createPacer(limits.perHost)
  const total = createPacer(limits.total)
  let cancel = () => {}

  function next(): void {
    cancel()
    const now = clock.now()
    for (const one of [...newcomers.values()]) if (one.until <= now) decide(one, false)
    const waiting = [...newcomers.values()].filter((one) => one.decide !== undefined)
    while (waiting.length > 0 && total.waitMs(NO_HOST, now) === 0) {
      let first = 0
      for (let i = 1; i < waiting.length; i++) if (usedBy(i) < usedBy(first)) first = i
      const one = waiting[first] as Newcomer
      if (hosts.waitMs(one.host, now) > 0) break
      hosts.take(one.host, now)
      total.take(NO_HOST, now)
      waiting.splice(first, 1)
      decide(one, true)
    }
    if (waiting.length === 0) return
    const soonest = Math.min(...waiting.map(({ host, until }) => Math.min(hosts.waitMs(host, now), until - now)))
    cancel = clock.after(Math.max(1, soonest, total.waitMs(NO_HOST, now)), next)

    function usedBy(i: number): number {
      return hosts.used((waiting[i] as Newcomer).host, now)
    }
  }

  function decide(one: Newcomer, mayEnter: boolean): void {
    const tell = one.decide
    one.decide = undefined
    if (mayEnter) one.until = clock.now() + limits.handshakeMs
    else newcomers.delete(one.connection)
    tell?.(mayEnter)
  }

  return {
    enter(connection, host = NO_HOST) {
      const now = clock.now()
      const others = [...newcomers.values()].filter(({ until }) => until > now)
      const isFull =
        others.filter((one) => one.host === host).length >= limits.maxPerHost ||
        others.filter((one) => one.decide !== undefined).length >= limits.maxWaiting
      if (isFull) return Promise.resolve(false)
      return new Promise((resolve) => {
        newcomers.set(connection, { connection, host, until: now + limits.maxWaitMs, decide: resolve })
        next()
      })
    },
    leave: (connection) => void newcomers.delete(connection),
    setBack(host = NO_HOST) {
      hosts.take(host, clock.now(), limits.turnsPerBan, limits.maxTurnsAhead)
    },
  }
}

/** How much of a rate was used lately, by key: the generic cell rate algorithm (ITU-T I.371), in milliseconds. */
function createPacer({ burst, perSecond }: TurnRate) {
  const intervalMs = 1_000 / perSecond
  /** When all that was used will be forgotten. Keys at rest are dropped, so it is bounded by the turns of a moment. */
  const ends = new Map<string, number>()
  const used = (key: string, now: number) => Math.max(0, (ends.get(key) ?? 0) - now)
  return {
    used,
    waitMs: (key: string, now: number) => Math.max(0, used(key, now) - (burst - 1) * intervalMs),
    take(key: string, now: number, turns = 1, most = Number.POSITIVE_INFINITY) {
      for (const [one, end] of ends) if (end <= now) ends.delete(one)
      const before = used(key, now)
      ends.set(key, now + Math.max(before, Math.min(before + turns * intervalMs, most * intervalMs)))
    },
  }
}
