import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { afterEach, expect, test } from 'vitest'
import { createRelayClient } from '../../../node-relay/device-agent/relay-client.ts'
import { createAuthority, issueLeaf } from '../../../node-relay/tls/authority.ts'

let server: Server | undefined
afterEach(() => {
  server?.closeAllConnections()
  server?.close()
  server = undefined
})

async function listen(made: Server): Promise<string> {
  server = made.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

const answering = (handler: (request: IncomingMessage, response: ServerResponse) => void) =>
  listen(createServer(handler))

test('asks and posts; an address needs no scheme', async () => {
  const host = await answering((request, response) => {
    void buffer(request).then((body) =>
      response.end(JSON.stringify({ asked: `${request.method} ${request.url}`, bytes: [...body] })),
    )
  })
  const client = createRelayClient(host)
  expect(client.origin).toBe(`http://${host}`)
  expect(await client.get('/a?b=1')).toEqual({ asked: 'GET /a?b=1', bytes: [] })
  expect(await createRelayClient(`http://${host}/page`).post('/c', Uint8Array.of(1, 255))).toEqual({
    asked: 'POST /c',
    bytes: [1, 255],
  })
})

test.each([
  ['a refusal', 422, '{"code":"voucher-used","sentence":"Used."}', 'voucher-used', 'Used.'],
  ['a refusal without words', 500, '{}', 'internal', 'status 500'],
  ['no JSON', 200, '<html>', 'not-a-relay', 'check --relay'],
  ['no object', 200, '7', 'not-a-relay', 'check --relay'],
  ['far too much', 200, `"${'x'.repeat(70_000)}"`, 'relay-unreachable', 'No relay answers'],
])('%s', async (_, status, body, code, sentence) => {
  const host = await answering((_request, response) => response.writeHead(status).end(body))
  await expect(createRelayClient(host).get('/')).rejects.toMatchObject({
    code,
    message: expect.stringContaining(sentence),
  })
})

test('is not led elsewhere, and says when nobody is there, or the certificate is unknown', async () => {
  const host = await answering((_request, response) => response.writeHead(302, { location: '/b' }).end())
  await expect(createRelayClient(host).get('/')).rejects.toMatchObject({ code: 'relay-unreachable' })
  server?.close()
  server?.closeAllConnections()
  await expect(createRelayClient(host).get('/')).rejects.toMatchObject({ code: 'relay-unreachable' })

  const leaf = await issueLeaf(await createAuthority('test', Date.now()), ['127.0.0.1'], Date.now())
  const secure = await listen(createTlsServer(leaf, (_request, response) => response.end('{}')))
  await expect(createRelayClient(`https://${secure}`).get('/')).rejects.toMatchObject({
    code: 'relay-untrusted',
    message: expect.stringContaining('http://'),
  })
})

test('no address', () => {
  for (const text of ['', 'ftp://x', 'http://', 'http://a:b@c', 'http://a b'])
    expect(() => createRelayClient(text)).toThrow(/--relay must be/)
})
