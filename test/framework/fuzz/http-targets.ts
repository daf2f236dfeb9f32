/** Every HTTP route of a real relay, the admin socket's, and the bytes of connections to both. */
import { connect } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { FastifyInstance, InjectOptions } from 'fastify'
import { toHex } from '../../../shared/bytes.ts'
import type { Corpus } from './corpus.ts'
import { mutateBytes } from './mutate-bytes.ts'
import { mutateJson, mutateText } from './mutate-text.ts'
import type { FuzzRandom } from './random.ts'
import type { RelayDoor } from './relay-door.ts'
import type { FuzzTarget } from './run.ts'

/** A request that waits for news is an answer too; ms. */
const WAITS_MS = 1_500
/** A connection that was cut off must be closed by then, ms. */
const CLOSES_MS = 8_000
const BODY = 40_000

interface Route {
  readonly method: 'GET' | 'POST'
  /** `{id}` as in OpenAPI. */
  readonly path: string
  readonly body: readonly unknown[]
}

interface HttpInput {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly payload: string | Uint8Array | undefined
}

/** Routes of the public app, from its own description, and the two that are not in it. */
function publicRoutes(door: RelayDoor, corpus: Corpus): Route[] {
  const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64url')
  const transactions = Object.values(corpus.made.transactions)
  const routes = Object.entries(door.paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]): Route => {
      const schema = operation?.requestBody?.content['application/json']?.schema as
        | { readonly properties?: Record<string, unknown> }
        | undefined
      const fields = Object.keys(schema?.properties ?? {})
      const json = transactions.map((one) => Object.fromEntries(fields.map((field) => [field, base64(one)])))
      return {
        method: method === 'get' ? 'GET' : 'POST',
        path,
        body: schema === undefined ? [] : [...transactions, ...json],
      }
    }),
  )
  return [
    ...routes,
    { method: 'GET', path: '/lares-ca.crt', body: [] },
    { method: 'GET', path: '/index.html', body: [] },
  ]
}

const ROW = { name: 'a', model: 'b', serial: 'c', mac: '', publicKey: '', recoveryKey: '', vendor: '' }
const ADMIN_ROUTES: readonly Route[] = [
  ...[
    '/status',
    '/join',
    '/devices?limit=3',
    '/devices/{id}',
    '/recovery',
    '/fleet/devices?limit=2',
    '/fleet/directory',
    '/backup',
  ].map((path): Route => ({ method: 'GET', path, body: [] })),
  { method: 'POST', path: '/fleet/enrol', body: [{ rows: [ROW], options: { days: 3, update: false } }] },
  { method: 'POST', path: '/fleet/remove', body: [{ serial: 'c' }] },
  { method: 'POST', path: '/recovery', body: [{ recovery: 'AA', signatures: [{ owner: 0, signature: 'AA' }] }] },
  { method: 'POST', path: '/recovery/proposal', body: [] },
  { method: 'POST', path: '/clock/confirm', body: [] },
]
const QUERIES = ['', '', '?from=0', '?from=1&limit=3', `?nonce=${'ab'.repeat(32)}`, '?wait=0', '?after=x&limit=1']

function makeRequest(
  routes: readonly Route[],
  ids: readonly string[],
  all: readonly string[],
  random: FuzzRandom,
): HttpInput {
  const route = random.pick(routes)
  let url = route.path.replace(/\{\w+\}/g, () => {
    const id = random.pick(ids)
    return encodeURIComponent(
      random.chance(0.5) ? mutateText(id, random, ids, 400).replace(/[\ud800-\udfff]/g, '') : id,
    )
  })
  if (!url.includes('?')) url += random.pick(QUERIES)
  if (random.chance(0.3)) url = mutateText(url, random, all, 3_000)
  const headers: Record<string, string> = {}
  let payload: HttpInput['payload']
  if (route.body.length > 0 || random.chance(0.05)) {
    const valid = route.body.length > 0 ? random.pick(route.body) : {}
    if (valid instanceof Uint8Array) {
      headers['content-type'] = 'application/octet-stream'
      payload = mutateBytes(valid, random, [valid], BODY)
    } else {
      headers['content-type'] = 'application/json'
      payload = mutateJson(valid, random)
    }
    if (random.chance(0.1))
      headers['content-type'] = mutateText('application/json; charset=utf-8', random, ['text/plain'], 200)
  }
  if (random.chance(0.1))
    headers[random.pick(['accept', 'range', 'if-none-match', 'host', 'origin', 'expect'])] = mutateText(
      'bytes=0-1',
      random,
      ['*/*'],
      300,
    )
  const method = random.chance(0.05)
    ? random.pick(['HEAD', 'OPTIONS', 'PUT', 'DELETE', 'PATCH', 'TRACE'])
    : route.method
  for (const [name, value] of Object.entries(headers)) headers[name] = value.replace(/[^ -~]/g, '?')
  return { method, url, headers, payload }
}

