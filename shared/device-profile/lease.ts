import * as P from 'micro-packed'
import { bytes64, createCodec, hash32, u48 } from '../codec.ts'
import { ACCEPT, reject, type Verdict } from '../errors.ts'
import { TAGS, tagged } from '../hash.ts'

/** A lease ends this long after it was signed at the latest, ms: who is gone is not shown as alive for days. */
export const MAX_LEASE_MS = 24 * 3_600_000
/** A device's clock and the relay's may differ by this much, ms. */
export const CLOCK_TOLERANCE_MS = 5 * 60_000

/** `networkId 32 || deviceId 32 || u48 time || u48 until || signature 64`: "I am alive, and count on me until then". */
const leaseCoder = P.struct({
  networkId: hash32,
  deviceId: hash32,
  /** When it was signed, ms: a later one replaces an earlier one, and none is taken twice. */
  time: u48,
  /** ms */
  until: u48,
  /** By the record's wallet key, over {@link leaseMessage}. */
  signature: bytes64,
})

export type Lease = P.UnwrapCoder<typeof leaseCoder>

export const leaseCodec = createCodec<Lease>('lease', 140, leaseCoder)

export function leaseMessage({ networkId, deviceId, time, until }: Omit<Lease, 'signature'>): Uint8Array {
  return tagged(TAGS.lease, networkId, deviceId, u48.encode(time), u48.encode(until))
}

export type LeaseCode = 'clock-differs' | 'lease-ended' | 'lease-too-long' | 'replayed-lease' | 'old-lease'

/**
 * Whether a lease may replace the newest one that is known; all but its signature and its device's record.
 *
 * @param now ms since the Unix epoch
 * @param newest time of the newest lease of this device; undefined when none is known
 */
export function validateLease(
  lease: Pick<Lease, 'time' | 'until'>,
  now: number,
  newest: number | undefined,
): Verdict<LeaseCode> {
  const clock = validateClock(lease.time, now)
  if (!clock.ok) return clock
  if (lease.until <= Math.max(now, lease.time)) return reject('lease-ended', 'This lease has ended before it came.')
  if (lease.until - lease.time > MAX_LEASE_MS) return reject('lease-too-long', 'A lease may run for 24 hours at most.')
  if (newest !== undefined && lease.time === newest) return reject('replayed-lease', 'This lease was handed in before.')
  if (newest !== undefined && lease.time < newest) return reject('old-lease', 'A later lease of this device is known.')
  return ACCEPT
}

/** What a device says of the present must be near it: an old message is of no use to who kept a copy. */
export function validateClock(time: number, now: number): Verdict<'clock-differs'> {
  if (Math.abs(time - now) <= CLOCK_TOLERANCE_MS) return ACCEPT
  return reject('clock-differs', "The device's clock differs from the relay's by more than 5 minutes; set it.")
}
