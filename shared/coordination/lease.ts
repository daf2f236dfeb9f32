import { ACCEPT, reject, type Verdict } from '../errors.ts'
import { type NetworkParameters, PRESETS } from '../params.ts'

/** A lease with a full node that is not renewed ends after this, ms. */
export const PRESENCE_MS = 10 * 60_000
/** A device renews at half the time, without jitter: one renewal may be lost. ms */
export const RENEWAL_MS = PRESENCE_MS / 2
/** Who holds a lease that another claims must prove itself within this, ms: a few round trips of a phone that is awake. */
export const DUEL_MS = 30_000
/** Who was refused, or came while a duel ran, waits this long after the lease has run out, ms. */
export const CLAIM_DELAY_MS = 60_000
/** However fast the blocks of a test come, a page that is asked needs this long to answer, ms. */
const LEAST_DUEL_MS = 5_000
/** Devices that one table holds. A full node says that it is busy long before. */
export const MAX_PRESENCE_LEASES = 16_384

/** All of them ms. */
export interface PresenceTimes {
  readonly lease: number
  readonly renewal: number
  readonly duel: number
  readonly claimDelay: number
}

const HOME_TIMES: PresenceTimes = {
  lease: PRESENCE_MS,
  renewal: RENEWAL_MS,
  duel: DUEL_MS,
  claimDelay: CLAIM_DELAY_MS,
}

/** The times of a network: those above, and shorter where its blocks come faster than at home. */
export function presenceTimes({ spacingMs }: Pick<NetworkParameters, 'spacingMs'>): PresenceTimes {
  const home = PRESETS.home.spacingMs
  const scaled = (ms: number) => Math.ceil((ms * Math.min(spacingMs, home)) / home)
  return {
    lease: scaled(PRESENCE_MS),
    renewal: scaled(RENEWAL_MS),
    duel: Math.max(LEAST_DUEL_MS, scaled(DUEL_MS)),
    claimDelay: scaled(CLAIM_DELAY_MS),
  }
}

/** Who is present in a device's name, at which full node, and until when. Times are ms on the caller's clock. */
export interface PresenceLease {
  /** Names the holder's session: another one under the same device ID is a second claim. */
  readonly holder: string
  /** Of the full node. */
  readonly seat: number
  readonly grantedAt: number
  /** It is alive before this. */
  readonly until: number
  /** A second claim that the holder has to answer. */
  readonly duel: Duel | undefined
  /** No other claim is let in before this. */
  readonly closedUntil: number
}

export interface Duel {
  readonly claimant: string
  /** The holder's proof must come before this. */
  readonly deadline: number
}

export interface PresenceClaim {
  readonly deviceId: string
  readonly holder: string
  readonly seat: number
}

/** What became of a claim. `prove` is for the holder, `wait` for the claimant; both with the time by which. */
export type ClaimOutcome =
  | { readonly type: 'granted' | 'renewed' | 'moved'; readonly until: number }
  | { readonly type: 'prove'; readonly deadline: number }
  | { readonly type: 'wait'; readonly until: number }
  | { readonly type: 'full' }

export type ProofCode = 'no-duel' | 'not-the-holder' | 'too-late'

/**
 * The leases that devices have with their full nodes (DESIGN 5), on the clock that is passed in. Signatures are the
 * caller's: a claim comes with one by the wallet key, so that a second claimant holds a copy of the key.
 */
export class PresenceTable {
  readonly #leases = new Map<string, PresenceLease>()
  readonly #capacity: number
  readonly #times: PresenceTimes

  /** @param capacity devices at most; beyond it whose lease has run out goes first, and then newcomers are refused */
  constructor(capacity: number = MAX_PRESENCE_LEASES, times: PresenceTimes = HOME_TIMES) {
    this.#capacity = capacity
    this.#times = times
  }

  get size(): number {
    return this.#leases.size
  }

