import { type Block, blockCodec } from '../block/block.ts'
import { transactionRoot } from '../block/transaction-tree.ts'
import { equalBytes, toHex } from '../bytes.ts'
import type { ChainNode } from '../chain/chain-node.ts'
import { hashHeader } from '../header/header.ts'
import { MAX_BLOCKS_PER_REQUEST } from '../protocol/ids.ts'

/** Peers that bodies are fetched from at once; more are not asked. */
export const MAX_BODY_PEERS = 8
/** Requests under way to one peer: the second is there when the first is answered. */
const REQUESTS_PER_PEER = 2
/** Bodies fetched ahead of the one that is next, and their bytes: beyond either, nothing more is asked for. */
export const MAX_BODIES_AHEAD = 256
export const MAX_BODY_BYTES_AHEAD = 48 * 1024 * 1024
/** A request is given up after so many times what the peer has needed for others, ms between these bounds. */
const PATIENCE = 4
const MIN_DEADLINE_MS = 2_000
const MAX_DEADLINE_MS = 45_000
/** Before anything was measured: what a request takes, ms. */
const FIRST_GUESS_MS = 2_500
/** Weight of the newest measurement, one in so many. */
const SMOOTHING = 4
/** A peer that had nothing, or was too slow, is left alone this long, ms; twice as long each time after that. */
const PAUSE_MS = 5_000
const MAX_PAUSE_DOUBLINGS = 5

interface Peer {
  /** Work of the chain that it claims: what has more it cannot have. */
  work: bigint
  /** What a request to it takes, ms, smoothed. */
  typicalMs: number
  requests: number
  pausedUntil: number
  failures: number
}

interface Request {
  readonly peer: string
  readonly ids: readonly string[]
  readonly since: number
  readonly deadline: number
}

/** What is to be asked of whom; the answer goes to {@link BodyFetch.answered}, its absence to {@link BodyFetch.failed}. */
export interface BodyRequest {
  readonly id: number
  readonly peer: string
  readonly hashes: readonly Uint8Array[]
}

/** `foreign-body`: a body that was not asked for, or not that of its header. */
export type BodyOffence = 'foreign-body' | 'malformed'

/**
 * Fetches the bodies of headers that were checked, from several full nodes at once, and hands them out in order. Without
 * I/O or clock: time comes in. A peer is given what is next; when it takes several times as long as it did before, others
 * are asked for the same, and it is asked less. Slowness is never an offence.
 */
export class BodyFetch {
  readonly #peers = new Map<string, Peer>()
  readonly #requests = new Map<number, Request>()
  readonly #bodies = new Map<string, { readonly block: Block; readonly length: number }>()
  #wanted: readonly ChainNode[] = []
  #bytes = 0
  #nextId = 1

  /** Headers whose bodies are still to come or to be taken. */
  get missing(): number {
    return this.#wanted.length
  }

