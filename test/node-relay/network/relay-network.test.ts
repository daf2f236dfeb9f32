import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { noise } from '@libp2p/noise'
import { webSockets } from '@libp2p/websockets'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { SILENT_GRACE_MS } from '../../../node-relay/network/give-way.ts'
import { createNodeKey } from '../../../node-relay/network/relay-network.ts'
import { systemClock } from '../../../node-relay/network/system-clock.ts'
import { createWebRtcCertificate } from '../../../node-relay/network/webrtc-certificate.ts'
import { toHex } from '../../../shared/bytes.ts'
import { PENALTY_POINTS } from '../../../shared/protocol/penalty-points.ts'
import { PENALTY_LIMIT, type ProtocolSpec, UNFINISHED_ALLOWED } from '../../../shared/protocol/transport.ts'
import { type BrowserNetwork, createBrowserNetwork } from '../../../web/network/browser-network.ts'
import { addressOf, eventually, nextPeerEvent, spawnRelayProcess, startRelayNetwork } from '../../framework/network.ts'

const SPEC: ProtocolSpec = {
  id: '/lares-test/relay/1',
  maxRequest: 100,
  maxResponse: 300_000,
  timeoutMs: 3_000,
  cost: 1,
}
const DAY_MS = 24 * 3_600_000

const running: { stop(): Promise<void> }[] = []
afterEach(async () => {
  vi.useRealTimers()
  for (const one of running.splice(0).reverse()) await one.stop()
})

async function startPair(transport: 'webrtc-direct' | 'websocket', init: Parameters<typeof startRelayNetwork>[0] = {}) {
  const relay = await startRelayNetwork(init)
  running.push(relay)
  const browser = await startBrowser()
  const met = nextPeerEvent(relay, 'connected', browser.peerId)
  const connection = await browser.dial(addressOf(relay.addresses(), transport))
  await met
  return { relay, browser, connection }
}

async function startBrowser(): Promise<BrowserNetwork> {
  const browser = await createBrowserNetwork()
  running.push(browser)
  return browser
}

/** The dial fails, or (WebRTC, where the dialler is done first) the connection is closed at once. */
async function expectTurnedAway(browser: BrowserNetwork, address: string) {
  await browser.dial(address).catch(({ code }) => expect(code).toBe('peer-gone'))
  await eventually('turned away', () => browser.peers().length === 0 || undefined)
}

