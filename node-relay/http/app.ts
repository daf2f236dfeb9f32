import fastify, { type FastifyBaseLogger, type FastifyInstance, type FastifyReply, LogController } from 'fastify'
import type { RelayFacade } from '../facade.ts'
import type { Logger } from '../log.ts'
import type { ErrorAnswer } from './errors.ts'
import { addHeaders } from './headers.ts'
import {
  COST,
  MAX_BODY_BYTES,
  MAX_PARAMETER_LENGTH,
  MAX_RATE_ADDRESSES,
  MAX_URL_LENGTH,
  REQUEST_BURST,
  REQUESTS_PER_SECOND,
} from './limits.ts'
import { addPage } from './page.ts'
import { createRateLimit } from './rate-limit.ts'
import { addRoutes } from './routes.ts'

export interface HttpAppInit {
  readonly facade: RelayFacade
  /** Directory of the built page. */
  readonly webRoot: string
  /** The home CA for phones to trust, PEM; undefined with a certificate brought along. */
  readonly authority?: string | undefined
  readonly log: Logger
  /** After each answer: the route as it is spelled here, and its status. */
  readonly onAnswer?: (route: string, status: number) => void
  /** Monotonic enough for rate limits. ms */
  readonly now?: () => number
}

/** Everything the relay answers over HTTP(S), independent of sockets: `inject` it, or hand requests to `routing`. */
export async function createHttpApp(init: HttpAppInit): Promise<FastifyInstance> {
  const { log } = init
  const rateLimit = createRateLimit({
    burst: REQUEST_BURST,
    perSecond: REQUESTS_PER_SECOND,
    maxAddresses: MAX_RATE_ADDRESSES,
    now: init.now ?? (() => performance.now()),
  })
  const app = fastify({
    loggerInstance: log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: MAX_BODY_BYTES,
    routerOptions: { maxParamLength: MAX_PARAMETER_LENGTH },
    exposeHeadRoutes: true,
    frameworkErrors(error, _request, reply: FastifyReply) {
      reply.code(400).send(malformed(error.message))
    },
  })

  addHeaders(app)
  app.addHook('onRequest', async (request, reply) => {
    const wait = rateLimit.take(request.ip, request.routeOptions.config.cost ?? COST.page)
    if (wait > 0)
      return reply
        .code(429)
        .header('retry-after', Math.ceil(wait / 1_000))
        .send({
          code: 'too-many-requests',
          sentence: 'This address asks too often; wait a little.',
        } satisfies ErrorAnswer)
    if (request.url.length > MAX_URL_LENGTH)
      return reply.code(414).send({ code: 'url-too-long', sentence: 'This address is too long.' } satisfies ErrorAnswer)
    return undefined
  })
  app.addHook('onResponse', async (request, reply) => {
    init.onAnswer?.(request.routeOptions.url ?? 'none', reply.statusCode)
    log.debug(
      {
        method: request.method,
        url: request.routeOptions.url,
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime),
      },
      'http',
    )
  })

  app.addContentTypeParser('application/octet-stream', { parseAs: 'buffer' }, (_request, body, done) =>
    done(null, body),
  )
  app.setErrorHandler<Error & { statusCode?: number; validation?: unknown }>((error, request, reply) => {
    const status = error.statusCode ?? 500
    if (status === 413)
      return reply.code(413).send({ code: 'too-large', sentence: `A body may have ${MAX_BODY_BYTES} bytes at most.` })
    if (status >= 400 && status < 500) return reply.code(400).send(malformed(error.message))
    log.error({ err: error, url: request.routeOptions.url }, 'http request failed')
    return reply
      .code(500)
      .send({ code: 'internal', sentence: 'The relay failed at this; its log says more.' } satisfies ErrorAnswer)
  })
  app.setNotFoundHandler((_request, reply) =>
    reply.code(404).send({
      code: 'not-found',
      sentence: 'There is nothing here; /api/v1/openapi.json lists what there is.',
    } satisfies ErrorAnswer),
  )

  addRoutes(app, init.facade)
  const { authority } = init
  if (authority !== undefined)
    app.get('/lares-ca.crt', { config: { cost: COST.page } }, async (_request, reply) =>
      reply
        .type('application/x-x509-ca-cert')
        .header('content-disposition', 'attachment; filename="lares-ca.crt"')
        .header('cache-control', 'no-store')
        .send(authority),
    )
  await addPage(app, init.webRoot)
  await app.ready()
  return app
}

function malformed(detail: string): ErrorAnswer {
  return { code: 'malformed-request', sentence: `This request is not understood: ${detail}.` }
}
