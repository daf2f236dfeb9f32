import { afterEach, describe, expect, it, vi } from 'vitest'
import {
  explainLocalNetworkNeed,
  localTargetOf,
  queryLocalNetworkPermission,
  requestLocalNetworkAccess,
} from '../../../web/network/local-network.ts'

/** A browser that knows these names; others throw, as in Chromium. */
function browserKnowing(states: Record<string, PermissionState>, changes = new EventTarget()) {
  return {
    query: async ({ name }: { name: string }) => {
      if (!(name in states)) throw new TypeError(`'${name}' is not a valid enum value`)
      const status = new EventTarget()
      changes.addEventListener('change', () => status.dispatchEvent(new Event('change')))
      return Object.assign(status, { state: states[name] }) as PermissionStatus
    },
  } as unknown as Permissions
}

afterEach(() => vi.unstubAllGlobals())

describe('the local-network permission', () => {
  it('is read under whichever name the browser knows', async () => {
    expect(await queryLocalNetworkPermission('local', browserKnowing({ 'local-network-access': 'prompt' }))).toBe(
      'prompt',
    )
    expect(await queryLocalNetworkPermission('local', browserKnowing({ 'local-network': 'denied' }))).toBe('denied')
    const both = browserKnowing({ 'local-network': 'granted', 'loopback-network': 'denied' })
    expect(await queryLocalNetworkPermission('local', both)).toBe('granted')
    expect(await queryLocalNetworkPermission('loopback', both)).toBe('denied')
  })

  it('is not applicable where no name is known, or there are no permissions at all', async () => {
    expect(await queryLocalNetworkPermission('local', browserKnowing({}))).toBe('not-applicable')
    vi.stubGlobal('navigator', {})
    expect(await queryLocalNetworkPermission()).toBe('not-applicable')
  })

  it('is asked for with a fetch that names the address space, and the answer is read from the permission', async () => {
    const states: Record<string, PermissionState> = { 'local-network': 'prompt' }
    vi.stubGlobal('navigator', { permissions: browserKnowing(states) })
    const fetched: unknown[] = []
    vi.stubGlobal('fetch', async (url: string, init: object) => {
      fetched.push([url, init])
      states['local-network'] = 'granted'
      throw new TypeError('the certificate is not trusted')
    })
    expect(await requestLocalNetworkAccess('https://192.168.1.5:8443/healthz')).toBe('granted')
    expect(fetched).toMatchObject([
      ['https://192.168.1.5:8443/healthz', { targetAddressSpace: 'local', mode: 'no-cors' }],
    ])
    expect(await requestLocalNetworkAccess('https://192.168.1.5:8443/healthz')).toBe('granted')
    expect(fetched).toHaveLength(1)
  })

  it('is taken when given, although a firewall lets nothing answer', async () => {
    const states: Record<string, PermissionState> = { 'local-network': 'prompt' }
    const changes = new EventTarget()
    vi.stubGlobal('navigator', { permissions: browserKnowing(states, changes) })
    const signals: AbortSignal[] = []
    vi.stubGlobal('fetch', (_url: string, { signal }: { signal: AbortSignal }) => {
      signals.push(signal)
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    })
    const answer = requestLocalNetworkAccess('https://192.168.1.5:8443/healthz')
    await vi.waitFor(() => expect(signals).toHaveLength(1))
    states['local-network'] = 'granted'
    changes.dispatchEvent(new Event('change'))
    expect(await answer).toBe('granted')
  })
})

describe('localTargetOf', () => {
  it.each(['192.168.1.5', '10.0.0.1', '172.20.0.1', 'lares.local', '169.254.1.1', '100.64.0.1', 'fd00::1', 'fe80::1'])(
    '%s is local',
    (host) => expect(localTargetOf(host)).toBe('local'),
  )
  it.each(['localhost', 'x.localhost', '127.0.0.1', '::1'])('%s is loopback', (host) =>
    expect(localTargetOf(host)).toBe('loopback'),
  )
  it.each(['example.org', '8.8.8.8', '172.32.0.1', '2001:db8::1', 'local.example', '100.128.0.1'])(
    '%s is public',
    (host) => expect(localTargetOf(host)).toBeUndefined(),
  )
})

it('explains before the prompt and after a denial, in sentences, and else keeps quiet', () => {
  expect(explainLocalNetworkNeed('prompt')).toMatch(/browser will now ask.*\.$/)
  expect(explainLocalNetworkNeed('denied')).toMatch(/site settings.*\.$/)
  expect(explainLocalNetworkNeed('granted')).toBeUndefined()
  expect(explainLocalNetworkNeed('not-applicable')).toBeUndefined()
})
