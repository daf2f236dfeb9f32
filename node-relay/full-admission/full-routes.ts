import type { FastifyInstance } from 'fastify'
import { errorAnswer } from '../http/errors.ts'
import type { FullAdmissionDoor } from './door.ts'

const MAX_ID_TEXT = 128

/** The admin socket's part of `lares full`. */
export function addFullRoutes(app: FastifyInstance, full: FullAdmissionDoor): void {
  app.get('/full', async () => full.view())
  app.get('/full/applicants', async () => ({ applicants: full.applicants() }))
  app.post('/full/application', async (_, reply) => {
    const applied = full.apply()
    return applied.ok ? {} : reply.code(409).send(errorAnswer(applied))
  })
  app.post<{ Body: { id: string } }>('/full/vouch', { schema: { body: VOUCH_BODY } }, async ({ body }, reply) => {
    const vouched = full.vouch(body.id)
    return vouched.ok ? {} : reply.code(409).send(errorAnswer(vouched))
  })
  app.post('/full/leave', async (_, reply) => {
    const left = await full.leave()
    return left.ok ? {} : reply.code(409).send(errorAnswer(left))
  })
}

const VOUCH_BODY = {
  type: 'object',
  required: ['id'],
  properties: { id: { type: 'string', minLength: 1, maxLength: MAX_ID_TEXT } },
} as const
