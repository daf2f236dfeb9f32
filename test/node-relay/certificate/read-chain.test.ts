import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { readChain } from '../../../node-relay/certificate/read-chain.ts'
import { readRoots } from '../../../node-relay/certificate/roots.ts'
import { codeOf, type Issued, issue, pem } from './make-chain.ts'

let one: Issued
let two: Issued
beforeAll(async () => {
  one = await issue({ name: [{ CN: ['one'] }], ca: true })
  two = await issue({ issuer: one })
})

const hex = ({ der }: Issued) => Buffer.from(der).toString('hex')
const read = (text: string | Uint8Array) => readChain(Buffer.from(text))
const code = (text: string | Uint8Array) => codeOf(read(text))

describe('a chain', () => {
  test('as PEM, in order, with words and other blocks around', () => {
    const text = `Issued by hand\n${pem(two.der)}\n${pem(one.der, 'X509 CRL')}and\r\n${pem(one.der).replace(/\n/g, '\r\n')}end`
    const outcome = read(text)
    expect(outcome.ok && outcome.value.certificates.map(({ der }) => Buffer.from(der).toString('hex'))).toEqual([
      hex(two),
      hex(one),
    ])
    expect(outcome).toMatchObject({ value: { matter: false } })
  })

  test('as a Matter test vector', () => {
    const text = JSON.stringify({ description: 'x', dac_cert: hex(two), pai_cert: hex(one).toUpperCase() })
    const outcome = read(text)
    expect(outcome).toMatchObject({ ok: true, value: { matter: true } })
    expect(outcome.ok && outcome.value.certificates).toHaveLength(2)
  })

  test('that is none', () => {
    const block = pem(two.der)
    for (const text of [
      '',
      'hello',
      '\0\0\0',
      '{',
      '{}',
      'null',
      JSON.stringify({ dac_cert: hex(two) }),
      JSON.stringify({ dac_cert: `${hex(two)}0`, pai_cert: hex(one) }),
      JSON.stringify({ dac_cert: 1, pai_cert: [] }),
      pem(two.der, 'PRIVATE KEY'),
      pem(new Uint8Array()),
      pem(Buffer.from('hello')),
      pem(Buffer.concat([two.der, Buffer.of(0)])),
      pem(two.der.subarray(0, -1)),
      block.slice(0, block.indexOf('-----END')),
      block + block.slice(0, 60),
      block.replace('MII', 'M!II'),
      block.replace('CERTIFICATE', 'CERTIFICATE '),
    ])
      expect(code(text)).toBe('malformed')
    expect(code(two.der)).toBe('malformed')
  })

  test('that is too long', () => {
    expect(code(pem(two.der).repeat(10))).toBe('valid')
    expect(code(pem(two.der).repeat(11))).toBe('chain-too-long')
    expect(code(pem(two.der).repeat(200))).toBe('chain-too-long')
    expect(code(' '.repeat(256 * 1024) + pem(two.der))).toBe('too-large')
    expect(code(pem(new Uint8Array(16 * 1024 + 1)))).toBe('too-large')
  })
})

describe('roots', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'lares-roots-'))
  })
  afterEach(() => rmSync(folder, { recursive: true }))
  const put = (name: string, content: string | Uint8Array) => writeFileSync(join(folder, name), content)
  const errorCode = () => {
    try {
      readRoots(folder)
      return 'none'
    } catch (error) {
      return (error as { code: string }).code
    }
  }

  test('of every kind of file; others, and certificates below a root, are passed over', () => {
    put('a.pem', pem(one.der) + pem(two.der) + pem(one.der))
    put('b.crt', one.der)
    put('c.DER', one.der)
    put('d.json', JSON.stringify([pem(one.der), pem(two.der), 5]))
    put('e.json', JSON.stringify({ dac_cert: hex(two), pai_cert: hex(one) }))
    put('key.pem', pem(one.der, 'PRIVATE KEY'))
    put('notes.txt', 'nothing')
    expect(readRoots(folder)).toHaveLength(5)
  })

  test.each([
    ['no-roots', 'notes.txt', 'nothing'],
    ['no-roots', 'a.json', '[]'],
    ['no-roots', 'a.json', '{"a": "-----BEGIN CERTIFICATE-----"}'],
    ['bad-root', 'a.pem', 'nothing'],
    ['bad-root', 'a.pem', '-----BEGIN CERTIFICATE-----\nMII'],
    ['bad-root', 'a.json', '["-----BEGIN CERTIFICATE-----"]'],
    ['bad-root', 'a.json', '["x'],
    ['bad-root', 'a.der', ''],
    ['bad-root', 'a.pem', ' '.repeat(4 * 1024 * 1024 + 2)],
  ])('%s: %s %.40s', (expected, name, content) => {
    put(name, content)
    expect(errorCode()).toBe(expected)
  })

  test('too many, none, and what is no file', () => {
    put('a.pem', pem(one.der))
    put('b.pem', pem(one.der).repeat(1_024))
    expect(errorCode()).toBe('too-many-roots')
    rmSync(join(folder, 'b.pem'))
    mkdirSync(join(folder, 'b.pem'))
    expect(errorCode()).toBe('cannot-read')
    expect(() => readRoots(join(folder, 'missing'))).toThrow('cannot be read (ENOENT)')
  })
})
