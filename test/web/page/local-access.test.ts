import { describe, expect, it } from 'vitest'
import type { LocalNetworkPermission } from '../../../web/network/local-network.ts'
import { createLocalAccess, hostOf, type LocalNeed } from '../../../web/page/local-access.ts'

const AT_HOME = '/ip4/192.168.1.20/udp/4430/webrtc-direct/certhash/x/p2p/y'
const AT_HOME_WS = '/ip4/192.168.1.20/tcp/8443/tls/ws/p2p/y'
const OUTSIDE = '/dns4/relay.example.org/tcp/443/tls/ws/p2p/y'

function start(pageHost: string, permissions: LocalNetworkPermission[]) {
  const needs: (LocalNeed | undefined)[] = []
  const asked: string[] = []
  let granted = 0
  const access = createLocalAccess({
    pageHost,
    onNeed: (need) => needs.push(need),
    onGranted: () => {
      granted += 1
    },
    query: async () => permissions[0] ?? 'not-applicable',
    request: async (url) => {
      asked.push(url)
      permissions.shift()
      return permissions[0] ?? 'not-applicable'
    },
  })
  return { access, needs, asked, granted: () => granted }
}

describe('local access', () => {
  it('explains before it dials, asks on a tap, and goes on when allowed', async () => {
    const { access, needs, asked, granted } = start('audit.example.org', ['prompt', 'granted'])
    expect(await access.sift([AT_HOME_WS])).toMatchObject({ ok: false, code: 'local-network-unasked' })
    expect(needs).toEqual(['prompt'])
    expect(asked).toEqual([])
    await access.ask()
    expect(asked).toEqual(['https://192.168.1.20:8443/healthz'])
    expect(needs).toEqual(['prompt', undefined])
    expect(granted()).toBe(1)
    expect(await access.sift([AT_HOME])).toEqual({ ok: true, value: [AT_HOME] })
  })

  it('says so when it was denied', async () => {
    const { access, needs, granted } = start('audit.example.org', ['prompt', 'denied'])
    await access.sift([AT_HOME])
    await access.ask()
    expect(needs).toEqual(['prompt', 'denied'])
    expect(granted()).toBe(0)
    expect(await access.sift([AT_HOME])).toMatchObject({ ok: false, code: 'local-network-denied' })
  })

  it('dials when the browser sees nothing to ask: the page is of the same network', async () => {
    const { access, needs, granted } = start('pages.home.arpa', ['prompt', 'prompt'])
    expect(await access.sift([AT_HOME])).toMatchObject({ ok: false, code: 'local-network-unasked' })
    await access.ask()
    expect(granted()).toBe(1)
    expect(await access.sift([AT_HOME])).toEqual({ ok: true, value: [AT_HOME] })
    expect(needs).toEqual(['prompt', undefined, undefined])
  })

  it('asks at an address where somebody answers', async () => {
    const { access, asked } = start('audit.example.org', ['prompt', 'granted'])
    await access.sift([AT_HOME, AT_HOME_WS])
    await access.ask()
    expect(asked).toEqual(['https://192.168.1.20:8443/healthz'])
  })

  it('dials the public addresses meanwhile', async () => {
    const { access, needs } = start('audit.example.org', ['denied'])
    expect(await access.sift([AT_HOME, OUTSIDE])).toEqual({ ok: true, value: [OUTSIDE] })
    expect(needs).toEqual(['denied'])
  })

  it.each(['192.168.1.20', 'lares.local', 'localhost'])('asks nothing on a page from %s', async (host) => {
    const { access, needs } = start(host, ['denied'])
    expect(await access.sift([AT_HOME])).toEqual({ ok: true, value: [AT_HOME] })
    expect(needs).toEqual([])
  })

  it('asks nothing where the browser has no such permission', async () => {
    const { access } = start('audit.example.org', ['not-applicable'])
    expect(await access.sift([AT_HOME])).toMatchObject({ ok: true })
  })

  it('reads the host of a multiaddr', () => {
    expect(hostOf(AT_HOME)).toBe('192.168.1.20')
    expect(hostOf('/ip6/fd00::1/udp/1/webrtc-direct')).toBe('fd00::1')
    expect(hostOf(OUTSIDE)).toBe('relay.example.org')
    expect(hostOf('/memory/x')).toBeUndefined()
  })
})
