import type { FastifyInstance } from 'fastify'
import { errorAnswer } from '../http/errors.ts'
import type { PairingDoor } from './pairing-door.ts'

const MAX_CODE_TEXT = 64

/** The admin socket's part of `lares pair`. */
export function addPairingRoutes(app: FastifyInstance, pairing: PairingDoor): void {
  app.get('/pairing', async () => ({ newcomers: pairing.waiting() }))
  app.post<{ Body: { code: string } }>(
    '/pairing/approval',
    { schema: { body: CODE_BODY } },
    async ({ body }, reply) => {
      const approved = await pairing.approve(body.code)
      return approved.ok ? approved.value : reply.code(409).send(errorAnswer(approved))
    },
  )
  app.post<{ Body: { code: string } }>('/pairing/refusal', { schema: { body: CODE_BODY } }, async ({ body }, reply) => {
    const refused = pairing.refuse(body.code)
    return refused.ok ? refused.value : reply.code(409).send(errorAnswer(refused))
  })
}

const CODE_BODY = {
  type: 'object',
  required: ['code'],
  properties: { code: { type: 'string', minLength: 1, maxLength: MAX_CODE_TEXT } },
} as const
