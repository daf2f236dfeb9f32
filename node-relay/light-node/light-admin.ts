import fastify, { type FastifyInstance } from 'fastify'
import { LaresError } from '../../shared/errors.ts'
import { listenAdmin } from '../http/admin.ts'
import type { AdminStatus } from '../http/admin-socket.ts'
import { errorAnswer } from '../http/errors.ts'
import { addRosterRoutes } from '../roster/roster-routes.ts'
import type { LightNode } from './light-node.ts'

const NOT_HERE = errorAnswer({
  ok: false,
  code: 'light-node',
  detail:
    'This is a coordination node without blocks: it has no devices to list, no backup, no directory and no policy to change. Ask a relay.',
})

/** Serves the command line of a node without blocks: what it does, and how it comes into the coordination set. */
export async function openLightAdmin(init: {
  readonly node: LightNode
  readonly dataDir: string
  readonly ports: AdminStatus['ports']
  readonly metricsUrl: string | undefined
}): Promise<FastifyInstance> {
  const { node } = init
  const app = fastify({ logger: false })
  app.get(
    '/status',
    async (): Promise<AdminStatus> => ({
      ...node.status(),
      fits: await node.labelDecision(),
      pid: process.pid,
      doors: { port: 0, urls: [], joinUrl: '', metricsUrl: init.metricsUrl },
      ports: init.ports,
    }),
  )
  addRosterRoutes(app, node.roster)
  app.setNotFoundHandler((_, reply) => reply.code(404).send(NOT_HERE))
  app.setErrorHandler((error, _, reply) =>
    error instanceof LaresError
      ? reply.code(503).send(errorAnswer({ ok: false, code: error.code, detail: error.message }))
      : reply.send(error),
  )
  await listenAdmin(app, init.dataDir)
  return app
}
