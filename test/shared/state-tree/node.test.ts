import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { commonPrefixLength, EMPTY_STATE_ROOT, keyBit, keyPrefix } from '../../../shared/state-tree/node.ts'
import { anyKey, bitsOf, hexOf, plainTagged } from './reference.ts'

describe('bits of keys', () => {
  it('agree with the key written as text', () => {
    fc.assert(
      fc.property(anyKey, anyKey, fc.nat(255), (a, b, depth) => {
        const [textA, textB] = [bitsOf(hexOf(a)), bitsOf(hexOf(b))]
        expect(keyBit(a, depth)).toBe(Number(textA[depth]))
        expect(bitsOf(hexOf(keyPrefix(a, depth)))).toBe(textA.slice(0, depth).padEnd(256, '0'))
        let shared = 0
        while (shared < 256 && textA[shared] === textB[shared]) shared++
        expect(commonPrefixLength(a, b)).toBe(shared)
      }),
    )
  })

  it('count from the most significant bit of byte 0', () => {
    const key = new Uint8Array(32)
    key[0] = 0x80
    key[31] = 0x01
    expect([keyBit(key, 0), keyBit(key, 1), keyBit(key, 254), keyBit(key, 255)]).toEqual([1, 0, 0, 1])
    expect(commonPrefixLength(key, key)).toBe(256)
  })
})

it('the empty root is the tagged hash of nothing', () => {
  expect(EMPTY_STATE_ROOT).toEqual(plainTagged('lares/state/empty/1'))
})
