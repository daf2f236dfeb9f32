/** Messages of `/lares/challenge/1`, apart from the others: a page loads them when a device is to answer for itself. */
import * as P from 'micro-packed'
import { createCodec, hash32, u48 } from '../codec.ts'
import { challengeAnswerCoder } from '../device-profile/challenge.ts'
import { PROTOCOLS } from './ids.ts'
import { refusalCoder } from './messages.ts'

/** Puts a question to a device, wherever in the network it is. Asked again with the same nonce, it is the same question. */
export const challengeRequestCodec = createCodec(
  'challenge request',
  PROTOCOLS.challenge.maxRequest,
  P.struct({
    networkId: hash32,
    deviceId: hash32,
    /** The asker's, 32 random bytes. */
    nonce: hash32,
    /** A full node asks for somebody: the question goes no further. */
    isPassedOn: P.bool,
  }),
)
export type ChallengeRequest = Extract<ReturnType<typeof challengeRequestCodec.decode>, { ok: true }>['value']

/** The device's answer; or that it has not answered yet, and until when it may, ms; or why it is not asked. */
export const challengeOutcomeCodec = createCodec(
  'challenge outcome',
  PROTOCOLS.challenge.maxResponse,
  P.mappedTag(P.U8, {
    answered: [1, P.struct({ answer: challengeAnswerCoder })],
    waiting: [2, P.struct({ expires: u48 })],
    refused: [0, refusalCoder],
  }),
)
export type ChallengeMessage = Extract<ReturnType<typeof challengeOutcomeCodec.decode>, { ok: true }>['value']