  /** Undefined when there is none, or it has run out. */
  leaseOf(deviceId: string, now: number): PresenceLease | undefined {
    const lease = this.#leases.get(deviceId)
    return lease !== undefined && now < endOf(lease) ? lease : undefined
  }

  /** Whether a lease lives here, or keeps somebody out for a while after it. */
  knows(deviceId: string, now: number): boolean {
    const lease = this.#leases.get(deviceId)
    return lease !== undefined && (now < endOf(lease) || now < lease.closedUntil)
  }

  /** The holder has its lease elsewhere now. Returns whether it had one here. */
  release(deviceId: string, holder: string): boolean {
    return this.#leases.get(deviceId)?.holder === holder && this.#leases.delete(deviceId)
  }

  /** A device says that it is there: for the first time, again, at another full node, or a second one in its name. */
  claim({ deviceId, holder, seat }: PresenceClaim, now: number): ClaimOutcome {
    const known = this.#leases.get(deviceId)
    const alive = this.leaseOf(deviceId, now)
    if (alive !== undefined && alive.holder !== holder) return this.#challenge(deviceId, alive, holder, now)
    // A claimant that was refused is kept out for a while after the lease; the holder itself may come back at any time.
    if (known !== undefined && known.holder !== holder && now < known.closedUntil)
      return { type: 'wait', until: known.closedUntil }
    if (known === undefined && !this.#makeRoom(now)) return { type: 'full' }
    const until = now + this.#times.lease
    if (alive === undefined) {
      this.#leases.set(deviceId, { holder, seat, grantedAt: now, until, duel: undefined, closedUntil: 0 })
      return { type: 'granted', until }
    }
    // Renewing is not proving: while a duel runs the lease gets no longer.
    const renewed = alive.duel === undefined ? until : alive.until
    // The claim window follows the lease, so that renewing after a duel does not let the refused one in sooner.
    const closedUntil = alive.closedUntil === 0 ? 0 : renewed + this.#times.claimDelay
    this.#leases.set(deviceId, { ...alive, seat, until: renewed, closedUntil })
    return { type: seat === alive.seat ? 'renewed' : 'moved', until: renewed }
  }

  /** The holder has signed the nonce of the duel: the claimant stays out. */
  prove(deviceId: string, holder: string, now: number): Verdict<ProofCode> {
    const lease = this.#leases.get(deviceId)
    if (lease?.duel === undefined) return reject('no-duel', 'Nobody else has claimed this device.')
    if (lease.holder !== holder) return reject('not-the-holder', 'Only who holds the lease can prove it.')
    if (now >= lease.duel.deadline) return reject('too-late', 'The proof came after its deadline.')
    const until = now + this.#times.lease
    this.#leases.set(deviceId, { ...lease, until, duel: undefined, closedUntil: until + this.#times.claimDelay })
    return ACCEPT
  }

  /** Forgets what has run out and keeps nobody out any more. Returns how many. */
  prune(now: number): number {
    const before = this.#leases.size
    for (const [deviceId, lease] of this.#leases)
      if (now >= endOf(lease) && now >= lease.closedUntil) this.#leases.delete(deviceId)
    return before - this.#leases.size
  }

  #challenge(deviceId: string, lease: PresenceLease, claimant: string, now: number): ClaimOutcome {
    if (lease.closedUntil > now) return { type: 'wait', until: lease.closedUntil }
    const deadline = now + this.#times.duel
    const duel = { claimant, deadline }
    // Unproven, the lease ends no later than it would have: a claim never makes it longer.
    const closedUntil = Math.min(lease.until, deadline) + this.#times.claimDelay
    this.#leases.set(deviceId, { ...lease, duel, closedUntil })
    return { type: 'prove', deadline }
  }

  #makeRoom(now: number): boolean {
    if (this.#leases.size >= this.#capacity) this.prune(now)
    return this.#leases.size < this.#capacity
  }
}

/** A holder that let the deadline of a duel pass has lost its lease then. */
function endOf({ until, duel }: PresenceLease): number {
  return duel === undefined ? until : Math.min(until, duel.deadline)
}
