import { equalBytes, toHex } from '../bytes.ts'
import { type ChainNode, type ChainRules, extendChain } from '../chain/chain-node.ts'
import { isAsleep, maxAhead } from '../chain/clock-rules.ts'
import type { ForkGraph } from '../chain/fork-graph.ts'
import type { HeaderItem } from '../chain/header-item.ts'
import type { SignatureCheck } from '../crypto/signature-verifier.ts'
import type { Result } from '../errors.ts'
import { hashHeader } from '../header/header.ts'
import { MAX_HEADERS_PER_ANSWER, MAX_LOCATOR_LENGTH } from '../protocol/ids.ts'
import {
  headerItemCodec,
  headersCodec,
  headersRequestCodec,
  type Status,
  statusCodec,
  statusRequestCodec,
} from '../protocol/messages.ts'
import { type Batch, FetchLine, type Source } from './fetch-line.ts'
import type { SyncAction, SyncEvent, SyncPhase } from './sync-events.ts'

/** Headers from the near future that are held until the clock reaches them. When full, the oldest is forgotten. */
export const MAX_HELD_HEADERS = 64
/** Peers whose state is kept. */
export const MAX_SYNC_PEERS = 64
/** A peer that answers nothing useful is not asked for headers for this long, ms; twice as long each time after that. */
const USELESS_PAUSE_MS = 15_000
const MAX_USELESS_DOUBLINGS = 3
/** A status is asked again after this many spacings without news, */
const STATUS_SPACINGS = 2
/** and not sooner than after this long, ms. */
const MIN_STATUS_INTERVAL_MS = 5_000

interface PeerState {
  status: Status | undefined
  statusAt: number
  /** Its status lacked what was settled here: until it has that it is of little use, and nothing but a status says so. */
  isBehind: boolean
  asked: boolean
  pausedUntil: number
  /** Times in a row that it was of no use. */
  useless: number
  /** Id of the last header of a branch that it has been giving us, to go on from there: the branch may be long. */
  branchHead: string | undefined
}

type Pending =
  | { readonly kind: 'status'; readonly peer: string }
  | { readonly kind: 'headers'; readonly peer: string }
  | ({ readonly kind: 'verify' } & Batch)

export interface LightSyncOptions {
  /** Headers asked for at once. */
  readonly perAnswer?: number
  /** Whether more headers may be asked for now: who needs the bodies too does not run ahead without end. */
  readonly mayFetch?: () => boolean
  /** The code for which the block of a header, by ID, turned out bad: it is not followed whatever its work. */
  readonly refusedFor?: (id: string) => string | undefined
}

/**
 * Follows a chain by headers: asks peers where they stand, fetches and validates what is missing, takes new headers from
 * gossip. A sans-I/O state machine: events and the time in, actions out; the browser's worker, a light view in Node and
 * the tests drive the same code.
 */
export class LightSync {
  readonly #graph: ForkGraph
  readonly #rules: ChainRules
  readonly #perAnswer: number
  readonly #mayFetch: () => boolean
  readonly #refusedFor: (id: string) => string | undefined
  readonly #peers = new Map<string, PeerState>()
  readonly #pending = new Map<number, Pending>()
  readonly #held: { readonly peer: string; readonly id: string; readonly item: HeaderItem; readonly due: number }[] = []
  #nextId = 1
  #fetching = false
  readonly #line = new FetchLine()
  #everAnswered = false
  #headersVerified = 0

  constructor(graph: ForkGraph, rules: ChainRules, options: LightSyncOptions = {}) {
    this.#graph = graph
    this.#rules = rules
    this.#perAnswer = options.perAnswer ?? MAX_HEADERS_PER_ANSWER
    this.#mayFetch = options.mayFetch ?? (() => true)
    this.#refusedFor = options.refusedFor ?? (() => undefined)
  }

  get graph(): ForkGraph {
    return this.#graph
  }

  /** Headers whose every rule and seal this node has checked itself. */
  get headersVerified(): number {
    return this.#headersVerified
  }

  statusOf(peer: string): Status | undefined {
    return this.#peers.get(peer)?.status
  }

