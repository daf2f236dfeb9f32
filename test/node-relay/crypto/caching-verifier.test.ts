import { describe, expect, it } from 'vitest'
import { createCachingVerifier } from '../../../node-relay/crypto/caching-verifier.ts'
import { createNodeVerifier } from '../../../node-relay/crypto/node-verifier.ts'
import { asciiBytes } from '../../../shared/bytes.ts'
import type { SignatureCheck } from '../../../shared/crypto/signature-verifier.ts'
import { namedSigner } from '../../framework/chain-builder.ts'

const flip = (bytes: Uint8Array, at = 0) => bytes.map((byte, i) => (i === at ? byte ^ 1 : byte))

async function signed(text: string): Promise<SignatureCheck> {
  const signer = namedSigner('signer')
  const message = asciiBytes(text)
  return { publicKey: signer.publicKey, message, signature: await signer.sign(message) }
}

/** Counts what is really verified. */
function createCounted(limit?: number) {
  const inner = createNodeVerifier()
  let verified = 0
  const verifier = createCachingVerifier(
    {
      verify: (check) => inner.verify(check),
      verifyBatch: async (checks) => {
        verified += checks.length
        return await inner.verifyBatch(checks)
      },
    },
    limit,
  )
  return { verifier, count: () => verified }
}

describe('caching verifier', () => {
  it('verifies a good signature once, alone and in batches', async () => {
    const { verifier, count } = createCounted()
    const [one, two] = [await signed('one'), await signed('two')]
    expect(await verifier.verify(one)).toBe(true)
    expect(await verifier.verify({ ...one, message: one.message.slice() })).toBe(true)
    expect(count()).toBe(1)
    expect(await verifier.verifyBatch([one, two, one])).toEqual([true, true, true])
    expect(await verifier.verifyBatch([two, one])).toEqual([true, true])
    expect(count()).toBe(2)
    expect(await verifier.verifyBatch([])).toEqual([])
  })

  it('never takes a bad one for a good one, however near it is', async () => {
    const { verifier, count } = createCounted()
    const good = await signed('good')
    await verifier.verify(good)
    const bad = [
      { ...good, signature: flip(good.signature) },
      { ...good, signature: flip(good.signature, 63) },
      { ...good, message: flip(good.message) },
      { ...good, publicKey: namedSigner('other').publicKey },
      { ...good, message: good.message.subarray(1) },
      // The same bytes, cut elsewhere.
      {
        publicKey: good.publicKey,
        signature: good.signature.subarray(0, 63),
        message: Uint8Array.of(good.signature[63] as number, ...good.message),
      },
      {
        publicKey: good.publicKey.subarray(0, 31),
        signature: Uint8Array.of(good.publicKey[31] as number, ...good.signature),
        message: good.message,
      },
    ]
    const mixed = bad.flatMap((check) => [check, good])
    expect(await verifier.verifyBatch(mixed)).toEqual(mixed.map((check) => check === good))
    // And forgets no verdict of theirs either: bad ones are judged anew.
    const before = count()
    expect(await verifier.verifyBatch(bad)).toEqual(bad.map(() => false))
    expect(count()).toBe(before + bad.length)
  })

  it('remembers no more than its limit, the newest', async () => {
    const { verifier, count } = createCounted(2)
    const checks = [await signed('a'), await signed('b'), await signed('c')]
    await verifier.verifyBatch(checks)
    expect(count()).toBe(3)
    await verifier.verifyBatch(checks.slice(1))
    expect(count()).toBe(3)
    await verifier.verifyBatch(checks.slice(0, 1))
    expect(count()).toBe(4)
  })
})
