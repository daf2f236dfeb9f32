import { describe, expect, test } from 'vitest'
import { fromHex, toHex } from '../../../shared/bytes.ts'
import {
  isCanonicalPoint,
  isCanonicalScalar,
  isSmallOrder,
  passesRules,
  SMALL_ORDER_ENCODINGS,
} from '../../../shared/crypto/ed25519-rules.ts'
import { craftSignatures, RFC_8032_VECTORS, signatureSeed, TORSION } from '../../framework/signatures.ts'

const P = 2n ** 255n - 19n
const L = 2n ** 252n + 27742317777372353535851937790883648493n

function littleEndian(value: bigint): Uint8Array {
  return fromHex(value.toString(16).padStart(64, '0')).reverse()
}

function withSign(value: bigint): Uint8Array {
  return littleEndian(value | (1n << 255n))
}

describe('Ed25519 rules', () => {
  test('the small-order list is the eight torsion points, their second encodings, and nothing else', () => {
    const points = TORSION.map((point) => point.toHex())
    expect(new Set(points).size).toBe(8)
    const second = [
      withSign(1n),
      withSign(P - 1n),
      littleEndian(P),
      withSign(P),
      littleEndian(P + 1n),
      withSign(P + 1n),
    ]
    const expected = new Set([...points, ...second.map(toHex)])
    expect(expected.size).toBe(14)
    expect(new Set(SMALL_ORDER_ENCODINGS.map(toHex))).toEqual(expected)
    for (const encoding of SMALL_ORDER_ENCODINGS) expect(isSmallOrder(encoding)).toBe(true)
    expect(isSmallOrder(RFC_8032_VECTORS[0].publicKey)).toBe(false)
  })

  test('a point is canonical when y < p and x = 0 has no sign', () => {
    for (const good of [0n, 1n, 2n, P - 2n, P - 1n]) expect(isCanonicalPoint(littleEndian(good))).toBe(true)
    for (const good of [0n, 2n, P - 2n]) expect(isCanonicalPoint(withSign(good))).toBe(true)
    for (let bad = P; bad < 2n ** 255n; bad++) {
      expect(isCanonicalPoint(littleEndian(bad))).toBe(false)
      expect(isCanonicalPoint(withSign(bad))).toBe(false)
    }
    for (const bad of [1n, P - 1n]) expect(isCanonicalPoint(withSign(bad))).toBe(false)
    expect(isCanonicalPoint(new Uint8Array(31))).toBe(false)
    expect(isCanonicalPoint(new Uint8Array(33))).toBe(false)
  })

  test('a scalar is canonical below L', () => {
    for (const good of [0n, 1n, L - 1n, L - 2n ** 128n]) expect(isCanonicalScalar(littleEndian(good))).toBe(true)
    for (const bad of [L, L + 1n, 2n ** 253n, 2n ** 255n, 2n ** 256n - 1n])
      expect(isCanonicalScalar(littleEndian(bad))).toBe(false)
    expect(isCanonicalScalar(new Uint8Array(31))).toBe(false)
  })

  test('a signature whose A, R or S breaks a rule does not pass; torsion is left to the engine', () => {
    const seed = signatureSeed()
    for (const check of craftSignatures(seed, 40)) {
      const breaks = /^(s-not|small|non)/.test(check.class)
      if (check.class === 'flipped-bit') continue // the bit may sit anywhere
      expect(passesRules(check), `${check.class}, LARES_TEST_SEED=${seed}`).toBe(!breaks)
    }
  })

  test('every length but 32 and 64 is refused', () => {
    const [{ publicKey, message, signature }] = RFC_8032_VECTORS
    expect(passesRules({ publicKey, message, signature })).toBe(true)
    for (const length of [0, 31, 33, 64])
      expect(passesRules({ publicKey: new Uint8Array(length).fill(2), message, signature })).toBe(false)
    for (const length of [0, 32, 63, 65])
      expect(passesRules({ publicKey, message, signature: new Uint8Array(length).fill(2) })).toBe(false)
  })
})
