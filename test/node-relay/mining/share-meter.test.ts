import { expect, it } from 'vitest'
import { LEAST_OF_SHARE, ShareMeter } from '../../../node-relay/mining/share-meter.ts'

const SHARE = 0.05

/** A relay that uses so much of one core for all but mining, asked every three seconds. */
function relay() {
  let now = 5_000
  let other = 900
  const meter = new ShareMeter({ share: SHARE, otherMs: () => other, now: () => now })
  return {
    meter,
    run(seconds: number, otherShare: number): number {
      let left = meter.left()
      for (let second = 0; second < seconds; second += 3) {
        now += 3_000
        other += 3_000 * otherShare
        left = meter.left()
      }
      return left
    },
  }
}

it('gives all of it to mining while nothing else is done', () => {
  expect(relay().run(600, 0)).toBe(SHARE)
})

it('takes off what the rest of the relay uses, and gives it back', () => {
  const { run } = relay()
  expect(run(600, 0.01)).toBeCloseTo(SHARE - 0.01, 4)
  expect(run(600, 0.02)).toBeCloseTo(SHARE - 0.02, 4)
  expect(run(600, 0)).toBeCloseTo(SHARE, 4)
})

it('never takes all of it', () => {
  expect(relay().run(600, 1.5)).toBeCloseTo(LEAST_OF_SHARE * SHARE, 9)
})

it('is not moved far by one busy moment', () => {
  const { run } = relay()
  run(600, 0.01)
  expect(run(3, 0.2)).toBeGreaterThan(SHARE - 0.025)
})

it('asked twice at once says the same', () => {
  const { meter, run } = relay()
  const left = run(60, 0.01)
  expect(meter.left()).toBe(left)
})