  /** What is wanted now, upwards. What was fetched of it stays. */
  want(nodes: readonly ChainNode[]): void {
    this.#wanted = nodes
    const ids = new Set(nodes.map(({ id }) => id))
    for (const id of [...this.#bodies.keys()]) if (!ids.has(id)) this.#forget(id)
  }

  peerStands(peer: string, work: bigint): void {
    const known = this.#peers.get(peer)
    if (known !== undefined) {
      known.work = work
      return
    }
    // One that only ever failed makes room: claims cost nothing.
    if (this.#peers.size >= MAX_BODY_PEERS) {
      const [worst] = [...this.#peers].sort(([, a], [, b]) => b.failures - a.failures)
      if (worst === undefined || worst[1].failures === 0) return
      this.peerGone(worst[0])
    }
    this.#peers.set(peer, { work, typicalMs: FIRST_GUESS_MS, requests: 0, pausedUntil: 0, failures: 0 })
  }

  peerGone(peer: string): void {
    this.#peers.delete(peer)
    for (const [id, request] of this.#requests) if (request.peer === peer) this.#requests.delete(id)
  }

  /** What to ask for now. Call it after every event, and from time to time. */
  next(now: number): BodyRequest[] {
    this.#giveUp(now)
    const underway = new Set([...this.#requests.values()].flatMap(({ ids }) => ids))
    const open = this.#wanted.slice(0, MAX_BODIES_AHEAD).filter(({ id }) => !this.#bodies.has(id) && !underway.has(id))
    const asked: BodyRequest[] = []
    // Who answers fastest gets what is next.
    const peers = [...this.#peers].sort(([, a], [, b]) => a.typicalMs - b.typicalMs)
    for (let round = 0; round < REQUESTS_PER_PEER; round++)
      for (const [peer, state] of peers) {
        // The one that is next may always come: else nothing would ever make room.
        if (this.#bytes >= MAX_BODY_BYTES_AHEAD && open[0] !== this.#wanted[0]) return asked
        if (state.requests > round || now < state.pausedUntil) continue
        const nodes = open.filter(({ work }) => work <= state.work).slice(0, MAX_BLOCKS_PER_REQUEST)
        if (nodes.length === 0) continue
        for (const node of nodes) open.splice(open.indexOf(node), 1)
        const deadline = now + Math.min(MAX_DEADLINE_MS, Math.max(MIN_DEADLINE_MS, PATIENCE * state.typicalMs))
        const id = this.#nextId++
        this.#requests.set(id, { peer, ids: nodes.map((node) => node.id), since: now, deadline })
        state.requests++
        asked.push({ id, peer, hashes: nodes.map(({ hash }) => hash) })
      }
    return asked
  }

  /** @returns what an honest peer never sends */
  answered(id: number, blocks: readonly Uint8Array[], now: number): BodyOffence | undefined {
    const request = this.#requests.get(id)
    // Given up before: others were asked, but what comes late is as good.
    const wanted = new Map(this.#wanted.map((node) => [node.id, node]))
    const peer = request && this.#end(id, request)
    let taken = 0
    for (const bytes of blocks) {
      const block = blockCodec.decode(bytes)
      if (!block.ok) return this.#fail(peer, now, 'malformed')
      const { header, transactions } = block.value
      const blockId = toHex(hashHeader(header))
      const wasAsked = request === undefined || request.ids.includes(blockId)
      if (!wasAsked || !equalBytes(transactionRoot(transactions), header.transactionRoot))
        return this.#fail(peer, now, 'foreign-body')
      const node = wanted.get(blockId)
      if (node === undefined || this.#bodies.has(blockId)) continue
      // The seal that was verified with the header: the one that came with the body is anybody's.
      const body = { header, transactions, seal: node.sealed.seal }
      this.#bodies.set(blockId, { block: body, length: bytes.length })
      this.#bytes += bytes.length
      taken++
    }
    if (peer === undefined || request === undefined) return undefined
    if (taken === 0) this.#pause(peer, now)
    else {
      peer.failures = 0
      peer.typicalMs += (now - request.since - peer.typicalMs) / SMOOTHING
    }
    return undefined
  }

  /** No answer, or a refusal. */
  failed(id: number, now: number): void {
    const request = this.#requests.get(id)
    if (request === undefined) return
    const peer = this.#end(id, request)
    if (peer !== undefined) this.#pause(peer, now)
  }

  /** The next body in order, once it is there. */
  take(): { readonly node: ChainNode; readonly block: Block } | undefined {
    const [node] = this.#wanted
    const body = node && this.#bodies.get(node.id)
    if (node === undefined || body === undefined) return undefined
    this.#forget(node.id)
    this.#wanted = this.#wanted.slice(1)
    return { node, block: body.block }
  }

  #giveUp(now: number): void {
    for (const [id, request] of this.#requests) {
      if (now < request.deadline) continue
      const peer = this.#end(id, request)
      if (peer === undefined) continue
      peer.typicalMs = Math.min(MAX_DEADLINE_MS, 2 * peer.typicalMs)
      this.#pause(peer, now)
    }
  }

  #end(id: number, { peer }: Request): Peer | undefined {
    this.#requests.delete(id)
    const state = this.#peers.get(peer)
    if (state !== undefined) state.requests = Math.max(0, state.requests - 1)
    return state
  }

  #fail(peer: Peer | undefined, now: number, offence: BodyOffence): BodyOffence {
    if (peer !== undefined) this.#pause(peer, now)
    return offence
  }

  #pause(peer: Peer, now: number): void {
    peer.pausedUntil = now + PAUSE_MS * 2 ** Math.min(peer.failures, MAX_PAUSE_DOUBLINGS)
    peer.failures++
  }

  #forget(id: string): void {
    this.#bytes -= this.#bodies.get(id)?.length ?? 0
    this.#bodies.delete(id)
  }
}
