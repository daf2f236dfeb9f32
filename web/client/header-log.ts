import { concatBytes, uintToBytes } from '../../shared/bytes.ts'
import type { ChainNode } from '../../shared/chain/chain-node.ts'
import { LaresError } from '../../shared/errors.ts'
import { headerItemCodec } from '../../shared/protocol/messages.ts'
import { encodeStartPoint } from '../../shared/sync/start-point.ts'
import type { ChainWrite, HeaderChunk, RestartRecord } from '../store/local-store.ts'

/** Headers of one chunk in the database. */
export const CHUNK_HEADERS = 192
/** Headers of the restart point; beyond that the lower ones move into a chunk. */
export const MAX_RECENT_HEADERS = CHUNK_HEADERS + 64
/** Bytes of the restart point's headers, unless a single one is longer: many roster changes move out earlier. */
const MAX_RECENT_LENGTH = 128 * 1024
/** Headers kept; older ones that are settled go by whole chunks. */
export const MAX_STORED_HEADERS = 10_000
/** Unsettled headers are never dropped; beyond this many nothing more is stored, and a reload fetches it again. */
const HARD_LIMIT = 100_000

/** Where a log begins: a header that was checked, and the history before it. */
export interface LogBase {
  readonly node: ChainNode
  /** Encoded start point of {@link node}. */
  readonly start: Uint8Array
}

interface Part {
  readonly first: number
  readonly start: Uint8Array
  /** Encoded header items. */
  readonly items: Uint8Array[]
}

/**
 * The best chain as it is stored: the newest headers in the restart point, older ones in packed chunks. Says what to write
 * for each change; writes nothing itself. Each part carries the start point below it, so the ones before may be dropped.
 */
export class HeaderLog {
  readonly #base: LogBase
  readonly #nodeOf: (id: string) => ChainNode | undefined
  /** Upwards. There may be gaps among those that were adopted. */
  #chunks: Part[] = []
  /** First heights of older chunks in the database that nobody has looked at yet. */
  readonly #unread: Set<number>
  #recent: Part
  #tip: { readonly height: number; readonly hash: Uint8Array }
  #floor: number

  /**
   * @param nodeOf finds headers near the tip
   * @param older first heights of chunks below the base that are in the database, not looked at yet
   * @param floor height of the lowest header that is wanted; default: the one above the base
   */
  constructor(
    base: LogBase,
    nodeOf: (id: string) => ChainNode | undefined,
    older: readonly number[] = [],
    floor = base.node.height + 1,
  ) {
    this.#base = base
    this.#nodeOf = nodeOf
    this.#unread = new Set(older)
    this.#recent = { first: base.node.height + 1, start: base.start, items: [] }
    this.#tip = { height: base.node.height, hash: base.node.hash }
    this.#floor = floor
  }

