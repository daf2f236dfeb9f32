import { describe, expect, test } from 'vitest'
import { duelProofMessage } from '../../../shared/session/duel-proof.ts'
import {
  MAX_SESSION_MS,
  SESSION_CLOCK_TOLERANCE_MS,
  sessionCertificateCodec,
  sessionMessage,
  validateSession,
} from '../../../shared/session/session-certificate.ts'

const NOW = 1_800_000_000_000
const HOUR = 3_600_000
const [networkId, deviceId, peerKey] = [1, 2, 3].map((byte) => new Uint8Array(32).fill(byte)) as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
]
const good = { networkId, deviceId, peerKey, time: NOW, until: NOW + HOUR, signature: new Uint8Array(64).fill(4) }
const validate = (altered: Partial<typeof good> = {}, now = NOW) =>
  validateSession({ ...good, ...altered }, { peerKey, now, networkId })

describe('a session certificate', () => {
  test('is 172 bytes, and nothing else decodes', () => {
    const bytes = sessionCertificateCodec.encode(good)
    expect(bytes).toHaveLength(172)
    expect(sessionCertificateCodec.decode(bytes)).toEqual({ ok: true, value: good })
    expect(sessionCertificateCodec.decode(bytes.subarray(1))).toMatchObject({ code: 'malformed' })
    expect(sessionCertificateCodec.decode(new Uint8Array(173))).toMatchObject({ code: 'too-long' })
  })

  test('holds for its own peer from its time to its end, a few minutes of clocks aside', () => {
    expect(validate()).toEqual({ ok: true })
    expect(validate({}, NOW + HOUR - 1)).toEqual({ ok: true })
    expect(validate({}, NOW - SESSION_CLOCK_TOLERANCE_MS)).toEqual({ ok: true })
    expect(validate({ until: NOW + MAX_SESSION_MS })).toEqual({ ok: true })
  })

  test.each([
    ['wrong-network', { networkId: deviceId }, NOW],
    ['session-of-another-peer', { peerKey: deviceId }, NOW],
    ['clock-differs', {}, NOW - SESSION_CLOCK_TOLERANCE_MS - 1],
    ['session-ended', {}, NOW + HOUR],
    ['session-ended', { until: NOW }, NOW - 1],
    ['session-too-long', { until: NOW + MAX_SESSION_MS + 1 }, NOW],
  ])('is refused: %s', (code, altered, now) => {
    expect(validate(altered, now)).toMatchObject({ ok: false, code })
  })

  test('signs every field, under a tag of its own', () => {
    const message = sessionMessage(good)
    for (const altered of [
      { networkId: deviceId },
      { deviceId: peerKey },
      { peerKey: deviceId },
      { time: 1 },
      { until: 1 },
    ])
      expect(sessionMessage({ ...good, ...altered })).not.toEqual(message)
    expect(new TextDecoder().decode(message.subarray(1, 16))).toBe('lares/session/1')
    const proof = { networkId, deviceId, holderKey: peerKey, claimantKey: deviceId, nonce: networkId, time: NOW }
    const proofMessage = duelProofMessage(proof)
    for (const altered of [{ holderKey: deviceId }, { claimantKey: peerKey }, { nonce: deviceId }, { time: 1 }])
      expect(duelProofMessage({ ...proof, ...altered })).not.toEqual(proofMessage)
  })
})
