import type { FastifyReply } from 'fastify'
import type { Rejection } from '../../shared/errors.ts'
import { errorAnswer, statusOf } from './errors.ts'
import type { Paths } from './openapi-parts.ts'

const BASE64URL = /^[A-Za-z0-9_-]+$/

/** Query and answer schemas of an operation, as Fastify takes them. */
export function routeOptions(paths: Paths, path: string, cost: number, method: 'get' | 'post' = 'get') {
  const operation = paths[path]?.[method]
  if (operation === undefined) throw new Error(`${method} ${path} is not described`)
  const query = (operation.parameters ?? []).filter((parameter) => parameter.in === 'query')
  const response = Object.fromEntries(
    Object.entries(operation.responses).map(([status, { content }]) => [status, { content }]),
  )
  const querystring = {
    type: 'object',
    properties: Object.fromEntries(query.map(({ name, schema }) => [name, schema])),
    required: query.filter(({ required }) => required).map(({ name }) => name),
  }
  return { config: { cost }, schema: query.length > 0 ? { response, querystring } : { response } }
}

export function refuse(reply: FastifyReply, rejection: Rejection): FastifyReply {
  return reply.code(statusOf(rejection.code)).send(errorAnswer(rejection))
}

/** The bytes of a body: as they are, or in base64url under `name`. undefined when there are none. */
export function bytesOf(body: unknown, name: string): Uint8Array | undefined {
  if (body instanceof Uint8Array) return body.length > 0 ? body : undefined
  const text = textOf(body, name)
  return text !== undefined && BASE64URL.test(text) ? Buffer.from(text, 'base64url') : undefined
}

/** A text of a JSON body. */
export function textOf(body: unknown, name: string): string | undefined {
  const value = typeof body === 'object' && body !== null ? (body as Record<string, unknown>)[name] : undefined
  return typeof value === 'string' ? value : undefined
}

export function malformedBody(what: string, name: string): Rejection {
  return {
    ok: false,
    code: 'malformed-request',
    detail: `Send ${what} as application/octet-stream, or as JSON { "${name}": … }; the description says how.`,
  }
}

export function toBase64url(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64url')
}
