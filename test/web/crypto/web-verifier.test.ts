import { describe, expect, test } from 'vitest'
import type { SignatureCheck } from '../../../shared/crypto/signature-verifier.ts'
import { toPlainBuffer } from '../../../web/crypto/plain-buffer.ts'
import { createWebVerifier, WEB_BATCH_SIZE } from '../../../web/crypto/web-verifier.ts'
import { craftSignatures, RFC_8032_VECTORS, signatureSeed } from '../../framework/signatures.ts'

const [vector] = RFC_8032_VECTORS

/** Node's WebCrypto with one method replaced. */
function subtleWith(replaced: Partial<SubtleCrypto>): SubtleCrypto {
  const { subtle } = globalThis.crypto
  return {
    importKey: subtle.importKey.bind(subtle),
    verify: subtle.verify.bind(subtle),
    ...replaced,
  } as SubtleCrypto
}

async function unsupported(): Promise<never> {
  throw new DOMException('Unrecognized algorithm name', 'NotSupportedError')
}

describe('WebCrypto verifier', () => {
  test('gives each check of several chunks its own verdict, in order', async () => {
    const verifier = await createWebVerifier()
    expect(verifier.engine).toBe('webcrypto')
    const bad: SignatureCheck = { ...vector, message: Uint8Array.of(1) }
    const checks = Array.from({ length: WEB_BATCH_SIZE + 3 }, (_, i) => (i % 5 === 0 ? bad : vector))
    expect(await verifier.verifyBatch(checks)).toEqual(checks.map((check) => check === vector))
    expect(await verifier.verifyBatch([])).toEqual([])
  })

  // Chromium refuses views on shared memory, Node takes them: so the copy itself is looked at.
  test('bytes on shared memory are copied, others are not', () => {
    const shared = new Uint8Array(new SharedArrayBuffer(8)).subarray(2, 6).fill(7)
    const copy = toPlainBuffer(shared)
    expect(copy).toEqual(Uint8Array.of(7, 7, 7, 7))
    expect(copy.buffer).toBeInstanceOf(ArrayBuffer)
    expect(toPlainBuffer(vector.publicKey)).toBe(vector.publicKey)
  })

  test('malformed input is false', async () => {
    const verifier = await createWebVerifier()
    const malformed = [
      { ...vector, publicKey: new Uint8Array(31).fill(3) },
      { ...vector, publicKey: Uint8Array.of(2, ...new Uint8Array(31)) },
      { ...vector, signature: vector.signature.slice(0, 63) },
      { ...vector, signature: new Uint8Array(64).fill(0xff) },
    ]
    expect(await verifier.verifyBatch([...malformed, vector])).toEqual([false, false, false, false, true])
  })

  test.each([
    ['no WebCrypto', undefined],
    ['no Ed25519', subtleWith({ importKey: unsupported })],
    ['an engine that accepts all', subtleWith({ verify: async () => true })],
  ])('%s: the fallback judges', async (_, subtle) => {
    const verifier = await createWebVerifier({ subtle })
    expect(verifier.engine).toBe('noble')
    const seed = signatureSeed()
    const crafted = craftSignatures(seed, 5)
    expect(await verifier.verifyBatch(crafted), `LARES_TEST_SEED=${seed}`).toEqual(crafted.map((c) => c.expected))
  })

  test('an engine that fails later has given no verdict: the fallback judges that check', async () => {
    let failing = false
    const { subtle } = globalThis.crypto
    const verifier = await createWebVerifier({
      subtle: subtleWith({
        verify: (...args: Parameters<SubtleCrypto['verify']>) => (failing ? unsupported() : subtle.verify(...args)),
      }),
    })
    expect(verifier.engine).toBe('webcrypto')
    failing = true
    expect(await verifier.verify(vector)).toBe(true)
    expect(await verifier.verify({ ...vector, message: Uint8Array.of(1) })).toBe(false)
  })
})
