import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createHttpApp } from '../../../node-relay/http/app.ts'
import { MAX_BODY_BYTES, REQUEST_BURST } from '../../../node-relay/http/limits.ts'
import { OPENAPI } from '../../../node-relay/http/openapi.ts'
import { createFakeRelay, FAKE_BUNDLE, FAKE_DEVICE, FAKE_DEVICE_ID, FAKE_STATUS } from '../../framework/fake-relay.ts'

let webRoot: string
let app: FastifyInstance
let relay: ReturnType<typeof createFakeRelay>
let now: number

beforeEach(async () => {
  webRoot = mkdtempSync(join(tmpdir(), 'lares-web-'))
  mkdirSync(join(webRoot, 'assets'))
  writeFileSync(join(webRoot, 'index.html'), '<!doctype html><title>Lares</title>')
  writeFileSync(join(webRoot, 'assets', 'main-4f2a.js'), 'export {}')
  writeFileSync(join(webRoot, 'sw.js'), '// worker')
  relay = createFakeRelay()
  now = 0
  app = await createHttpApp({
    facade: relay,
    webRoot,
    authority: '-----BEGIN CERTIFICATE-----\n',
    log: pino({ level: 'silent' }),
    now: () => now,
  })
})
afterEach(async () => {
  await app.close()
  rmSync(webRoot, { recursive: true })
})

const get = (url: string, headers: Record<string, string> = {}) => app.inject({ url, headers })

describe('reading', () => {
  test('status, without a word about who and where peers are', async () => {
    const answer = await get('/api/v1/status')
    const { peers, droppedPeers: _, incidents: __, keepers: ___, ...rest } = FAKE_STATUS
    expect(answer.json()).toEqual({ ...rest, peerCount: peers.length })
    expect(answer.body).not.toContain('192.168')
    expect(answer.body).not.toContain('12D3Koo')
  })

  test('join information, health', async () => {
    // The short link is for the terminal's QR code.
    const { shortLink: _, ...join } = relay.join()
    expect((await get('/api/v1/join')).json()).toEqual(join)
    expect((await get('/healthz')).json()).toEqual({ ok: true })
  })

  test('blocks', async () => {
    const answer = (await get('/api/v1/blocks?from=7&limit=2')).json()
    expect(answer).toEqual({
      blocks: [
        { height: 7, hash: '04'.repeat(32), bytes: 'BwD7' },
        { height: 8, hash: '04'.repeat(32), bytes: 'BwH7' },
      ],
    })
    expect((await get('/api/v1/blocks?from=7')).json().blocks).toHaveLength(3)
  })

  test.each([
    '',
    '?from=',
    '?from=-1',
    '?from=1.5',
    '?from=x',
    '?from=1&limit=0',
    '?from=1&limit=501',
    '?from=99999999999',
    '?from=1&from=2',
  ])('blocks%s is malformed', async (query) => {
    const answer = await get(`/api/v1/blocks${query}`)
    expect(answer.statusCode).toBe(400)
    expect(answer.json()).toMatchObject({ code: 'malformed-request', sentence: expect.any(String) })
  })

  test('a device that is, one that is not, one of another network, and nonsense', async () => {
    const bundle = Buffer.from(FAKE_BUNDLE).toString('base64url')
    const { sponsor: _, ...record } = FAKE_DEVICE
    const known = await get(`/api/v1/devices/${FAKE_DEVICE_ID}`)
    expect(known.json()).toEqual({ deviceId: FAKE_DEVICE_ID, state: 'registered', pending: false, record, bundle })
    expect((await get('/api/v1/devices/LARES1ZZ')).json()).toEqual({
      deviceId: 'LARES1ZZ',
      state: 'not-in-ledger',
      pending: false,
      bundle,
    })
    const foreign = await get('/api/v1/devices/LARES1X')
    expect([foreign.statusCode, foreign.json().code]).toEqual([404, 'unknown-network'])
    const nonsense = await get('/api/v1/devices/hello')
    expect([nonsense.statusCode, nonsense.json().code]).toEqual([400, 'malformed-id'])
    expect((await get(`/api/v1/devices/${'L'.repeat(200)}`)).statusCode).toBeGreaterThanOrEqual(400)
  })
})

