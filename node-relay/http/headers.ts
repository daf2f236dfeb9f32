import type { FastifyInstance } from 'fastify'

/**
 * Scripts only from here; connections to any relay, since a technician audits many networks. WebSockets and WebRTC to
 * relays are authenticated by their own handshake.
 */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'self'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self' blob:",
  "connect-src 'self' https: http: wss: ws:",
  "img-src 'self' data: blob:",
  "media-src 'self' blob:",
  "style-src 'self' 'unsafe-inline'",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** No HSTS: with it, a browser would no longer let a person past the relay's own certificate. */
const SECURITY_HEADERS = {
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'cross-origin-opener-policy': 'same-origin',
  'permissions-policy': 'camera=(self), geolocation=(), microphone=(), payment=(), usb=()',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
} as const

const CORS_PATH = /^\/(?:api\/|healthz(?:$|\?))/
const PREFLIGHT_SECONDS = 600

/**
 * The interface is for pages of any origin (the static page): it knows no cookies and gives no authority, so `*` gives
 * nothing away. Preflights of private and local network access are answered too.
 */
export function addHeaders(app: FastifyInstance): void {
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(SECURITY_HEADERS)
    if (!CORS_PATH.test(request.url)) {
      reply.header('cross-origin-resource-policy', 'same-origin')
      return
    }
    reply.headers({
      'access-control-allow-origin': '*',
      'cross-origin-resource-policy': 'cross-origin',
      'cache-control': 'no-store',
    })
    if (request.method !== 'OPTIONS') return
    reply.headers({
      'access-control-allow-methods': 'GET, POST, OPTIONS',
      'access-control-allow-headers': 'content-type',
      'access-control-max-age': PREFLIGHT_SECONDS,
    })
    // Private Network Access (WICG, 2021) and its successor Local Network Access name the same wish differently.
    for (const kind of ['private', 'local'])
      if (request.headers[`access-control-request-${kind}-network`] === 'true')
        reply.header(`access-control-allow-${kind}-network`, 'true')
    return reply.code(204).send()
  })
}
