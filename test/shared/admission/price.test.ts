import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type JoinCounts, joinPrice, USUAL_JOINS } from '../../../shared/admission/price.ts'
import { propertyRuns } from '../../framework/property-runs.ts'

const POLICY = { basePrice: 1, maxPriceDoublings: 12 }
const FIRST: JoinCounts = { groupJoins: 0, faults: 0, hasValidVoucher: false }
const anyCounts = fc.record({
  groupJoins: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
  faults: fc.nat({ max: 0xffff }),
  hasValidVoucher: fc.constant(false),
})
const anyPolicy = fc.record({ basePrice: fc.nat({ max: 0xffff_ffff }), maxPriceDoublings: fc.nat({ max: 20 }) })

describe('the price of a join', () => {
  test.each<[number, number, number, number]>([
    [0, 0, 1, 1],
    [USUAL_JOINS - 1, 0, 1, 1],
    [USUAL_JOINS, 0, 2, 2],
    [3 * USUAL_JOINS, 0, 4, 4],
    [0, 3, 1, 8],
    [USUAL_JOINS, 2, 2, 8],
  ])('after %i joins and with %i faults', (groupJoins, faults, pressure, iterations) => {
    const price = joinPrice({ ...FIRST, groupJoins, faults }, POLICY)
    expect(price).toEqual({ iterations, base: 1, pressure, faults: 2 ** faults, most: 4096, isWaived: false })
  })

  test('a valid voucher waives it, whatever else there is', () => {
    const price = joinPrice({ groupJoins: 1_000, faults: 9, hasValidVoucher: true }, POLICY)
    expect(price).toMatchObject({ iterations: 0, isWaived: true, pressure: 126, faults: 512 })
  })

  test('stops at the cap, and reaches it exactly', () => {
    expect(joinPrice({ ...FIRST, faults: 12 }, POLICY).iterations).toBe(4096)
    expect(joinPrice({ ...FIRST, faults: 13 }, POLICY)).toMatchObject({ iterations: 4096, faults: 4096 })
    expect(joinPrice({ ...FIRST, faults: 12, groupJoins: USUAL_JOINS }, POLICY).iterations).toBe(4096)
    expect(joinPrice({ ...FIRST, groupJoins: Number.MAX_SAFE_INTEGER }, POLICY).iterations).toBe(4096)
    expect(joinPrice({ ...FIRST, groupJoins: 99 * USUAL_JOINS }, { ...POLICY, maxPriceDoublings: 0 }).iterations).toBe(
      1,
    )
  })

  test('is the product of what it says, within the cap, and exact', () => {
    fc.assert(
      fc.property(anyCounts, anyPolicy, (counts, policy) => {
        const { iterations, base, pressure, faults, most } = joinPrice(counts, policy)
        const product = BigInt(base) * BigInt(pressure) * BigInt(faults)
        expect(BigInt(iterations)).toBe(product < BigInt(most) ? product : BigInt(most))
        expect(Number.isSafeInteger(iterations)).toBe(true)
      }),
      propertyRuns(500),
    )
  })

  test('never falls when joins or faults rise', () => {
    fc.assert(
      fc.property(anyCounts, anyPolicy, fc.nat({ max: 99 }), fc.nat({ max: 9 }), (counts, policy, joins, faults) => {
        const groupJoins = Math.min(Number.MAX_SAFE_INTEGER, counts.groupJoins + joins)
        const later = { ...counts, groupJoins, faults: counts.faults + faults }
        expect(joinPrice(later, policy).iterations).toBeGreaterThanOrEqual(joinPrice(counts, policy).iterations)
      }),
      propertyRuns(500),
    )
  })

  test('a flood of one group leaves the price of every other alone', () => {
    const joins = new Map<string, number>()
    const join = (group: string) => {
      const groupJoins = joins.get(group) ?? 0
      joins.set(group, groupJoins + 1)
      return joinPrice({ ...FIRST, groupJoins }, POLICY).iterations
    }
    const flood = Array.from({ length: 1_000 }, () => join('stranger'))
    expect(flood.at(-1)).toBe(125)
    expect(join('home')).toBe(1)
  })

  test.each([{ groupJoins: -1 }, { groupJoins: 0.5 }, { faults: -1 }, { faults: Number.NaN }])(
    'refuses %o',
    (wrong) => {
      expect(() => joinPrice({ ...FIRST, ...wrong }, POLICY)).toThrow(RangeError)
    },
  )

  test('refuses a cap beyond exact numbers', () => {
    expect(() => joinPrice(FIRST, { basePrice: 2, maxPriceDoublings: 53 })).toThrow(RangeError)
  })
})
