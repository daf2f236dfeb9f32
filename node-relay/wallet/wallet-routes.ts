import type { FastifyInstance } from 'fastify'
import { errorAnswer } from '../http/errors.ts'
import type { WalletDesk, WalletSignatures } from './door.ts'

/** The admin socket's part of `lares wallet`. */
export function addWalletRoutes(app: FastifyInstance, wallet: WalletDesk): void {
  app.get('/wallet', async () => wallet.view())
  app.post('/wallet/rotation', async (_, reply) => {
    const begun = await wallet.rotate()
    return begun.ok ? begun.value : reply.code(409).send(errorAnswer(begun))
  })
  app.post('/wallet/recovery/proposal', async (_, reply) => {
    const proposal = await wallet.proposeRecovery()
    return proposal.ok ? proposal.value : reply.code(409).send(errorAnswer(proposal))
  })
  app.post<{ Body: WalletSignatures }>(
    '/wallet/recovery',
    { schema: { body: SIGNATURES } },
    async ({ body }, reply) => {
      const taken = await wallet.recover(body)
      return taken.ok ? taken.value : reply.code(409).send(errorAnswer(taken))
    },
  )
}

const SIGNATURE = { type: 'string', pattern: '^[0-9a-f]{128}$' } as const
const SIGNATURES = {
  type: 'object',
  required: ['walletKey'],
  properties: { walletKey: { type: 'string', pattern: '^[0-9a-f]{64}$' }, wallet: SIGNATURE, seat: SIGNATURE },
} as const