  /** Headers held: those of chunks that nobody has looked at yet do not count. */
  get count(): number {
    return [...this.#chunks, this.#recent].reduce((sum, { items }) => sum + items.length, 0)
  }

  get tip(): { readonly height: number; readonly hash: Uint8Array } {
    return this.#tip
  }

  /** Height of the lowest header that is wanted: those below were let go. */
  get floor(): number {
    return this.#floor
  }

  /** First heights of all chunks that belong in the database, upwards. */
  get firsts(): number[] {
    return [...this.#unread, ...this.#chunks.map(({ first }) => first)].sort((a, b) => a - b)
  }

  /**
   * The best chain changed: everything from the height of the first applied header on goes, then all applied are added.
   * @param applied consecutive, upwards, the first on a header that is in the log
   * @param settledHeight chunks wholly below it may be dropped
   * @throws {LaresError} `not-consecutive`: a fault of the caller
   */
  apply(applied: readonly ChainNode[], settledHeight: number): ChainWrite {
    const touched = new Set<Part>()
    const remove = new Set<number>()
    const near = new Map(applied.map((node) => [node.id, node]))
    const nodeOf = (id: string) => near.get(id) ?? this.#nodeOf(id)
    const [lowest] = applied
    if (lowest !== undefined) {
      this.#cut(lowest.height, remove)
      // Below all that is held: the chunks were let go.
      if (lowest.height < this.#recent.first)
        this.#recent = { first: lowest.height, start: this.#startPoint(lowest.parentId, nodeOf), items: [] }
      this.#floor = Math.min(this.#floor, this.#recent.first)
    }
    for (const node of applied) this.#append(node, nodeOf, touched)
    // What nobody has looked at yet is not counted, and is looked at soon.
    while (this.#mayDropFirst(settledHeight)) {
      const dropped = this.#chunks.shift() as Part
      touched.delete(dropped)
      remove.add(dropped.first)
      this.#floor = (this.#chunks[0] ?? this.#recent).first
    }
    return this.change([...touched].map(packChunk), [...remove])
  }

  /** Takes up headers that were checked and lie below all that is followed: what the database had, or lacked. */
  adopt(start: Uint8Array, nodes: readonly ChainNode[]): HeaderChunk {
    const first = (nodes[0] as ChainNode).height
    this.#unread.delete(first)
    const above = this.#chunks.findIndex((chunk) => chunk.first > first)
    const part = { first, start, items: nodes.map(encodeItem) }
    this.#chunks.splice(above === -1 ? this.#chunks.length : above, 0, part)
    return packChunk(part)
  }

  /** A chunk of the database does not hold, or belongs to no chain that does. */
  forget(first: number): void {
    this.#unread.delete(first)
  }

  /** Lets go of all chunks, for want of room. */
  trim(): void {
    this.#chunks = []
    this.#unread.clear()
    this.#floor = this.#recent.first
  }

  /** What is below cannot be had. */
  raiseFloor(floor: number): void {
    this.#floor = Math.max(this.#floor, floor)
  }

  /** Writes chunks that were adopted, removes those that were forgotten. */
  change(put: readonly HeaderChunk[], remove: readonly number[]): ChainWrite {
    return { restart: this.#restart(), put, remove }
  }

  /** Everything that is held, for a database whose content is not what it should be: see {@link firsts} for what stays. */
  rewrite(): ChainWrite {
    return this.change(this.#chunks.map(packChunk), [])
  }

  #restart(): RestartRecord {
    const { start, items } = packChunk(this.#recent)
    return { ...this.#tip, floor: this.#floor, start, items }
  }

  #cut(from: number, remove: Set<number>): void {
    if (from > this.#tip.height + 1 && this.count < HARD_LIMIT)
      throw new LaresError('not-consecutive', `header ${from} after ${this.#tip.height}`)
    // Down into older headers: the last chunk that holds some of them is the restart point from now on.
    while (from < this.#recent.first || (from === this.#recent.first && this.#recent.items.length > 0)) {
      const last = this.#chunks.at(-1)
      if (last === undefined || last.first + last.items.length !== this.#recent.first) break
      this.#chunks.pop()
      remove.add(last.first)
      this.#recent = last
    }
    this.#recent.items.splice(Math.max(0, from - this.#recent.first))
  }

  #append(node: ChainNode, nodeOf: (id: string) => ChainNode | undefined, touched: Set<Part>): void {
    if (this.count >= HARD_LIMIT) return
    const item = encodeItem(node)
    const bytes = lengthOf(this.#recent) + item.length
    const { length } = this.#recent.items
    if (length > 0 && (length >= MAX_RECENT_HEADERS || bytes > MAX_RECENT_LENGTH)) {
      // The lower part moves out; all of it where single headers are as long as that.
      const count = length >= MAX_RECENT_HEADERS ? CHUNK_HEADERS : length
      this.#moveOut(count, node, nodeOf, touched)
    }
    this.#recent.items.push(item)
    this.#tip = { height: node.height, hash: node.hash }
  }

  /** The lowest headers of the restart point become chunks. */
  #moveOut(count: number, next: ChainNode, nodeOf: (id: string) => ChainNode | undefined, touched: Set<Part>): void {
    const { first, start, items } = this.#recent
    // Down from the newest to the header that the restart point goes on from.
    let base = nodeOf(next.parentId)
    while (base !== undefined && base.height >= first + count) base = nodeOf(base.parentId)
    const below = base && nodeOf(base.parentId)
    // Too deep for what is in memory, which only a chunk just cut open can be: it waits for newer headers.
    if (base === undefined || below === undefined) return
    const chunk = { first, start, items: items.slice(0, count) }
    this.#chunks.push(chunk)
    touched.add(chunk)
    this.#recent = { first: first + count, start: encodeStartPoint(base, below.range), items: items.slice(count) }
  }

  #startPoint(id: string, nodeOf: (id: string) => ChainNode | undefined): Uint8Array {
    if (id === this.#base.node.id) return this.#base.start
    const node = nodeOf(id)
    const below = node && nodeOf(node.parentId)
    if (node === undefined || below === undefined) throw new LaresError('not-consecutive', `header ${id} is not known`)
    return encodeStartPoint(node, below.range)
  }

  #mayDropFirst(settledHeight: number): boolean {
    const [first, second] = this.#chunks
    if (first === undefined || (second ?? this.#recent).first > settledHeight) return false
    return this.count - first.items.length >= MAX_STORED_HEADERS
  }
}

function encodeItem({ sealed, rosterChanges }: ChainNode): Uint8Array {
  return headerItemCodec.encode({ sealed, rosterChanges })
}

function lengthOf({ items }: Part): number {
  return items.reduce((sum, { length }) => sum + length, 0)
}

/** The items in the form of a headers answer. */
function packChunk({ first, start, items }: Part): HeaderChunk {
  return { first, start, items: concatBytes(uintToBytes(items.length, 2), ...items) }
}
