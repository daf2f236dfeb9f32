import { expect, test } from 'vitest'
import { createRateLimit, householdOf } from '../../../node-relay/http/rate-limit.ts'

function limit() {
  const clock = { now: 0 }
  return { clock, rate: createRateLimit({ burst: 10, perSecond: 2, maxAddresses: 3, now: () => clock.now }) }
}

test('a burst, then what comes back each second', () => {
  const { clock, rate } = limit()
  expect(rate.take('a', 10)).toBe(0)
  expect(rate.take('a', 1)).toBe(500)
  clock.now += 499
  expect(rate.take('a', 1)).toBeGreaterThan(0)
  clock.now += 1
  expect(rate.take('a', 1)).toBe(0)
  clock.now += 3_600_000
  expect(rate.take('a', 11)).toBe(500)
  expect(rate.take('a', 10)).toBe(0)
})

test('a clock that goes back gives nothing and takes nothing', () => {
  const { clock, rate } = limit()
  rate.take('a', 9)
  clock.now -= 10_000
  expect(rate.take('a', 1)).toBe(0)
  expect(rate.take('a', 1)).toBe(500)
})

test('bounded: the address unused for longest is forgotten', () => {
  const { rate } = limit()
  for (const address of ['a', 'b', 'c']) rate.take(address, 10)
  rate.take('a', 10)
  rate.take('d', 10)
  expect(rate.size).toBe(3)
  expect(rate.take('a', 1)).toBeGreaterThan(0)
  expect(rate.take('b', 10)).toBe(0)
})

test('an IPv6 household counts once', () => {
  expect(householdOf('2001:db8:1:2:3:4:5:6')).toBe('2001:db8:1:2::/64')
  expect(householdOf('2001:db8:1:2::9')).toBe('2001:db8:1:2::/64')
  expect(householdOf('2001:db8::1')).toBe('2001:db8:0:0::/64')
  expect(householdOf('fe80::1%eth0')).toBe('fe80:0:0:0::/64')
  expect(householdOf('::ffff:10.0.0.1')).toBe('10.0.0.1')
  expect(householdOf('10.0.0.1')).toBe('10.0.0.1')
})
