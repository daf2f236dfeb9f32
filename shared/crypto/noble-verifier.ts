import { ed25519 } from '@noble/curves/ed25519.js'
import { bytesToNumberLE } from '@noble/curves/utils.js'
import { sha512 } from '@noble/hashes/sha2.js'
import { concatBytes, equalBytes, HASH_LENGTH } from '../bytes.ts'
import { passesRules } from './ed25519-rules.ts'
import { KeyCache } from './key-cache.ts'
import type { SignatureCheck, SignatureVerifier, SyncSignatureVerifier } from './signature-verifier.ts'

const { Point } = ed25519
type EdwardsPoint = InstanceType<typeof Point>

/** Keys kept decoded. With its table a key takes some 100 kB, so the cache stays below 10 MB. */
export const NOBLE_KEY_LIMIT = 64
/** A table costs about three verifications to build and makes later ones about three times as fast. */
const USES_BEFORE_TABLE = 6
/** Bits per window of such a table. */
const TABLE_WINDOW = 4

interface DecodedKey {
  /** −A, or nothing when the bytes are not on the curve. */
  readonly negated: EdwardsPoint | undefined
  uses: number
}

function decodeNegated(publicKey: Uint8Array): DecodedKey {
  try {
    return { negated: Point.fromBytes(publicKey).negate(), uses: 0 }
  } catch {
    return { negated: undefined, uses: 0 }
  }
}

/**
 * The fallback, from point arithmetic. Not `ed25519.verify`: that clears the cofactor, also with `zip215: false`, and
 * so accepts torsion in R which node:crypto and WebCrypto refuse.
 *
 * Scalars are used as the integers they are after reduction by L, never reduced or blinded again: for a key with a
 * torsion part [h]A and [h + L]A are different points.
 */
export function createNobleVerifier(): SignatureVerifier & SyncSignatureVerifier {
  const keys = new KeyCache<DecodedKey>(NOBLE_KEY_LIMIT)

  function verifySync(check: SignatureCheck): boolean {
    if (!passesRules(check)) return false
    const { publicKey, message, signature } = check
    const key = keys.getOrCreate(publicKey, () => decodeNegated(publicKey))
    if (key.negated === undefined) return false
    key.uses++
    if (key.uses === USES_BEFORE_TABLE) key.negated.precompute(TABLE_WINDOW)

    const commitment = signature.subarray(0, HASH_LENGTH)
    const challenge = Point.Fn.create(bytesToNumberLE(sha512(concatBytes(commitment, publicKey, message))))
    const response = bytesToNumberLE(signature.subarray(HASH_LENGTH))
    const expected = Point.BASE.multiplyUnsafe(response).add(key.negated.multiplyUnsafe(challenge))
    return equalBytes(expected.toBytes(), commitment)
  }

  return {
    verifySync,
    verify: verifySync,
    async verifyBatch(checks) {
      return checks.map(verifySync)
    },
  }
}
