import { afterEach, describe, expect, it, vi } from 'vitest'
import { POWER } from '../../../shared/admission/hardware.ts'
import { LaresError } from '../../../shared/errors.ts'
import type {
  GossipValidator,
  PeerConnection,
  PeerEvent,
  PeerListener,
  RequestHandler,
} from '../../../shared/protocol/transport.ts'
import { createNetworkHandlers, type PageNetwork, reportConnections } from '../../../web/page/network-calls.ts'
import type { WorkerCall } from '../../../web/worker/api.ts'

afterEach(() => vi.useRealTimers())

const PEER: PeerConnection = { peerId: 'relay', address: '/a', transport: 'webrtc-direct', direction: 'outbound' }

interface World {
  readonly handlers: ReturnType<typeof createNetworkHandlers>
  readonly network: PageNetwork
  readonly told: WorkerCall[]
  readonly log: string[]
  readonly topics: Map<string, GossipValidator>
  readonly served: Map<string, RequestHandler>
  readonly listeners: Map<PeerEvent, PeerListener>
}

function start(dial: PageNetwork['dial'], reply: (call: WorkerCall) => Promise<unknown> = async () => null): World {
  const told: WorkerCall[] = []
  const log: string[] = []
  const topics = new Map<string, GossipValidator>()
  const served = new Map<string, RequestHandler>()
  const listeners = new Map<PeerEvent, PeerListener>()
  const network: PageNetwork = {
    peerKey: Uint8Array.of(1, 2, 3),
    dial,
    disconnect: async (peerId) => void log.push(`disconnect ${peerId}`),
    forget: (peerId) => void log.push(`forget ${peerId}`),
    async handle({ id }, handler) {
      served.set(id, handler)
    },
    keepConnected: (peerId, addresses) => void log.push(`keep ${peerId} ${addresses.join(' ')}`),
    on(event, listener) {
      listeners.set(event, listener)
      return () => listeners.delete(event)
    },
    peers: () => [{ ...PEER, connectedAt: 0, penalty: 0, roundTripMs: 14 }],
    penalise: (peerId, points, code) => void log.push(`penalise ${peerId} ${points} ${code}`),
    poke: () => void log.push('poke'),
    publish: async (topic, bytes) => {
      log.push(`publish ${topic} ${bytes.length}`)
      return 1
    },
    request: async (_peerId, spec) => {
      if (spec.id === '/gone') throw new LaresError('peer-gone', 'no connection')
      return Uint8Array.of(spec.maxRequest, spec.maxResponse)
    },
    subscribe: (topic, _size, validate) => void topics.set(topic, validate),
    unsubscribe: (topic) => void topics.delete(topic),
  }
  const worker = {
    call: (async (call: WorkerCall) => {
      told.push(call)
      return reply(call)
    }) as never,
  }
  const localAccess = { sift: async (addresses: readonly string[]) => ({ ok: true as const, value: addresses }) }
  const handlers = createNetworkHandlers({
    network: Promise.resolve(network),
    worker,
    localAccess,
    persist: async () => true,
    power: async () => POWER.mains,
  })
  return { handlers, network, told, log, topics, served, listeners }
}

const failing: PageNetwork['dial'] = async () => {
  throw new LaresError('timeout', 'no answer')
}

describe('dial', () => {
  it('tries the next address when one fails, and keeps the server connected', async () => {
    const tried: string[] = []
    const { handlers, log } = start(async (address) => {
      tried.push(address)
      if (address === '/a') throw new LaresError('timeout', 'no answer')
      return PEER
    })
    expect(await handlers.dial({ call: 'dial', addresses: ['/a', '/b', '/c'] })).toEqual({
      ok: true,
      value: { peerId: 'relay' },
    })
    expect(tried).toEqual(['/a', '/b'])
    expect(log).toEqual(['keep relay /a /b /c'])
  })

  it('does not wait for an address that keeps silent, and calls it off', async () => {
    vi.useFakeTimers()
    let calledOff = false
    const { handlers } = start((address, options) => {
      if (address === '/b') return Promise.resolve(PEER)
      return new Promise((_resolve, reject) => {
        options?.signal?.addEventListener('abort', () => {
          calledOff = true
          reject(new LaresError('cancelled', 'called off'))
        })
      })
    })
    const outcome = Promise.resolve(handlers.dial({ call: 'dial', addresses: ['/a', '/b'] }))
    await vi.advanceTimersByTimeAsync(2_500)
    expect(await outcome).toMatchObject({ ok: true })
    expect(calledOff).toBe(true)
  })

  it.each([[['/a', '/b']], [[]]])('says why when none of %j answers', async (addresses) => {
    const { handlers, log } = start(failing)
    const outcome = await handlers.dial({ call: 'dial', addresses })
    expect(outcome).toMatchObject({ ok: false, code: 'timeout' })
    expect(log).toEqual([])
  })
})

