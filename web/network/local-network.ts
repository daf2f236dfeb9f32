/**
 * Chromium's local-network access: a public HTTPS page may reach addresses of the local network only with the
 * person's permission (https://wicg.github.io/local-network-access/). Without it fetch and WebSockets fail, and
 * WebRTC runs into a time-out that explains nothing. So: explain, ask, then dial.
 */

/** `not-applicable`: this browser has no such permission (Firefox, Safari, older Chromium), nothing has to be asked. */
export type LocalNetworkPermission = 'granted' | 'prompt' | 'denied' | 'not-applicable'

/** Names under which browsers know the permission, newest first. An unknown name throws. */
const PERMISSION_NAMES = {
  local: ['local-network', 'local-network-access'],
  loopback: ['loopback-network', 'local-network-access'],
} as const

/** Where the relay is, seen from this device. */
export type LocalTarget = keyof typeof PERMISSION_NAMES

/** Which permission an address needs; undefined when it is a public one. Takes a host name or IP address without brackets. */
export function localTargetOf(host: string): LocalTarget | undefined {
  if (host === 'localhost' || host.endsWith('.localhost') || host.startsWith('127.') || host === '::1')
    return 'loopback'
  const isLocal =
    host.endsWith('.local') ||
    /^(10\.|192\.168\.|169\.254\.|172\.(1[6-9]|2\d|3[01])\.|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.)/.test(host) ||
    /^(f[cd][0-9a-f]{2}|fe[89ab][0-9a-f]):/i.test(host)
  return isLocal ? 'local' : undefined
}

/** Asks the browser what it would answer, without a prompt. */
export async function queryLocalNetworkPermission(
  target: LocalTarget = 'local',
  permissions: Pick<Permissions, 'query'> | undefined = navigator.permissions,
): Promise<LocalNetworkPermission> {
  return (await findStatus(target, permissions))?.state ?? 'not-applicable'
}

async function findStatus(
  target: LocalTarget,
  permissions: Pick<Permissions, 'query'> | undefined,
): Promise<PermissionStatus | undefined> {
  for (const name of PERMISSION_NAMES[target]) {
    try {
      const status = await permissions?.query({ name: name as PermissionName })
      if (status !== undefined) return status
    } catch {
      // Not a name this browser knows: try the next.
    }
  }
  return undefined
}

/** Time for the person to answer the prompt, milliseconds. */
const ANSWER_TIMEOUT_MS = 60_000

/**
 * Makes the browser ask, by fetching `url` on the relay (its `/healthz`, say). Must follow from a person's tap, with the
 * explanation on screen. Whether the fetch itself succeeds says nothing: the answer is read from the permission.
 *
 * @returns `prompt` when the browser did not ask, since this page is itself of the local network, or when the person
 *   put the question away
 */
export async function requestLocalNetworkAccess(url: string): Promise<LocalNetworkPermission> {
  const target = localTargetOf(new URL(url).hostname.replace(/^\[|\]$/g, '')) ?? 'local'
  const status = await findStatus(target, navigator.permissions)
  if (status?.state !== 'prompt') return status?.state ?? 'not-applicable'
  const stop = new AbortController()
  // A firewall that drops the fetch would keep the person waiting long after the answer.
  status.addEventListener('change', () => stop.abort(), { signal: stop.signal })
  const init: RequestInit & { targetAddressSpace: LocalTarget } = {
    signal: AbortSignal.any([stop.signal, AbortSignal.timeout(ANSWER_TIMEOUT_MS)]),
    mode: 'no-cors',
    credentials: 'omit',
    cache: 'no-store',
    // Tells the browser before it has resolved the name that this one is local; also lifts the mixed-content block.
    targetAddressSpace: target,
  }
  await fetch(url, init).catch(() => undefined)
  stop.abort()
  return queryLocalNetworkPermission(target)
}

/** What to show before the prompt, and when the answer was no. Undefined: nothing to say. */
export function explainLocalNetworkNeed(permission: LocalNetworkPermission): string | undefined {
  switch (permission) {
    case 'prompt':
      return 'Your relay is in your own network. The browser will now ask whether this page may reach devices there: allow it, or the page cannot talk to the relay.'
    case 'denied':
      return 'This page may not reach devices in your network, so it cannot talk to the relay: allow "Local network access" for it in the browser\'s site settings (the icon left of the address), then reload.'
    default:
      return undefined
  }
}
