import type { Rejection } from '../../shared/errors.ts'

/** What every refusal over HTTP looks like: a stable code, and a sentence for people. */
export interface ErrorAnswer {
  readonly code: string
  readonly sentence: string
}

/** What the shared rules say of a refusal is part of a sentence; what doors say is one already. */
export function errorAnswer({ code, detail }: Rejection): ErrorAnswer {
  const begun = detail.charAt(0).toUpperCase() + detail.slice(1)
  return { code, sentence: /[.!?]$/.test(begun) ? begun : `${begun}.` }
}

/** HTTP status of codes that are not simply "refused" (422). */
const STATUS_BY_CODE: Readonly<Record<string, number>> = {
  'malformed-id': 400,
  'malformed-request': 400,
  'unknown-network': 404,
  'not-found': 404,
  'not-expected': 404,
  'unknown-serial': 404,
  'not-in-ledger': 404,
  'unknown-challenge': 404,
  'asker-busy': 429,
  'device-busy': 429,
  'too-large': 413,
  'url-too-long': 414,
  'too-many-requests': 429,
  internal: 500,
  'not-ready': 503,
  'proof-too-large': 503,
  busy: 503,
  'desk-full': 503,
  'too-many-waiting': 503,
  'mempool-busy': 503,
  'mempool-full': 503,
  'group-full': 503,
  'evidence-full': 503,
  'fleet-damaged': 503,
}

export function statusOf(code: string): number {
  return Object.hasOwn(STATUS_BY_CODE, code) ? (STATUS_BY_CODE[code] as number) : 422
}
