import { PROTOCOLS } from '../../shared/protocol/ids.ts'
import {
  certifiedApplicationBodySchema,
  certifiedJoinSchema,
  challengeAnswerBodySchema,
  challengeAnswerTakenSchema,
  challengeBodySchema,
  challengeOutcomeSchema,
  challengeSchema,
  challengesSchema,
  deviceStateSchema,
  joinAnswerSchema,
  joinAskBodySchema,
  joinQuotesSchema,
  leaseAnswerSchema,
  leaseBodySchema,
  timeSchema,
} from './device-schemas.ts'
import { MAX_BODY_BYTES, MAX_WAIT_SECONDS } from './limits.ts'
import { bytesOrJson, good, NOT_READY, type Operation, type Paths, refusal, TOO_MANY } from './openapi-parts.ts'
import { HASH, transactionBodySchema } from './schemas.ts'

const id = {
  name: 'id',
  in: 'path',
  required: true,
  schema: { type: 'string', maxLength: 128, description: 'text, DID, or 64 hex digits' },
} as const
const wait = {
  name: 'wait',
  in: 'query',
  required: false,
  schema: {
    type: 'integer',
    minimum: 0,
    maximum: MAX_WAIT_SECONDS,
    default: 0,
    description: 'seconds that the request may be held open until there is news',
  },
} as const

const BAD_ID = refusal('Not a device ID')
const UNKNOWN = refusal('Not in the settled ledger, or an ID of another network')
const REFUSED = refusal('Refused; the code says why')
const WAITING = refusal('Too many wait; ask later, or without wait')

export const JOIN_OPERATION: Operation = {
  operationId: 'joinDevice',
  summary: 'Let a small device in: its register transaction without endorsements, which the relay adds',
  requestBody: bytesOrJson(MAX_BODY_BYTES, transactionBodySchema),
  responses: {
    202: good(
      'Endorsed and passed on, or in the ledger already; ask for its state until it is registered',
      joinAnswerSchema,
    ),
    400: refusal('Not a transaction'),
    413: refusal('Larger than any transaction'),
    422: REFUSED,
    429: TOO_MANY,
    503: NOT_READY,
  },
}

/** The small-device profile (PROTOCOL.md section 10). */
export const DEVICE_PATHS: Paths = {
  '/api/v1/join/ask': {
    post: {
      operationId: 'askJoin',
      summary: 'What a join costs, and why; a puzzle for each endorser',
      requestBody: bytesOrJson(PROTOCOLS.join.maxRequest, joinAskBodySchema),
      responses: {
        200: good('Prices, and the nonces of their puzzles', joinQuotesSchema),
        400: refusal('Not an ask'),
        413: refusal('Larger than any ask'),
        422: REFUSED,
        429: TOO_MANY,
        503: NOT_READY,
      },
    },
  },
  '/api/v1/join/certified': {
    get: {
      operationId: 'certifiedJoin',
      summary: 'What a device with a certificate needs before it joins: nonce, trusted roots',
      responses: { 200: good('Network, nonce and roots', certifiedJoinSchema), 429: TOO_MANY },
    },
    post: {
      operationId: 'joinCertified',
      summary: 'Let a device in by its certificate, or renew that: the encoded certified application',
      requestBody: bytesOrJson(MAX_BODY_BYTES, certifiedApplicationBodySchema),
      responses: JOIN_OPERATION.responses,
    },
  },
  '/api/v1/time': {
    get: {
      operationId: 'time',
      summary: "The relay's clock, signed together with the asker's nonce, for devices without a clock",
      parameters: [{ name: 'nonce', in: 'query', required: true, schema: HASH }],
      responses: { 200: good('Time', timeSchema), 400: refusal('No nonce of 64 hex digits'), 429: TOO_MANY },
    },
  },
  '/api/v1/devices/{id}/state': {
    get: {
      operationId: 'deviceState',
      summary: 'Where a device stands, in a few bytes and without proof',
      parameters: [id],
      responses: { 200: good('State', deviceStateSchema), 400: BAD_ID, 404: UNKNOWN, 429: TOO_MANY },
    },
  },
  '/api/v1/devices/{id}/lease': {
    post: {
      operationId: 'renewLease',
      summary: 'A signed "I am alive"',
      parameters: [id],
      requestBody: bytesOrJson(140, leaseBodySchema),
      responses: {
        200: good('Noted', leaseAnswerSchema),
        400: BAD_ID,
        404: UNKNOWN,
        422: REFUSED,
        429: TOO_MANY,
        503: NOT_READY,
      },
    },
  },
  '/api/v1/devices/{id}/challenges': {
    get: {
      operationId: 'openChallenges',
      summary: 'What waits for the answer of a device',
      parameters: [id, wait],
      responses: {
        200: good('Open challenges', challengesSchema),
        400: BAD_ID,
        404: UNKNOWN,
        422: REFUSED,
        429: TOO_MANY,
        503: WAITING,
      },
    },
    post: {
      operationId: 'challenge',
      summary: 'Ask a device to sign 32 random bytes of yours',
      parameters: [id],
      requestBody: bytesOrJson(32, challengeBodySchema),
      responses: {
        202: good('Left for the device', challengeSchema),
        400: BAD_ID,
        404: UNKNOWN,
        422: REFUSED,
        429: refusal('Too many requests, or too many open challenges'),
        503: refusal('Too many challenges are open'),
      },
    },
  },
  '/api/v1/devices/{id}/answers': {
    post: {
      operationId: 'answerChallenge',
      summary: "A device's signed answer to a challenge",
      parameters: [id],
      requestBody: bytesOrJson(166, challengeAnswerBodySchema),
      responses: {
        200: good('Kept for who asked', challengeAnswerTakenSchema),
        400: BAD_ID,
        404: UNKNOWN,
        422: REFUSED,
        429: TOO_MANY,
        503: NOT_READY,
      },
    },
  },
  '/api/v1/challenges/{nonce}': {
    get: {
      operationId: 'challengeOutcome',
      summary: 'What became of a challenge',
      parameters: [{ name: 'nonce', in: 'path', required: true, schema: HASH }, wait],
      responses: {
        200: good('Waiting or answered; verify the answer yourself', challengeOutcomeSchema),
        400: refusal('Not 64 hex digits'),
        404: refusal('No such challenge, or it is over'),
        429: TOO_MANY,
        503: WAITING,
      },
    },
  },
}
