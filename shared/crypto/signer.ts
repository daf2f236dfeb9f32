import { ed25519 } from '@noble/curves/ed25519.js'
import { HASH_LENGTH } from '../bytes.ts'
import { LaresError } from '../errors.ts'

/** Holds an Ed25519 private key, wherever it lives. */
export interface Signer {
  /** 32 bytes. */
  readonly publicKey: Uint8Array
  /** @returns R || S, 64 bytes. Callers sign tagged messages only (hash.ts). */
  sign(message: Uint8Array): Promise<Uint8Array>
}

/** @throws {LaresError} `bad-seed` unless it has 32 bytes: a fault of the caller */
export function assertSeed(seed: Uint8Array): void {
  if (seed.length !== HASH_LENGTH) throw new LaresError('bad-seed', `a seed has 32 bytes, this has ${seed.length}`)
}

/**
 * Signs with the key of a 32-byte seed (the "private key" of RFC 8032 section 5.1.5): recovery and owner words,
 * vouchers. The seed is copied. Keys that stay on a device belong in a platform signer instead.
 *
 * @throws {LaresError} `bad-seed` unless it has 32 bytes
 */
export function createSeedSigner(seed: Uint8Array): Signer {
  assertSeed(seed)
  const secret = Uint8Array.from(seed)
  return {
    publicKey: ed25519.getPublicKey(secret),
    async sign(message) {
      return ed25519.sign(message, secret)
    },
  }
}
