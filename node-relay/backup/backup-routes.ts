import { Readable } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import { LaresError } from '../../shared/errors.ts'
import type { RelayFacade } from '../facade.ts'
import { statusOf } from '../http/errors.ts'

/** A command that reads nothing for so long is gone, ms: the database keeps all that it may still ask for. */
const STALLED_MS = 60_000

/**
 * What a backup holds, over the admin socket. The command line writes the file and not the relay: a service may write
 * nothing outside of its data folder, compressing would take the miner's time, and a passphrase stays where it was typed.
 */
export function addBackupRoutes(app: FastifyInstance, facade: Pick<RelayFacade, 'backup'>): void {
  /** Ends the one that is being made. */
  let running: (() => void) | undefined
  app.addHook('preClose', async () => {
    running?.()
  })
  app.get('/backup', async (_request, reply) => {
    if (running !== undefined)
      return reply
        .code(statusOf('busy'))
        .send({ code: 'busy', sentence: 'A backup of this relay is being made already.' })
    let content: Readable
    try {
      content = Readable.from(await facade.backup(), { objectMode: false })
    } catch (error) {
      if (!(error instanceof LaresError)) throw error
      return reply.code(statusOf(error.code)).send({ code: error.code, sentence: error.message })
    }
    running = () => {
      content.destroy()
      // Whatever it waits for just now: a relay that stops does not.
      reply.raw.destroy()
    }
    content.once('close', () => {
      running = undefined
    })
    reply.raw.setTimeout(STALLED_MS, () => reply.raw.destroy())
    return reply.type('application/octet-stream').send(content)
  })
}
