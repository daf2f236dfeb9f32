import type { FastifyInstance, FastifyReply } from 'fastify'
import { quoteCodec } from '../../shared/admission/quote.ts'
import { toHex } from '../../shared/bytes.ts'
import { WAY } from '../../shared/protocol/join-messages.ts'
import type { JoinQuote, Patience, SmallDeviceDoor } from '../devices/door.ts'
import { bytes32 } from '../devices/subject.ts'
import { COST } from './limits.ts'
import { OPENAPI } from './openapi.ts'
import { householdOf } from './rate-limit.ts'
import { bytesOf, malformedBody, refuse, routeOptions, textOf, toBase64url } from './route-parts.ts'

interface ById {
  readonly Params: { readonly id: string }
}
interface Waiting {
  readonly Querystring: { readonly wait?: number }
}

/** The routes of the small-device profile (PROTOCOL.md section 10). */
export function addDeviceRoutes(app: FastifyInstance, devices: SmallDeviceDoor): void {
  const options = (path: string, cost: number, method: 'get' | 'post' = 'get') =>
    routeOptions(OPENAPI.paths, path, cost, method)

  app.post('/api/v1/join', options('/api/v1/join', COST.transaction, 'post'), async ({ body }, reply) => {
    const application = bytesOf(body, 'transaction')
    if (application === undefined) return refuse(reply, malformedBody('the registration', 'transaction'))
    const answer = await devices.join(application)
    if (!answer.ok) return refuse(reply, answer)
    return reply.code(202).send(answer.value)
  })

  const ask = '/api/v1/join/ask'
  app.post(ask, options(ask, COST.signature, 'post'), async ({ body }, reply) => {
    const bytes = bytesOf(body, 'ask')
    if (bytes === undefined) return refuse(reply, malformedBody('the ask', 'ask'))
    const answer = await devices.askJoin(bytes)
    if (!answer.ok) return refuse(reply, answer)
    return { quotes: answer.value.map(quoteRow) }
  })

  const certified = '/api/v1/join/certified'
  app.get(certified, options(certified, COST.join), async () => devices.certifiedJoin())
  app.post(certified, options(certified, COST.certificate, 'post'), async ({ body }, reply) => {
    const application = bytesOf(body, 'application')
    if (application === undefined) return refuse(reply, malformedBody('the certified application', 'application'))
    const answer = await devices.joinCertified(application)
    if (!answer.ok) return refuse(reply, answer)
    return reply.code(202).send(answer.value)
  })

  app.get<{ Querystring: { nonce: string } }>(
    '/api/v1/time',
    options('/api/v1/time', COST.signature),
    async ({ query }, reply) => {
      const answer = await devices.time(query.nonce)
      return answer.ok ? answer.value : refuse(reply, answer)
    },
  )

  app.get<ById>(
    '/api/v1/devices/:id/state',
    options('/api/v1/devices/{id}/state', COST.deviceState),
    async ({ params }, reply) => {
      const answer = devices.state(params.id)
      return answer.ok ? answer.value : refuse(reply, answer)
    },
  )

  app.post<ById>(
    '/api/v1/devices/:id/lease',
    options('/api/v1/devices/{id}/lease', COST.signature, 'post'),
    async ({ params, body }, reply) => {
      const lease = bytesOf(body, 'lease')
      if (lease === undefined) return refuse(reply, malformedBody('the lease', 'lease'))
      const answer = await devices.renew(params.id, lease)
      return answer.ok ? answer.value : refuse(reply, answer)
    },
  )

  app.get<ById & Waiting>(
    '/api/v1/devices/:id/challenges',
    options('/api/v1/devices/{id}/challenges', COST.deviceState),
    async ({ params, query }, reply) => {
      const answer = await devices.challenges(params.id, patienceOf(reply, query.wait))
      return answer.ok ? answer.value : refuse(reply, answer)
    },
  )

  app.post<ById>(
    '/api/v1/devices/:id/challenges',
    options('/api/v1/devices/{id}/challenges', COST.challenge, 'post'),
    async ({ params, body, ip }, reply) => {
      const nonce = body instanceof Uint8Array ? body : bytes32(textOf(body, 'nonce') ?? '')
      if (nonce === undefined) return refuse(reply, malformedBody('32 random bytes', 'nonce'))
      const answer = devices.challenge(params.id, nonce, householdOf(ip))
      if (!answer.ok) return refuse(reply, answer)
      return reply.code(202).send(answer.value)
    },
  )

  app.post<ById>(
    '/api/v1/devices/:id/answers',
    options('/api/v1/devices/{id}/answers', COST.signature, 'post'),
    async ({ params, body }, reply) => {
      const bytes = bytesOf(body, 'answer')
      if (bytes === undefined) return refuse(reply, malformedBody('the answer', 'answer'))
      const answer = await devices.answer(params.id, bytes)
      return answer.ok ? answer.value : refuse(reply, answer)
    },
  )

  app.get<{ Params: { nonce: string } } & Waiting>(
    '/api/v1/challenges/:nonce',
    options('/api/v1/challenges/{nonce}', COST.deviceState),
    async ({ params, query }, reply) => {
      const outcome = await devices.challengeOutcome(params.nonce, patienceOf(reply, query.wait))
      if (!outcome.ok) return refuse(reply, outcome)
      const { answer, ...rest } = outcome.value
      return { ...rest, answer: answer && toBase64url(answer) }
    },
  )
}

/** A quote as the device hands it back, and what it has to know of it. */
function quoteRow({ quote, nonce, way, ...derivation }: JoinQuote) {
  const { iterations, expires } = quote
  return {
    ...derivation,
    quote: toBase64url(quoteCodec.encode(quote)),
    iterations,
    expires,
    evidence: way === WAY.voucher ? 'voucher' : way === WAY.approval ? 'approval' : 'certificate',
    nonce: toHex(nonce),
  }
}

/** Whoever hangs up no longer waits. */
function patienceOf(reply: FastifyReply, seconds = 0): Patience {
  const ending = new AbortController()
  reply.raw.once('close', () => ending.abort())
  return { waitMs: seconds * 1_000, signal: ending.signal }
}
