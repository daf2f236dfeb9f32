import { describe, expect, it } from 'vitest'
import { afterWarmUp, growthPerTenMinutes, type Point } from './trend.ts'

const MINUTE_MS = 60_000

/** A reading every half minute for an hour. */
function hour(value: (minute: number) => number): Point[] {
  return Array.from({ length: 120 }, (_, half) => ({ at: (half * MINUTE_MS) / 2, value: value(half / 2) }))
}

describe('trend', () => {
  it('is flat for noise around a level, with a quarter of wild readings', () => {
    const noisy = hour((minute) => 100 + Math.sin(minute * 7) + (minute % 2 === 0 && minute % 4 === 0 ? 500 : 0))
    expect(Math.abs(growthPerTenMinutes(noisy) ?? Number.NaN)).toBeLessThan(0.1)
  })

  it('finds a slow leak under the same noise', () => {
    const leaking = hour((minute) => 100 + minute / 5 + Math.sin(minute * 7) + (minute % 4 === 0 ? 500 : 0))
    expect(growthPerTenMinutes(leaking)).toBeCloseTo(2, 0)
  })

  it('forgets the warm-up', () => {
    const warming = hour((minute) => Math.min(minute, 15))
    expect(growthPerTenMinutes(afterWarmUp(warming, 0, 60 * MINUTE_MS))).toBe(0)
    expect(growthPerTenMinutes(warming)).toBe(0)
    expect(afterWarmUp(warming, 0, 60 * MINUTE_MS)[0]?.at).toBe(20 * MINUTE_MS)
  })

  it('says nothing about few readings', () => {
    expect(growthPerTenMinutes(hour((minute) => minute).slice(0, 5))).toBeUndefined()
  })
})
