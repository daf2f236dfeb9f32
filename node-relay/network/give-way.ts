/** A connection as it is weighed when there is no room for a newcomer. */
export interface Occupant {
  readonly id: string
  /** Its network address; undefined when it comes over a relay. */
  readonly host: string | undefined
  readonly direction: 'inbound' | 'outbound'
  /** ms since the Unix epoch */
  readonly openedAt: number
  /** Its peer has asked something that was answered, or passed on something good. */
  readonly hasSpoken: boolean
  /** Its peer has passed on something good: a block, a header or a transaction that was new here. */
  readonly isUseful: boolean
}

/** A newcomer, and why it cannot come in. */
export interface Newcomer {
  readonly host: string | undefined
  readonly refusal: 'full' | 'address-full'
}

/** A newcomer may take its time to say something, ms. */
export const SILENT_GRACE_MS = 5_000
/** Connections from one address that are never too many. */
export const FAIR_SHARE_OF_HOST = 32

/**
 * Who must go so that a newcomer can come in, when places have run out (compare Bitcoin Core, `SelectNodeToEvict`). Never
 * one that this relay has opened itself, nor one that was useful. First those that never said anything, from the address
 * that has most of them, the oldest first. When all have spoken they stay, unless one address has far more than the
 * newcomer's: its youngest goes.
 * @returns undefined: nobody; the newcomer is turned away
 */
export function whoGivesWay(occupants: readonly Occupant[], newcomer: Newcomer, now: number): Occupant | undefined {
  const { host, refusal } = newcomer
  const movable = occupants.filter(
    (one) => one.direction === 'inbound' && !one.isUseful && (refusal === 'full' || one.host === host),
  )
  const silent = movable.filter(({ hasSpoken, openedAt }) => !hasSpoken && now - openedAt >= SILENT_GRACE_MS)
  if (silent.length > 0) return crowdOf(silent).reduce((one, other) => (other.openedAt < one.openedAt ? other : one))

  const crowd = crowdOf(movable.filter((one) => one.host !== undefined))
  const ofNewcomer = occupants.filter((one) => one.host === host).length
  if (crowd.length <= FAIR_SHARE_OF_HOST || crowd.length <= 2 * (ofNewcomer + 1)) return undefined
  return crowd.reduce((one, other) => (other.openedAt >= one.openedAt ? other : one))
}

/** Those of the address that has most of them. */
function crowdOf(occupants: readonly Occupant[]): readonly Occupant[] {
  const byHost = new Map<string | undefined, Occupant[]>()
  for (const one of occupants) {
    const known = byHost.get(one.host)
    if (known === undefined) byHost.set(one.host, [one])
    else known.push(one)
  }
  return [...byHost.values()].reduce((one, other) => (other.length > one.length ? other : one), [])
}
