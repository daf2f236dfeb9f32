import { ed25519 } from '@noble/curves/ed25519.js'
import { expect, test } from 'vitest'
import { engineFollowsRules, engineFollowsRulesAsync } from '../../../shared/crypto/engine-probe.ts'
import { createNobleVerifier } from '../../../shared/crypto/noble-verifier.ts'
import type { SignatureCheck } from '../../../shared/crypto/signature-verifier.ts'

const { verifySync } = createNobleVerifier()

/** Engines that read RFC 8032 in another way, or not at all. */
const OTHERS: Record<string, (check: SignatureCheck) => boolean> = {
  'clears the cofactor': (check) => ed25519.verify(check.signature, check.message, check.publicKey, { zip215: false }),
  'wants keys of prime order': (check) => ed25519.Point.fromBytes(check.publicKey).isTorsionFree() && verifySync(check),
  'accepts all': () => true,
  'refuses all': () => false,
  throws: () => {
    throw new Error('no such algorithm')
  },
}

test('the point arithmetic passes the probe', async () => {
  expect(engineFollowsRules(verifySync)).toBe(true)
  expect(await engineFollowsRulesAsync(async (check) => verifySync(check))).toBe(true)
})

test.each(Object.entries(OTHERS))('an engine that %s does not', async (_, verify) => {
  expect(engineFollowsRules(verify)).toBe(false)
  expect(await engineFollowsRulesAsync(async (check) => verify(check))).toBe(false)
})
