import type { FastifyInstance } from 'fastify'
import { MAX_OWNERS, MAX_SEATS } from '../../shared/roster/roster.ts'
import { errorAnswer } from '../http/errors.ts'
import type { Removal, RosterDesk, SubmittedApproval } from './door.ts'

/** Longest text of a motion, a vote or a voucher. */
const MAX_TEXT = 2_048

/** The admin socket's part of `lares roster`. */
export function addRosterRoutes(app: FastifyInstance, roster: RosterDesk): void {
  app.get('/roster', async () => roster.view())
  app.post<{ Body: { voucher: string; recoveryKey: string } }>(
    '/roster/registration',
    { schema: { body: REGISTRATION_BODY } },
    async ({ body }, reply) => {
      const registered = await roster.register(body.voucher, body.recoveryKey)
      return registered.ok ? {} : reply.code(409).send(errorAnswer(registered))
    },
  )
  app.post<{ Body: { remove?: Removal } }>(
    '/roster/proposal',
    { schema: { body: PROPOSAL_BODY } },
    async ({ body }, reply) => {
      const motion = await roster.propose(body.remove)
      return motion.ok ? { motion: motion.value } : reply.code(409).send(errorAnswer(motion))
    },
  )
  app.post<{ Body: { motion: string } }>('/roster/vote', { schema: { body: MOTION_BODY } }, async ({ body }, reply) => {
    const vote = await roster.vote(body.motion)
    return vote.ok ? { vote: vote.value } : reply.code(409).send(errorAnswer(vote))
  })
  app.post<{ Body: { motion: string } & SubmittedApproval }>(
    '/roster/change',
    { schema: { body: CHANGE_BODY } },
    async ({ body }, reply) => {
      const { motion, ...approval } = body
      const taken = await roster.submit(motion, approval as SubmittedApproval)
      return taken.ok ? {} : reply.code(409).send(errorAnswer(taken))
    },
  )
}

const TEXT = { type: 'string', minLength: 1, maxLength: MAX_TEXT } as const
const HEX_32 = { type: 'string', pattern: '^[0-9a-f]{64}$' } as const

const REGISTRATION_BODY = {
  type: 'object',
  required: ['voucher', 'recoveryKey'],
  properties: { voucher: TEXT, recoveryKey: HEX_32 },
} as const

const PROPOSAL_BODY = {
  type: 'object',
  properties: {
    remove: {
      type: 'object',
      additionalProperties: false,
      oneOf: [{ required: ['seat'] }, { required: ['deviceId'] }],
      properties: { seat: { type: 'integer', minimum: 0, maximum: 0xffff }, deviceId: TEXT },
    },
  },
} as const

const MOTION_BODY = { type: 'object', required: ['motion'], properties: { motion: TEXT } } as const

const OWNER_SIGNATURE = {
  type: 'object',
  required: ['owner', 'signature'],
  properties: {
    owner: { type: 'integer', minimum: 0, maximum: 255 },
    signature: { type: 'string', pattern: '^[0-9a-f]{128}$' },
  },
} as const

const CHANGE_BODY = {
  type: 'object',
  required: ['motion'],
  oneOf: [{ required: ['votes'] }, { required: ['owners'] }],
  properties: {
    motion: TEXT,
    votes: { type: 'array', maxItems: MAX_SEATS, items: TEXT },
    owners: { type: 'array', maxItems: 2, items: { type: 'array', maxItems: MAX_OWNERS, items: OWNER_SIGNATURE } },
  },
} as const
