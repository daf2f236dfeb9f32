import { expect, it } from 'vitest'
import { CLOCK_TOLERANCE_MS, MAX_LEASE_MS, validateLease } from '../../../shared/device-profile/lease.ts'

const NOW = 1_767_225_600_000

it.each([
  ['now, for a minute', NOW, NOW + 60_000, undefined, 'good'],
  ['for as long as may be', NOW, NOW + MAX_LEASE_MS, undefined, 'good'],
  ['a moment longer', NOW, NOW + MAX_LEASE_MS + 1, undefined, 'lease-too-long'],
  ['by a clock as slow as may be', NOW - CLOCK_TOLERANCE_MS, NOW + 1, undefined, 'good'],
  ['by a slower one', NOW - CLOCK_TOLERANCE_MS - 1, NOW + 60_000, undefined, 'clock-differs'],
  ['by a clock as fast as may be', NOW + CLOCK_TOLERANCE_MS, NOW + MAX_LEASE_MS, undefined, 'good'],
  ['by a faster one', NOW + CLOCK_TOLERANCE_MS + 1, NOW + MAX_LEASE_MS, undefined, 'clock-differs'],
  ['that ends now', NOW, NOW, undefined, 'lease-ended'],
  ['that ends before it begins', NOW + 1_000, NOW + 500, undefined, 'lease-ended'],
  ['after an older one', NOW, NOW + 60_000, NOW - 1, 'good'],
  ['a second time', NOW, NOW + 60_000, NOW, 'replayed-lease'],
  ['after a newer one', NOW, NOW + 60_000, NOW + 1, 'old-lease'],
])('a lease %s', (_, time, until, newest, wanted) => {
  const verdict = validateLease({ time, until }, NOW, newest)
  expect(verdict.ok ? 'good' : verdict.code).toBe(wanted)
})
