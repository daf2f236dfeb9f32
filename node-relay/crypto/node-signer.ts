import { createPrivateKey, createPublicKey, randomBytes, sign } from 'node:crypto'
import { promisify } from 'node:util'
import { concatBytes, fromHex } from '../../shared/bytes.ts'
import { RECOVERY_ENTROPY_LENGTH } from '../../shared/crypto/recovery-words.ts'
import { assertSeed, type Signer } from '../../shared/crypto/signer.ts'

const signOnPool = promisify(sign)

/** PKCS #8 around a 32-byte Ed25519 seed (RFC 8410 section 7); the seed follows. */
const PKCS8_PREFIX = fromHex('302e020100300506032b657004220420')

/** A new key's seed, 32 bytes from the system's random source. */
export function generateSeed(): Uint8Array {
  return Uint8Array.from(randomBytes(32))
}

/** What recovery words stand for. */
export function generateEntropy(): Uint8Array {
  return Uint8Array.from(randomBytes(RECOVERY_ENTROPY_LENGTH))
}

/**
 * Signs with node:crypto on the thread pool; the key is held by OpenSSL.
 *
 * @param seed 32 bytes (RFC 8032 section 5.1.5)
 * @throws {LaresError} `bad-seed` on any other length
 */
export function createNodeSigner(seed: Uint8Array): Signer {
  assertSeed(seed)
  const der = Buffer.from(concatBytes(PKCS8_PREFIX, seed))
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  der.fill(0)
  const { x } = createPublicKey(privateKey).export({ format: 'jwk' })
  return {
    publicKey: Uint8Array.from(Buffer.from(x as string, 'base64url')),
    async sign(message) {
      return Uint8Array.from(await signOnPool(null, message, privateKey))
    },
  }
}