  /** The height that the peers speak of, believed for a progress bar only. */
  get targetHeight(): number {
    let height = this.#graph.tip.height
    for (const { status } of this.#peers.values()) height = Math.max(height, status?.tip.height ?? 0)
    return height
  }

  phase(now: number): SyncPhase {
    if (this.#peers.size === 0) return this.#everAnswered ? 'offline' : 'connecting'
    if (!this.#everAnswered) return 'connecting'
    if ((this.#fetching || this.#line.head !== undefined) && this.targetHeight - this.#graph.tip.height > 2)
      return 'syncing'
    return isAsleep(this.#graph.tip.sealed.header.time, now, this.#rules.parameters) ? 'asleep' : 'following'
  }

  handle(event: SyncEvent, now: number): SyncAction[] {
    const actions: SyncAction[] = []
    switch (event.type) {
      case 'peer-connected':
        if (this.#peers.size < MAX_SYNC_PEERS && !this.#peers.has(event.peer))
          this.#peers.set(event.peer, {
            status: undefined,
            statusAt: 0,
            isBehind: false,
            asked: false,
            pausedUntil: 0,
            useless: 0,
            branchHead: undefined,
          })
        break
      case 'peer-gone':
        this.#peers.delete(event.peer)
        break
      case 'answer':
        this.#onAnswer(event.id, event.result, now, actions)
        break
      case 'verified':
        this.#onVerified(event.id, event.verdicts, now, actions)
        break
      case 'gossip':
        this.#onGossip(event, now, actions)
        break
      case 'tick':
        this.#releaseHeld(now, actions)
        break
    }
    this.#ask(now, actions)
    return actions
  }

  /** Whatever is worth asking now: statuses that are old, then headers from the peer that claims most work. */
  #ask(now: number, actions: SyncAction[]): void {
    const patience = Math.max(MIN_STATUS_INTERVAL_MS, STATUS_SPACINGS * this.#rules.parameters.spacingMs)
    let best: [string, PeerState] | undefined
    for (const [peer, state] of this.#peers) {
      if (!state.asked && (state.status === undefined ? now >= state.pausedUntil : now - state.statusAt >= patience)) {
        state.asked = true
        const id = this.#expect({ kind: 'status', peer })
        actions.push({
          type: 'request',
          id,
          peer,
          protocol: 'status',
          bytes: statusRequestCodec.encode({ networkId: this.#rules.networkId }),
        })
      }
      const work = state.status?.tip.work ?? 0n
      if (now >= state.pausedUntil && work > this.#graph.tip.work && work > (best?.[1].status?.tip.work ?? 0n))
        best = [peer, state]
    }
    if (this.#fetching || !this.#mayFetch()) return
    const { head, giver } = this.#line
    if (head !== undefined) {
      const work = giver === undefined ? 0n : (this.#peers.get(giver)?.status?.tip.work ?? 0n)
      if (giver !== undefined && work > head.work) this.#askHeaders(giver, [head.hash], actions)
      return
    }
    if (best === undefined) return
    const [peer, state] = best
    // A peer goes on after the first hash that is in its best chain, so the head of its branch does no harm on another.
    const branch = state.branchHead === undefined ? undefined : this.#graph.get(state.branchHead)
    this.#askHeaders(peer, branch === undefined ? [] : [branch.hash], actions)
  }

  /** @param from hashes to go on from, before those of the best chain */
  #askHeaders(peer: string, from: readonly Uint8Array[], actions: SyncAction[]): void {
    this.#fetching = true
    const id = this.#expect({ kind: 'headers', peer })
    const locator = [...from, ...this.#graph.locator(MAX_LOCATOR_LENGTH - from.length)]
    const bytes = headersRequestCodec.encode({
      networkId: this.#rules.networkId,
      locator,
      count: this.#perAnswer,
    })
    actions.push({ type: 'request', id, peer, protocol: 'headers', bytes })
  }

  #onAnswer(id: number, result: Result<Uint8Array>, now: number, actions: SyncAction[]): void {
    const pending = this.#pending.get(id)
    if (pending === undefined || pending.kind === 'verify') return
    this.#pending.delete(id)
    const { peer } = pending
    const state = this.#peers.get(peer)
    if (pending.kind === 'status') {
      if (state === undefined) return
      state.asked = false
      state.statusAt = now
      if (!result.ok) {
        state.pausedUntil = Math.max(state.pausedUntil, now + USELESS_PAUSE_MS)
        return
      }
      const status = statusCodec.decode(result.value)
      if (!status.ok || toHex(status.value.networkId) !== toHex(this.#rules.networkId)) {
        pause(state, now)
        actions.push({
          type: 'offence',
          peer,
          code: 'bad-status',
          detail: status.ok ? 'another network' : status.detail,
        })
        return
      }
      state.status = status.value
      state.isBehind = status.value.tip.height < this.#graph.settled.node.height
      this.#everAnswered = true
      return
    }

    this.#fetching = false
    if (!result.ok) {
      // Slow or gone is not lying: the next best peer is asked.
      if (state !== undefined) pause(state, now)
      return
    }
    const answer = headersCodec.decode(result.value)
    if (!answer.ok) {
      if (state !== undefined) pause(state, now)
      actions.push({ type: 'offence', peer, code: answer.code, detail: answer.detail })
      return
    }
    this.#validate(peer, answer.value.items, 'fetch', now, actions)
  }

  #onGossip(event: Extract<SyncEvent, { type: 'gossip' }>, now: number, actions: SyncAction[]): void {
    const { peer, gossipId } = event
    const item = headerItemCodec.decode(event.bytes)
    if (!item.ok) {
      actions.push(
        { type: 'gossip-verdict', gossipId, verdict: 'reject' },
        { type: 'offence', peer, code: item.code, detail: item.detail },
      )
      return
    }
    this.#validate(peer, [item.value], { gossipId }, now, actions)
  }

  /** Rules first, for the whole run; then all its signatures in one batch. */
  #validate(peer: string, items: readonly HeaderItem[], source: Source, now: number, actions: SyncAction[]): void {
    const nodes: { node: ChainNode; signatures: number }[] = []
    const signatures: SignatureCheck[] = []
    let parent: ChainNode | undefined
    let verdict: 'accept' | 'ignore' | 'reject' = 'ignore'
    let advanced = false
    let isGood = true
    const head = source === 'fetch' ? this.#line.head : undefined
    for (const item of items) {
      const { header } = item.sealed
      const hash = hashHeader(header)
      const known = this.#graph.get(toHex(hash))
      if (known !== undefined) {
        parent = known
        if (source === 'fetch') advanced = this.#advanceBranch(peer, known) || advanced
        // Passed on only with the very seal that was verified.
        verdict = equalBytes(known.sealed.seal, item.sealed.seal) && sameChanges(known, item) ? 'accept' : 'ignore'
        continue
      }
      parent ??= this.#graph.get(toHex(header.previousHash)) ?? nodeIf(head, header.previousHash)
      const refusedFor = this.#refusedFor(toHex(hash))
      if (refusedFor !== undefined) {
        // Who serves it as a part of its chain has executed its block; who passes on a header may not have.
        if (source === 'fetch')
          actions.push({ type: 'offence', peer, code: refusedFor, detail: `header ${header.height}, found bad before` })
        isGood = false
        break
      }
      // Not ours to judge: the sender may be ahead, on a branch, or just answering an older question.
      if (parent === undefined) {
        const state = this.#peers.get(peer)
        if (state !== undefined) state.statusAt = 0
        isGood = false
        break
      }
      const extended = extendChain(parent, item, this.#rules, hash)
      if (!extended.ok) {
        // Who knows newer rules than this node is not to blame for it.
        verdict = extended.code === 'unknown-version' ? 'ignore' : 'reject'
        actions.push({ type: 'offence', peer, code: extended.code, detail: extended.detail })
        isGood = false
        break
      }
      // After the rules, so that only who has done the work fills the room for what is ahead of the clock.
      const due = header.time - maxAhead(this.#rules.parameters)
      if (due > now) {
        this.#hold(peer, extended.value.node.id, item, due)
        verdict = 'ignore'
        isGood = false
        break
      }
      nodes.push({ node: extended.value.node, signatures: extended.value.signatures.length })
      signatures.push(...extended.value.signatures)
      parent = extended.value.node
    }
    if (nodes.length > 0) {
      const isFull = isGood && items.length === this.#perAnswer
      this.#verify({ peer, source, nodes, signatures, isFull }, actions)
      return
    }
    if (head !== undefined) {
      // The peer is judged by the same question once what is under way has counted.
      this.#line.stopLookingAhead()
      return
    }
    this.#finish(peer, source, verdict, !advanced, now, actions)
  }

  #verify(batch: Batch, actions: SyncAction[]): void {
    if (batch.source === 'fetch' && !this.#line.push(batch)) return
    const id = this.#expect({ kind: 'verify', ...batch })
    actions.push({ type: 'verify', id, signatures: batch.signatures })
  }

  #onVerified(id: number, verdicts: readonly boolean[], now: number, actions: SyncAction[]): void {
    const pending = this.#pending.get(id)
    if (pending?.kind !== 'verify') return
    this.#pending.delete(id)
    const { peer, nodes, source } = pending
    let next = 0
    let good = true
    let inserted = 0
    let isNews = false
    for (const { node, signatures } of nodes) {
      good = verdicts.slice(next, next + signatures).every(Boolean) && verdicts.length >= next + signatures
      next += signatures
      if (!good) {
        actions.push({ type: 'offence', peer, code: 'bad-seal', detail: `header ${node.height}` })
        break
      }
      const outcome = this.#graph.insert(node)
      isNews = outcome.kind === 'extension' || outcome.kind === 'reorganization'
      if (outcome.kind === 'extension' || outcome.kind === 'reorganization')
        actions.push({ type: 'chain', outcome, from: peer })
      if (outcome.kind === 'conflict') actions.push({ type: 'conflict', node, from: peer })
      if (outcome.kind !== 'duplicate' && outcome.kind !== 'orphan') inserted++
      if (source === 'fetch') this.#advanceBranch(peer, node)
    }
    this.#headersVerified += inserted
    // A peer that passes on what we follow has said where it stands; one on another branch is asked.
    const state = inserted > 0 && typeof source === 'object' ? this.#peers.get(peer) : undefined
    if (state?.status !== undefined && !state.isBehind && isNews) state.statusAt = now
    const ahead = source === 'fetch' ? this.#line.pop(good) : undefined
    if (ahead !== undefined) this.#verify(ahead, actions)
    this.#finish(peer, source, good ? 'accept' : 'reject', !good || inserted === 0, now, actions)
  }

  #finish(
    peer: string,
    source: Source,
    verdict: 'accept' | 'ignore' | 'reject',
    useless: boolean,
    now: number,
    actions: SyncAction[],
  ): void {
    if (source === 'held') return
    if (source !== 'fetch') {
      actions.push({ type: 'gossip-verdict', gossipId: source.gossipId, verdict })
      return
    }
    const state = this.#peers.get(peer)
    if (state === undefined) return
    // What gossip brought meanwhile was not for it to bring.
    if (!useless || (state.status?.tip.work ?? 0n) <= this.#graph.tip.work) {
      state.useless = 0
      return
    }
    pause(state, now)
    state.branchHead = undefined
    state.statusAt = 0
  }

  /** @returns whether the peer's branch has come further than before */
  #advanceBranch(peer: string, node: ChainNode): boolean {
    const state = this.#peers.get(peer)
    if (state === undefined || this.#graph.isBest(node)) return false
    const head = state.branchHead === undefined ? undefined : this.#graph.get(state.branchHead)
    if (head !== undefined && head.height >= node.height) return false
    state.branchHead = node.id
    return true
  }

  #hold(peer: string, id: string, item: HeaderItem, due: number): void {
    if (this.#held.some((one) => one.id === id)) return
    this.#held.push({ peer, id, item, due })
    if (this.#held.length > MAX_HELD_HEADERS) this.#held.shift()
  }

  #releaseHeld(now: number, actions: SyncAction[]): void {
    const due = this.#held.filter((one) => one.due <= now)
    if (due.length === 0) return
    const rest = this.#held.filter((one) => one.due > now)
    this.#held.splice(0, this.#held.length, ...rest)
    for (const { peer, item } of due) this.#validate(peer, [item], 'held', now, actions)
  }

  #expect(pending: Pending): number {
    const id = this.#nextId++
    this.#pending.set(id, pending)
    return id
  }
}

function nodeIf(node: ChainNode | undefined, hash: Uint8Array): ChainNode | undefined {
  return node !== undefined && equalBytes(node.hash, hash) ? node : undefined
}

function pause(state: PeerState, now: number): void {
  state.pausedUntil = now + USELESS_PAUSE_MS * 2 ** state.useless
  state.useless = Math.min(state.useless + 1, MAX_USELESS_DOUBLINGS)
}

function sameChanges(known: ChainNode, item: HeaderItem): boolean {
  const encode = ({ sealed, rosterChanges }: HeaderItem) =>
    headerItemCodec.encode({ sealed, rosterChanges: [...rosterChanges] })
  return item.rosterChanges.length === 0 ? known.rosterChanges.length === 0 : equalBytes(encode(known), encode(item))
}
