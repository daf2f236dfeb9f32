import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { uintToBytes } from '../../../shared/bytes.ts'
import { compactTarget, expandTarget, meetsTarget, workOfTarget } from '../../../shared/chain/target.ts'

const MAX = (1n << 256n) - 1n

describe('compact targets', () => {
  // Bitcoin's genesis and other well-known values of nBits.
  test.each([
    [0x1d00ffff, 0xffffn << 208n],
    [0x1b0404cb, 0x0404cbn << 192n],
    [0x2000ffff, 0xffffn << 232n],
    [0x207fffff, 0x7fffffn << 232n],
    [0x03123456, 0x123456n],
    [0x01010000, 1n],
    [0x017f0000, 0x7fn],
    [0x02008000, 0x80n],
    [0x02123400, 0x1234n],
  ])('%s stands for its target and back', (compact, target) => {
    expect(expandTarget(compact)).toBe(target)
    expect(compactTarget(target)).toBe(compact)
  })

  test.each([
    ['zero', 0],
    ['no mantissa', 0x1d000000],
    ['a negative one', 0x1d80ffff],
    ['over 2^256', 0x217fffff],
    ['a mantissa that could be longer', 0x1d0000ff],
    ['bytes below the point', 0x01010001],
    ['all below the point', 0x01000001],
    ['exponent 0', 0x00123456],
  ])('refuses %s', (_, compact) => {
    expect(expandTarget(compact)).toBeUndefined()
  })

  test('any target comes back rounded down by less than 2^-15, as the only form of itself', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 1n, max: MAX >> 1n }), fc.integer({ min: 0, max: 250 }), (value, shift) => {
        const target = value >> BigInt(shift)
        fc.pre(target > 0n)
        const compact = compactTarget(target)
        const back = expandTarget(compact)
        expect(back).toBeDefined()
        expect((back as bigint) <= target && target - (back as bigint) <= target >> 15n).toBe(true)
        expect(compactTarget(back as bigint)).toBe(compact)
      }),
    )
  })

  test('any 32-bit number is refused or canonical', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffffffff }), (compact) => {
        const target = expandTarget(compact)
        if (target !== undefined) expect(compactTarget(target)).toBe(compact)
      }),
      { numRuns: 2_000 },
    )
  })
})

test('work is the expected number of hashes', () => {
  expect(workOfTarget(MAX)).toBe(1n)
  expect(workOfTarget((1n << 255n) - 1n)).toBe(2n)
  expect(workOfTarget(0n)).toBe(1n << 256n)
  expect(workOfTarget(expandTarget(0x1d00ffff) as bigint)).toBe(0x100010001n)
})

test('a hash of exactly the target meets it, one more does not', () => {
  const target = expandTarget(0x1d00ffff) as bigint
  expect(meetsTarget(uintToBytes(target, 32), target)).toBe(true)
  expect(meetsTarget(uintToBytes(target + 1n, 32), target)).toBe(false)
  expect(meetsTarget(new Uint8Array(32), target)).toBe(true)
})