describe.each(['webrtc-direct', 'websocket'] as const)('requests over %s', (transport) => {
  it('carry bytes both ways, up to the stated sizes, and tell the real transport', async () => {
    const { relay, browser, connection } = await startPair(transport)
    expect(connection).toMatchObject({ transport, direction: 'outbound', peerId: relay.peerId })
    await relay.handle(SPEC, async (from, request) => {
      expect(from).toBe(browser.peerId)
      return new Uint8Array(request.length * 3_000).fill(request[0] ?? 0)
    })
    for (const length of [0, 1, SPEC.maxRequest]) {
      const response = await browser.request(relay.peerId, SPEC, new Uint8Array(length).fill(7))
      // Compared as buffers: vitest takes seconds for 300,000 elements.
      expect(Buffer.compare(response, new Uint8Array(length * 3_000).fill(7))).toBe(0)
    }
    const many = await Promise.all(
      Array.from({ length: 10 }, (_, i) => browser.request(relay.peerId, SPEC, Uint8Array.of(i))),
    )
    expect(many.map((response) => response[0])).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect(relay.peers()).toMatchObject([{ transport, direction: 'inbound', peerId: browser.peerId, penalty: 0 }])
  })

  it('go the other way, too', async () => {
    const { relay, browser } = await startPair(transport)
    await browser.handle(SPEC, async (_from, request) => request)
    expect(await relay.request(browser.peerId, SPEC, Uint8Array.of(1, 2))).toEqual(Uint8Array.of(1, 2))
  })

  it('end with a code for whatever goes wrong', async () => {
    const { relay, browser } = await startPair(transport)
    let handlerSignal: AbortSignal | undefined
    await relay.handle({ ...SPEC, timeoutMs: 500 }, async (_from, request, { signal }) => {
      handlerSignal = signal
      if (request[0] === 1) return 'reject'
      if (request[0] === 2) throw new Error('a fault of ours')
      if (request[0] === 3) return new Uint8Array(SPEC.maxResponse + 1)
      if (request[0] === 4) return new Promise(() => {})
      return new Uint8Array(1_000)
    })
    const ask = (bytes: number[], spec = SPEC, signal?: AbortSignal) =>
      browser.request(relay.peerId, spec, Uint8Array.from(bytes), { signal })
    await expect(ask([1])).rejects.toMatchObject({ code: 'refused' })
    await expect(ask([2])).rejects.toMatchObject({ code: 'refused' })
    await expect(ask([3])).rejects.toMatchObject({ code: 'refused' })
    await expect(ask([4], { ...SPEC, timeoutMs: 200 })).rejects.toMatchObject({ code: 'timeout' })
    await expect(ask([4])).rejects.toMatchObject({ code: 'peer-gone' })
    expect(handlerSignal?.aborted).toBe(true)
    await expect(ask([5], { ...SPEC, maxResponse: 999 })).rejects.toMatchObject({ code: 'too-long' })
    await expect(ask([5], { ...SPEC, id: '/lares-test/none/1' })).rejects.toMatchObject({ code: 'unsupported' })
    await expect(ask(new Array(101).fill(5))).rejects.toMatchObject({ code: 'too-long' })
    await expect(ask([4], SPEC, AbortSignal.abort())).rejects.toMatchObject({ code: 'cancelled' })
    const controller = new AbortController()
    const cancelled = ask([4], SPEC, controller.signal)
    setImmediate(() => controller.abort())
    await expect(cancelled).rejects.toMatchObject({ code: 'cancelled' })
    await expect(browser.request('nobody', SPEC, new Uint8Array(0))).rejects.toMatchObject({ code: 'peer-gone' })
    expect((await ask([5])).length).toBe(1_000)
  })
})

