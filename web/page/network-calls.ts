/** Plugs the page's network to the worker: PageCall in, connection events and gossip out. Moves bytes, judges nothing. */
import type { DeviceProfile } from '../../shared/admission/profile.ts'
import { LaresError } from '../../shared/errors.ts'
import type { CancelSignal, PeerConnection } from '../../shared/protocol/transport.ts'
import type { BrowserNetwork } from '../network/browser-network.ts'
import type { Failure, Outcome, PageCall, PageReplies, WorkerCall, WorkerReplies } from '../worker/api.ts'
import type { Bridge, CallHandlers } from '../worker/bridge.ts'
import type { LocalAccess } from './local-access.ts'

export type PageNetwork = Pick<
  BrowserNetwork,
  | 'dial'
  | 'disconnect'
  | 'forget'
  | 'handle'
  | 'keepConnected'
  | 'on'
  | 'peerKey'
  | 'peers'
  | 'penalise'
  | 'poke'
  | 'publish'
  | 'request'
  | 'subscribe'
  | 'unsubscribe'
>
export type WorkerBridge = Pick<Bridge<WorkerCall, WorkerReplies, never>, 'call'>

/** Addresses of one server that are tried; a join link carries fewer. */
const MAX_ADDRESSES = 8
/** The next address is tried when the one before has failed, or has kept silent this long, milliseconds. */
const NEXT_ADDRESS_MS = 2_500
const ROUND_TRIP_EVERY_MS = 5_000
/** Lists of the network's own codes, said for a person. */
const SENTENCES: Readonly<Record<string, string>> = {
  timeout: 'The relay did not answer in time: check that it runs and that this device is in its network.',
  'peer-gone': 'The connection to the relay was lost: it is tried again by itself.',
  refused: 'The relay refused the connection: wait a minute, then try again.',
}

export interface NetworkCallsInit {
  /** Resolves when libp2p, which is loaded late, has started. */
  readonly network: Promise<PageNetwork>
  readonly worker: WorkerBridge
  readonly localAccess: Pick<LocalAccess, 'sift'>
  /** Asks the browser to keep the storage. */
  readonly persist: () => Promise<boolean | undefined>
  readonly power: () => Promise<DeviceProfile['power']>
}

export function createNetworkHandlers(init: NetworkCallsInit): CallHandlers<PageCall, PageReplies> {
  const { network: starting, worker, localAccess } = init
  const topics = new Set<string>()
  const served = new Set<string>()

  return {
    async dial({ addresses }) {
      const allowed = await localAccess.sift(addresses.slice(0, MAX_ADDRESSES))
      if (!allowed.ok) return allowed
      const network = await starting
      const outcome = await dialFirst(network, allowed.value)
      if (outcome.ok) network.keepConnected(outcome.value.peerId, allowed.value)
      return outcome
    },

    async request({ peerId, protocol, bytes, timeoutMs, maxResponse }) {
      const network = await starting
      const spec = { id: protocol, maxRequest: bytes.length, maxResponse, timeoutMs }
      try {
        return { ok: true, value: await network.request(peerId, spec, bytes) }
      } catch (error) {
        return failureOf(error)
      }
    },

    async subscribe({ topics: wanted }) {
      const network = await starting
      for (const { topic, maxLength } of wanted) {
        if (topics.has(topic)) continue
        topics.add(topic)
        // A worker that does not answer has not judged: the message is not passed on, and nobody is blamed.
        network.subscribe(topic, maxLength, (from, bytes) =>
          worker.call({ call: 'gossip', from, topic, bytes }).catch(() => 'ignore' as const),
        )
      }
      return null
    },

    async serve({ protocols }) {
      const network = await starting
      for (const spec of protocols) {
        if (served.has(spec.id)) continue
        served.add(spec.id)
        await network.handle(spec, async (from, bytes) => {
          const answer = await worker.call({ call: 'answer', from, protocol: spec.id, bytes })
          if (answer === null) throw new LaresError('refused', `nothing to say in ${spec.id}`)
          return answer
        })
      }
      return null
    },

    async 'unsubscribe-all'() {
      const network = await starting
      for (const topic of topics) network.unsubscribe(topic)
      topics.clear()
      return null
    },

    async publish({ topic, bytes }) {
      await (await starting).publish(topic, bytes)
      return null
    },

    async penalise({ peerId, points, code }) {
      const network = await starting
      network.penalise(peerId, points, code)
      return null
    },

    async 'hang-up'({ peerId }) {
      const network = await starting
      network.forget(peerId)
      await network.disconnect(peerId, 'the worker hung up')
      return null
    },

    persist: () => init.persist(),

    power: () => init.power(),

    'peer-key': async () => (await starting).peerKey,
  }
}

/** Best first, the next a little later, until one answers; the others are called off. */
async function dialFirst(network: PageNetwork, addresses: readonly string[]): Promise<Outcome<{ peerId: string }>> {
  const stop = new AbortController()
  const signal = stop.signal as CancelSignal
  const tries: Promise<PeerConnection>[] = []
  const started = addresses.map((address, index) => async (): Promise<PeerConnection> => {
    const before = tries[index - 1]
    if (before !== undefined) await failedOrSlow(before, stop.signal)
    if (stop.signal.aborted) throw new LaresError('cancelled', 'another address answered')
    return network.dial(address, { signal })
  })
  for (const start of started) tries.push(start())
  try {
    return { ok: true, value: { peerId: (await Promise.any(tries)).peerId } }
  } catch (error) {
    const first = error instanceof AggregateError ? (error.errors[0] as unknown) : error
    return failureOf(first ?? new LaresError('timeout', 'no address'))
  } finally {
    stop.abort()
  }
}

/** Resolves when the try has failed, or has lasted too long, or all is over; never when it has succeeded. */
function failedOrSlow(before: Promise<unknown>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, NEXT_ADDRESS_MS)
    const end = () => {
      clearTimeout(timer)
      resolve()
    }
    before.catch(end)
    signal.addEventListener('abort', end, { once: true })
  })
}

function failureOf(error: unknown): Failure {
  const code = error instanceof LaresError ? error.code : 'network-failed'
  const detail = error instanceof Error ? error.message : String(error)
  return { ok: false, code, sentence: SENTENCES[code] ?? `The relay could not be reached (${detail}): try again.` }
}

/** Tells the worker who is connected, now and from now on, how far away they are and what is held against them. Returns the function that ends it. */
export function reportConnections(network: PageNetwork, worker: WorkerBridge): () => void {
  const reported = new Map<string, string>()
  // A worker that is gone needs no news; that it is gone the page hears from its bridge.
  const tell = (call: WorkerCall) => void worker.call(call).catch(() => undefined)
  const connected = ({ peerId, transport, address }: PeerConnection) =>
    tell({ call: 'peer-connected', peerId, transport, address })

  function reportRoundTrips(): void {
    for (const { peerId, roundTripMs: roundTrip, penalty } of network.peers()) {
      const news = `${roundTrip} ${penalty}`
      if ((reported.get(peerId) ?? 'undefined 0') === news) continue
      reported.set(peerId, news)
      tell({ call: 'peer-round-trip', peerId, roundTrip, penalty })
    }
  }

  for (const peer of network.peers()) connected(peer)
  const timer = setInterval(reportRoundTrips, ROUND_TRIP_EVERY_MS)
  const ends = [
    network.on('connected', connected),
    network.on('changed', connected),
    network.on('disconnected', ({ peerId }) => {
      reported.delete(peerId)
      tell({ call: 'peer-disconnected', peerId })
    }),
  ]
  return () => {
    clearInterval(timer)
    for (const end of ends) end()
  }
}
