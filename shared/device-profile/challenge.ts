import { bech32m } from '@scure/base'
import * as P from 'micro-packed'
import { concatBytes, equalBytes, HASH_LENGTH } from '../bytes.ts'
import { bytes64, createCodec, hash32, u48 } from '../codec.ts'
import { accept, type Result, reject } from '../errors.ts'
import { TAGS, tagged } from '../hash.ts'
import { NETWORK_TAG_LENGTH, networkTagOf } from '../identity/device-id.ts'

/** Bytes of an asker's nonce, all of them random. */
export const NONCE_LENGTH = HASH_LENGTH
const CHALLENGE_PREFIX = 'laresc'
const ANSWER_PREFIX = 'laresa'
/** 6 + 1 + 58 + 6 characters. */
const CHALLENGE_TEXT_LENGTH = 71
/** 6 + 1 + 266 + 6 characters. */
const ANSWER_TEXT_LENGTH = 279
/** White space around a pasted text. */
const MAX_TEXT_LENGTH = 512

/**
 * `networkId 32 || deviceId 32 || nonce 32 || u48 time || signature 64`: a device's answer to who asks whether it is
 * genuine. It signs the asker's 32 bytes among its own and never anything else, so no asker gets another message signed.
 */
export const challengeAnswerCoder = P.struct({
  networkId: hash32,
  deviceId: hash32,
  /** The asker's. */
  nonce: hash32,
  /** By the device's clock, ms. */
  time: u48,
  /** By the record's wallet key, over {@link challengeAnswerMessage}. */
  signature: bytes64,
})

export type ChallengeAnswer = P.UnwrapCoder<typeof challengeAnswerCoder>

export const challengeAnswerCodec = createCodec<ChallengeAnswer>('challenge answer', 166, challengeAnswerCoder)

export function challengeAnswerMessage(answer: Omit<ChallengeAnswer, 'signature'>): Uint8Array {
  const { networkId, deviceId, nonce, time } = answer
  return tagged(TAGS.challengeAnswer, networkId, deviceId, nonce, u48.encode(time))
}

/** A challenge for a QR code or the keyboard: upper-case bech32m of the network tag and the nonce, 71 characters. */
export function formatChallenge(networkId: Uint8Array, nonce: Uint8Array): string {
  const bytes = concatBytes(networkTagOf(networkId), nonce)
  return bech32m.encode(CHALLENGE_PREFIX, bech32m.toWords(bytes)).toUpperCase()
}

/** @returns the nonce, of a challenge for this network */
export function parseChallenge(
  text: string,
  networkId: Uint8Array,
): Result<Uint8Array, 'malformed-challenge' | 'wrong-network'> {
  const bytes = decode(text, CHALLENGE_PREFIX, CHALLENGE_TEXT_LENGTH)
  if (bytes?.length !== NETWORK_TAG_LENGTH + NONCE_LENGTH)
    return reject('malformed-challenge', 'This is not a Lares challenge. It starts with LARESC1 and has 71 characters.')
  if (!equalBytes(bytes.subarray(0, NETWORK_TAG_LENGTH), networkTagOf(networkId)))
    return reject('wrong-network', 'This challenge is for a device of another network.')
  return accept(bytes.slice(NETWORK_TAG_LENGTH))
}

/** An encoded answer for a QR code: upper-case bech32m, 279 characters. */
export function formatChallengeAnswer(answer: ChallengeAnswer): string {
  const words = bech32m.toWords(challengeAnswerCodec.encode(answer))
  return bech32m.encode(ANSWER_PREFIX, words, ANSWER_TEXT_LENGTH).toUpperCase()
}

export function parseChallengeAnswer(text: string): Result<ChallengeAnswer, 'malformed-answer'> {
  const bytes = decode(text, ANSWER_PREFIX, ANSWER_TEXT_LENGTH)
  const answer = bytes && challengeAnswerCodec.decode(bytes)
  return answer?.ok ? answer : reject('malformed-answer', 'This is not the answer of a device. It starts with LARESA1.')
}

function decode(text: string, prefix: string, length: number): Uint8Array | undefined {
  if (text.length > MAX_TEXT_LENGTH) return undefined
  const decoded = bech32m.decodeUnsafe(text.trim(), length)
  if (decoded === undefined || decoded.prefix !== prefix) return undefined
  const bytes = bech32m.fromWordsUnsafe(decoded.words)
  return bytes instanceof Uint8Array ? bytes : undefined
}
