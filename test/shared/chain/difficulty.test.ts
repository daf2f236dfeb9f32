import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isAsleep, maxAhead } from '../../../shared/chain/clock-rules.ts'
import { nextTarget } from '../../../shared/chain/difficulty.ts'
import { compactTarget, expandTarget, workOfTarget } from '../../../shared/chain/target.ts'
import { MAX_GAP_SPACINGS, type NetworkParameters, PRESETS } from '../../../shared/params.ts'

const parameters = PRESETS.home
const { spacingMs, difficultyWindow: window, targetLimit } = parameters
const LIMIT = expandTarget(targetLimit) as bigint
const START = compactTarget(LIMIT / 1_000n)

const next = (gap: number, target = START, rules: NetworkParameters = parameters) =>
  expandTarget(nextTarget(rules, { time: 10_000_000 + gap, target }, { time: 10_000_000, target })) as bigint

/** Ratio of two large numbers as a double. */
const ratio = (a: bigint, b: bigint) => Number((a * 1_000_000_000n) / b) / 1e9

describe('WTEMA', () => {
  test('the first header after genesis keeps its target', () => {
    expect(nextTarget(parameters, { time: 5, target: START }, undefined)).toBe(START)
  })

  test('a gap of one spacing keeps the target, a longer one eases it, a shorter one tightens it', () => {
    const target = expandTarget(START) as bigint
    expect(next(spacingMs)).toBe(target)
    expect(ratio(next(2 * spacingMs), target)).toBeCloseTo(1 + 1 / window, 4)
    expect(ratio(next(1), target)).toBeCloseTo(1 - 1 / window, 4)
  })

  test('a gap counts as a few spacings at most: a night of sleep is no more than two minutes', () => {
    expect(next(8 * 3_600_000)).toBe(next(MAX_GAP_SPACINGS * spacingMs))
    expect(next(MAX_GAP_SPACINGS * spacingMs - 1_000)).toBeLessThan(next(MAX_GAP_SPACINGS * spacingMs))
  })

  test('never easier than the limit, never below 1', () => {
    expect(next(4 * spacingMs, targetLimit)).toBe(LIMIT)
    const one = compactTarget(1n)
    expect(next(1, one)).toBe(1n)
  })

  test('the same integers for everyone, whatever the gap', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 46 }), fc.bigInt({ min: 1n, max: LIMIT }), (gap, target) => {
        const compact = compactTarget(target)
        const result = next(gap, compact)
        const from = expandTarget(compact) as bigint
        expect(result <= LIMIT && result >= 1n).toBe(true)
        // One block never moves it by more than one and three spacings' share.
        const most = (from * BigInt(window - 1 + MAX_GAP_SPACINGS)) / BigInt(window)
        const least = (from * BigInt(window - 1)) / BigInt(window)
        expect(result <= (most > LIMIT ? LIMIT : most)).toBe(true)
        expect(result >= least - (least >> 14n) - 1n).toBe(true)
      }),
      { numRuns: 500 },
    )
  })
})

describe('after a jump of the hash rate', () => {
  /** Block times of a steady hash rate without luck, for so many blocks. */
  function mine(rate: number, blocks: number, target: number): { target: number; spacings: number[] } {
    const spacings: number[] = []
    let [grandparent, parent] = [
      { time: 0, target },
      { time: spacingMs, target },
    ]
    for (let i = 0; i < blocks; i++) {
      const wanted = nextTarget(parameters, parent, grandparent)
      const work = Number(workOfTarget(expandTarget(wanted) as bigint))
      const gap = Math.max(1, Math.round((work / rate) * 1000))
      spacings.push(gap / spacingMs)
      ;[grandparent, parent] = [parent, { time: parent.time + gap, target: wanted }]
    }
    return { target: parent.target, spacings }
  }
  const RATE = 100_000
  const settled = mine(RATE, 2_000, START)

  test('it had come to rest at one spacing', () => {
    expect(settled.spacings.at(-1)).toBeCloseTo(1, 2)
  })

  test('100 times more: blocks come at no less than a hundredth, and at one spacing again within six windows', () => {
    const { spacings } = mine(100 * RATE, 6 * window, settled.target)
    expect(Math.min(...spacings)).toBeGreaterThanOrEqual(0.0099)
    expect(spacings.at(-1)).toBeGreaterThan(0.5)
    for (const [i, one] of spacings.entries()) expect(one).toBeGreaterThanOrEqual((spacings[i - 1] ?? 0) * 0.999)
    expect(Math.max(...spacings)).toBeLessThan(1.01)
  })

  test('100 times less: blocks take at most a hundred spacings, and one spacing again within three windows', () => {
    const { spacings } = mine(RATE / 100, 3 * window, settled.target)
    expect(Math.max(...spacings)).toBeLessThanOrEqual(101)
    expect(spacings.at(-1)).toBeLessThan(1.5)
    expect(Math.min(...spacings)).toBeGreaterThan(0.99)
  })

  test('up and down again and again it stays in bounds', () => {
    let { target } = settled
    for (let round = 0; round < 6; round++) {
      const one = mine(round % 2 === 0 ? 100 * RATE : RATE, 400, target)
      target = one.target
      expect(expandTarget(target)).toBeDefined()
      expect((expandTarget(target) as bigint) <= LIMIT).toBe(true)
    }
  })
})

test('clock rules: how far ahead, and when the network sleeps', () => {
  expect([maxAhead(PRESETS.home), maxAhead(PRESETS.test)]).toEqual([60_000, 5_000])
  expect(isAsleep(0, 600_000, PRESETS.home)).toBe(false)
  expect(isAsleep(0, 600_001, PRESETS.home)).toBe(true)
  expect(isAsleep(0, 30_000, PRESETS.test)).toBe(false)
  expect(isAsleep(0, 30_001, PRESETS.test)).toBe(true)
})
