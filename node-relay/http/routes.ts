import type { FastifyInstance } from 'fastify'
import type { RelayFacade, RelayStatus } from '../facade.ts'
import { addDeviceRoutes } from './device-routes.ts'
import type { ErrorAnswer } from './errors.ts'
import { createLargeAnswers } from './large-answers.ts'
import { COST, DEFAULT_BLOCKS_LIMIT } from './limits.ts'
import { OPENAPI } from './openapi.ts'
import { bytesOf, malformedBody, refuse, routeOptions, toBase64url } from './route-parts.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Request units that the route takes from the asker's bucket. */
    cost?: number
  }
}

const BUSY_RETRY_SECONDS = 5

/** The routes of /api/v1 and /healthz, each described in openapi.ts, whose schemas also write the answers. */
export function addRoutes(app: FastifyInstance, facade: RelayFacade): void {
  const largeAnswers = createLargeAnswers()
  const options = (path: string, cost: number, method: 'get' | 'post' = 'get') =>
    routeOptions(OPENAPI.paths, path, cost, method)

  app.get('/healthz', options('/healthz', COST.status), async () => ({ ok: true }))

  app.get('/api/v1/openapi.json', { config: { cost: COST.status } }, async () => OPENAPI)

  app.get('/api/v1/status', options('/api/v1/status', COST.status), async () => publicStatus(facade.status()))

  app.get('/api/v1/join', options('/api/v1/join', COST.join), async () => facade.join())

  app.get<{ Querystring: { from: number; limit?: number } }>(
    '/api/v1/blocks',
    options('/api/v1/blocks', COST.blocks),
    async ({ query }, reply) => {
      if (!largeAnswers.enter(reply.raw))
        return reply
          .code(503)
          .header('retry-after', BUSY_RETRY_SECONDS)
          .send({
            code: 'busy',
            sentence: 'Others are reading blocks right now; ask again in a few seconds.',
          } satisfies ErrorAnswer)
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

  app.get<{ Params: { key: string } }>(
    '/api/v1/expected/:key',
    options('/api/v1/expected/{key}', COST.device),
    async ({ params }, reply) => {
      const answer = await facade.fleet.expected(params.key)
      if (!answer.ok) return refuse(reply, answer)
      return { ...answer.value, application: toBase64url(answer.value.application) }
    },
  )

  app.post(
    '/api/v1/transactions',
    options('/api/v1/transactions', COST.transaction, 'post'),
    async ({ body }, reply) => {
      const transaction = bytesOf(body, 'transaction')
      if (transaction === undefined) return refuse(reply, malformedBody('the transaction', 'transaction'))
      const answer = await facade.submit(transaction)
      if (!answer.ok) return refuse(reply, answer)
      return reply.code(202).send(answer.value)
    },
  )

  addDeviceRoutes(app, facade.smallDevices)
}

/** Peers and incidents name addresses: they stay with the owner. Who sealed what everybody reads from the headers. */
function publicStatus({ peers, droppedPeers: _, incidents: __, keepers: ___, ...status }: RelayStatus): object {
  return { ...status, peerCount: peers.length }
}
