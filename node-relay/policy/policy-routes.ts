import type { FastifyInstance } from 'fastify'
import { fromHex } from '../../shared/bytes.ts'
import { policyCodec } from '../../shared/policy/policy.ts'
import { MAX_OWNERS } from '../../shared/roster/roster.ts'
import { errorAnswer } from '../http/errors.ts'
import type { PolicyDesk } from './door.ts'

/** The admin socket's part of `lares policy`. */
export function addPolicyRoutes(app: FastifyInstance, policy: PolicyDesk): void {
  app.get('/policy', async () => policy.view())
  app.post<{ Body: { policy: string; signatures: { owner: number; signature: string }[] } }>(
    '/policy',
    { schema: { body: BODY } },
    async ({ body }, reply) => {
      const signatures = body.signatures.map(({ owner, signature }) => ({ owner, signature: fromHex(signature) }))
      const taken = await policy.submit(fromHex(body.policy), signatures)
      return taken.ok ? {} : reply.code(409).send(errorAnswer(taken))
    },
  )
}

const BODY = {
  type: 'object',
  required: ['policy', 'signatures'],
  properties: {
    policy: { type: 'string', pattern: '^([0-9a-f]{2})+$', maxLength: 2 * policyCodec.maxLength },
    signatures: {
      type: 'array',
      maxItems: MAX_OWNERS,
      items: {
        type: 'object',
        required: ['owner', 'signature'],
        properties: {
          owner: { type: 'integer', minimum: 0, maximum: 255 },
          signature: { type: 'string', pattern: '^[0-9a-f]{128}$' },
        },
      },
    },
  },
} as const
