import { once } from 'node:events'
import { request as ask, createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createPlainDoors } from '../../../node-relay/http/plain-doors.ts'

let server: Server

beforeAll(async () => {
  server = createServer(createPlainDoors((_request, response) => response.end('served'))).listen(0, '127.0.0.1')
  await once(server, 'listening')
})
afterAll(() => {
  server.close()
})

async function served(method: string, path: string): Promise<boolean> {
  const { port } = server.address() as AddressInfo
  const asking = ask({ port, host: '127.0.0.1', method, path, agent: false })
  asking.end()
  const [response] = (await once(asking, 'response')) as [IncomingMessage]
  const body = await text(response)
  expect(body === 'served' ? 200 : 426).toBe(response.statusCode)
  return body === 'served'
}

const ID = 'ab'.repeat(32)

test.each([
  ['GET', '/api/v1/join'],
  ['POST', '/api/v1/join'],
  ['GET', `/api/v1/time?nonce=${ID}`],
  ['GET', `/api/v1/expected/${ID}`],
  ['GET', `/api/v1/devices/${ID}/state`],
  ['GET', `/api/v1/devices/${ID}/challenges?wait=20`],
  ['POST', `/api/v1/devices/${ID}/lease`],
  ['POST', `/api/v1/devices/${ID}/answers`],
  ['POST', '/api/v1/transactions'],
])('plain HTTP from the LAN: %s %s is served', async (method, path) => {
  expect(await served(method, path)).toBe(true)
})

test.each([
  ['GET', '/'],
  ['GET', '/index.html'],
  ['GET', '/lares-ca.crt'],
  ['GET', '/api/v1/status'],
  ['GET', '/api/v1/blocks?from=0'],
  ['GET', `/api/v1/devices/${ID}`],
  ['POST', `/api/v1/devices/${ID}/challenges`],
  ['GET', `/api/v1/challenges/${ID}`],
  ['GET', '/api/v1/transactions'],
  ['OPTIONS', '/api/v1/join'],
  ['GET', '/?x=/api/v1/join'],
  ['GET', '/api/v1/join/../status'],
  ['GET', `/api/v1/devices/${ID}/state/../../../status`],
  ['GET', '/x/api/v1/join'],
])('plain HTTP from the LAN: %s %s gets one sentence', async (method, path) => {
  expect(await served(method, path)).toBe(false)
})
