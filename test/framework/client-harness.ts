/** A worker's client without a page: servers are answer functions, the clock is driven by the test. */
import { createNodeVerifier } from '../../node-relay/crypto/node-verifier.ts'
import { CONNECTION, POWER } from '../../shared/admission/hardware.ts'
import { toHex } from '../../shared/bytes.ts'
import { RECOVERY_WORDLIST } from '../../shared/crypto/recovery-wordlist.ts'
import { topicsOf } from '../../shared/protocol/ids.ts'
import { formatJoinLink } from '../../shared/protocol/join-link.ts'
import { headerItemCodec } from '../../shared/protocol/messages.ts'
import type { GossipVerdict, TransportClock } from '../../shared/protocol/transport.ts'
import { App, type AppInit } from '../../web/client/app.ts'
// Loaded here, so that the client's own late loading takes no time of the test's.
import '../../web/client/join.ts'
import '../../web/client/pairing.ts'
import '../../web/client/recover-identity.ts'
import type { NetworkClient } from '../../web/client/network-client.ts'
import type { ClientPorts, Hardware, PagePort } from '../../web/client/ports.ts'
import { generateWebSigner, webSignerFromKeyPair } from '../../web/crypto/web-signer.ts'
import type { LocalStore } from '../../web/store/local-store.ts'
import { createMemoryStore } from '../../web/store/memory-store.ts'
import type { AppView, NetworkView, PageCall, WorkerCall, WorkerReplies } from '../../web/worker/api.ts'
import type { BuiltBlock, ChainBuilder } from './chain-builder.ts'
import { type Answer, NotServed } from './honest-node.ts'
import { quickScrypt } from './join-prices.ts'
import { sessionPeer } from './session-peer.ts'

const TEST_HARDWARE: Hardware = {
  computeScore: 150_000,
  cores: 4,
  memoryMiB: 8_192,
  storageMiB: 20_000,
  connection: CONNECTION.unmetered,
}

/** The page that the worker works for. */
export const OWN_PEER = sessionPeer('page')

/** Turns of the event loop until WebCrypto, promises and the store have settled. */
const SETTLE_TURNS = 8

export interface HarnessClock extends TransportClock {
  /** Runs what is due within the time, in order, letting promises settle in between. */
  advance(ms: number): Promise<void>
  set(now: number): void
}

export function createHarnessClock(start: number): HarnessClock {
  let now = start
  const tasks = new Set<{ at: number; run: () => void }>()
  return {
    now: () => now,
    after(delayMs, run) {
      const task = { at: now + delayMs, run }
      tasks.add(task)
      return () => tasks.delete(task)
    },
    async advance(ms) {
      const end = now + ms
      for (;;) {
        await settle()
        const [next] = [...tasks].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)
        if (next === undefined) break
        tasks.delete(next)
        now = Math.max(now, next.at)
        next.run()
      }
      now = Math.max(now, end)
      await settle()
    },
    set(value) {
      now = value
    },
  }
}

