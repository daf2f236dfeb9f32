import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, isIP } from 'node:net'
import { LaresError } from '../../shared/errors.ts'
import { isLoopback, urlHost } from '../tls/lan-addresses.ts'
import type { Meter } from './meter.ts'

/** Connections at once; Prometheus needs one. */
const MAX_METRICS_CONNECTIONS = 16
const MAX_METRICS_HEADER_BYTES = 8 * 1024
/** Until the request is there, ms. */
const METRICS_TIMEOUT_MS = 10_000

export interface MetricsServer {
  /** `http://127.0.0.1:4674/metrics` */
  readonly url: string
  close(): Promise<void>
}

/**
 * Serves `GET /metrics` and nothing else, on a port of its own: what a relay does is nobody's business on the LAN unless
 * its owner says so.
 * @throws {LaresError} `port-busy`, `cannot-listen`, with a sentence
 */
export async function openMetrics(init: {
  readonly host: string
  readonly port: number
  readonly meter: Meter
}): Promise<MetricsServer> {
  const { host, port, meter } = init
  let scrape: Promise<string> | undefined

  /** Everybody who asks while one answer is made gets that one. */
  function text(): Promise<string> {
    scrape ??= meter.text().finally(() => {
      scrape = undefined
    })
    return scrape
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.url?.split('?')[0] !== '/metrics') return end(response, 404, 'Only /metrics is here.\n')
    if (request.method !== 'GET' && request.method !== 'HEAD') return end(response, 405, 'Only GET is understood.\n')
    // A web page can make its own name point here and then read the answer: on loopback only this PC's names are good.
    if (isLoopback(host) && !isOwnName(request.headers.host)) return end(response, 403, 'Ask by the IP address.\n')
    const body = await text()
    response.writeHead(200, { 'content-type': meter.contentType, 'cache-control': 'no-store' })
    response.end(request.method === 'HEAD' ? undefined : body)
  }

  const server = createServer(
    {
      maxHeaderSize: MAX_METRICS_HEADER_BYTES,
      headersTimeout: METRICS_TIMEOUT_MS,
      requestTimeout: METRICS_TIMEOUT_MS,
      keepAliveTimeout: METRICS_TIMEOUT_MS,
    },
    (request, response) => {
      answer(request, response).catch(() => end(response, 500, 'The measurements failed.\n'))
    },
  )
  server.maxConnections = MAX_METRICS_CONNECTIONS
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        error.code === 'EADDRINUSE'
          ? new LaresError(
              'port-busy',
              `TCP port ${port} is used by another program; choose another by --metrics-listen.`,
            )
          : new LaresError(
              'cannot-listen',
              `${host} port ${port} cannot be opened (${error.code}); check --metrics-listen.`,
            ),
      ),
    )
    server.listen({ host, port, exclusive: true }, resolve)
  })
  return {
    url: `http://${urlHost(host)}:${(server.address() as AddressInfo).port}/metrics`,
    close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      return closed
    },
  }
}

function isOwnName(hostHeader: string | undefined): boolean {
  const name = (hostHeader ?? '').replace(/:\d+$/, '').replace(/^\[|\]$/g, '')
  return name === 'localhost' || isIP(name) !== 0
}

function end(response: ServerResponse, status: number, text: string): void {
  if (!response.headersSent) response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' })
  response.end(text)
}
