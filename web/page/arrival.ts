/** What the address of the page brought with it: `#join=<link>` and `#voucher=<text>`, joined by `&`. */
export interface Arrival {
  readonly join: string | undefined
  readonly voucher: string | undefined
}

/** Longer ones are no link of ours. Characters. */
export const MAX_ARRIVAL_TEXT = 8_192
/** A join answer of the own origin, bytes. */
const MAX_JOIN_ANSWER = 65_536
const JOIN_TIMEOUT_MS = 5_000
const SERVED_BY_KEY = 'lares.served-by'

/** Reads the hash; undefined when it carries neither a join link nor a voucher, but is, say, the name of a view. */
export function readArrival(hash: string): Arrival | undefined {
  const fields = new Map<string, string>()
  for (const part of hash.replace(/^#/, '').split('&')) {
    const equals = part.indexOf('=')
    if (equals > 0) fields.set(part.slice(0, equals), decode(part.slice(equals + 1)))
  }
  const arrival = { join: field(fields, 'join'), voucher: field(fields, 'voucher') }
  return arrival.join === undefined && arrival.voucher === undefined ? undefined : arrival
}

function field(fields: ReadonlyMap<string, string>, name: string): string | undefined {
  const value = fields.get(name)
  return value === undefined || value === '' || value.length > MAX_ARRIVAL_TEXT ? undefined : value
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** A voucher in the address bar would stay in history, screenshots and shared links: the hash is emptied at once. */
export function takeArrival(location: Location, history: History): Arrival | undefined {
  const arrival = readArrival(location.hash)
  if (arrival !== undefined) history.replaceState(null, '', location.pathname + location.search)
  return arrival
}

/**
 * The join link of the relay that serves this page. Kept, because a page that its service worker brings up while the
 * relay sleeps still came from that relay. Undefined: the origin is no relay.
 */
export async function linkOfServingRelay(
  base: string,
  fetchJson: typeof fetch = fetch,
  store: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'> | undefined = ownStorage(),
): Promise<string | undefined> {
  try {
    const response = await fetchJson(new URL('api/v1/join', base), {
      signal: AbortSignal.timeout(JOIN_TIMEOUT_MS),
      cache: 'no-store',
    })
    const link = response.ok ? linkIn(await response.text()) : undefined
    if (link === undefined) store?.removeItem(SERVED_BY_KEY)
    else store?.setItem(SERVED_BY_KEY, link)
    return link
  } catch {
    return store?.getItem(SERVED_BY_KEY) ?? undefined
  }
}

function linkIn(text: string): string | undefined {
  if (text.length > MAX_JOIN_ANSWER) return undefined
  try {
    const answer = JSON.parse(text) as { link?: unknown } | null
    const link = answer?.link
    return typeof link === 'string' && link.length <= MAX_ARRIVAL_TEXT ? link : undefined
  } catch {
    return undefined
  }
}

function ownStorage(): Storage | undefined {
  try {
    return globalThis.localStorage
  } catch {
    return undefined
  }
}
