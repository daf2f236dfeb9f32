import type * as NodeCrypto from 'node:crypto'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { createNodeVerifier } from '../../../node-relay/crypto/node-verifier.ts'
import type { SignatureCheck } from '../../../shared/crypto/signature-verifier.ts'
import { craftSignatures, RFC_8032_VECTORS, signatureSeed } from '../../framework/signatures.ts'

/**
 * Builds of OpenSSL differ: 3.0 accepts keys of small order and non-canonical ones, 3.5 refuses them. These tests put
 * engines under the verifier that the machine at hand does not have.
 */
const engine = vi.hoisted(() => ({ mode: 'real' as 'real' | 'accepts all' | 'throws' | 'reports an error' }))

vi.mock('node:crypto', async (importOriginal) => {
  const original = await importOriginal<typeof NodeCrypto>()
  type Callback = (error: Error | null, good: boolean) => void
  function verify(...args: [unknown, Uint8Array, NodeCrypto.KeyObject, Uint8Array, Callback?]): boolean | undefined {
    const [, message, key, signature, callback] = args
    if (engine.mode === 'throws') throw new Error('the engine broke')
    if (callback === undefined) return engine.mode !== 'real' || original.verify(null, message, key, signature)
    if (engine.mode === 'real') original.verify(null, message, key, signature, callback)
    else queueMicrotask(() => callback(engine.mode === 'accepts all' ? null : new Error('the engine broke'), true))
    return undefined
  }
  return { ...original, default: original, verify }
})

const SEED = signatureSeed()
const crafted = craftSignatures(SEED, 10)
const [vector] = RFC_8032_VECTORS

beforeEach(() => {
  engine.mode = 'real'
})

describe(`node:crypto verifier over other engines, LARES_TEST_SEED=${SEED}`, () => {
  test('what breaks a shared rule is refused whatever the engine says', async () => {
    const verifier = createNodeVerifier()
    expect(verifier.engine).toBe('node')
    engine.mode = 'accepts all'
    const breaking = crafted.filter((check) => /^(s-not|small|non)/.test(check.class))
    expect(breaking).toHaveLength(50)
    expect(breaking.map(verifier.verifySync)).toEqual(breaking.map(() => false))
    expect(await verifier.verifyBatch(breaking)).toEqual(breaking.map(() => false))
    expect(await verifier.verifyBatch([vector])).toEqual([true])
  })

  test.each(['throws', 'reports an error'] as const)('an engine that %s has given no verdict', async (mode) => {
    const verifier = createNodeVerifier()
    engine.mode = mode
    const bad: SignatureCheck = { ...vector, message: Uint8Array.of(1) }
    expect(await verifier.verifyBatch([vector, bad])).toEqual([true, false])
    if (mode === 'throws') expect([vector, bad].map(verifier.verifySync)).toEqual([true, false])
  })

  test('an engine that judges otherwise is not used', async () => {
    engine.mode = 'accepts all'
    const verifier = createNodeVerifier()
    expect(verifier.engine).toBe('noble')
    expect(crafted.map(verifier.verify)).toEqual(crafted.map((check) => check.expected))
    expect(await verifier.verifyBatch(crafted)).toEqual(crafted.map((check) => check.expected))
  })
})