describe('handing in a transaction', () => {
  const post = (body: string | Buffer, type: string) =>
    app.inject({ method: 'POST', url: '/api/v1/transactions', headers: { 'content-type': type }, body })

  test('as bytes and as JSON', async () => {
    const answer = await post(Buffer.of(1, 250, 2), 'application/octet-stream')
    expect([answer.statusCode, answer.json()]).toEqual([202, { transactionId: '05'.repeat(32) }])
    expect((await post(JSON.stringify({ transaction: 'AfoC' }), 'application/json')).statusCode).toBe(202)
    expect(relay.submitted.map((bytes) => [...bytes])).toEqual([
      [1, 250, 2],
      [1, 250, 2],
    ])
  })

  test('refused by the relay: its code and sentence', async () => {
    const answer = await post(Buffer.of(0), 'application/octet-stream')
    expect([answer.statusCode, answer.json()]).toEqual([
      422,
      { code: 'used-voucher', sentence: 'This voucher was used already.' },
    ])
  })

  test.each([
    ['nothing', Buffer.alloc(0), 'application/octet-stream', 400, 'malformed-request'],
    ['no JSON', '{', 'application/json', 400, 'malformed-request'],
    ['other JSON', '{"transaction":7}', 'application/json', 400, 'malformed-request'],
    ['no base64url', '{"transaction":"+/=="}', 'application/json', 400, 'malformed-request'],
    ['another type', 'a=b', 'application/x-www-form-urlencoded', 400, 'malformed-request'],
    ['too much', Buffer.alloc(MAX_BODY_BYTES + 1), 'application/octet-stream', 413, 'too-large'],
  ])('%s is refused', async (_, body, type, status, code) => {
    const answer = await post(body, type)
    expect([answer.statusCode, answer.json().code]).toEqual([status, code])
    expect(relay.submitted).toEqual([])
  })

  test('a failure inside gives a sentence and no detail', async () => {
    await app.close()
    const facade = createFakeRelay({
      status() {
        throw new Error('secret path /home/anna')
      },
    })
    app = await createHttpApp({ facade, webRoot, log: pino({ level: 'silent' }) })
    const answer = await get('/api/v1/status')
    expect([answer.statusCode, answer.json().code]).toEqual([500, 'internal'])
    expect(answer.body).not.toContain('anna')
  })
})

