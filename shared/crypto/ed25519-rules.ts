import { equalBytes, fromHex, HASH_LENGTH } from '../bytes.ts'
import type { SignatureCheck } from './signature-verifier.ts'

/** R (32 bytes) and S (32 bytes). */
export const SIGNATURE_LENGTH = 64

/** p = 2^255 − 19, little endian: the field. */
const FIELD_ORDER = fromHex(`ed${'ff'.repeat(30)}7f`)

/** L = 2^252 + 27742317777372353535851937790883648493, little endian: order of the base point. */
const GROUP_ORDER = fromHex('edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010')

/** x = 0 with the sign bit set: the only second encodings whose y is below p (RFC 8032 section 5.1.3 step 4). */
const NEGATIVE_ZERO_X: readonly Uint8Array[] = [
  fromHex(`01${'00'.repeat(30)}80`), // y = 1
  fromHex(`ec${'ff'.repeat(31)}`), // y = −1
]

/**
 * Every 32-byte string that some decoder reads as one of the eight points of small order: the eight canonical ones,
 * two with the sign of x = 0, four with y ≥ p. The first line of defence is {@link isCanonicalPoint}; the list is
 * whole so that neither check leans on the other.
 */
export const SMALL_ORDER_ENCODINGS: readonly Uint8Array[] = [
  fromHex(`01${'00'.repeat(31)}`), // order 1
  fromHex(`ec${'ff'.repeat(30)}7f`), // order 2
  fromHex('00'.repeat(32)), // order 4
  fromHex(`${'00'.repeat(31)}80`),
  fromHex('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05'), // order 8
  fromHex('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85'),
  fromHex('c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a'),
  fromHex('c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa'),
  ...NEGATIVE_ZERO_X,
  fromHex(`ed${'ff'.repeat(30)}7f`), // y = p, read as 0
  fromHex(`ed${'ff'.repeat(31)}`),
  fromHex(`ee${'ff'.repeat(30)}7f`), // y = p + 1, read as 1
  fromHex(`ee${'ff'.repeat(31)}`),
]

/** a < b, both 32 bytes little endian; `topMask` is laid over the highest byte of a. */
function isBelow(a: Uint8Array, b: Uint8Array, topMask: number): boolean {
  for (let i = HASH_LENGTH - 1; i >= 0; i--) {
    const left = (a[i] as number) & (i === HASH_LENGTH - 1 ? topMask : 0xff)
    const right = b[i] as number
    if (left !== right) return left < right
  }
  return false
}

/** y < p, and x = 0 carries no sign. Says nothing on whether the point is on the curve. */
export function isCanonicalPoint(encoding: Uint8Array): boolean {
  if (encoding.length !== HASH_LENGTH) return false
  return isBelow(encoding, FIELD_ORDER, 0x7f) && !NEGATIVE_ZERO_X.some((bad) => equalBytes(bad, encoding))
}

export function isSmallOrder(encoding: Uint8Array): boolean {
  return SMALL_ORDER_ENCODINGS.some((small) => equalBytes(small, encoding))
}

/** S < L: without it every signature has a second form. */
export function isCanonicalScalar(scalar: Uint8Array): boolean {
  return scalar.length === HASH_LENGTH && isBelow(scalar, GROUP_ORDER, 0xff)
}

/**
 * What every provider checks before it asks its engine, so that engines which differ on these never get to say so:
 * lengths, canonical A and R, no A or R of small order, S < L. Left to the engine: A on the curve, and the equation.
 */
export function passesRules({ publicKey, signature }: SignatureCheck): boolean {
  if (publicKey.length !== HASH_LENGTH || signature.length !== SIGNATURE_LENGTH) return false
  const commitment = signature.subarray(0, HASH_LENGTH)
  return (
    isCanonicalPoint(publicKey) &&
    isCanonicalPoint(commitment) &&
    isCanonicalScalar(signature.subarray(HASH_LENGTH)) &&
    !isSmallOrder(publicKey) &&
    !isSmallOrder(commitment)
  )
}
