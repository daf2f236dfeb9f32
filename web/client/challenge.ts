import { equalBytes } from '../../shared/bytes.ts'
import type { SignatureVerifier } from '../../shared/crypto/signature-verifier.ts'
import {
  type ChallengeAnswer,
  challengeAnswerMessage,
  formatChallenge,
  NONCE_LENGTH,
  parseChallengeAnswer,
} from '../../shared/device-profile/challenge.ts'
import { accept, type Result, reject } from '../../shared/errors.ts'
import type { DeviceRecord } from '../../shared/identity/record.ts'

/** An answer that comes later says nothing of now, ms. */
export const MAX_CHALLENGE_AGE_MS = 10 * 60_000

/** A question to one device: whoever has its wallet key can answer, and nobody could have before. */
export interface OpenChallenge {
  readonly networkId: Uint8Array
  readonly deviceId: Uint8Array
  readonly nonce: Uint8Array
  /** ms since the Unix epoch */
  readonly madeAt: number
  /** For a QR code, or to be typed. */
  readonly text: string
}

export function openChallenge(
  networkId: Uint8Array,
  deviceId: Uint8Array,
  random: (length: number) => Uint8Array,
  now: number,
): OpenChallenge {
  const nonce = random(NONCE_LENGTH)
  return { networkId, deviceId, nonce, madeAt: now, text: formatChallenge(networkId, nonce) }
}

export type AnswerCode =
  | 'malformed-answer'
  | 'no-challenge'
  | 'challenge-expired'
  | 'answer-of-other-network'
  | 'answer-of-other-device'
  | 'answer-to-other-challenge'

/** Whether a text answers this very question. Who signed it, the settled record tells: {@link isSignedBy}. */
export function readAnswer(
  open: OpenChallenge | undefined,
  text: string,
  now: number,
): Result<ChallengeAnswer, AnswerCode> {
  const answer = parseChallengeAnswer(text)
  if (!answer.ok) return answer
  if (open === undefined) return reject('no-challenge', 'nothing was asked')
  const { networkId, deviceId, nonce } = answer.value
  if (!equalBytes(networkId, open.networkId)) return reject('answer-of-other-network', 'another network ID')
  if (!equalBytes(deviceId, open.deviceId)) return reject('answer-of-other-device', 'another device ID')
  if (!equalBytes(nonce, open.nonce)) return reject('answer-to-other-challenge', 'another nonce')
  if (Math.abs(now - open.madeAt) > MAX_CHALLENGE_AGE_MS) return reject('challenge-expired', 'asked too long ago')
  return accept(answer.value)
}

export function isSignedBy(
  { walletKey }: DeviceRecord,
  answer: ChallengeAnswer,
  verifier: SignatureVerifier,
): Promise<boolean> {
  const message = challengeAnswerMessage(answer)
  return Promise.resolve(verifier.verify({ publicKey: walletKey, message, signature: answer.signature }))
}
