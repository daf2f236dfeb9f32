import { chmodSync, rmSync } from 'node:fs'
import fastify, { type FastifyInstance } from 'fastify'
import { MAX_OWNERS } from '../../shared/roster/roster.ts'
import { addBackupRoutes } from '../backup/backup-routes.ts'
import { addPairingRoutes } from '../coordination/pairing-routes.ts'
import type { JoinInfo, RelayFacade } from '../facade.ts'
import { addFleetRoutes } from '../fleet/fleet-routes.ts'
import { addFullRoutes } from '../full-admission/full-routes.ts'
import { addPolicyRoutes } from '../policy/policy-routes.ts'
import { addRosterRoutes } from '../roster/roster-routes.ts'
import { addWalletRoutes } from '../wallet/wallet-routes.ts'
import { type AdminDevice, type AdminStatus, adminSocketPath, type DoorsInfo } from './admin-socket.ts'
import { errorAnswer, statusOf } from './errors.ts'
import { MAX_DEVICES_LIMIT } from './limits.ts'

export interface AdminInit {
  readonly facade: RelayFacade
  readonly dataDir: string
  readonly doors: () => DoorsInfo
  readonly ports: AdminStatus['ports']
}

/** Serves the command line. The caller holds the lock of the data dir, so a socket that is there is a leftover. */
export async function openAdminSocket(init: AdminInit): Promise<FastifyInstance> {
  const { facade } = init
  const app = fastify({ logger: false })
  app.get(
    '/status',
    async (): Promise<AdminStatus> => ({
      ...facade.status(),
      fits: facade.labelDecision(),
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
    if (!answer.ok) return reply.code(statusOf(answer.code)).send(errorAnswer(answer))
    return { ...answer.value, bundle: Buffer.from(answer.value.bundle).toString('base64url') } satisfies AdminDevice
  })
  app.get<{ Params: { id: string } }>('/devices/:id/evidence', async ({ params }, reply) => {
    const judged = await facade.evidence.judge(params.id)
    return judged.ok ? judged.value : reply.code(statusOf(judged.code)).send(errorAnswer(judged))
  })

  addFleetRoutes(app, facade.fleet)
  addBackupRoutes(app, facade)
  addRosterRoutes(app, facade.roster)
  addFullRoutes(app, facade.full)
  addPairingRoutes(app, facade.pairing)
  addPolicyRoutes(app, facade.policy)
  addWalletRoutes(app, facade.wallet)

  app.get('/recovery', async () => ({ recovery: facade.recovery.view() ?? null }))
  app.post('/recovery/proposal', async (_, reply) => {
    const proposal = facade.recovery.propose()
    return proposal.ok ? proposal.value : reply.code(409).send(errorAnswer(proposal))
  })
  app.post<{ Body: { recovery: string; signatures: { owner: number; signature: string }[] } }>(
    '/recovery',
    { schema: { body: RECOVERY_BODY } },
    async ({ body }, reply) => {
      const taken = await facade.recovery.submit(body.recovery, body.signatures)
      return taken.ok ? {} : reply.code(409).send(errorAnswer(taken))
    },
  )

  app.post('/clock/confirm', async () => {
    facade.confirmClock()
    return {}
  })

  await listenAdmin(app, init.dataDir)
  return app
}

/** At the socket of a data directory, for its owner alone. */
export async function listenAdmin(app: FastifyInstance, dataDir: string): Promise<void> {
  const path = adminSocketPath(dataDir)
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
}

const DEVICES_QUERY = {
  type: 'object',
  properties: {
    after: { type: 'string', maxLength: 128 },
    limit: { type: 'integer', minimum: 1, maximum: MAX_DEVICES_LIMIT, default: MAX_DEVICES_LIMIT },
  },
} as const

const HEX = '^([0-9a-f]{2})+$'
const RECOVERY_BODY = {
  type: 'object',
  required: ['recovery', 'signatures'],
  properties: {
    recovery: { type: 'string', pattern: HEX, maxLength: 512 },
    signatures: {
      type: 'array',
      maxItems: MAX_OWNERS,
      items: {
        type: 'object',
        required: ['owner', 'signature'],
        properties: {
          owner: { type: 'integer', minimum: 0, maximum: 255 },
          signature: { type: 'string', pattern: HEX, minLength: 128, maxLength: 128 },
        },
      },
    },
  },
} as const
