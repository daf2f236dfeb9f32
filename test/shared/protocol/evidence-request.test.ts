import { expect, it } from 'vitest'
import { MAX_EVIDENCE_LENGTH } from '../../../shared/admission/limits.ts'
import { toHex } from '../../../shared/bytes.ts'
import {
  EVIDENCE_REQUEST_WINDOW_MS,
  evidenceAnswerCodec,
  evidenceRequestMessage,
  validateRequestTime,
} from '../../../shared/protocol/evidence-request.ts'
import { PROTOCOLS } from '../../../shared/protocol/ids.ts'
import { refusal } from '../../../shared/protocol/messages.ts'

it('is good for two minutes before and after its time', () => {
  const now = 1_800_000_000_000
  const codeAt = (time: number) => {
    const verdict = validateRequestTime(time, now)
    return verdict.ok ? 'good' : verdict.code
  }
  const window = EVIDENCE_REQUEST_WINDOW_MS
  expect([-window - 1, -window, 0, window, window + 1].map((later) => codeAt(now + later))).toEqual([
    'request-too-old',
    'good',
    'good',
    'good',
    'request-ahead',
  ])
})

it('is signed for what is asked, when, by whom and of whom: each of them changes the message', () => {
  const request = { networkId: new Uint8Array(32), evidence: new Uint8Array(32).fill(1), time: 5, seat: 1 }
  const parties = { asker: 'ab', asked: 'c' }
  const messages = [
    evidenceRequestMessage(request, parties),
    evidenceRequestMessage({ ...request, networkId: new Uint8Array(32).fill(2) }, parties),
    evidenceRequestMessage({ ...request, evidence: new Uint8Array(32) }, parties),
    evidenceRequestMessage({ ...request, time: 6 }, parties),
    evidenceRequestMessage({ ...request, seat: 2 }, parties),
    evidenceRequestMessage(request, { asker: 'c', asked: 'ab' }),
    // Where one name ends and the other begins is part of it.
    evidenceRequestMessage(request, { asker: 'a', asked: 'bc' }),
  ]
  expect(new Set(messages.map(toHex)).size).toBe(messages.length)
})

it('has room in its answer for the longest evidence, and for the longest refusal', () => {
  const evidence = new Uint8Array(MAX_EVIDENCE_LENGTH).fill(7)
  const shown = evidenceAnswerCodec.encode({ TAG: 'shown', data: { evidence } })
  const refused = evidenceAnswerCodec.encode(refusal('c'.repeat(100), 'd'.repeat(300)))
  expect(Math.max(shown.length, refused.length)).toBeLessThanOrEqual(PROTOCOLS.evidence.maxResponse)
  expect(evidenceAnswerCodec.decode(shown)).toEqual({ ok: true, value: { TAG: 'shown', data: { evidence } } })
})
