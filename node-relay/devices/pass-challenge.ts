import { toHex } from '../../shared/bytes.ts'
import { challengeAnswerCodec } from '../../shared/device-profile/challenge.ts'
import {
  type ChallengeMessage,
  type ChallengeRequest,
  challengeOutcomeCodec,
  challengeRequestCodec,
} from '../../shared/protocol/challenge-messages.ts'
import { PROTOCOLS } from '../../shared/protocol/ids.ts'
import { refusal } from '../../shared/protocol/messages.ts'
import type { CancelSignal, PeerNetwork } from '../../shared/protocol/transport.ts'
import type { SmallDeviceDoor } from './door.ts'

/** Full nodes that a question is passed on to. */
export const MAX_PASSED_TO = 8
/** Sessions of the device itself that are asked: one, and a copy or one that is not known to be dead. */
export const MAX_ASKED_SESSIONS = 4
/** A request is held open this long for the device's answer, ms; then the asker asks again. */
export const ANSWER_WAIT_MS = 8_000

export interface PassingInit {
  readonly desk: Pick<SmallDeviceDoor, 'challenge' | 'challengeOutcome' | 'answer'>
  readonly network: Pick<PeerNetwork, 'request'>
  /** Those that are connected. */
  fullNodes(): readonly string[]
  /** Connected peers whose session speaks for the device. */
  sessionsOf(deviceId: Uint8Array): readonly string[]
}

/** @param from libp2p peer ID of who asks */
export type ChallengePassing = (from: string, request: ChallengeRequest) => Promise<ChallengeMessage>

/**
 * Takes a question to a device: to a page that speaks for it, and to its gateway here or at another full node, where it waits
 * for the device to fetch it. The first answer that the device's settled wallet key has signed goes back.
 */
export function createChallengePassing({ desk, network, fullNodes, sessionsOf }: PassingInit): ChallengePassing {
  return async (from, request) => {
    const id = toHex(request.deviceId)
    const opened = desk.challenge(id, request.nonce, from)
    if (!opened.ok) return refusal(opened.code, opened.detail)
    const stop = new AbortController()

    async function passTo(peer: string): Promise<void> {
      const question = challengeRequestCodec.encode({ ...request, isPassedOn: true })
      const signal = stop.signal as CancelSignal
      // Who does not answer has not met the device.
      const bytes = await network.request(peer, PROTOCOLS.challenge, question, { signal }).catch(() => undefined)
      const outcome = bytes && challengeOutcomeCodec.decode(bytes)
      if (!outcome?.ok || outcome.value.TAG !== 'answered') return
      // Judged as if the device had brought it: then it is what is waited for below.
      await desk.answer(id, challengeAnswerCodec.encode(outcome.value.data.answer))
    }

    const others = request.isPassedOn ? [] : fullNodes().slice(0, MAX_PASSED_TO)
    const own = sessionsOf(request.deviceId).slice(0, MAX_ASKED_SESSIONS)
    for (const peer of new Set([...own, ...others])) if (peer !== from) void passTo(peer)
    const outcome = await desk.challengeOutcome(toHex(request.nonce), { waitMs: ANSWER_WAIT_MS })
    stop.abort()
    if (!outcome.ok) return refusal(outcome.code, outcome.detail)
    const answer = outcome.value.answer && challengeAnswerCodec.decode(outcome.value.answer)
    return answer?.ok
      ? { TAG: 'answered', data: { answer: answer.value } }
      : { TAG: 'waiting', data: { expires: outcome.value.expires } }
  }
}
