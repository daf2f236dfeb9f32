import type { ChainNode, ChainRules } from '../chain/chain-node.ts'
import type { ForkGraph, InsertOutcome } from '../chain/fork-graph.ts'
import type { SignatureVerifier } from '../crypto/signature-verifier.ts'
import type { GossipVerdict, TransportClock } from '../protocol/transport.ts'
import type { Asking } from './asking.ts'
import { LightSync, type LightSyncOptions } from './light-sync.ts'
import type { SyncAction, SyncEvent, SyncPhase } from './sync-events.ts'

/** Gossip messages being judged at once; more are ignored. */
export const MAX_GOSSIP_UNDER_WAY = 64
/** A message that was not judged within this time is ignored, ms. */
export const GOSSIP_TIMEOUT_MS = 10_000
/** Ticks are this far apart, ms, between these bounds and half a spacing. */
const MIN_TICK_MS = 500
const MAX_TICK_MS = 5_000
/** A tick that comes this much too late means that the device slept, ms. */
const SLEPT_MS = 60_000
/** A page that has been hidden this long is left alone, ms. */
export const HIDDEN_QUIET_MS = 5 * 60_000

export type ChainOutcome = Extract<InsertOutcome, { kind: 'extension' | 'reorganization' }>

export interface SyncDriverInit {
  readonly graph: ForkGraph
  readonly rules: ChainRules
  readonly servers: Pick<Asking, 'all' | 'ask'>
  readonly verifier: SignatureVerifier
  readonly clock: TransportClock
  readonly options?: LightSyncOptions
  /** The best chain changed, by all outcomes of one step, in order. */
  readonly onChain: (outcomes: readonly ChainOutcome[]) => void
  readonly onConflict: (node: ChainNode, peer: string) => void
  readonly onOffence: (peer: string, code: string) => void
  /** A server said where it stands: the bytes of its answer. */
  readonly onStatus: (bytes: Uint8Array, peer: string) => void
  /** After every step: phase, peers or counts may have changed. */
  readonly onStep: () => void
}

/** Drives {@link LightSync}: carries out its actions, feeds it answers, gossip and ticks. */
export class SyncDriver {
  readonly #init: SyncDriverInit
  readonly #gossip = new Map<number, (verdict: GossipVerdict) => void>()
  #graph: ForkGraph
  #sync: LightSync
  #verifiedBefore = 0
  #gossipId = 0
  #cancelTick: (() => void) | undefined
  #lastTick: number
  #hiddenSince: number | undefined
  #stopped = false

  constructor(init: SyncDriverInit) {
    this.#init = init
    this.#graph = init.graph
    this.#sync = new LightSync(init.graph, init.rules, init.options)
    this.#lastTick = init.clock.now()
    this.#schedule()
  }

  get sync(): LightSync {
    return this.#sync
  }

  get headersVerified(): number {
    return this.#verifiedBefore + this.#sync.headersVerified
  }

  get phase(): SyncPhase {
    return this.#sync.phase(this.#init.clock.now())
  }

  peerConnected(peer: string): void {
    this.#handle({ type: 'peer-connected', peer })
  }

  peerGone(peer: string): void {
    this.#handle({ type: 'peer-gone', peer })
  }

  /** Judges a gossiped header. */
  gossip(peer: string, bytes: Uint8Array): Promise<GossipVerdict> {
    if (this.#stopped || this.#gossip.size >= MAX_GOSSIP_UNDER_WAY) return Promise.resolve('ignore')
    const gossipId = ++this.#gossipId
    return new Promise((resolve) => {
      const cancel = this.#init.clock.after(GOSSIP_TIMEOUT_MS, () => this.#settleGossip(gossipId, 'ignore'))
      this.#gossip.set(gossipId, (verdict) => {
        cancel()
        resolve(verdict)
      })
      this.#handle({ type: 'gossip', gossipId, peer, bytes })
    })
  }

  setHidden(hidden: boolean): void {
    this.#hiddenSince = hidden ? (this.#hiddenSince ?? this.#init.clock.now()) : undefined
    if (!hidden) this.wake()
  }

  /** Looks at the clock now: after a long sleep everything that was under way is forgotten and asked anew. */
  wake(): void {
    if (this.#stopped) return
    this.#cancelTick?.()
    this.#tick()
  }

  /** The same chain in a graph that reaches deeper. What was under way is asked anew. */
  follow(graph: ForkGraph): void {
    this.#graph = graph
    if (!this.#stopped) this.#restart()
  }

  stop(): void {
    this.#stopped = true
    this.#cancelTick?.()
    for (const gossipId of [...this.#gossip.keys()]) this.#settleGossip(gossipId, 'ignore')
  }

  get #period(): number {
    return Math.min(MAX_TICK_MS, Math.max(MIN_TICK_MS, this.#init.rules.parameters.spacingMs / 2))
  }

  #schedule(): void {
    this.#cancelTick = this.#init.clock.after(this.#period, () => this.#tick())
  }

  #tick(): void {
    const now = this.#init.clock.now()
    const slept = Math.abs(now - this.#lastTick) > this.#period + SLEPT_MS
    this.#lastTick = now
    if (slept) this.#restart()
    this.#handle({ type: 'tick' })
    // Hidden for long: gossip still comes in, nothing is asked. The page says when it is seen again.
    if (this.#hiddenSince === undefined || now - this.#hiddenSince < HIDDEN_QUIET_MS) this.#schedule()
  }

  #restart(): void {
    this.#verifiedBefore += this.#sync.headersVerified
    this.#sync = new LightSync(this.#graph, this.#init.rules, this.#init.options)
    for (const gossipId of [...this.#gossip.keys()]) this.#settleGossip(gossipId, 'ignore')
    for (const { peerId } of this.#init.servers.all()) this.#handle({ type: 'peer-connected', peer: peerId })
  }

  #settleGossip(gossipId: number, verdict: GossipVerdict): void {
    const settle = this.#gossip.get(gossipId)
    this.#gossip.delete(gossipId)
    settle?.(verdict)
  }

  #handle(event: SyncEvent, sync = this.#sync): void {
    // An answer to a question of before the restart.
    if (this.#stopped || sync !== this.#sync) return
    const outcomes: ChainOutcome[] = []
    for (const action of sync.handle(event, this.#init.clock.now())) this.#perform(action, sync, outcomes)
    if (outcomes.length > 0) this.#init.onChain(outcomes)
    this.#init.onStep()
  }

  #perform(action: SyncAction, sync: LightSync, outcomes: ChainOutcome[]): void {
    const { servers, verifier, onConflict, onOffence } = this.#init
    switch (action.type) {
      case 'request':
        void servers.ask(action.peer, action.protocol, action.bytes).then((result) => {
          if (result.ok && action.protocol === 'status') this.#init.onStatus(result.value, action.peer)
          this.#handle({ type: 'answer', id: action.id, result }, sync)
        })
        break
      case 'verify':
        void verifier
          .verifyBatch(action.signatures)
          .then((verdicts) => this.#handle({ type: 'verified', id: action.id, verdicts }, sync))
        break
      case 'gossip-verdict':
        this.#settleGossip(action.gossipId, action.verdict)
        break
      case 'chain':
        outcomes.push(action.outcome)
        break
      case 'conflict':
        onConflict(action.node, action.from)
        break
      case 'offence':
        onOffence(action.peer, action.code)
        break
    }
  }
}
