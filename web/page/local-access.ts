import {
  type LocalNetworkPermission,
  type LocalTarget,
  localTargetOf,
  queryLocalNetworkPermission,
  requestLocalNetworkAccess,
} from '../network/local-network.ts'
import type { Outcome } from '../worker/api.ts'

/** What has to be explained to the person: the browser will ask, or was told no. */
export type LocalNeed = 'prompt' | 'denied'

export interface LocalAccessInit {
  /** Host name of the page itself. */
  readonly pageHost: string
  /** Tells the page what to explain; undefined: nothing (any more). */
  readonly onNeed: (need: LocalNeed | undefined) => void
  /** Permission was given: dial again. */
  readonly onGranted: () => void
  readonly query?: (target: LocalTarget) => Promise<LocalNetworkPermission>
  readonly request?: (url: string) => Promise<LocalNetworkPermission>
}

/** Explains before the browser asks: a page of a public origin needs permission to reach a relay in the local network. */
export interface LocalAccess {
  /** The addresses that may be dialled now; a failure when the person has to allow something first. */
  sift(addresses: readonly string[]): Promise<Outcome<readonly string[]>>
  /** The person tapped "ask": makes the browser ask. */
  ask(): Promise<void>
}

export function createLocalAccess(init: LocalAccessInit): LocalAccess {
  const { pageHost, onNeed, onGranted } = init
  const query = init.query ?? ((target) => queryLocalNetworkPermission(target))
  const request = init.request ?? ((url) => requestLocalNetworkAccess(url))
  const pageSpace = localTargetOf(pageHost)
  let askAt: string | undefined
  /** The browser was made to ask, and did not. */
  let unasked = false

  function needs(address: string): LocalTarget | undefined {
    const target = localTargetOf(hostOf(address) ?? '')
    // Permission is needed from a more public place to a less public one: a page of the home network needs none.
    return pageSpace === undefined ? target : undefined
  }

  /**
   * Made to ask, the browser may leave it at "prompt": this page is of the local network too, under a name that does
   * not show it, and needs no permission; or the person put the question away, and dialling does no harm.
   */
  function needOf(permission: LocalNetworkPermission): LocalNeed | undefined {
    if (permission === 'denied') return 'denied'
    return permission === 'prompt' && !unasked ? 'prompt' : undefined
  }

  return {
    async sift(addresses) {
      const free = addresses.filter((address) => needs(address) === undefined)
      const guarded = addresses.filter((address) => needs(address) !== undefined)
      const [first] = guarded
      if (first === undefined) return { ok: true, value: addresses }
      const need = needOf(await query(needs(first) ?? 'local'))
      onNeed(need)
      if (need === undefined) return { ok: true, value: addresses }
      askAt = probeUrl(guarded.find((address) => ANSWERING.test(address)) ?? first)
      if (free.length > 0) return { ok: true, value: free }
      return {
        ok: false,
        code: need === 'prompt' ? 'local-network-unasked' : 'local-network-denied',
        sentence:
          need === 'prompt'
            ? 'The relay is in the local network: allow this page to reach it.'
            : "This page may not reach the local network: allow it in the browser's settings for this page, then reload.",
      }
    },

    async ask() {
      if (askAt === undefined) return
      const permission = await request(askAt)
      unasked = permission === 'prompt'
      const need = needOf(permission)
      onNeed(need)
      if (need === undefined) onGranted()
    },
  }
}

/** Somebody answers there at once, and no name has to be found: knocking ends soon, whatever the browser does. */
const ANSWERING = /^\/ip[46]\/[^/]+\/tcp\/\d/

/** `/ip4/192.168.1.2/udp/4001/…` → `192.168.1.2` */
export function hostOf(address: string): string | undefined {
  return /^\/(?:ip4|ip6|dns|dns4|dns6|dnsaddr)\/([^/]+)/.exec(address)?.[1]
}

/** An address to knock at so that the browser asks. Whether anybody answers there makes no difference. */
function probeUrl(address: string): string {
  const host = hostOf(address) ?? 'localhost'
  const port = /\/tcp\/(\d+)/.exec(address)?.[1]
  const isTls = /\/(tls|wss)\b/.test(address)
  const name = host.includes(':') ? `[${host}]` : host
  return `${isTls ? 'https' : 'http'}://${name}${port === undefined ? '' : `:${port}`}/healthz`
}
