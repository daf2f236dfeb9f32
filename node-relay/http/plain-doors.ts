import type { IncomingMessage, RequestListener } from 'node:http'
import { answerPlainHttp } from './plain-answer.ts'

/**
 * What a sensor may ask over plain HTTP from the LAN: the small-device profile (PROTOCOL.md section 10), no more. TLS would
 * cost it a certificate store and a clock, and would give it nothing: what counts is signed by the device, and judged
 * against the ledger, or is signed by the relay (its time); nothing secret is asked or told; and whoever sits on the way
 * could cut it off with TLS as well. The page and all else stay with HTTPS.
 */
const PLAIN: readonly { readonly methods: readonly string[]; readonly path: RegExp }[] = [
  { methods: ['GET', 'POST'], path: /^\/api\/v1\/join$/ },
  { methods: ['GET'], path: /^\/api\/v1\/time$/ },
  { methods: ['GET'], path: /^\/api\/v1\/expected\/[^/]+$/ },
  { methods: ['GET'], path: /^\/api\/v1\/devices\/[^/]+\/(?:state|challenges)$/ },
  { methods: ['POST'], path: /^\/api\/v1\/devices\/[^/]+\/(?:lease|answers)$/ },
  { methods: ['POST'], path: /^\/api\/v1\/transactions$/ },
]

/** Serves the profile by `handler`, and one sentence about HTTPS for all else. */
export function createPlainDoors(handler: RequestListener): RequestListener {
  return (request, response) => {
    if (isPlain(request)) handler(request, response)
    else answerPlainHttp(request, response)
  }
}

function isPlain({ method = '', url = '' }: IncomingMessage): boolean {
  const path = url.split('?', 1)[0] as string
  return PLAIN.some((door) => door.methods.includes(method) && door.path.test(path))
}
