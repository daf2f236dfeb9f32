import { createServer as createHttpServer, type Server as HttpServer, type RequestListener } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { type AddressInfo, createServer, isIPv6, type Server, type Socket } from 'node:net'
import { LaresError } from '../../shared/errors.ts'
import { isLoopback } from '../tls/lan-addresses.ts'
import {
  FIRST_BYTE_TIMEOUT_MS,
  HEADERS_TIMEOUT_MS,
  KEEP_ALIVE_TIMEOUT_MS,
  MAX_CONNECTIONS,
  MAX_CONNECTIONS_PER_ADDRESS,
  MAX_HEADER_BYTES,
  MAX_HEADERS,
  MAX_REQUESTS_PER_CONNECTION,
  REQUEST_TIMEOUT_MS,
  TLS_HANDSHAKE_TIMEOUT_MS,
} from './limits.ts'
import { createPlainDoors } from './plain-doors.ts'
import { householdOf } from './rate-limit.ts'

/** First byte of a TLS handshake record (RFC 8446 section 5.1); no HTTP method begins with it. */
const TLS_HANDSHAKE = 0x16

export interface PortInit {
  /** Addresses to listen on. A wildcard of a family that the machine does not have is passed over. */
  readonly hosts: readonly string[]
  /** 0 takes any free port, the same on every address. */
  readonly port: number
  readonly certificate: { readonly key: string; readonly cert: string }
  readonly handler: RequestListener
  readonly limits?: {
    readonly connections?: number
    readonly perAddress?: number
    readonly firstByteTimeoutMs?: number
    readonly headersTimeoutMs?: number
  }
}

export interface Port {
  readonly port: number
  /** Handshakes from now on use it; open connections stay. */
  useCertificate(certificate: { readonly key: string; readonly cert: string }): void
  /** Ends every connection. */
  close(): Promise<void>
}

/**
 * One TCP port for all: the first byte tells TLS from plain HTTP. TLS is served everywhere; plain HTTP is served to
 * this PC (browsers hold loopback for secure); from elsewhere sensors get their few routes by it (plain-doors.ts), and
 * all else one sentence. So whatever a person types before the address, an answer comes.
 * @throws {LaresError} `port-busy`, `cannot-listen`, with a sentence
 */
export async function openPort(init: PortInit): Promise<Port> {
  const { hosts, handler, limits = {} } = init
  const { connections = MAX_CONNECTIONS, perAddress = MAX_CONNECTIONS_PER_ADDRESS } = limits
  const { firstByteTimeoutMs = FIRST_BYTE_TIMEOUT_MS, headersTimeoutMs = HEADERS_TIMEOUT_MS } = limits
  const options = {
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: headersTimeoutMs,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionsCheckingInterval: headersTimeoutMs,
  }
  const secure = createHttpsServer(
    { ...options, ...init.certificate, minVersion: 'TLSv1.2', handshakeTimeout: TLS_HANDSHAKE_TIMEOUT_MS },
    handler,
  )
  const local = createHttpServer(options, handler)
  const plain = createHttpServer(options, createPlainDoors(handler))
  for (const server of [secure, local, plain]) bound(server)
  secure.on('tlsClientError', (_error, socket) => socket.destroy())

  const open = new Set<Socket>()
  const perHousehold = new Map<string, number>()
  const servers: Server[] = []

  function accept(socket: Socket): void {
    const household = householdOf(socket.remoteAddress ?? '')
    const count = (perHousehold.get(household) ?? 0) + 1
    if (open.size >= connections || count > perAddress) {
      socket.destroy()
      return
    }
    perHousehold.set(household, count)
    open.add(socket)
    socket.once('close', () => {
      open.delete(socket)
      const left = (perHousehold.get(household) ?? 1) - 1
      if (left === 0) perHousehold.delete(household)
      else perHousehold.set(household, left)
    })
    // A connection that breaks is no news; whoever serves it listens for himself.
    socket.on('error', () => {})
    const timer = setTimeout(() => socket.destroy(), firstByteTimeoutMs)
    socket.once('data', (chunk: Buffer) => {
      clearTimeout(timer)
      socket.pause()
      socket.unshift(chunk)
      serverFor(socket, chunk[0]).emit('connection', socket)
      process.nextTick(() => socket.resume())
    })
    socket.once('close', () => clearTimeout(timer))
  }

  function serverFor(socket: Socket, firstByte: number | undefined): Server {
    if (firstByte === TLS_HANDSHAKE) return secure
    return isLoopback(socket.remoteAddress) ? local : plain
  }

  async function close(): Promise<void> {
    const closed = servers.map((server) => new Promise((resolve) => server.close(resolve)))
    for (const socket of open) socket.destroy()
    for (const server of [secure, local, plain]) server.close()
    await Promise.all(closed)
  }

  let port = init.port
  try {
    for (const host of hosts) {
      const server = createServer(accept)
      const listening = await listen(server, host, port, hosts.length > 1)
      if (!listening) continue
      servers.push(server)
      port = (server.address() as AddressInfo).port
    }
    if (servers.length === 0)
      throw new LaresError(
        'cannot-listen',
        `None of the addresses ${hosts.join(', ')} can be listened on; check --listen.`,
      )
  } catch (error) {
    await close()
    throw error
  }
  return {
    port,
    useCertificate: (certificate) => secure.setSecureContext({ ...certificate, minVersion: 'TLSv1.2' }),
    close,
  }
}

function bound(server: HttpServer): void {
  // These servers are handed their connections; Node starts the watch over slow requests when a server listens.
  server.emit('listening')
  server.keepAliveTimeout = KEEP_ALIVE_TIMEOUT_MS
  server.maxRequestsPerSocket = MAX_REQUESTS_PER_CONNECTION
  server.maxHeadersCount = MAX_HEADERS
  server.on('clientError', (_error, socket) => {
    if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n')
    else socket.destroy()
  })
}

/** @returns false for a wildcard whose family the machine does not have, when there are other addresses */
function listen(server: Server, host: string, port: number, optional: boolean): Promise<boolean> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const isMissing = error.code === 'EAFNOSUPPORT' || error.code === 'EADDRNOTAVAIL'
      if (optional && host === '::' && isMissing) resolve(false)
      else reject(listenError(error, host, port))
    })
    server.listen({ host, port, ipv6Only: isIPv6(host), exclusive: true }, () => resolve(true))
  })
}

function listenError(
  error: NodeJS.ErrnoException,
  host: string,
  port: number,
): LaresError<'port-busy' | 'cannot-listen'> {
  const cause = { cause: error }
  if (error.code === 'EADDRINUSE')
    return new LaresError(
      'port-busy',
      `TCP port ${port} is used by another program; stop it, or choose another with --port.`,
      cause,
    )
  if (error.code === 'EACCES')
    return new LaresError(
      'cannot-listen',
      `This user may not use TCP port ${port}; choose one above 1023 with --port.`,
      cause,
    )
  if (error.code === 'EADDRNOTAVAIL')
    return new LaresError('cannot-listen', `${host} is not an address of this PC; check --listen.`, cause)
  return new LaresError(
    'cannot-listen',
    `TCP port ${port} on ${host} cannot be opened (${error.code}); check --listen and --port.`,
    cause,
  )
}