describe('penalties', () => {
  it('of bad requests add up: the peer is dropped, cannot come back, and others are not touched', async () => {
    const { relay, browser } = await startPair('websocket')
    const other = await startBrowser()
    await other.dial(addressOf(relay.addresses(), 'websocket'))
    await relay.handle(SPEC, async () => 'reject')
    const dropped = nextPeerEvent(relay, 'disconnected', browser.peerId)
    const needed = PENALTY_LIMIT / PENALTY_POINTS['request-rejected']
    for (let i = 0; i < needed - 1; i++)
      await expect(browser.request(relay.peerId, SPEC, new Uint8Array(1))).rejects.toMatchObject({ code: 'refused' })
    expect(relay.peers().map(({ peerId }) => peerId)).toContain(browser.peerId)
    await expect(browser.request(relay.peerId, SPEC, new Uint8Array(1))).rejects.toThrow()
    await dropped
    await eventually('the browser notices', () => browser.peers().length === 0 || undefined)
    for (const transport of ['websocket', 'webrtc-direct'] as const)
      await expectTurnedAway(browser, addressOf(relay.addresses(), transport))
    expect(relay.peers().map(({ peerId }) => peerId)).toEqual([other.peerId])
    await expect(relay.dial(`/ip4/127.0.0.1/tcp/1/ws/p2p/${browser.peerId}`)).rejects.toMatchObject({ code: 'refused' })
  })

  it('fall on frames that are too long, and on ones cut short when there are many', async () => {
    const relay = await startRelayNetwork()
    running.push(relay)
    await relay.handle({ ...SPEC, timeoutMs: 300 }, async (_from, request) => request)
    const stranger = await createLibp2p({
      transports: [webSockets()],
      connectionEncrypters: [noise()],
      streamMuxers: [yamux()],
    })
    running.push({ stop: async () => stranger.stop() })
    const met = nextPeerEvent(relay, 'connected', stranger.peerId.toString())
    const connection = await stranger.dial(multiaddr(addressOf(relay.addresses(), 'websocket')))
    await met
    const points = () => relay.peers().find(({ peerId }) => peerId === stranger.peerId.toString())?.penalty ?? -1
    const send = async (bytes: number[], close: boolean) => {
      const before = points()
      const stream = await connection.newStream(SPEC.id)
      stream.send(Uint8Array.from(bytes))
      if (close) await stream.close()
      await eventually('a penalty', () => points() > before || undefined)
      return Math.round(points() - before)
    }
    // A bad line leaves some behind, and is not blamed for it.
    const left: { readonly status: string }[] = []
    for (let i = 0; i < UNFINISHED_ALLOWED; i++) {
      const stream = await connection.newStream(SPEC.id)
      left.push(stream)
      stream.send(Uint8Array.of(0, 0))
    }
    await eventually('all of them are over', () => left.every(({ status }) => status !== 'open') || undefined)
    expect(points()).toBe(0)
    expect(await send([0, 0, 0, 5, 1, 2], true)).toBe(PENALTY_POINTS['request-unfinished'])
    expect(await send([0, 0, 0, 1, 9, 9], false)).toBe(PENALTY_POINTS['request-malformed'])
    expect(await send([0, 0, 0, 101], false)).toBe(PENALTY_POINTS['request-too-long'])
  })

  it('fall on gossip that is rejected or too long, not on what is ignored', async () => {
    const { relay, browser } = await startPair('websocket')
    const seen: string[] = []
    browser.subscribe('topic', 1_000, async () => 'accept')
    relay.subscribe('topic', 20, async (_from, bytes) => {
      seen.push(new TextDecoder().decode(bytes))
      return seen.at(-1)?.startsWith('bad') ? 'reject' : 'ignore'
    })
    let probe = 0
    await eventually(
      'a neighbour',
      async () => (await browser.publish('topic', Uint8Array.of(probe++))) > 0 || undefined,
    )
    const points = () => Math.round(relay.peers()[0]?.penalty ?? -1)
    await browser.publish('topic', new TextEncoder().encode('good'))
    await eventually('good', () => seen.includes('good') || undefined)
    expect(points()).toBe(0)
    await browser.publish('topic', new TextEncoder().encode('bad'))
    await eventually('a penalty', () => points() === PENALTY_POINTS['gossip-rejected'] || undefined)
    await browser.publish('topic', new TextEncoder().encode('much, much too long for it'))
    const sum = PENALTY_POINTS['gossip-rejected'] + PENALTY_POINTS['gossip-too-long']
    await eventually('a penalty', () => points() === sum || undefined)
    expect(seen.some((text) => text.startsWith('much'))).toBe(false)
    await expect(relay.publish('topic', new Uint8Array(21))).rejects.toMatchObject({ code: 'too-long' })
  })
})

