import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { oidText, readDer, timeOf } from '../../../node-relay/certificate/der.ts'
import { element } from './make-chain.ts'

const read = (hex: string) => readDer(Buffer.from(hex, 'hex'))
const time = (tag: number, text: string) => timeOf(readDer(element(tag, Buffer.from(text))))

describe('strict DER', () => {
  it.each([
    ['an empty sequence', '3000'],
    ['a sequence in a set', '31023000'],
    ['true', '0101ff'],
    ['zero', '020100'],
    ['128', '02020080'],
    ['-129', '0202ff7f'],
    ['bits', '03020580'],
    ['no bits', '030100'],
    ['a length of two bytes', `0482${'0100'}${'00'.repeat(256)}`],
  ])('%s', (_, hex) => {
    expect(read(hex)).toBeDefined()
  })

  it.each([
    ['nothing', ''],
    ['a tag alone', '30'],
    ['cut short', '3002'],
    ['something left over', '300000'],
    ['a child that is cut short', '30020201'],
    ['no definite length', '30800000'],
    ['a length in more bytes than needed', '308100'],
    ['a length with a leading zero', `048200${'80'}${'00'.repeat(128)}`],
    ['a length without its bytes', '3082'],
    ['a length of five bytes', '30850000000000'],
    ['a tag of several bytes', '1f0100'],
    ['a sequence that is not constructed', '1000'],
    ['an integer that is constructed', '2203020100'],
    ['true as 1', '010101'],
    ['true of two bytes', '0102ffff'],
    ['an integer of no bytes', '0200'],
    ['an integer with a leading zero', '02020001'],
    ['a negative one with a leading ff', '0202ff80'],
    ['bits without a count', '0300'],
    ['unused bits that are set', '03020581'],
    ['eight unused bits', '03020800'],
    ['unused bits of nothing', '030101'],
    ['null with content', '050100'],
    ['an OID of no bytes', '0600'],
    ['an OID that does not end', '060180'],
    ['an OID with a leading zero digit', '06032a8001'],
  ])('refuses %s', (_, hex) => {
    expect(read(hex)).toBeUndefined()
  })

  it('refuses what is nested to exhaust the stack', () => {
    const nest = (depth: number) => {
      let inner: Buffer = Buffer.alloc(0)
      for (let i = 0; i < depth; i++) inner = element(0x30, inner)
      return readDer(inner)
    }
    expect(nest(17)).toBeDefined()
    expect(nest(18)).toBeUndefined()
    expect(nest(1_000)).toBeUndefined()
  })

  it('has one encoding for what it reads, and never throws', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const root = readDer(bytes)
        if (root !== undefined) expect(Buffer.from(root.bytes)).toEqual(Buffer.from(bytes))
      }),
    )
  })
})

it('writes OIDs as people do', () => {
  const text = (hex: string) => oidText(read(hex) as never)
  expect(text('06082a8648ce3d040302')).toBe('1.2.840.10045.4.3.2')
  expect(text('0603551d13')).toBe('2.5.29.19')
  expect(text('060a2b0601040182a27c0201')).toBe('1.3.6.1.4.1.37244.2.1')
  expect(text('06028837')).toBe('2.999')
})

describe('times', () => {
  it('reads both forms', () => {
    expect(time(0x17, '491231235959Z')).toBe(Date.UTC(2049, 11, 31, 23, 59, 59))
    expect(time(0x17, '500101000000Z')).toBe(Date.UTC(1950, 0, 1))
    expect(time(0x18, '99991231235959Z')).toBe(Date.UTC(9999, 11, 31, 23, 59, 59))
  })

  it.each([
    [0x17, '490230000000Z'],
    [0x17, '491301000000Z'],
    [0x17, '491231240000Z'],
    [0x17, '4912312359Z'],
    [0x17, '491231235959+0100'],
    [0x18, '20491231235959'],
    [0x18, '20491231235959.5Z'],
    [0x18, '20490229000000Z'],
    [0x18, 'yesterday'],
    [0x13, '20490101000000Z'],
  ])('refuses %i %s', (tag, text) => {
    expect(time(tag, text)).toBeUndefined()
  })
})
