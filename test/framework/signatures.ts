import { ed25519 } from '@noble/curves/ed25519.js'
import { bytesToNumberLE, numberToBytesLE } from '@noble/curves/utils.js'
import { sha512 } from '@noble/hashes/sha2.js'
import { asciiBytes, concatBytes, fromHex, uintToBytes } from '../../shared/bytes.ts'
import type { SignatureCheck } from '../../shared/crypto/signature-verifier.ts'

/**
 * Ed25519 signatures on which verifiers are known to differ, made so that the right verdict is known from how each
 * was made, not from running a verifier.
 *
 * Write A = aB + [i]T and R = rB + [j]T with T of order 8, h = SHA-512(R || A || M) mod L and S = r + ha. Then
 * [S]B − [h]A − R = −[j + hi]T. Every one of them satisfies the equation multiplied by the cofactor; the one without
 * holds exactly when j + hi ≡ 0 mod 8, which the choice of M can force or forbid.
 */
export const SIGNATURE_CLASSES = [
  'good',
  'flipped-bit',
  'torsion-in-a',
  'torsion-in-r',
  'torsion-in-both',
  's-not-below-l',
  'small-order-a',
  'small-order-r',
  'non-canonical-a',
  'non-canonical-r',
] as const

export type SignatureClass = (typeof SIGNATURE_CLASSES)[number]

export interface CraftedSignature extends SignatureCheck {
  readonly class: SignatureClass
  /** The protocol's verdict, by construction. */
  readonly expected: boolean
}

const { Point } = ed25519
const { Fn, Fp } = Point
type EdwardsPoint = InstanceType<typeof Point>
const L = Fn.ORDER
const P = Fp.ORDER

const ORDER_8 = Point.fromHex('c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a')
/** [i]T for i in 0..7. */
export const TORSION: readonly EdwardsPoint[] = Array.from({ length: 8 }, (_, i) => ORDER_8.multiplyUnsafe(BigInt(i)))

/** Seed of a run: LARES_TEST_SEED, or a new one. Print it. */
export function signatureSeed(): string {
  return process.env['LARES_TEST_SEED'] ?? crypto.randomUUID()
}

/** SHA-512 in counter mode: the same seed gives the same signatures anywhere. */
class SeededRandom {
  readonly #seed: Uint8Array
  #counter = 0

  constructor(seed: string) {
    this.#seed = asciiBytes(seed)
  }

