import type { FastifyInstance, FastifyReply } from 'fastify'
import type { Rejection } from '../../shared/errors.ts'
import { errorAnswer, statusOf } from '../http/errors.ts'
import type { EnrolOptions, EnrolRow, FleetDoor } from './door.ts'
import { MAX_FLEET_ROWS } from './read-rows.ts'

/** The rows of a file as JSON, with the vendors. Bytes. */
export const MAX_ENROL_BODY = 24 * 1024 * 1024
/** Devices of one page of the list. */
export const MAX_FLEET_PAGE = 2_000
/** Days of a voucher; the policy may allow fewer. */
export const MAX_VOUCHER_DAYS = 365

/** The private directory over the admin socket: to the owner's command line, and nobody else. */
export function addFleetRoutes(app: FastifyInstance, fleet: FleetDoor): void {
  app.post<{ Body: { rows: EnrolRow[]; options: EnrolOptions } }>(
    '/fleet/enrol',
    { bodyLimit: MAX_ENROL_BODY, schema: { body: ENROL_BODY } },
    async ({ body }, reply) => {
      const enrolled = await fleet.enrol(body.rows, body.options)
      return enrolled.ok ? enrolled.value : refuse(reply, enrolled)
    },
  )
  app.get<{ Querystring: { after?: string; limit: number } }>(
    '/fleet/devices',
    { schema: { querystring: LIST_QUERY } },
    async ({ query }, reply) => {
      const listed = fleet.list(query.after, query.limit)
      return listed.ok ? { devices: listed.value } : refuse(reply, listed)
    },
  )
  app.post<{ Body: { serial: string } }>(
    '/fleet/remove',
    { schema: { body: { type: 'object', properties: { serial: TEXT }, required: ['serial'] } } },
    async ({ body }, reply) => {
      const removed = await fleet.remove(body.serial)
      return removed.ok ? {} : refuse(reply, removed)
    },
  )
  app.get('/fleet/directory', async (_request, reply) => {
    const directory = await fleet.exportDirectory()
    if (!directory.ok) return refuse(reply, directory)
    const { bytes, devices } = directory.value
    return { directory: Buffer.from(bytes).toString('base64url'), devices }
  })
}

function refuse(reply: FastifyReply, rejection: Rejection): FastifyReply {
  return reply.code(statusOf(rejection.code)).send(errorAnswer(rejection))
}

const TEXT = { type: 'string', maxLength: 256 } as const
const ROW_FIELDS = ['name', 'model', 'serial', 'mac', 'publicKey', 'recoveryKey', 'vendor'] as const

const ENROL_BODY = {
  type: 'object',
  properties: {
    rows: {
      type: 'array',
      maxItems: MAX_FLEET_ROWS,
      items: {
        type: 'object',
        properties: Object.fromEntries(ROW_FIELDS.map((field) => [field, TEXT])),
        required: [...ROW_FIELDS],
        additionalProperties: false,
      },
    },
    options: {
      type: 'object',
      properties: {
        days: { type: 'integer', minimum: 1, maximum: MAX_VOUCHER_DAYS },
        recoveryKey: TEXT,
        update: { type: 'boolean' },
      },
      required: ['days', 'update'],
      additionalProperties: false,
    },
  },
  required: ['rows', 'options'],
} as const

const LIST_QUERY = {
  type: 'object',
  properties: {
    after: { type: 'string', maxLength: 256 },
    limit: { type: 'integer', minimum: 1, maximum: MAX_FLEET_PAGE, default: MAX_FLEET_PAGE },
  },
} as const