/** Lets all pending promises run, thread-pool work included. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < SETTLE_TURNS; turn++) await new Promise((resolve) => setImmediate(resolve))
}

export interface HarnessInit {
  readonly chain: ChainBuilder
  readonly store?: LocalStore
  readonly clock?: HarnessClock
  readonly ports?: Partial<ClientPorts>
  readonly openStore?: AppInit['openStore']
}

export interface Penalty {
  readonly peerId: string
  readonly points: number
  readonly code: string
}

export class ClientHarness {
  readonly app: App
  readonly clock: HarnessClock
  readonly store: LocalStore
  readonly views: AppView[] = []
  readonly penalties: Penalty[] = []
  readonly calls: PageCall[] = []
  readonly #chain: ChainBuilder
  readonly #servers = new Map<string, Answer>()
  /** Answers to dials, by first address. */
  readonly dialled = new Map<string, string>()
  #underWay = 0
  #hanging = 0

  constructor(init: HarnessInit) {
    this.#chain = init.chain
    this.clock = init.clock ?? createHarnessClock(init.chain.tip.block.header.time + 500)
    this.store = init.store ?? createMemoryStore()
    const verifier = createNodeVerifier()
    let random = 7
    this.app = new App({
      ports: {
        page: { call: (body) => this.#counted(this.#page(body)) } as PagePort,
        verifier: {
          verify: (check) => verifier.verify(check),
          verifyBatch: (checks) => this.#counted(verifier.verifyBatch(checks)),
        },
        clock: this.clock,
        random: (length) => Uint8Array.from({ length }, () => (random = (random * 73 + 41) % 251)),
        createWallet: () => this.#counted(generateWebSigner()),
        openWallet: (keyPair) => webSignerFromKeyPair(keyPair),
        loadWords: async () => RECOVERY_WORDLIST,
        loadScrypt: async () => quickScrypt,
        hardware: async () => TEST_HARDWARE,
        isPersisted: async () => false,
        ...init.ports,
      },
      openStore: init.openStore ?? (async () => this.store),
      onView: (view) => this.views.push(view),
    })
  }

  async #counted<Value>(promise: Promise<Value>): Promise<Value> {
    this.#underWay++
    try {
      return await promise
    } finally {
      this.#underWay--
    }
  }

  async #page(body: PageCall): Promise<unknown> {
    this.calls.push(body)
    switch (body.call) {
      case 'dial': {
        const peerId = body.addresses.map((address) => this.dialled.get(address)).find((one) => one !== undefined)
        return peerId === undefined
          ? { ok: false, code: 'timeout', sentence: 'Nobody there.' }
          : { ok: true, value: { peerId } }
      }
      case 'request': {
        const answer = this.#servers.get(body.peerId)
        if (answer === undefined) return { ok: false, code: 'peer-gone', sentence: 'Gone.' }
        const bytes = await answer(body.protocol, body.bytes).catch((error: unknown) => {
          if (error instanceof NotServed) return 'unsupported' as const
          throw error
        })
        if (bytes === 'unsupported') return { ok: false, code: 'unsupported', sentence: 'Not served.' }
        return bytes === 'reject' ? { ok: false, code: 'refused', sentence: 'Refused.' } : { ok: true, value: bytes }
      }
      case 'power':
        return POWER.mains
      case 'peer-key':
        return OWN_PEER.peerKey
      case 'penalise':
        this.penalties.push({ peerId: body.peerId, points: body.points, code: body.code })
        return null
      default:
        return null
    }
  }

  call<Body extends WorkerCall>(body: Body): Promise<WorkerReplies[Body['call']]> {
    const handlers = this.app.handlers() as unknown as Record<string, (body: WorkerCall) => Promise<never>>
    return Promise.resolve((handlers[body.call] as (body: WorkerCall) => Promise<never>)(body))
  }

  /** Runs a call that waits for time or answers, moving the clock until it is done. */
  async finish<Body extends WorkerCall>(body: Body, maxMs = 60_000): Promise<WorkerReplies[Body['call']]> {
    let done = false
    const reply = this.call(body).finally(() => {
      done = true
    })
    // Thrown to the test below; until then nobody waits for it.
    reply.catch(() => undefined)
    for (let spent = 0; spent < maxMs; spent += 100) {
      await this.idle()
      if (done) break
      await this.clock.advance(100)
    }
    return reply
  }

  /** Until nothing is under way that the clock does not drive. */
  async idle(): Promise<void> {
    do await settle()
    while (this.#underWay > this.#hanging)
    await this.client?.stored()
  }

  /** Opens the app and joins the chain's network, from a checkpoint or from genesis. */
  async open(checkpoint?: BuiltBlock, addresses: readonly string[] = []): Promise<void> {
    await this.call({ call: 'open', init: { codeOrigin: 'test', servedBy: undefined } })
    const added = await this.call({ call: 'add-network', link: this.link(checkpoint, addresses) })
    if (!added.ok) throw new Error(added.sentence)
    await this.idle()
  }

  link(checkpoint: BuiltBlock = this.#chain.first, addresses: readonly string[] = []): string {
    const { height, hash } = checkpoint.node
    return formatJoinLink({
      version: 1,
      networkId: this.#chain.networkId,
      checkpoint: { height, hash },
      addresses: [...addresses],
      name: 'Test',
    })
  }

  /** A server connects; everything that follows by itself is done when this resolves. */
  async connect(peerId: string, answer: Answer): Promise<void> {
    this.#servers.set(peerId, answer)
    await this.call({ call: 'peer-connected', peerId, transport: 'webrtc-direct', address: `/ip4/10.0.0.1/${peerId}` })
    await this.idle()
  }

  async disconnect(peerId: string): Promise<void> {
    this.#servers.delete(peerId)
    await this.call({ call: 'peer-disconnected', peerId })
    await this.idle()
  }

  /** Another behaviour from now on, without a new connection. */
  replace(peerId: string, answer: Answer): void {
    this.#servers.set(peerId, answer)
  }

  /** A server that takes questions of one protocol and never answers them. */
  hangIn(protocol: string, honest: Answer): Answer {
    return (asked, bytes) => {
      if (asked !== protocol) return honest(asked, bytes)
      this.#hanging++
      return new Promise(() => {})
    }
  }

  /** A server that gives its first answer in one protocol when `answer` is there; until then it hangs. */
  answerLate(protocol: string, honest: Answer, answer: Promise<Uint8Array>): Answer {
    let isFirst = true
    return (asked, bytes) => {
      if (asked !== protocol || !isFirst) return honest(asked, bytes)
      isFirst = false
      this.#hanging++
      return answer.finally(() => this.#hanging--)
    }
  }

  async gossip(from: string, block: BuiltBlock): Promise<GossipVerdict> {
    return this.gossipBytes(from, headerItemCodec.encode(block.item))
  }

  async gossipBytes(from: string, bytes: Uint8Array): Promise<GossipVerdict> {
    const verdict = await this.call({ call: 'gossip', from, topic: topicsOf(this.#chain.networkId).headers, bytes })
    await this.idle()
    return verdict
  }

  get client(): NetworkClient | undefined {
    return this.app.client
  }

  get network(): NetworkView {
    const { active } = this.app.view()
    if (active === undefined) throw new Error('no network is open')
    return active
  }

  get networkId(): string {
    return toHex(this.#chain.networkId)
  }

  /** Codes of the incidents, newest first. */
  get incidents(): string[] {
    return this.network.incidents.map(({ code }) => code)
  }
}
