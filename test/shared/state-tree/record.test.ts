import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { keyPrefix } from '../../../shared/state-tree/node.ts'
import { decodeNodeRecord, encodeInnerRecord, encodeLeafRecord } from '../../../shared/state-tree/record.ts'
import { anyKey, anyValue } from './reference.ts'

const anyReference = fc.record({
  version: fc.nat(0xffff_ffff),
  hash: fc.uint8Array({ minLength: 32, maxLength: 32 }),
})

describe('node records', () => {
  it('give back leaves and inner nodes', () => {
    fc.assert(
      fc.property(anyKey, anyValue, fc.nat(255), anyReference, anyReference, (key, value, bitDepth, left, right) => {
        expect(decodeNodeRecord(encodeLeafRecord(key, value))).toEqual({
          ok: true,
          value: { kind: 'leaf', key, value },
        })
        const prefix = keyPrefix(key, bitDepth)
        expect(decodeNodeRecord(encodeInnerRecord(bitDepth, prefix, left, right))).toEqual({
          ok: true,
          value: {
            kind: 'inner',
            bitDepth,
            prefix,
            left: { ...left, node: undefined },
            right: { ...right, node: undefined },
          },
        })
      }),
    )
  })

  it('are rejected when cut, lengthened, of unknown kind or with bits after the prefix', () => {
    const key = new Uint8Array(32).fill(0xff)
    const child = { version: 1, hash: key }
    const inner = encodeInnerRecord(9, keyPrefix(key, 9), child, child)
    const leaf = encodeLeafRecord(key, new Uint8Array(0))
    expect(decodeNodeRecord(inner).ok).toBe(true)
    expect(decodeNodeRecord(leaf).ok).toBe(true)
    for (let length = 0; length < inner.length; length++)
      expect(decodeNodeRecord(inner.subarray(0, length)), `${length}`).toMatchObject({ ok: false, code: 'malformed' })
    for (let length = 0; length < leaf.length; length++)
      expect(decodeNodeRecord(leaf.subarray(0, length)).ok).toBe(false)
    expect(decodeNodeRecord(Uint8Array.of(...inner, 0)).ok).toBe(false)
    expect(decodeNodeRecord(encodeLeafRecord(key, new Uint8Array(65_535))).ok).toBe(true)
    expect(decodeNodeRecord(encodeLeafRecord(key, new Uint8Array(65_536))).ok).toBe(false)
    for (const kind of [0, 3, 255]) expect(decodeNodeRecord(Uint8Array.of(kind, ...leaf.subarray(1))).ok).toBe(false)
    for (let bit = 0; bit < 7; bit++) {
      const bent = inner.slice()
      bent[3] = (bent[3] as number) | (1 << bit)
      expect(decodeNodeRecord(bent).ok).toBe(false)
    }
  })
})