describe('the page', () => {
  test('index, files and paths into the page, each with its caching', async () => {
    const index = await get('/')
    expect(index.body).toContain('<title>Lares')
    expect(index.headers).toMatchObject({
      'cache-control': 'no-cache',
      'content-type': expect.stringContaining('text/html'),
      'content-security-policy': expect.stringContaining("script-src 'self'"),
      'x-content-type-options': 'nosniff',
    })
    expect(index.headers).not.toHaveProperty('access-control-allow-origin')
    expect((await get('/audit/LARES1ABC')).body).toBe(index.body)
    const asset = await get('/assets/main-4f2a.js')
    expect(asset.headers).toMatchObject({
      'cache-control': 'public, max-age=31536000, immutable',
      'content-type': expect.stringContaining('javascript'),
    })
    expect((await get('/sw.js')).headers['cache-control']).toBe('no-cache')
  })

  test('what is not there is said, and nothing outside is reached', async () => {
    for (const url of ['/assets/none.js', '/api/v1/none', '/api/']) {
      const answer = await get(url)
      expect([url, answer.statusCode, answer.json().code]).toEqual([url, 404, 'not-found'])
    }
    writeFileSync(join(webRoot, '..', 'lares-outside.txt'), 'outside')
    for (const url of ['/..%2flares-outside.txt', '/%2e%2e/lares-outside.txt', '/../lares-outside.txt']) {
      const answer = await get(url)
      expect([400, 404]).toContain(answer.statusCode)
      expect(answer.json()).toHaveProperty('code')
    }
    rmSync(join(webRoot, '..', 'lares-outside.txt'))
    expect((await app.inject({ method: 'DELETE', url: '/api/v1/status' })).statusCode).toBe(404)
    expect((await get('/%E0%A4%A')).json().code).toBe('malformed-request')
  })

  test('a page built after the start is found; without one a sentence says what to do', async () => {
    writeFileSync(join(webRoot, 'assets', 'late-1.js'), '1')
    expect((await get('/assets/late-1.js')).statusCode).toBe(200)
    rmSync(join(webRoot, 'index.html'))
    const answer = await get('/')
    expect([answer.statusCode, answer.json().sentence]).toEqual([503, expect.stringContaining('npm run build')])
  })

  test('the authority for phones', async () => {
    const answer = await get('/lares-ca.crt')
    expect(answer.headers['content-type']).toContain('application/x-x509-ca-cert')
    expect(answer.body).toContain('BEGIN CERTIFICATE')
  })
})

describe('pages of another origin', () => {
  test('may read, and get their preflights of private and local network access answered', async () => {
    expect((await get('/api/v1/join', { origin: 'https://x.example' })).headers['access-control-allow-origin']).toBe(
      '*',
    )
    expect((await get('/api/v1/devices/hello')).headers['access-control-allow-origin']).toBe('*')
    const preflight = await app.inject({
      method: 'OPTIONS',
      url: '/api/v1/transactions',
      headers: {
        origin: 'https://x.example',
        'access-control-request-method': 'POST',
        'access-control-request-private-network': 'true',
      },
    })
    expect(preflight.statusCode).toBe(204)
    expect(preflight.headers).toMatchObject({
      'access-control-allow-origin': '*',
      'access-control-allow-methods': expect.stringContaining('POST'),
      'access-control-allow-headers': 'content-type',
      'access-control-allow-private-network': 'true',
    })
    expect(preflight.headers).not.toHaveProperty('access-control-allow-local-network')
  })
})

describe('limits', () => {
  test('an address that asks too often waits, others do not', async () => {
    const ask = (remoteAddress: string) => app.inject({ url: '/api/v1/blocks?from=1', remoteAddress })
    for (let asked = 0; asked < Math.floor(REQUEST_BURST / 16); asked++)
      expect((await ask('10.0.0.1')).statusCode).toBe(200)
    const refused = await ask('10.0.0.1')
    expect([refused.statusCode, refused.json().code, refused.headers['retry-after']]).toEqual([
      429,
      'too-many-requests',
      '1',
    ])
    expect((await ask('10.0.0.2')).statusCode).toBe(200)
    now += 1_000
    expect((await ask('10.0.0.1')).statusCode).toBe(200)
  })

  test('a very long address', async () => {
    const answer = await get(`/${'a'.repeat(3_000)}`)
    expect([answer.statusCode, answer.json().code]).toEqual([414, 'url-too-long'])
  })
})

test('every route is described, and every description has a route', async () => {
  const described = Object.entries(OPENAPI.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`),
  )
  const routes: string[] = []
  const { addRoutes } = await import('../../../node-relay/http/routes.ts')
  const { fastify } = await import('fastify')
  const bare = fastify({ exposeHeadRoutes: false })
  bare.addHook('onRoute', ({ method, url }) => {
    routes.push(`${method} ${url}`)
  })
  addRoutes(bare, relay)
  expect(described.sort()).toEqual(routes.sort())
  expect((await get('/api/v1/openapi.json')).json()).toEqual(JSON.parse(JSON.stringify(OPENAPI)))
})
