import { describe, expect, test } from 'vitest'
import { createSeedSigner } from '../../../shared/crypto/signer.ts'
import { RFC_8032_VECTORS } from '../../framework/signatures.ts'

describe('seed signer', () => {
  test.each(RFC_8032_VECTORS)('RFC 8032 vector %#', async ({ seed, publicKey, message, signature }) => {
    const own = Uint8Array.from(seed)
    const signer = createSeedSigner(own)
    own.fill(0) // it keeps a copy
    expect(signer.publicKey).toEqual(publicKey)
    expect(await signer.sign(message)).toEqual(signature)
  })

  test('a seed of another length is refused with a code', () => {
    for (const length of [0, 31, 33])
      expect(() => createSeedSigner(new Uint8Array(length))).toThrow(expect.objectContaining({ code: 'bad-seed' }))
  })
})