describe('requests and gossip', () => {
  it('passes the limits on, and makes an outcome of an error', async () => {
    const { handlers } = start(failing)
    const body = {
      call: 'request',
      peerId: 'relay',
      bytes: new Uint8Array(3),
      timeoutMs: 1_000,
      maxResponse: 9,
    } as const
    expect(await handlers.request({ ...body, protocol: '/ok' })).toEqual({ ok: true, value: Uint8Array.of(3, 9) })
    expect(await handlers.request({ ...body, protocol: '/gone' })).toMatchObject({ ok: false, code: 'peer-gone' })
  })

  it('hands what others ask to the worker, and blames nobody where it has nothing to say', async () => {
    const spec = { id: '/status', maxRequest: 64, maxResponse: 64, timeoutMs: 1_000, cost: 1 }
    const world = start(failing, async (call) =>
      call.call === 'answer' && call.bytes.length > 0 ? Uint8Array.of(7) : null,
    )
    await world.handlers.serve({ call: 'serve', protocols: [spec] })
    const handler = world.served.get('/status') as RequestHandler
    await world.handlers.serve({ call: 'serve', protocols: [spec] })
    expect(world.served.get('/status')).toBe(handler)
    const context = { signal: new AbortController().signal as never }
    expect(await handler('relay', Uint8Array.of(1), context)).toEqual(Uint8Array.of(7))
    expect(world.told).toEqual([{ call: 'answer', from: 'relay', protocol: '/status', bytes: Uint8Array.of(1) }])
    await expect(handler('relay', new Uint8Array(), context)).rejects.toMatchObject({ code: 'refused' })
  })

  it('asks the worker about each message, and ignores those that it does not answer', async () => {
    const world = start(failing, async (call) => {
      if (call.call === 'gossip' && call.topic === 'broken') throw new LaresError('bridge-timeout', 'late')
      return 'accept'
    })
    const topics = ['headers', 'broken'].map((topic) => ({ topic, maxLength: 10 }))
    await world.handlers.subscribe({ call: 'subscribe', topics })
    expect(await world.topics.get('headers')?.('relay', Uint8Array.of(1))).toBe('accept')
    expect(await world.topics.get('broken')?.('relay', Uint8Array.of(1))).toBe('ignore')
    await world.handlers['unsubscribe-all']({ call: 'unsubscribe-all' })
    expect(world.topics.size).toBe(0)
  })

  it('penalises, hangs up for good and publishes', async () => {
    const { handlers, log } = start(failing)
    await handlers.penalise({ call: 'penalise', peerId: 'x', points: 20, code: 'bad-proof' })
    await handlers['hang-up']({ call: 'hang-up', peerId: 'x' })
    await handlers.publish({ call: 'publish', topic: 't', bytes: new Uint8Array(2) })
    expect(log).toEqual(['penalise x 20 bad-proof', 'forget x', 'disconnect x', 'publish t 2'])
  })
})

describe('reportConnections', () => {
  it('tells who is connected, who comes and goes, and each new round trip once', async () => {
    vi.useFakeTimers()
    const { network, told, listeners } = start(failing)
    const end = reportConnections(network, { call: (async (call: WorkerCall) => told.push(call)) as never })
    listeners.get('changed')?.({ ...PEER, transport: 'webrtc' })
    await vi.advanceTimersByTimeAsync(15_000)
    listeners.get('disconnected')?.(PEER)
    expect(told).toEqual([
      { call: 'peer-connected', peerId: 'relay', transport: 'webrtc-direct', address: '/a' },
      { call: 'peer-connected', peerId: 'relay', transport: 'webrtc', address: '/a' },
      { call: 'peer-round-trip', peerId: 'relay', roundTrip: 14, penalty: 0 },
      { call: 'peer-disconnected', peerId: 'relay' },
    ])
    end()
    expect(listeners.size).toBe(0)
  })

  it('tells new penalty points, also of who has not been measured yet', async () => {
    vi.useFakeTimers()
    const { network, told } = start(failing)
    let penalty = 0
    const peers = () => [{ ...PEER, connectedAt: 0, penalty, roundTripMs: undefined }]
    const end = reportConnections(
      { ...network, peers },
      { call: (async (call: WorkerCall) => told.push(call)) as never },
    )
    await vi.advanceTimersByTimeAsync(15_000)
    penalty = 20
    await vi.advanceTimersByTimeAsync(15_000)
    end()
    expect(told.slice(1)).toEqual([{ call: 'peer-round-trip', peerId: 'relay', roundTrip: undefined, penalty: 20 }])
  })
})
