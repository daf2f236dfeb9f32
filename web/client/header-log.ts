import { concatBytes, uintToBytes } from '../../shared/bytes.ts'
import type { ChainNode } from '../../shared/chain/chain-node.ts'
import { LaresError } from '../../shared/errors.ts'
import { MAX_GOSSIP_HEADER_LENGTH, MAX_HEADERS_ANSWER_LENGTH } from '../../shared/protocol/ids.ts'
import { headerItemCodec } from '../../shared/protocol/messages.ts'
import type { ChainTip, ChainWrite, HeaderChunk } from '../store/local-store.ts'
import { encodeStartPoint } from './start-point.ts'

/** Headers of one record in the database. */
export const CHUNK_HEADERS = 500
/** A chunk with many roster changes is closed earlier, bytes: with one item more it still reads as a headers answer. */
const MAX_CHUNK_LENGTH = MAX_HEADERS_ANSWER_LENGTH - MAX_GOSSIP_HEADER_LENGTH - 2
/** Headers kept; older ones that are settled go by whole chunks. */
export const MAX_STORED_HEADERS = 10_000
/** Unsettled headers are never dropped; beyond this many nothing more is stored, and a reload fetches it again. */
const HARD_LIMIT = 100_000

interface OpenChunk {
  readonly first: number
  readonly start: Uint8Array
  /** Encoded header items. */
  readonly items: Uint8Array[]
  bytes: number
}

/** Where a log begins: a header that was checked, and the history before it. */
export interface LogBase {
  readonly node: ChainNode
  /** Encoded start point of {@link node}. */
  readonly start: Uint8Array
}

/**
 * The best chain as it is stored: packed chunks above a base. Says what to write for each change; writes nothing itself.
 * Each chunk carries the start point below it, so the ones before may be dropped.
 */
export class HeaderLog {
  readonly #base: LogBase
  readonly #nodeOf: (id: string) => ChainNode | undefined
  readonly #chunks: OpenChunk[] = []
  #tip: ChainTip

  /** @param nodeOf finds recent headers of the best chain */
  constructor(base: LogBase, nodeOf: (id: string) => ChainNode | undefined) {
    this.#base = base
    this.#nodeOf = nodeOf
    this.#tip = { height: base.node.height, hash: base.node.hash }
  }

  /** Headers stored. */
  get count(): number {
    return this.#chunks.reduce((sum, { items }) => sum + items.length, 0)
  }

  get tip(): ChainTip {
    return this.#tip
  }

  /**
   * The best chain changed: everything from the height of the first applied header on goes, then all applied are added.
   * @param applied consecutive, upwards, the first on a header that is in the log
   * @param settledHeight chunks wholly below it may be dropped
   * @throws {LaresError} `not-consecutive`: a fault of the caller
   */
  apply(applied: readonly ChainNode[], settledHeight: number): ChainWrite {
    const touched = new Set<OpenChunk>()
    const remove = new Set<number>()
    const [lowest] = applied
    if (lowest !== undefined) this.#cut(lowest.height, touched, remove)
    for (const node of applied) this.#append(node, touched)
    while (this.#mayDropFirst(settledHeight)) {
      const dropped = this.#chunks.shift() as OpenChunk
      touched.delete(dropped)
      remove.add(dropped.first)
    }
    return { tip: this.#tip, put: [...touched].map(packChunk), remove: [...remove] }
  }

  /** Everything, for a database whose content is not what it should be. */
  rewrite(): ChainWrite {
    return { tip: this.#tip, put: this.#chunks.map(packChunk), remove: [] }
  }

  #cut(from: number, touched: Set<OpenChunk>, remove: Set<number>): void {
    if (from > this.#tip.height + 1 && this.count < HARD_LIMIT)
      throw new LaresError('not-consecutive', `header ${from} after ${this.#tip.height}`)
    for (let last = this.#chunks.at(-1); last !== undefined; last = this.#chunks.at(-1)) {
      const keep = from - last.first
      if (keep >= last.items.length) return
      if (keep > 0) {
        for (const item of last.items.splice(keep)) last.bytes -= item.length
        touched.add(last)
        return
      }
      this.#chunks.pop()
      touched.delete(last)
      remove.add(last.first)
    }
  }

  #append(node: ChainNode, touched: Set<OpenChunk>): void {
    if (this.count >= HARD_LIMIT) return
    let chunk = this.#chunks.at(-1)
    if (chunk === undefined || chunk.items.length >= CHUNK_HEADERS || chunk.bytes >= MAX_CHUNK_LENGTH) {
      chunk = { first: node.height, start: this.#startPoint(node.parentId), items: [], bytes: 0 }
      this.#chunks.push(chunk)
    }
    const item = headerItemCodec.encode({ sealed: node.sealed, rosterChanges: node.rosterChanges })
    chunk.items.push(item)
    chunk.bytes += item.length
    touched.add(chunk)
    this.#tip = { height: node.height, hash: node.hash }
  }

  #startPoint(id: string): Uint8Array {
    if (id === this.#base.node.id) return this.#base.start
    const node = this.#nodeOf(id)
    const range = node && this.#nodeOf(node.parentId)?.range
    if (node === undefined || range === undefined) throw new LaresError('not-consecutive', `header ${id} is not known`)
    return encodeStartPoint(node, range)
  }

  #mayDropFirst(settledHeight: number): boolean {
    const [first, second] = this.#chunks
    if (first === undefined || second === undefined) return false
    return this.count - first.items.length >= MAX_STORED_HEADERS && second.first <= settledHeight
  }
}

/** The items in the form of a headers answer. */
function packChunk({ first, start, items }: OpenChunk): HeaderChunk {
  return { first, start, items: concatBytes(uintToBytes(items.length, 2), ...items) }
}