describe('the door of the relay', () => {
  // Who is turned away hears nothing over WebRTC: that takes as long as a dial may take.
  it('takes so many connections of one address and no more, until one leaves', { timeout: 60_000 }, async () => {
    const limits = { total: 10, perPublicHost: 1, perSharedHost: 2, perPeer: 4 }
    const { relay, browser } = await startPair('websocket', { limits })
    const [second, third] = [await startBrowser(), await startBrowser()]
    await second.dial(addressOf(relay.addresses(), 'webrtc-direct'))
    for (const transport of ['websocket', 'webrtc-direct'] as const)
      await expectTurnedAway(third, addressOf(relay.addresses(), transport))
    const left = nextPeerEvent(relay, 'disconnected', browser.peerId)
    await browser.disconnect(relay.peerId, 'test')
    await left
    const met = nextPeerEvent(relay, 'connected', third.peerId)
    await third.dial(addressOf(relay.addresses(), 'websocket'))
    await met
    expect(relay.peers()).toHaveLength(2)
  })

  it('lets a silent one go when a newcomer finds no place, not one that asks or that was dialled', {
    timeout: 60_000,
  }, async () => {
    let ahead = 0
    const clock = { ...systemClock, now: () => Date.now() + ahead }
    const limits = { total: 3, perPublicHost: 10, perSharedHost: 10, perPeer: 4 }
    const { relay, browser: silent } = await startPair('websocket', { limits, clock })
    const other = await startRelayNetwork()
    running.push(other)
    await relay.dial(addressOf(other.addresses(), 'websocket'))
    const [asks, newcomer, another] = [await startBrowser(), await startBrowser(), await startBrowser()]
    const address = addressOf(relay.addresses(), 'websocket')
    await relay.handle(SPEC, async () => Uint8Array.of(1))
    await asks.dial(address)
    await asks.request(relay.peerId, SPEC, Uint8Array.of(1))
    // It may take its time to say something.
    await expectTurnedAway(newcomer, address)
    ahead = SILENT_GRACE_MS
    await newcomer.dial(address)
    const there = [asks, other, newcomer].map(({ peerId }) => peerId).sort()
    const peers = () => relay.peers().map(({ peerId }) => peerId)
    await eventually('the silent one gives way', () => peers().sort().join() === there.join() || undefined)
    await eventually('it has noticed', () => silent.peers().length === 0 || undefined)
    // On a busy machine its first stream may be ended at once; whoever asks asks again then.
    const ask = () => newcomer.request(relay.peerId, SPEC, Uint8Array.of(1)).catch(() => undefined)
    await eventually('the newcomer is served', ask)
    ahead = 2 * SILENT_GRACE_MS
    await expectTurnedAway(another, address)
    expect(peers().sort()).toEqual(there)
  })
})

describe('the address of the relay', () => {
  it('is the same after a restart, 60 days and ten years later, and is dialled as it was printed', {
    timeout: 60_000,
  }, async () => {
    const init = {
      privateKey: toHex(await createNodeKey()),
      certificate: await createWebRtcCertificate(),
      announce: ['/dns4/relay.example/udp/4001/webrtc-direct'],
    }
    const first = await spawnRelayProcess(init)
    await first.kill()
    const udpPort = Number(/127.0.0.1\/udp\/(\d+)/.exec(first.addresses.join())?.[1])
    const wsPort = Number(/tcp\/(\d+)\/ws/.exec(first.addresses.join())?.[1])
    expect(first.addresses.filter((address) => address.includes(init.certificate.certhash))).toHaveLength(2)
    expect(first.addresses.every((address) => address.endsWith(`/p2p/${first.peerId}`))).toBe(true)

    const browser = await startBrowser()
    for (const daysAhead of [0, 60, 3_650]) {
      const again = await spawnRelayProcess({ ...init, udpPort, wsPort, daysAhead })
      expect(again.addresses).toEqual(first.addresses)
      await browser.dial(first.addresses.find((address) => address.includes('127.0.0.1/udp')) as string)
      const lost = nextPeerEvent(browser, 'disconnected', first.peerId)
      await browser.disconnect(first.peerId, 'test')
      await lost
      await again.kill()
    }
  })

  it('does not change while the relay runs for 60 days', { timeout: 60_000 }, async () => {
    vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] })
    const relay = await startRelayNetwork()
    const printed = relay.addresses()
    // A certificate of the library's own would be replaced every 13 days.
    for (let day = 0; day < 60; day++) {
      vi.setSystemTime(Date.now() + DAY_MS)
      await vi.advanceTimersByTimeAsync(15 * 60_000)
      expect(relay.addresses()).toEqual(printed)
    }
    vi.useRealTimers()
    await relay.stop()
  })
})

describe('a taken port', () => {
  it('is told as such, for UDP and for TCP', async () => {
    const udp = createSocket('udp4')
    udp.bind(0, '127.0.0.1')
    await once(udp, 'listening')
    await expect(startRelayNetwork({ udpPort: udp.address().port })).rejects.toMatchObject({ code: 'port-busy' })
    udp.close()
    const tcp = createServer().listen(0, '127.0.0.1')
    await once(tcp, 'listening')
    const { port } = tcp.address() as AddressInfo
    await expect(startRelayNetwork({ wsPort: port })).rejects.toMatchObject({ code: 'port-busy' })
    tcp.close()
  })
})