  bytes(length: 32 | 64): Uint8Array {
    return sha512(concatBytes(uintToBytes(this.#counter++, 8), this.#seed)).slice(0, length)
  }

  /** Uniform enough: 0 ≤ result < bound, bound far below 2^64. */
  below(bound: number): number {
    return Number(bytesToNumberLE(this.bytes(64)) % BigInt(bound))
  }

  /** Non-zero scalar below L. */
  scalar(): bigint {
    return (bytesToNumberLE(this.bytes(64)) % (L - 1n)) + 1n
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)] as Item
  }
}

/** A point as the forger knows it: factor of B, multiple of T, and the bytes that go out. */
interface KnownPoint {
  readonly scalar: bigint
  readonly torsion: number
  readonly encoding: Uint8Array
}

function knownPoint(scalar: bigint, torsion: number): KnownPoint {
  const encoding = Point.BASE.multiplyUnsafe(scalar)
    .add(TORSION[torsion] as EdwardsPoint)
    .toBytes()
  return { scalar, torsion, encoding }
}

function isBalanced(key: KnownPoint, commitment: KnownPoint, challenge: bigint): boolean {
  return (BigInt(commitment.torsion) + challenge * BigInt(key.torsion)) % 8n === 0n
}

/**
 * Signs, trying messages until the equation without the cofactor holds (`balanced`), fails, or as it comes.
 *
 * @throws when 1,000 messages do not do it: the torsion parts cannot give what was asked
 */
function craft(random: SeededRandom, key: KnownPoint, commitment: KnownPoint, balanced?: boolean) {
  for (let attempt = 0; attempt < 1000; attempt++) {
    const message = random.bytes(32)
    const challenge = Fn.create(bytesToNumberLE(sha512(concatBytes(commitment.encoding, key.encoding, message))))
    const holds = isBalanced(key, commitment, challenge)
    if (balanced !== undefined && holds !== balanced) continue
    const response = Fn.add(commitment.scalar, Fn.mul(challenge, key.scalar))
    const signature = concatBytes(commitment.encoding, numberToBytesLE(response, 32))
    return { publicKey: key.encoding, message, signature, holds }
  }
  throw new Error(`no message for torsion ${key.torsion} and ${commitment.torsion}, balanced: ${balanced}`)
}

/** Encodings that a lenient decoder reads as small-order points, and what it reads. */
const NON_CANONICAL_SMALL: readonly KnownPoint[] = [0n, 1n, P - 1n].flatMap((y) => {
  const negativeZero = withSign(y, true)
  const encodings = y === P - 1n ? [negativeZero] : [withSign(y + P, false), withSign(y + P, true)]
  if (y === 1n) encodings.push(negativeZero)
  return encodings.map((encoding) => {
    const point = Point.fromBytes(encoding, true)
    return { scalar: 0n, torsion: TORSION.findIndex((torsion) => torsion.equals(point)), encoding }
  })
})

/** y + p for every y in 2..18 on the curve: not of small order, discrete logarithm unknown. */
const NON_CANONICAL_LARGE: readonly Uint8Array[] = Array.from({ length: 17 }, (_, i) => BigInt(i + 2))
  .filter((y) => isOnCurve(withSign(y, false)))
  .flatMap((y) => [withSign(y + P, false), withSign(y + P, true)])

function withSign(y: bigint, negative: boolean): Uint8Array {
  const encoding = numberToBytesLE(y, 32)
  if (negative) encoding[31] = (encoding[31] as number) | 0x80
  return encoding
}

function isOnCurve(encoding: Uint8Array): boolean {
  try {
    Point.fromBytes(encoding)
    return true
  } catch {
    return false
  }
}

/** Keys are reused now and then, as real ones are: verifiers keep what they decoded. */
const KEY_POOL_SIZE = 16

class Crafter {
  readonly #random: SeededRandom
  readonly #pools = new Map<number, KnownPoint[]>()

  constructor(seed: string) {
    this.#random = new SeededRandom(seed)
  }

  /** aB + [torsion]T: one in four is new. */
  #key(torsion: number): KnownPoint {
    const pool = this.#pools.get(torsion) ?? []
    this.#pools.set(torsion, pool)
    if (pool.length === KEY_POOL_SIZE && this.#random.below(4) !== 0) return this.#random.pick(pool)
    const key = knownPoint(this.#random.scalar(), torsion)
    if (pool.length < KEY_POOL_SIZE) pool.push(key)
    return key
  }

  #commitment(torsion: number): KnownPoint {
    return knownPoint(this.#random.scalar(), torsion)
  }

  #nonZeroTorsion(): number {
    return 1 + this.#random.below(7)
  }

  /** By turns as it comes, and forced to satisfy the equation without the cofactor. */
  #turn(index: number): true | undefined {
    return index % 2 === 0 ? true : undefined
  }

  make(kind: SignatureClass, index: number): CraftedSignature {
    const { expected, ...check } = this.#makers[kind](index)
    const { publicKey, message, signature } = check
    return { class: kind, publicKey, message, signature, expected }
  }

