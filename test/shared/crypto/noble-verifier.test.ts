import { ed25519 } from '@noble/curves/ed25519.js'
import { describe, expect, test } from 'vitest'
import { createNobleVerifier, NOBLE_KEY_LIMIT } from '../../../shared/crypto/noble-verifier.ts'
import { craftSignatures, RFC_8032_VECTORS, signatureSeed } from '../../framework/signatures.ts'

describe('fallback verifier', () => {
  test('accepts the vectors of RFC 8032 and nothing beside them', () => {
    const verifier = createNobleVerifier()
    for (const vector of RFC_8032_VECTORS) {
      expect(verifier.verifySync(vector)).toBe(true)
      expect(verifier.verifySync({ ...vector, message: Uint8Array.of(1, 2, 3) })).toBe(false)
      for (const field of ['publicKey', 'signature'] as const)
        for (let i = 0; i < vector[field].length; i++) {
          const altered = Uint8Array.from(vector[field])
          altered[i] = (altered[i] as number) ^ 1
          expect(verifier.verifySync({ ...vector, [field]: altered })).toBe(false)
        }
    }
  })

  test("noble's own verify accepts torsion in R, also with zip215: false; the fallback does not", () => {
    const seed = signatureSeed()
    const verifier = createNobleVerifier()
    const crafted = craftSignatures(seed, 50).filter((check) => check.class === 'torsion-in-r')
    expect(crafted).toHaveLength(50)
    for (const { publicKey, message, signature } of crafted) {
      expect(ed25519.verify(signature, message, publicKey, { zip215: false }), `seed ${seed}`).toBe(true)
      expect(verifier.verifySync({ publicKey, message, signature }), `seed ${seed}`).toBe(false)
    }
  })

  test('a key with torsion gets the same verdict before and after its table is built', () => {
    const seed = signatureSeed()
    const crafted = craftSignatures(seed, 12).filter((check) => check.class.startsWith('torsion'))
    expect(new Set(crafted.map((check) => check.expected)).size).toBe(2)
    const verifier = createNobleVerifier()
    for (let round = 0; round < 12; round++)
      for (const check of crafted) expect(verifier.verifySync(check), `seed ${seed}`).toBe(check.expected)
  })

  test('more keys than it keeps change no verdict', () => {
    const verifier = createNobleVerifier()
    const keys = Array.from({ length: NOBLE_KEY_LIMIT + 20 }, (_, i) => new Uint8Array(32).fill(i + 1))
    const checks = keys.map((secret) => {
      const message = secret.slice(0, 5)
      return { publicKey: ed25519.getPublicKey(secret), message, signature: ed25519.sign(message, secret) }
    })
    for (let round = 0; round < 2; round++) for (const check of checks) expect(verifier.verifySync(check)).toBe(true)
  })
})
