import fc from 'fast-check'
import * as P from 'micro-packed'
import { describe, expect, it } from 'vitest'
import { bytes64, hash32, u48 } from '../../shared/codec.ts'
import {
  boolField,
  bytes64Field,
  fixedStruct,
  hash32Field,
  oneOfField,
  u8Field,
  u16Field,
  u32Field,
  u48Field,
} from '../../shared/fixed-struct.ts'
import { propertyRuns } from '../framework/property-runs.ts'

const fixed = fixedStruct({
  hash: hash32Field,
  kind: oneOfField('kind', u8Field, (value) => value < 3),
  inner: fixedStruct({ flag: boolField, short: u16Field }),
  long: u32Field,
  time: u48Field,
  signature: bytes64Field,
})
const declared = P.struct({
  hash: hash32,
  kind: P.U8,
  inner: P.struct({ flag: P.bool, short: P.U16BE }),
  long: P.U32BE,
  time: u48,
  signature: bytes64,
})

const bytesOf = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const anyValue = fc.record({
  hash: bytesOf(32),
  kind: fc.integer({ min: 0, max: 2 }),
  inner: fc.record({ flag: fc.boolean(), short: fc.integer({ min: 0, max: 0xffff }) }),
  long: fc.integer({ min: 0, max: 0xffff_ffff }),
  time: fc.integer({ min: 0, max: 2 ** 48 - 1 }),
  signature: bytesOf(64),
})
const good = {
  hash: new Uint8Array(32).fill(7),
  kind: 2,
  inner: { flag: true, short: 0xffff },
  long: 0xffff_ffff,
  time: 2 ** 48 - 1,
  signature: new Uint8Array(64).fill(9),
}

describe('a struct of fixed fields', () => {
  it('writes and reads what the general coder does', () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        const bytes = fixed.encode(value)
        expect(bytes).toEqual(declared.encode(value))
        expect(fixed.decode(bytes)).toEqual(value)
      }),
      propertyRuns(200),
    )
  })

  it('stands within other coders', () => {
    const around = P.struct({ before: P.U8, fixed, after: P.U8 })
    const value = { before: 1, fixed: good, after: 2 }
    expect(around.decode(around.encode(value))).toEqual(value)
    expect(around.encode(value)).toHaveLength(fixed.length + 2)
  })

  it.each([
    ['a number that does not fit', { ...good, long: 2 ** 32 }],
    ['a time that does not fit', { ...good, time: 2 ** 48 }],
    ['a negative number', { ...good, long: -1 }],
    ['a fraction', { ...good, time: 1.5 }],
    ['bytes of another length', { ...good, hash: new Uint8Array(31) }],
    ['no bytes', { ...good, signature: 'text' }],
    ['a value that is none of the allowed', { ...good, kind: 3 }],
    ['a missing field', { ...good, inner: { flag: true } }],
    ['no boolean', { ...good, inner: { flag: 1, short: 1 } }],
  ])('refuses to write %s', (_, value) => {
    expect(() => fixed.encode(value as never)).toThrow()
    expect(fixed.encode(good)).toHaveLength(fixed.length)
  })

  it('refuses to read what is short, long, or no value', () => {
    const bytes = fixed.encode(good)
    expect(() => fixed.decode(bytes.subarray(1))).toThrow()
    expect(() => fixed.decode(Uint8Array.from([...bytes, 0]))).toThrow()
    for (const [at, wrong] of [
      [32, 3],
      [33, 2],
    ] as const) {
      const bad = bytes.slice()
      bad[at] = wrong
      expect(() => fixed.decode(bad)).toThrow()
    }
  })
})
