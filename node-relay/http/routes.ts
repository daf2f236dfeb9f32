import type { FastifyInstance, FastifyReply } from 'fastify'
import type { Rejection } from '../../shared/errors.ts'
import type { RelayFacade, RelayStatus } from '../facade.ts'
import { type ErrorAnswer, statusOf } from './errors.ts'
import { COST, DEFAULT_BLOCKS_LIMIT } from './limits.ts'
import { OPENAPI } from './openapi.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Request units that the route takes from the asker's bucket. */
    cost?: number
  }
}

const BASE64URL = /^[A-Za-z0-9_-]+$/

/** The routes of /api/v1 and /healthz, each described in openapi.ts, whose schemas also write the answers. */
export function addRoutes(app: FastifyInstance, facade: RelayFacade): void {
  app.get('/healthz', options('/healthz', COST.status), async () => ({ ok: true }))

  app.get('/api/v1/openapi.json', { config: { cost: COST.status } }, async () => OPENAPI)

  app.get('/api/v1/status', options('/api/v1/status', COST.status), async () => publicStatus(facade.status()))

  app.get('/api/v1/join', options('/api/v1/join', COST.join), async () => facade.join())

  app.get<{ Querystring: { from: number; limit?: number } }>(
    '/api/v1/blocks',
    options('/api/v1/blocks', COST.blocks),
    async ({ query }) => {
      const blocks = facade.blocks(query.from, query.limit ?? DEFAULT_BLOCKS_LIMIT)
      return { blocks: blocks.map((block) => ({ ...block, bytes: toBase64url(block.bytes) })) }
    },
  )

  app.get<{ Params: { id: string } }>(
    '/api/v1/devices/:id',
    options('/api/v1/devices/{id}', COST.device),
    async ({ params }, reply) => {
      const answer = await facade.device(params.id)
      if (!answer.ok) return refuse(reply, answer)
      return { ...answer.value, bundle: toBase64url(answer.value.bundle) }
    },
  )

  app.post(
    '/api/v1/transactions',
    options('/api/v1/transactions', COST.transaction, 'post'),
    async ({ body }, reply) => {
      const transaction = transactionOf(body)
      if (transaction === undefined)
        return refuse(reply, {
          ok: false,
          code: 'malformed-request',
          detail: 'Send the transaction as application/octet-stream, or as JSON { "transaction": base64url }.',
        })
      const answer = await facade.submit(transaction)
      if (!answer.ok) return refuse(reply, answer)
      return reply.code(202).send(answer.value)
    },
  )
}

/** Query and answer schemas of an operation, as Fastify takes them. */
function options(path: string, cost: number, method: 'get' | 'post' = 'get') {
  const operation = OPENAPI.paths[path]?.[method]
  if (operation === undefined) throw new Error(`${method} ${path} is not described`)
  const query = (operation.parameters ?? []).filter((parameter) => parameter.in === 'query')
  const response = Object.fromEntries(
    Object.entries(operation.responses).map(([status, { content }]) => [status, { content }]),
  )
  const querystring = {
    type: 'object',
    properties: Object.fromEntries(query.map(({ name, schema }) => [name, schema])),
    required: query.filter(({ required }) => required).map(({ name }) => name),
  }
  return { config: { cost }, schema: query.length > 0 ? { response, querystring } : { response } }
}

/** Peers and incidents name addresses: they stay with the owner. */
function publicStatus({ peers, incidents: _, ...status }: RelayStatus): object {
  return { ...status, peerCount: peers.length }
}

function refuse(reply: FastifyReply, { code, detail }: Rejection): FastifyReply {
  const answer: ErrorAnswer = { code, sentence: detail }
  return reply.code(statusOf(code)).send(answer)
}

function transactionOf(body: unknown): Uint8Array | undefined {
  if (body instanceof Uint8Array) return body.length > 0 ? body : undefined
  const text = typeof body === 'object' && body !== null ? (body as Record<string, unknown>)['transaction'] : undefined
  return typeof text === 'string' && BASE64URL.test(text) ? Buffer.from(text, 'base64url') : undefined
}

function toBase64url(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64url')
}
