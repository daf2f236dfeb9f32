import { BASE64URL, COUNT, DEVICE_ID, HASH, list, object, TIME } from './schemas.ts'

/** JSON of the small-device profile. */
const STATE = { type: 'string', enum: ['not-in-ledger', 'pending', 'registered', 'retired'] } as const
const SIGNATURE = { type: 'string', pattern: '^[0-9a-f]{128}$', description: '64 bytes, lower-case hex' } as const

export const joinAnswerSchema = object({ deviceId: DEVICE_ID, state: STATE, transactionId: HASH }, ['transactionId'])

export const joinAskBodySchema = object({ ask: { ...BASE64URL, description: 'encoded ask, 217 bytes, base64url' } })
export const joinQuotesSchema = object({
  quotes: list(
    object({
      quote: { ...BASE64URL, description: 'to be handed back in a payment: 92 bytes, base64url' },
      iterations: { ...COUNT, description: 'tries that the puzzle takes on average; 0: nothing is to be paid' },
      base: { ...COUNT, description: "of the owners' policy" },
      pressure: { ...COUNT, description: 'by the joins of this sponsor or issuer in the running epoch' },
      faults: { ...COUNT, description: '2 to the power of the proven faults' },
      most: { ...COUNT, description: 'base × pressure × faults is cut to this' },
      isWaived: { type: 'boolean' },
      expires: TIME,
      evidence: { type: 'string', enum: ['voucher', 'approval', 'certificate'], description: 'wanted next' },
      nonce: { ...HASH, description: 'hash of the settled block, for a certified key to sign' },
    }),
  ),
})

export const certifiedJoinSchema = object({
  networkId: HASH,
  nonce: { ...HASH, description: 'hash of the settled block' },
  trustRoots: list({ ...HASH, description: 'SHA-256 of the DER of a trusted root certificate' }),
})
export const certifiedApplicationBodySchema = object({
  application: { ...BASE64URL, description: 'encoded certified application, base64url' },
})

export const deviceStateSchema = object(
  {
    deviceId: DEVICE_ID,
    state: STATE,
    sequence: { ...COUNT, description: 'of the last transaction that the device signed; the next has one more' },
    walletKey: HASH,
    time: { ...TIME, description: "the relay's clock, ms since the Unix epoch" },
  },
  ['sequence', 'walletKey'],
)

export const leaseBodySchema = object({ lease: { ...BASE64URL, description: 'encoded lease, 140 bytes, base64url' } })
export const leaseAnswerSchema = object({ deviceId: DEVICE_ID, until: TIME })

export const challengeBodySchema = object({ nonce: HASH })
export const challengeSchema = object({
  nonce: HASH,
  expires: TIME,
  text: { type: 'string', description: 'the challenge for a QR code' },
})
export const challengesSchema = object({
  time: { ...TIME, description: "the relay's clock, ms since the Unix epoch" },
  challenges: list(object({ nonce: HASH, expires: TIME })),
})
export const challengeAnswerBodySchema = object({
  answer: { ...BASE64URL, description: 'encoded challenge answer, 166 bytes, base64url' },
})
export const challengeAnswerTakenSchema = object({ nonce: HASH })
export const challengeOutcomeSchema = object(
  {
    deviceId: DEVICE_ID,
    state: { type: 'string', enum: ['waiting', 'answered'] },
    expires: TIME,
    answer: { ...BASE64URL, description: 'encoded challenge answer, 166 bytes, base64url' },
  },
  ['answer'],
)

export const timeSchema = object({
  networkId: HASH,
  relayId: { ...HASH, description: 'device ID of the relay, lower-case hex' },
  relayKey: { ...HASH, description: 'its wallet key, lower-case hex' },
  time: TIME,
  signature: SIGNATURE,
})