/** Asks as over a socket, without one. A URL that no HTTP client could write is skipped by the one who injects. */
function injectTarget(
  name: string,
  share: number,
  app: FastifyInstance,
  make: (random: FuzzRandom) => HttpInput,
): FuzzTarget<HttpInput> {
  return {
    name,
    share,
    make,
    async check({ method, url, headers, payload }) {
      const path = url.startsWith('/') ? url : `/${url}`
      const options = {
        ...{ method, url: path.replace(/[^!-~]/g, (unit) => encodeURIComponent(unit.toWellFormed())), headers },
        ...(payload === undefined ? {} : { payload: typeof payload === 'string' ? payload : Buffer.from(payload) }),
      } as InjectOptions
      let timer: ReturnType<typeof setTimeout> | undefined
      const waits = new Promise<undefined>((resolve) => {
        timer = setTimeout(() => resolve(undefined), WAITS_MS)
      })
      const answer = await Promise.race([app.inject(options), waits])
        .catch((error: unknown) => {
          if (error instanceof TypeError && /Invalid URL/.test(error.message)) return undefined
          throw error
        })
        .finally(() => clearTimeout(timer))
      if (answer === undefined) return
      if (answer.statusCode >= 500 && answer.statusCode !== 503) throw new Error(`${answer.statusCode}: ${answer.body}`)
      if (answer.statusCode < 400 || method === 'HEAD' || answer.body === '') return
      if (!/json/.test(String(answer.headers['content-type']))) return
      const { code, sentence, message } = JSON.parse(answer.body) as Record<string, unknown>
      // The admin socket answers the owner's command line, which has a sentence of its own for what fastify refuses.
      if (typeof (sentence ?? message) !== 'string' || (code === undefined && name === 'http'))
        throw new Error(answer.body)
    },
  }
}

export function httpTargets(door: RelayDoor, corpus: Corpus): FuzzTarget[] {
  const routes = publicRoutes(door, corpus)
  const ids = [...corpus.texts.deviceIds, String(door.relay.facade.status().deviceId), toHex(door.relay.deviceId)]
  const urls = routes.map(({ path }) => path)
  const plain = routes.map(({ method, path }) => raw(method, path.replace(/\{\w+\}/, ids[0] as string)))
  return [
    injectTarget('http', 1, door.app, (random) => makeRequest(routes, ids, urls, random)),
    injectTarget('admin socket', 0.5, door.admin, (random) => makeRequest(ADMIN_ROUTES, ids, urls, random)),
    socketTarget('port, plain', { port: door.port, host: '127.0.0.1' }, plain),
    socketTarget('port, TLS handshake', { port: door.port, host: '127.0.0.1' }, [CLIENT_HELLO]),
    tlsTarget(door.port, plain),
    socketTarget('admin socket bytes', { path: door.socketPath }, plain.concat(raw('GET', '/status'))),
  ] as FuzzTarget[]
}

function raw(method: string, path: string): Uint8Array {
  const body = method === 'POST' ? '{"transaction":"AA"}' : ''
  const lines = [
    `${method} ${path} HTTP/1.1`,
    ...['Host: 127.0.0.1', 'Connection: close', 'Accept: */*'],
    ...(body === '' ? [] : ['Content-Type: application/json', `Content-Length: ${body.length}`]),
  ]
  return new TextEncoder().encode(`${lines.join('\r\n')}\r\n\r\n${body}`)
}

/** A TLS 1.2 ClientHello (RFC 5246 section 7.4.1.2) with two cipher suites and no extensions. */
const CLIENT_HELLO = Uint8Array.from([
  ...[0x16, 3, 1, 0, 47, 1, 0, 0, 43, 3, 3],
  ...Array.from({ length: 32 }, (_, i) => i),
  ...[0, 0, 4, 0xc0, 0x2f, 0x13, 0x01, 1, 0],
])

type Address = { readonly port: number; readonly host: string } | { readonly path: string }

/** Bytes to a socket, and its end: it must be closed again, whatever it answers. */
function socketTarget(name: string, address: Address, valid: readonly Uint8Array[]): FuzzTarget<Uint8Array> {
  return {
    name,
    share: 0.12,
    make: (random) => mutateBytes(random.pick(valid), random, valid, BODY),
    check: (input) =>
      new Promise((resolve, reject) => {
        const socket = connect(address, () => socket.end(input))
        const timer = setTimeout(() => {
          socket.destroy()
          reject(new Error('the connection stays open'))
        }, CLOSES_MS)
        socket.on('data', () => {})
        // Reset by the server is an answer.
        socket.on('error', () => {})
        socket.on('close', () => {
          clearTimeout(timer)
          resolve()
        })
      }),
  }
}

function tlsTarget(port: number, valid: readonly Uint8Array[]): FuzzTarget<Uint8Array> {
  return {
    name: 'port, inside TLS',
    share: 0.03,
    make: (random) => mutateBytes(random.pick(valid), random, valid, BODY),
    check: (input) =>
      new Promise((resolve, reject) => {
        const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => socket.end(input))
        const timer = setTimeout(() => {
          socket.destroy()
          reject(new Error('the connection stays open'))
        }, CLOSES_MS)
        socket.on('data', () => {})
        socket.on('error', () => {})
        socket.on('close', () => {
          clearTimeout(timer)
          resolve()
        })
      }),
  }
}
