import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { connect, createServer, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { connect as connectTls } from 'node:tls'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { answerPlainHttp } from '../../../node-relay/http/plain-answer.ts'
import { openPort, type Port, type PortInit } from '../../../node-relay/http/port.ts'
import { createAuthority, issueLeaf, type KeyAndCertificate } from '../../../node-relay/tls/authority.ts'
import { lanAddresses } from '../../../node-relay/tls/lan-addresses.ts'

let authority: KeyAndCertificate
let certificate: KeyAndCertificate
beforeAll(async () => {
  authority = await createAuthority('test', Date.now())
  certificate = await issueLeaf(authority, ['localhost', '127.0.0.1', '::1'], Date.now())
})

const ports: Port[] = []
afterEach(async () => {
  for (const port of ports.splice(0)) await port.close()
})

async function open(init: Partial<PortInit> = {}): Promise<Port> {
  const port = await openPort({
    hosts: ['127.0.0.1'],
    port: 0,
    certificate,
    handler: (request, response) => response.end(`${request.method} ${request.url}`),
    ...init,
  })
  ports.push(port)
  return port
}

async function ask(url: string, body?: string): Promise<{ status: number; text: string }> {
  const options = { ca: authority.cert, agent: false, method: body === undefined ? 'GET' : 'POST' }
  const request = url.startsWith('https') ? httpsRequest(url, options) : httpRequest(url, options)
  request.end(body)
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  return { status: response.statusCode ?? 0, text: await text(response) }
}

describe('one port', () => {
  test('HTTPS with the relay authority trusted, and plain HTTP on loopback', async () => {
    const { port } = await open()
    expect(await ask(`https://127.0.0.1:${port}/a`)).toEqual({ status: 200, text: 'GET /a' })
    expect(await ask(`http://127.0.0.1:${port}/b`)).toEqual({ status: 200, text: 'GET /b' })
  })

  test('bodies larger than one segment come through whole, both ways', async () => {
    const body = 'x'.repeat(200_000)
    const { port } = await open({
      handler(request, response) {
        void text(request).then((received) => response.end(received))
      },
    })
    for (const scheme of ['https', 'http']) expect((await ask(`${scheme}://127.0.0.1:${port}/`, body)).text).toBe(body)
  })

  test('the same port on both families', async () => {
    const { port } = await open({ hosts: ['127.0.0.1', '::1'] })
    expect((await ask(`https://[::1]:${port}/6`)).text).toBe('GET /6')
    expect((await ask(`https://127.0.0.1:${port}/4`)).text).toBe('GET /4')
  })

  test('a renewed certificate is used by the next handshake', async () => {
    const port = await open()
    const other = await createAuthority('other', Date.now())
    port.useCertificate(await issueLeaf(other, ['127.0.0.1'], Date.now()))
    await expect(ask(`https://127.0.0.1:${port.port}/`)).rejects.toThrow(/certificate|signature/)
    port.useCertificate(certificate)
    expect((await ask(`https://127.0.0.1:${port.port}/`)).status).toBe(200)
  })
})

const lan = lanAddresses().find(({ family }) => family === 4)?.address

test.runIf(lan !== undefined)(
  'by an address of the network: HTTPS is served, plain HTTP gets one sentence, but for what sensors ask',
  async () => {
    const { port } = await open({
      hosts: ['0.0.0.0'],
      certificate: await issueLeaf(authority, ['localhost'], Date.now()),
    })
    const answer = await ask(`http://${lan}:${port}/api/v1/status`)
    expect(answer.status).toBe(426)
    expect(JSON.parse(answer.text).sentence).toContain(`open https://${lan}:${port}/ instead`)
    const sensor = await ask(`http://${lan}:${port}/api/v1/join`, 'application')
    expect(sensor).toEqual({ status: 200, text: 'POST /api/v1/join' })
    const tls = connectTls({ port, host: lan ?? '', ca: authority.cert, checkServerIdentity: () => undefined })
    await once(tls, 'secureConnect')
    tls.destroy()
  },
)

describe('bad input', () => {
  test('a busy port is said in one sentence', async () => {
    const blocker = createServer().listen(0, '127.0.0.1')
    await once(blocker, 'listening')
    const { port } = blocker.address() as { port: number }
    await expect(open({ port })).rejects.toMatchObject({
      code: 'port-busy',
      message: `TCP port ${port} is used by another program; stop it, or choose another with --port.`,
    })
    blocker.close()
    await once(blocker, 'close')
    expect((await open({ port })).port).toBe(port)
  })

  test("an address that is not this PC's is said in one sentence", async () => {
    await expect(open({ hosts: ['198.51.100.7'] })).rejects.toMatchObject({
      code: 'cannot-listen',
      message: expect.stringContaining('--listen'),
    })
  })

  test('neither TLS nor HTTP: answered or closed, and the port lives on', async () => {
    const { port } = await open()
    for (const bytes of [
      Buffer.of(0x16, 3, 1, 0, 2, 9, 9),
      Buffer.from('\0\0\0\0\r\n\r\n'),
      Buffer.from('GET / HTTP/9\r\n\r\n'),
    ]) {
      const socket = connect(port, '127.0.0.1')
      socket.end(bytes)
      socket.resume()
      await once(socket, 'close')
    }
    expect((await ask(`https://127.0.0.1:${port}/`)).status).toBe(200)
  })

  test('who says nothing is closed', async () => {
    const { port } = await open({ limits: { firstByteTimeoutMs: 30 } })
    const socket = connect(port, '127.0.0.1')
    await once(socket.resume(), 'close')
  })

  test.each(['plain', 'TLS'])('who never ends its headers is closed (%s)', async (kind) => {
    const { port } = await open({ limits: { headersTimeoutMs: 30 } })
    const socket = kind === 'TLS' ? connectTls({ port, ca: authority.cert }) : connect(port, '127.0.0.1')
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n')
    await once(socket.resume(), 'close')
  })

  test('connections of one address are capped, and a place that is left is free again', async () => {
    const { port } = await open({ limits: { perAddress: 2 } })
    const hold = async (): Promise<Socket> => {
      const socket = connect(port, '127.0.0.1')
      await once(socket, 'connect')
      return socket
    }
    const first = await hold()
    // Answered: the port has counted both.
    const second = await hold()
    second.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await once(second, 'data')
    const third = await hold()
    await once(third.on('error', () => {}).resume(), 'close')
    first.destroy()
    // The relay hears of the closing on its own time.
    await expect.poll(async () => (await ask(`http://127.0.0.1:${port}/`).catch(() => undefined))?.status).toBe(200)
    second.destroy()
  })
})

describe('plain HTTP from elsewhere', () => {
  async function answer(headers: Record<string, string>): Promise<{ status: number; text: string; type: string }> {
    const { createServer: createHttpServer } = await import('node:http')
    const server = createHttpServer(answerPlainHttp).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    const request = httpRequest({ port, host: '127.0.0.1', headers, agent: false, path: '/api/v1/status' }).end()
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    const result = {
      status: response.statusCode ?? 0,
      text: await text(response),
      type: response.headers['content-type'] ?? '',
    }
    server.close()
    return result
  }

  test('one sentence that says what to do, with the link', async () => {
    const page = await answer({ host: '192.168.7.2:4670', accept: 'text/html' })
    expect(page.status).toBe(426)
    expect(page.type).toContain('text/html')
    expect(page.text).toContain('<a href="https://192.168.7.2:4670/">')
    const json = JSON.parse((await answer({ host: '[fd00::2]:4670' })).text)
    expect(json).toEqual({
      code: 'https-needed',
      sentence: expect.stringContaining('open https://[fd00::2]:4670/ instead'),
    })
  })

  test('a host that is none is not repeated', async () => {
    const page = await answer({ host: 'a"><script>', accept: 'text/html' })
    expect(page.text).not.toContain('script')
    expect(page.text).toContain('https://')
  })
})
