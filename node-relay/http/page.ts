import { existsSync } from 'node:fs'
import { join } from 'node:path'
import staticFiles from '@fastify/static'
import type { FastifyInstance } from 'fastify'
import { COST } from './limits.ts'

/** Vite puts files with a content hash in their name here. */
const HASHED_FILES = '/assets/'
const A_YEAR = 'public, max-age=31536000, immutable'
/** Asked for each time, answered by "not modified": an update must reach the page. */
const ALWAYS_ASK = 'no-cache'

/** The built PWA. Paths that are no files get index.html, so that a link into the page works. */
export async function addPage(app: FastifyInstance, webRoot: string): Promise<void> {
  await app.register(staticFiles, {
    root: webRoot,
    wildcard: false,
    serve: false,
  })

  app.get<{ Params: { '*': string } }>('/*', { config: { cost: COST.page } }, async (request, reply) => {
    const path = request.params['*']
    if (path.startsWith('api/')) return reply.callNotFound()
    if (!existsSync(join(webRoot, 'index.html')))
      return reply.code(503).send({
        code: 'page-not-built',
        sentence: 'The page is not built here; run "npm run build", then load this again.',
      })
    const isFile = path !== '' && path !== 'index.html' && /\.[a-z0-9]+$/i.test(path)
    if (!isFile) return reply.header('cache-control', ALWAYS_ASK).sendFile('index.html', { cacheControl: false })
    const cacheControl = `/${path}`.startsWith(HASHED_FILES) ? A_YEAR : ALWAYS_ASK
    return reply.header('cache-control', cacheControl).sendFile(path, { cacheControl: false })
  })
}
