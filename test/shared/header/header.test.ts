import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { concatBytes, toHex } from '../../../shared/bytes.ts'
import { createNobleVerifier } from '../../../shared/crypto/noble-verifier.ts'
import { sha256 } from '../../../shared/hash.ts'
import {
  HEADER_LENGTH,
  type Header,
  hashHeader,
  headerCodec,
  SEALED_HEADER_LENGTH,
  sealedHeaderCodec,
} from '../../../shared/header/header.ts'
import { sealCheck, sealMessage } from '../../../shared/header/seal.ts'
import { namedSigner } from '../../framework/chain-builder.ts'

const filled = (byte: number) => new Uint8Array(32).fill(byte)
const SAMPLE: Header = {
  version: 1,
  height: 0x01020304,
  time: 0x0506_0708_090a,
  previousHash: filled(0x11),
  transactionRoot: filled(0x22),
  stateRoot: filled(0x33),
  historyRoot: filled(0x44),
  rosterRoot: filled(0x55),
  target: 0x1d00ffff,
  seat: 0xabcd,
  nonce: 0xdeadbeef,
}
const SAMPLE_HEX = `${'0001'}${'01020304'}${'05060708090a'}${['11', '22', '33', '44', '55'].map((byte) => byte.repeat(32)).join('')}1d00ffffabcddeadbeef`

const hash32 = fc.uint8Array({ minLength: 32, maxLength: 32 })
const anyHeader: fc.Arbitrary<Header> = fc.record({
  version: fc.integer({ min: 0, max: 0xffff }),
  height: fc.integer({ min: 0, max: 0xffffffff }),
  time: fc.integer({ min: 0, max: 2 ** 48 - 1 }),
  previousHash: hash32,
  transactionRoot: hash32,
  stateRoot: hash32,
  historyRoot: hash32,
  rosterRoot: hash32,
  target: fc.integer({ min: 0, max: 0xffffffff }),
  seat: fc.integer({ min: 0, max: 0xffff }),
  nonce: fc.integer({ min: 0, max: 0xffffffff }),
})

describe('header', () => {
  test('has the layout of its table, big endian, the nonce last', () => {
    expect(toHex(headerCodec.encode(SAMPLE))).toBe(SAMPLE_HEX)
    expect(headerCodec.decode(headerCodec.encode(SAMPLE))).toEqual({ ok: true, value: SAMPLE })
    expect([HEADER_LENGTH, SEALED_HEADER_LENGTH]).toEqual([SAMPLE_HEX.length / 2, 246])
  })

  test('its hash is SHA-256 of SHA-256', () => {
    expect(hashHeader(SAMPLE)).toEqual(sha256(sha256(headerCodec.encode(SAMPLE))))
  })

  test('any header comes back as it was', () => {
    fc.assert(
      fc.property(anyHeader, (header) => {
        expect(headerCodec.decode(headerCodec.encode(header))).toEqual({ ok: true, value: header })
      }),
    )
  })

  test.each([
    ['short', (bytes: Uint8Array) => bytes.subarray(0, -1), 'malformed'],
    ['empty', () => new Uint8Array(0), 'malformed'],
    ['long', (bytes: Uint8Array) => concatBytes(bytes, Uint8Array.of(0)), 'too-long'],
  ])('refuses %s input', (_, spoil, code) => {
    expect(headerCodec.decode(spoil(headerCodec.encode(SAMPLE)))).toEqual(expect.objectContaining({ ok: false, code }))
  })

  test.each([
    ['a time beyond 48 bits', { time: 2 ** 48 }],
    ['a time before 1970', { time: -1 }],
    ['a fraction of a millisecond', { time: 1.5 }],
    ['a short root', { stateRoot: new Uint8Array(31) }],
    ['a nonce beyond 32 bits', { nonce: 2 ** 32 }],
  ])('does not encode %s', (_, change) => {
    expect(() => headerCodec.encode({ ...SAMPLE, ...change })).toThrow(expect.objectContaining({ code: 'unencodable' }))
  })

  test('every byte of it is in its hash', () => {
    const bytes = headerCodec.encode(SAMPLE)
    for (let i = 0; i < bytes.length; i++) {
      const other = Uint8Array.from(bytes)
      other[i] = (other[i] as number) ^ 1
      const decoded = headerCodec.decode(other)
      if (!decoded.ok) throw new Error(decoded.detail)
      expect(hashHeader(decoded.value)).not.toEqual(hashHeader(SAMPLE))
    }
  })
})

describe('seal', () => {
  const networkId = filled(9)
  test('holds for its network, header and key alone', async () => {
    const verifier = createNobleVerifier()
    const [key, other] = [namedSigner('keeper'), namedSigner('other')]
    const hash = hashHeader(SAMPLE)
    const seal = await key.sign(sealMessage(networkId, hash))
    expect(await verifier.verify(sealCheck(networkId, hash, seal, key.publicKey))).toBe(true)
    expect(await verifier.verify(sealCheck(filled(8), hash, seal, key.publicKey))).toBe(false)
    expect(await verifier.verify(sealCheck(networkId, hashHeader({ ...SAMPLE, nonce: 0 }), seal, key.publicKey))).toBe(
      false,
    )
    expect(await verifier.verify(sealCheck(networkId, hash, seal, other.publicKey))).toBe(false)
    const sealed = { header: SAMPLE, seal }
    expect(sealedHeaderCodec.decode(sealedHeaderCodec.encode(sealed))).toEqual({ ok: true, value: sealed })
  })
})
