import type { FastifyInstance } from 'fastify'
import { errorAnswer } from '../http/errors.ts'
import type { WalletDesk } from './door.ts'

/** The admin socket's part of `lares wallet`. */
export function addWalletRoutes(app: FastifyInstance, wallet: WalletDesk): void {
  app.get('/wallet', async () => wallet.view())
  app.post('/wallet/rotation', async (_, reply) => {
    const begun = await wallet.rotate()
    return begun.ok ? begun.value : reply.code(409).send(errorAnswer(begun))
  })
}
