import { equalBytes, toHex } from '../../shared/bytes.ts'
import type { ChallengeAnswer } from '../../shared/device-profile/challenge.ts'
import { accept, type Result, reject, type Verdict } from '../../shared/errors.ts'

/** From a challenge's arrival until it and its answer are forgotten, ms: time to walk to a sensor that wakes each minute. */
export const CHALLENGE_LIFETIME_MS = 2 * 60_000
/** Challenges kept, answered or not; more are refused. */
export const MAX_CHALLENGES = 4_096
/** Of one asker (an address as the rate limit counts it). */
export const MAX_CHALLENGES_PER_ASKER = 64
/** Unanswered ones of one device, of all askers and of one: nobody keeps a device busy alone. */
export const MAX_CHALLENGES_PER_DEVICE = 16
export const MAX_CHALLENGES_PER_ASKER_AND_DEVICE = 4

export interface Challenge {
  readonly deviceId: Uint8Array
  readonly nonce: Uint8Array
  readonly asker: string
  /** ms */
  readonly expires: number
  answer: ChallengeAnswer | undefined
}

export type ChallengeCode = 'nonce-used' | 'desk-full' | 'device-busy' | 'asker-busy'

/** Where askers leave a nonce for a device, and devices their answers. Who asks and who answers never meet. */
export interface ChallengeDesk {
  readonly size: number
  /** The same nonce for the same device is the same challenge. */
  open(deviceId: Uint8Array, nonce: Uint8Array, asker: string): Result<Challenge, ChallengeCode>
  /** Unanswered ones of a device, the oldest first. */
  pendingOf(deviceId: Uint8Array): readonly Challenge[]
  find(nonce: Uint8Array): Challenge | undefined
  /** Takes an answer whose signature the caller has verified. */
  settle(answer: ChallengeAnswer): Verdict<'unknown-challenge' | 'already-answered'>
}

export function createChallengeDesk({
  now,
  limit = MAX_CHALLENGES,
}: {
  readonly now: () => number
  readonly limit?: number
}): ChallengeDesk {
  // By nonce, in order of arrival, and so of expiry.
  const challenges = new Map<string, Challenge>()

  function expire(): void {
    const at = now()
    for (const [nonce, { expires }] of challenges) {
      if (expires > at) return
      challenges.delete(nonce)
    }
  }

  function roomFor(deviceId: Uint8Array, asker: string): Verdict<ChallengeCode> {
    if (challenges.size >= limit) return reject('desk-full', 'Too many devices are being asked; try again in a minute.')
    let ofAsker = 0
    let ofDevice = 0
    let ofBoth = 0
    for (const one of challenges.values()) {
      const same = one.asker === asker
      if (same) ofAsker++
      if (one.answer !== undefined || !equalBytes(one.deviceId, deviceId)) continue
      ofDevice++
      if (same) ofBoth++
    }
    if (ofAsker >= MAX_CHALLENGES_PER_ASKER)
      return reject('asker-busy', 'You have asked many devices; wait until a minute or two have passed.')
    if (ofBoth >= MAX_CHALLENGES_PER_ASKER_AND_DEVICE || ofDevice >= MAX_CHALLENGES_PER_DEVICE)
      return reject('device-busy', 'This device has not answered the challenges that it has; wait a little.')
    return { ok: true }
  }

  return {
    get size() {
      expire()
      return challenges.size
    },
    open(deviceId, nonce, asker) {
      expire()
      const known = challenges.get(toHex(nonce))
      if (known !== undefined)
        return equalBytes(known.deviceId, deviceId)
          ? accept(known)
          : reject('nonce-used', 'This nonce is for another device; take 32 new random bytes.')
      const room = roomFor(deviceId, asker)
      if (!room.ok) return room
      const challenge: Challenge = {
        deviceId: Uint8Array.from(deviceId),
        nonce: Uint8Array.from(nonce),
        asker,
        expires: now() + CHALLENGE_LIFETIME_MS,
        answer: undefined,
      }
      challenges.set(toHex(nonce), challenge)
      return accept(challenge)
    },
    pendingOf(deviceId) {
      expire()
      return [...challenges.values()].filter((one) => one.answer === undefined && equalBytes(one.deviceId, deviceId))
    },
    find(nonce) {
      expire()
      return challenges.get(toHex(nonce))
    },
    settle(answer) {
      expire()
      const challenge = challenges.get(toHex(answer.nonce))
      if (challenge === undefined || !equalBytes(challenge.deviceId, answer.deviceId))
        return reject('unknown-challenge', 'Nobody asks this of the device, or it took too long to answer.')
      if (challenge.answer !== undefined) return reject('already-answered', 'This challenge has been answered.')
      challenge.answer = answer
      return { ok: true }
    },
  }
}
