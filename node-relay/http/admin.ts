import { createHash } from 'node:crypto'
import { chmodSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import fastify, { type FastifyInstance } from 'fastify'
import type { DeviceAnswer, JoinInfo, RelayFacade, RelayStatus } from '../facade.ts'
import { statusOf } from './errors.ts'
import { MAX_DEVICES_LIMIT } from './limits.ts'

/** `sun_path` has 104 bytes on macOS and 108 on Linux, with a closing zero. */
const MAX_SOCKET_PATH_BYTES = 100

/** Addresses that the doors are open at, as a person opens them. */
export interface DoorsInfo {
  readonly port: number
  readonly urls: readonly string[]
  readonly joinUrl: string
}

/** What `lares status` and `doctor` get. */
export interface AdminStatus extends RelayStatus {
  readonly pid: number
  readonly doors: DoorsInfo
  readonly ports: { readonly tcp: readonly number[]; readonly udp: readonly number[] }
}

/** A device answer as JSON: the bundle in base64url. */
export type AdminDevice = Omit<DeviceAnswer, 'bundle'> & { readonly bundle: string }

export interface AdminInit {
  readonly facade: RelayFacade
  readonly dataDir: string
  readonly doors: () => DoorsInfo
  readonly ports: AdminStatus['ports']
}

/**
 * Where the running relay listens for its own command line: a socket in the data dir, which only its owner may enter; a
 * pipe named after the data dir on Windows; a socket in the system's directory for temporary files where the path
 * would be too long (the asker checks whose it is).
 */
export function adminSocketPath(dataDir: string, platform: NodeJS.Platform = process.platform): string {
  const name = createHash('sha256').update(resolve(dataDir)).digest('hex').slice(0, 24)
  if (platform === 'win32') return `\\\\.\\pipe\\lares-${name}`
  const path = join(resolve(dataDir), 'admin.sock')
  return Buffer.byteLength(path) <= MAX_SOCKET_PATH_BYTES ? path : join(tmpdir(), `lares-${name}.sock`)
}

/** Serves the command line. The caller holds the lock of the data dir, so a socket that is there is a leftover. */
export async function openAdminSocket(init: AdminInit): Promise<FastifyInstance> {
  const { facade } = init
  const app = fastify({ logger: false })
  app.get(
    '/status',
    async (): Promise<AdminStatus> => ({
      ...facade.status(),
      pid: process.pid,
      doors: init.doors(),
      ports: init.ports,
    }),
  )
  app.get('/join', async (): Promise<JoinInfo & { url: string }> => ({ ...facade.join(), url: init.doors().joinUrl }))
  app.get<{ Querystring: { after?: string; limit: number } }>(
    '/devices',
    { schema: { querystring: DEVICES_QUERY } },
    async ({ query }) => ({
      devices: facade.devices(query.after, query.limit),
    }),
  )
  app.get<{ Params: { id: string } }>('/devices/:id', async ({ params }, reply) => {
    const answer = await facade.device(params.id)
    if (!answer.ok) return reply.code(statusOf(answer.code)).send({ code: answer.code, sentence: answer.detail })
    return { ...answer.value, bundle: Buffer.from(answer.value.bundle).toString('base64url') } satisfies AdminDevice
  })

  const path = adminSocketPath(init.dataDir)
  if (process.platform !== 'win32') rmSync(path, { force: true })
  // Nobody may connect between the socket's making and the change of its mode.
  const mask = process.umask(0o177)
  const listening = app.listen({ path })
  try {
    await listening
  } finally {
    process.umask(mask)
  }
  if (process.platform !== 'win32') chmodSync(path, 0o600)
  return app
}

const DEVICES_QUERY = {
  type: 'object',
  properties: {
    after: { type: 'string', maxLength: 128 },
    limit: { type: 'integer', minimum: 1, maximum: MAX_DEVICES_LIMIT, default: MAX_DEVICES_LIMIT },
  },
} as const
