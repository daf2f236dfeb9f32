import { describe, expect, test } from 'vitest'
import { createNodeSigner, generateSeed } from '../../../node-relay/crypto/node-signer.ts'
import { createNobleVerifier } from '../../../shared/crypto/noble-verifier.ts'
import { createSeedSigner } from '../../../shared/crypto/signer.ts'
import { RFC_8032_VECTORS } from '../../framework/signatures.ts'

describe('node:crypto signer', () => {
  test.each(RFC_8032_VECTORS)('RFC 8032 vector %#', async ({ seed, publicKey, message, signature }) => {
    const signer = createNodeSigner(seed)
    expect(signer.publicKey).toEqual(publicKey)
    expect(await signer.sign(message)).toEqual(signature)
  })

  test('a new seed gives the same key here and in shared, and signatures that verify', async () => {
    const seed = generateSeed()
    const signer = createNodeSigner(seed)
    const message = Uint8Array.of(1, 2, 3)
    expect(signer.publicKey).toEqual(createSeedSigner(seed).publicKey)
    const check = { publicKey: signer.publicKey, message, signature: await signer.sign(message) }
    expect(createNobleVerifier().verifySync(check)).toBe(true)
    expect(generateSeed()).not.toEqual(seed)
  })

  test('a seed of another length is refused with a code', () => {
    for (const length of [0, 31, 33, 64])
      expect(() => createNodeSigner(new Uint8Array(length))).toThrow(expect.objectContaining({ code: 'bad-seed' }))
  })
})
