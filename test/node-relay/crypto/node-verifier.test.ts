import { ed25519 } from '@noble/curves/ed25519.js'
import { describe, expect, test } from 'vitest'
import { createNodeVerifier, NODE_BATCH_SIZE, NODE_KEY_LIMIT } from '../../../node-relay/crypto/node-verifier.ts'
import type { SignatureCheck } from '../../../shared/crypto/signature-verifier.ts'
import { RFC_8032_VECTORS } from '../../framework/signatures.ts'

const verifier = createNodeVerifier()
const [vector] = RFC_8032_VECTORS

describe('node:crypto verifier', () => {
  test('runs on node:crypto, not on its fallback', () => {
    expect(verifier.engine).toBe('node')
  })

  test.each(RFC_8032_VECTORS)('RFC 8032 vector %#', (good) => {
    expect(verifier.verify(good)).toBe(true)
    expect(verifier.verify({ ...good, message: Uint8Array.of(9) })).toBe(false)
  })

  test('a batch over several chunks gives each check its own verdict, in order', async () => {
    const bad: SignatureCheck = { ...vector, message: Uint8Array.of(1) }
    const checks = Array.from({ length: NODE_BATCH_SIZE * 2 + 3 }, (_, i) => (i % 5 === 0 ? bad : vector))
    expect(await verifier.verifyBatch(checks)).toEqual(checks.map((check) => check === vector))
    expect(await verifier.verifyBatch([])).toEqual([])
  })

  test('malformed input is false, one at a time and in a batch', async () => {
    // y = 2 is on no point of the curve.
    const offCurve = new Uint8Array(32)
    offCurve[0] = 2
    const malformed: SignatureCheck[] = [
      { ...vector, publicKey: new Uint8Array(0) },
      { ...vector, publicKey: new Uint8Array(31).fill(3) },
      { ...vector, publicKey: new Uint8Array(33).fill(3) },
      { ...vector, publicKey: offCurve },
      { ...vector, signature: new Uint8Array(0) },
      { ...vector, signature: vector.signature.slice(0, 63) },
      { ...vector, signature: new Uint8Array(64).fill(0xff) },
    ]
    expect(malformed.map(verifier.verify)).toEqual(malformed.map(() => false))
    expect(await verifier.verifyBatch([...malformed, vector])).toEqual([...malformed.map(() => false), true])
  })

  test('more keys than it keeps change no verdict', async () => {
    const message = Uint8Array.of(7)
    const junk = Array.from({ length: NODE_KEY_LIMIT + 10 }, (_, i) => {
      const publicKey = ed25519.Point.BASE.toBytes()
      publicKey.set([i & 0xff, i >> 8], 0)
      return { publicKey, message, signature: vector.signature }
    })
    const verdicts = await verifier.verifyBatch([vector, ...junk, vector])
    expect(verdicts.filter(Boolean)).toHaveLength(2)
    expect([verdicts[0], verdicts.at(-1)]).toEqual([true, true])
  })
})
