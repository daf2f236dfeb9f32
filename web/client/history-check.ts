import type { ChainNode } from '../../shared/chain/chain-node.ts'
import { KEPT_BELOW_SETTLED } from '../../shared/chain/fork-graph.ts'
import type { HeaderItem } from '../../shared/chain/header-item.ts'
import { MAX_HEADERS_PER_ANSWER } from '../../shared/protocol/ids.ts'
import { encodeStartPoint } from '../../shared/sync/start-point.ts'
import type { ChainWrite, HeaderChunk } from '../store/local-store.ts'
import { CHUNK_HEADERS, type HeaderLog, type LogBase, MAX_STORED_HEADERS } from './header-log.ts'
import { baseOf } from './load-chain.ts'
import { type HeaderRules, readHeaders, readPackedHeaders } from './read-headers.ts'

export interface HistoryCheckInit extends HeaderRules {
  readonly log: HeaderLog
  /** What the chain is followed from: all below it is to lead there. */
  readonly base: LogBase
  readonly origin: LogBase
  readonly readChunk: (first: number) => Promise<HeaderChunk | undefined>
  /** Asks a server for the headers after a hash; undefined while none can say. */
  readonly fetch: (after: ChainNode, count: number) => Promise<readonly HeaderItem[] | undefined>
  readonly write: (change: ChainWrite) => void
  /** Headers were checked, so many of them from a server. */
  readonly onChecked: (count: number, fetched: number) => void
  /** Something in the database did not hold. */
  readonly onDamage: () => void
  readonly isStopped: () => boolean
}

interface Part {
  readonly base: LogBase
  readonly nodes: readonly ChainNode[]
}

/**
 * Checks stored headers that are older than the restart point, from the newest down, while the page is in use already.
 * Each chunk must hold by itself, every seal included, and end at the header that the part above begins with. What does
 * not, or is missing, is fetched again, and only that: the parts above are settled and need nothing from below.
 */
export class HistoryCheck {
  readonly #init: HistoryCheckInit
  /** All above is checked, down to this header. */
  #anchor: LogBase
  /** Headers right below the base of the graph, newest first, as far down as branches are looked at. */
  readonly #deep: ChainNode[] = []
  #deepBase: ChainNode | undefined
  #running: Promise<boolean> | undefined
  #isDone = false

  constructor(init: HistoryCheckInit) {
    this.#init = init
    this.#anchor = init.base
  }

  /** Headers without a gap right below the base, upwards, and the one that they stand on. */
  get below(): { readonly base: ChainNode; readonly nodes: readonly ChainNode[] } | undefined {
    return this.#deepBase && { base: this.#deepBase, nodes: this.#deep.toReversed() }
  }

  /** @returns whether all is checked now; what is left waits for a server */
  run(): Promise<boolean> {
    if (this.#isDone) return Promise.resolve(true)
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  async #run(): Promise<boolean> {
    const { log, origin, isStopped, write } = this.#init
    while (this.#anchor.node.height >= this.#lowest && this.#anchor.node.height > origin.node.height) {
      const part = await this.#nextPart()
      if (part === 'unknown' || isStopped()) return false
      if (part === 'none') break
    }
    const { height } = this.#anchor.node
    log.raiseFloor(height + 1)
    const deeper = log.firsts.filter((first) => first <= height)
    for (const first of deeper) log.forget(first)
    if (deeper.length > 0) write(log.change([], deeper))
    this.#isDone = true
    return true
  }

  /** Height of the lowest header wanted. */
  get #lowest(): number {
    const { log, origin } = this.#init
    return Math.max(log.floor, origin.node.height + 1, log.tip.height + 1 - MAX_STORED_HEADERS - CHUNK_HEADERS)
  }

  /** Takes up the next chunk below the anchor, with what is missing between; forgets chunks that do not hold. */
  async #nextPart(): Promise<'taken' | 'none' | 'unknown'> {
    const { log, readChunk, origin, onDamage } = this.#init
    for (;;) {
      const top = this.#anchor.node
      const first = log.firsts.filter((one) => one <= top.height).at(-1)
      const part = first === undefined ? undefined : await this.#readPart(await readChunk(first))
      const low = part === undefined ? origin : endOf(part)
      // More than is ever kept: what leads so far down is not fetched, and has no room in memory.
      const isFar = top.height - low.node.height > MAX_STORED_HEADERS + CHUNK_HEADERS
      if (isFar && part === undefined && first === undefined) return 'none'
      if (first !== undefined && (part === undefined || isFar || low.node.height > top.height)) {
        onDamage()
        this.#forget(first)
        continue
      }
      if (low.node.id !== top.id) {
        // Below the lowest chunk only what goes on from the join link's header can be had.
        if (part === undefined && log.floor > origin.node.height + 1) return 'none'
        onDamage()
        const filled = await this.#fill(low)
        if (filled === 'unknown' || (filled === 'elsewhere' && first === undefined)) return 'unknown'
        // It holds by itself, and still does not lead here.
        if (filled === 'elsewhere') {
          this.#forget(first as number)
          continue
        }
      }
      if (part !== undefined) this.#take(part, 0)
      return 'taken'
    }
  }

  async #readPart(chunk: HeaderChunk | undefined): Promise<Part | undefined> {
    const base = chunk && baseOf(chunk, this.#init.origin)
    if (chunk === undefined || base === undefined || chunk.first !== base.node.height + 1) return undefined
    const { nodes, whole } = await readPackedHeaders(chunk.items, base.node, this.#init)
    return whole && nodes.length > 0 ? { base, nodes } : undefined
  }

  /** Fetches what is missing between a header below and the anchor. */
  async #fill(low: LogBase): Promise<'filled' | 'unknown' | 'elsewhere'> {
    const { fetch, isStopped } = this.#init
    const top = this.#anchor.node
    const parts: Part[] = []
    for (let last = low; last.node.height < top.height; ) {
      const wanted = Math.min(top.height - last.node.height, MAX_HEADERS_PER_ANSWER)
      const items = await fetch(last.node, wanted)
      if (items === undefined || isStopped()) return 'unknown'
      const { nodes } = await readHeaders(items.slice(0, wanted), last.node, this.#init)
      if (nodes.length === 0) return 'elsewhere'
      for (let from = 0; from < nodes.length; from += CHUNK_HEADERS) {
        const part = { base: last, nodes: nodes.slice(from, from + CHUNK_HEADERS) }
        parts.push(part)
        last = endOf(part)
      }
    }
    if (parts.at(-1)?.nodes.at(-1)?.id !== top.id) return 'elsewhere'
    for (const part of parts.reverse()) this.#take(part, part.nodes.length)
    return 'filled'
  }

  #take({ base, nodes }: Part, fetched: number): void {
    const { log, write, onChecked } = this.#init
    const chunk = log.adopt(base.start, nodes)
    if (fetched > 0) write(log.change([chunk], []))
    this.#anchor = base
    if (this.#deep.length < KEPT_BELOW_SETTLED) {
      this.#deep.push(...nodes.toReversed())
      this.#deepBase = base.node
    }
    onChecked(nodes.length, fetched)
  }

  #forget(first: number): void {
    const { log, write } = this.#init
    log.forget(first)
    write(log.change([], [first]))
  }
}

/** The last header of a part, as a base for what comes after it. */
function endOf({ base, nodes }: Part): LogBase {
  const node = nodes.at(-1) as ChainNode
  return { node, start: encodeStartPoint(node, (nodes.at(-2) ?? base.node).range) }
}