  readonly #makers: Record<SignatureClass, (index: number) => SignatureCheck & { expected: boolean }> = {
    good: () => ({ ...craft(this.#random, this.#key(0), this.#commitment(0)), expected: true }),

    'flipped-bit': () => {
      const good = craft(this.#random, this.#key(0), this.#commitment(0))
      const flipped = Uint8Array.from(concatBytes(good.publicKey, good.message, good.signature))
      const bit = this.#random.below(flipped.length * 8)
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7))
      const [publicKey, message, signature] = [flipped.slice(0, 32), flipped.slice(32, 64), flipped.slice(64)]
      return { publicKey, message, signature, expected: false }
    },

    'torsion-in-a': (index) => {
      const crafted = craft(this.#random, this.#key(this.#nonZeroTorsion()), this.#commitment(0), this.#turn(index))
      return { ...crafted, expected: crafted.holds }
    },

    // hi = 0 for a key without torsion, so j + hi is never 0: always refused.
    'torsion-in-r': () => ({
      ...craft(this.#random, this.#key(0), this.#commitment(this.#nonZeroTorsion())),
      expected: false,
    }),

    'torsion-in-both': (index) => {
      const balanced = this.#turn(index)
      for (;;) {
        const inKey = this.#nonZeroTorsion()
        const inCommitment = balanced ? (inKey * this.#nonZeroTorsion()) % 8 : this.#nonZeroTorsion()
        if (inCommitment === 0) continue
        const crafted = craft(this.#random, this.#key(inKey), this.#commitment(inCommitment), balanced)
        return { ...crafted, expected: crafted.holds }
      }
    },

    's-not-below-l': (index) => {
      const good = craft(this.#random, this.#key(0), this.#commitment(0))
      const response = bytesToNumberLE(good.signature.subarray(32))
      const most = Number((2n ** 256n - 1n - response) / L)
      const times = index % 2 === 0 ? 1 : 1 + this.#random.below(most)
      const second = numberToBytesLE(response + BigInt(times) * L, 32)
      return { ...good, signature: concatBytes(good.signature.subarray(0, 32), second), expected: false }
    },

    'small-order-a': (index) => {
      const key = knownPoint(0n, this.#random.below(8))
      return { ...craft(this.#random, key, this.#commitment(0), this.#turn(index)), expected: false }
    },

    'small-order-r': (index) => {
      // An odd torsion part in the key can balance any in R.
      const key = this.#key(index % 4 === 0 ? 0 : this.#random.pick([1, 3, 5, 7]))
      const commitment = knownPoint(0n, index % 4 === 0 ? 0 : this.#random.below(8))
      return { ...craft(this.#random, key, commitment, this.#turn(index)), expected: false }
    },

    'non-canonical-a': (index) => {
      if (index % 2 === 0) {
        const key = this.#random.pick(NON_CANONICAL_SMALL)
        return { ...craft(this.#random, key, this.#commitment(0), true), expected: false }
      }
      const key = { scalar: this.#random.scalar(), torsion: 0, encoding: this.#random.pick(NON_CANONICAL_LARGE) }
      return { ...craft(this.#random, key, this.#commitment(0)), expected: false }
    },

    'non-canonical-r': (index) => {
      if (index % 2 === 0) {
        const key = this.#key(this.#random.pick([1, 3, 5, 7]))
        return { ...craft(this.#random, key, this.#random.pick(NON_CANONICAL_SMALL), true), expected: false }
      }
      const encoding = this.#random.pick(NON_CANONICAL_LARGE)
      const commitment = { scalar: this.#random.scalar(), torsion: 0, encoding }
      return { ...craft(this.#random, this.#key(0), commitment), expected: false }
    },
  }
}

/** `perClass` signatures of each class, the same ones for the same seed. Takes about 1 ms each. */
export function craftSignatures(seed: string, perClass = 1000): CraftedSignature[] {
  const crafter = new Crafter(seed)
  return SIGNATURE_CLASSES.flatMap((kind) => Array.from({ length: perClass }, (_, index) => crafter.make(kind, index)))
}

/** Vectors 1 to 3 of RFC 8032 section 7.1. */
export const RFC_8032_VECTORS = [
  {
    seed: fromHex('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60'),
    publicKey: fromHex('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a'),
    message: new Uint8Array(0),
    signature: fromHex(
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
    ),
  },
  {
    seed: fromHex('4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb'),
    publicKey: fromHex('3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c'),
    message: fromHex('72'),
    signature: fromHex(
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
    ),
  },
  {
    seed: fromHex('c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7'),
    publicKey: fromHex('fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025'),
    message: fromHex('af82'),
    signature: fromHex(
      '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
    ),
  },
] as const
