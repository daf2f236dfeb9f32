import { ClassicLevel } from 'classic-level'
import * as P from 'micro-packed'
import { type Block, blockCodec } from '../../shared/block/block.ts'
import { bytesToUint, uintToBytes } from '../../shared/bytes.ts'
import { type HeaderItem, headerItemCoder } from '../../shared/chain/header-item.ts'
import { hash32 } from '../../shared/codec.ts'
import { LaresError } from '../../shared/errors.ts'
import type { PlacedHistoryNode } from '../../shared/history/mountain-range.ts'
import type { HistoryNode } from '../../shared/history/node.ts'
import { historyNodeCoder } from '../../shared/history/node-codec.ts'
import { createNodeCache, type NodeCache } from '../../shared/state-tree/node-cache.ts'
import {
  encodeReference,
  type NodeRecord,
  type NodeReference,
  type StateStorage,
} from '../../shared/state-tree/storage.ts'
import { type RosterChange, rosterChangeCoder } from '../../shared/transaction/roster-change.ts'
import { BRANCH_RANGE, blocksBelowRange, KEYS, ROSTER_LOG_RANGE, stateNodeRange } from './key-table.ts'

/** Layout of the database; another number is another layout, and is not opened. */
const FORMAT = 'lares-chain-1'

const referenceCoder = P.struct({ version: P.U32BE, hash: hash32 })
const stateVersionCoder = P.struct({
  root: P.optional(P.bool, referenceCoder),
  stale: P.array(P.U32BE, referenceCoder),
})
const tipCoder = P.struct({ height: P.U32BE, hash: hash32 })
const settledCoder = P.struct({ height: P.U32BE, keepersSeen: P.U16BE, keepers: P.U16BE })
const lastSealedCoder = P.struct({ previousHash: hash32, hash: hash32, height: P.U32BE })
const loggedChangeCoder = P.struct({ height: P.U32BE, change: rosterChangeCoder })

export type Tip = P.UnwrapCoder<typeof tipCoder>
/** The header of the best chain that was settled, and by how many seats: what was settled stays settled. */
export type StoredSettled = P.UnwrapCoder<typeof settledCoder>
/** The last header that this relay sealed: it never seals another on the same parent. */
export type LastSealed = P.UnwrapCoder<typeof lastSealedCoder>

/** What one block of the best chain puts into the database. */
export interface BlockWrites {
  readonly height: number
  readonly hash: Uint8Array
  readonly block: Block
  readonly item: HeaderItem
  readonly transactionIds: readonly Uint8Array[]
  /** History nodes that appending this header creates. */
  readonly history: readonly PlacedHistoryNode[]
  readonly state: {
    readonly root: NodeReference | undefined
    readonly created: readonly NodeRecord[]
    readonly stale: readonly NodeReference[]
  }
}

/** What undoing one block of the best chain takes out. Its body stays: the branch may win again. */
export interface BlockUndo {
  readonly height: number
  readonly hash: Uint8Array
  readonly transactionIds: readonly Uint8Array[]
  readonly rosterChangeNumbers: readonly number[]
}

export interface ChainCommit {
  readonly undo: readonly BlockUndo[]
  readonly apply: readonly BlockWrites[]
  readonly lastSealed?: LastSealed | undefined
  /** Settled already, whatever the applied blocks settle. */
  readonly settled: StoredSettled
  /** States below this height are no longer served, and no branch may start there: their stale nodes go. */
  readonly pruneStatesTo: number
}

type Level = ClassicLevel<Uint8Array, Uint8Array>
type Operation = { type: 'put'; key: Uint8Array; value: Uint8Array } | { type: 'del'; key: Uint8Array }

/**
 * The relay's chain on disk. Every commit is one atomic, synced batch, so that a relay killed at any instant comes back at
 * a block boundary. Reads are synchronous: the state transition is.
 */
export class ChainStore {
  readonly #level: Level
  readonly #nodes: NodeCache

  private constructor(level: Level) {
    this.#level = level
    const storage: StateStorage = { get: (reference) => getFrom(level, KEYS.stateNode(encodeReference(reference))) }
    this.#nodes = createNodeCache({ storage })
  }

  /** @throws {LaresError} `database-locked`, `database-damaged`, `database-foreign` */
  static async open(location: string): Promise<ChainStore> {
    const level: Level = new ClassicLevel(location, { keyEncoding: 'view', valueEncoding: 'view' })
    try {
      await level.open()
    } catch (error) {
      const { cause } = error as { cause?: { code?: string } }
      const code = cause?.code === 'LEVEL_LOCKED' ? 'database-locked' : 'database-damaged'
      throw new LaresError(code, `cannot open the chain database: ${(error as Error).message}`, { cause: error })
    }
    try {
      await checkFormat(level)
    } catch (error) {
      await level.close()
      throw error
    }
    return new ChainStore(level)
  }

  async close(): Promise<void> {
    await this.#level.close()
  }

  get stateStorage(): StateStorage {
    return this.#nodes
  }

  genesis(): Uint8Array | undefined {
    return getFrom(this.#level, KEYS.meta('genesis'))
  }

  tip(): Tip | undefined {
    return this.#read(KEYS.meta('tip'), tipCoder)
  }

  settled(): StoredSettled | undefined {
    return this.#read(KEYS.meta('settled'), settledCoder)
  }

  lastSealed(): LastSealed | undefined {
    return this.#read(KEYS.meta('last-sealed'), lastSealedCoder)
  }

  /** Header item of the best chain. */
  headerItem(height: number): HeaderItem | undefined {
    return this.#read(KEYS.header(height), headerItemCoder)
  }

  /** Height of a header of the best chain. */
  heightOf(hash: Uint8Array): number | undefined {
    const value = getFrom(this.#level, KEYS.headerHeight(hash))
    return value === undefined ? undefined : Number(bytesToUint(value))
  }

  /** Body of a block of any branch. */
  blockBytes(hash: Uint8Array): Uint8Array | undefined {
    return getFrom(this.#level, KEYS.block(hash))
  }

  block(hash: Uint8Array): Block | undefined {
    const bytes = this.blockBytes(hash)
    if (bytes === undefined) return undefined
    const block = blockCodec.decode(bytes)
    if (!block.ok) throw damaged(`block: ${block.detail}`)
    return block.value
  }

  historyNode(level: number, index: number): HistoryNode | undefined {
    return this.#read(KEYS.history(level, index), historyNodeCoder)
  }

  /** The roster changes of the best chain from genesis on. */
  async rosterLog(): Promise<{ height: number; change: RosterChange }[]> {
    const log: { height: number; change: RosterChange }[] = []
    for await (const value of this.#level.values(ROSTER_LOG_RANGE)) log.push(decode(plain(value), loggedChangeCoder))
    return log
  }

  /** Root of the state after the block at a height; undefined where it is no longer (or not yet) kept. */
  stateRoot(height: number): { readonly root: NodeReference | undefined } | undefined {
    const version = this.#read(KEYS.stateVersion(height), stateVersionCoder)
    return version && { root: version.root }
  }

  /** Where a transaction of the best chain is. */
  transactionPlace(id: Uint8Array): { height: number; index: number } | undefined {
    return this.#read(KEYS.transaction(id), placeCoder)
  }

  /** The first block: its own description besides. */
  async writeGenesis(genesis: Uint8Array, writes: BlockWrites): Promise<void> {
    const operations: Operation[] = [put(KEYS.meta('genesis'), genesis)]
    this.#apply(operations, writes)
    await this.#write(operations, [], writes.state.created)
  }

  /** A block of a branch that is not followed now. */
  async writeSideBlock(height: number, hash: Uint8Array, block: Uint8Array, lastSealed?: LastSealed): Promise<void> {
    const operations = [put(KEYS.block(hash), block), put(KEYS.blockAt(height, hash), uintToBytes(block.length, 4))]
    if (lastSealed !== undefined) operations.push(put(KEYS.meta('last-sealed'), lastSealedCoder.encode(lastSealed)))
    await this.#level.batch(operations, { sync: true })
  }

  /** Bytes of the bodies beside the best chain. */
  async sideBytes(): Promise<number> {
    let bytes = 0
    for await (const [key, length] of this.#level.iterator(BRANCH_RANGE))
      if (this.heightOf(plain(key).slice(5)) === undefined) bytes += Number(bytesToUint(length))
    return bytes
  }

  /** Moves the best chain: takes blocks off and puts blocks on, all in one step. */
  async commit({ undo, apply, lastSealed, settled, pruneStatesTo }: ChainCommit): Promise<void> {
    const operations: Operation[] = []
    const removed: NodeReference[] = []
    for (const one of undo) {
      for await (const key of this.#level.keys(stateNodeRange(one.height))) {
        operations.push({ type: 'del', key })
        removed.push({ version: one.height, hash: plain(key).slice(5) })
      }
      operations.push(
        del(KEYS.header(one.height)),
        del(KEYS.headerHeight(one.hash)),
        del(KEYS.stateVersion(one.height)),
        ...one.transactionIds.map((id) => del(KEYS.transaction(id))),
        ...one.rosterChangeNumbers.map((number) => del(KEYS.rosterChange(number))),
      )
    }
    for (const writes of apply) this.#apply(operations, writes)
    if (lastSealed !== undefined) operations.push(put(KEYS.meta('last-sealed'), lastSealedCoder.encode(lastSealed)))
    operations.push(put(KEYS.meta('settled'), settledCoder.encode(settled)))
    removed.push(...(await this.#prune(operations, pruneStatesTo)))
    await this.#write(
      operations,
      removed,
      apply.flatMap((writes) => [...writes.state.created]),
    )
  }

  #apply(operations: Operation[], writes: BlockWrites): void {
    const { height, hash, item, state } = writes
    const block = blockCodec.encode(writes.block)
    operations.push(
      put(KEYS.block(hash), block),
      put(KEYS.blockAt(height, hash), uintToBytes(block.length, 4)),
      put(KEYS.header(height), headerItemCoder.encode(item)),
      put(KEYS.headerHeight(hash), uintToBytes(height, 4)),
      put(KEYS.stateVersion(height), stateVersionCoder.encode({ root: state.root, stale: [...state.stale] })),
      put(KEYS.meta('tip'), tipCoder.encode({ height, hash })),
      ...writes.history.map(({ level, index, node }) => put(KEYS.history(level, index), historyNodeCoder.encode(node))),
      ...writes.transactionIds.map((id, index) => put(KEYS.transaction(id), placeCoder.encode({ height, index }))),
      ...item.rosterChanges.map((change) =>
        put(KEYS.rosterChange(change.changeNumber), loggedChangeCoder.encode({ height, change })),
      ),
      ...state.created.map(({ reference, record }) => put(KEYS.stateNode(encodeReference(reference)), record)),
    )
  }

  /** Drops what only proofs at old heights needed, and the bodies of branches that lost there. */
  async #prune(operations: Operation[], to: number): Promise<NodeReference[]> {
    const removed: NodeReference[] = []
    if (to < 1) return removed
    for await (const key of this.#level.keys({ gte: KEYS.stateVersion(0), lt: KEYS.stateVersion(to) })) {
      // What the next block made stale was last needed by this state.
      const next = Number(bytesToUint(key.subarray(1))) + 1
      const version = this.#read(KEYS.stateVersion(next), stateVersionCoder)
      for (const reference of version?.stale ?? []) {
        operations.push(del(KEYS.stateNode(encodeReference(reference))))
        removed.push(reference)
      }
      operations.push({ type: 'del', key })
    }
    for await (const key of this.#level.keys(blocksBelowRange(to))) {
      const hash = plain(key).slice(5)
      if (this.heightOf(hash) === undefined) operations.push(del(KEYS.block(hash)))
      operations.push({ type: 'del', key })
    }
    return removed
  }

  async #write(
    operations: Operation[],
    removed: readonly NodeReference[],
    created: readonly NodeRecord[],
  ): Promise<void> {
    await this.#level.batch(operations, { sync: true })
    this.#nodes.applied({ remove: removed, put: created })
  }

  #read<Value>(key: Uint8Array, coder: P.CoderType<Value>): Value | undefined {
    const bytes = getFrom(this.#level, key)
    return bytes === undefined ? undefined : decode(bytes, coder)
  }
}

const placeCoder = P.struct({ height: P.U32BE, index: P.U16BE })

/** A new database gets its mark; what has other records than ours is left alone. */
async function checkFormat(level: Level): Promise<void> {
  const format = getFrom(level, KEYS.meta('format'))
  if (format !== undefined && Buffer.from(format).toString() === FORMAT) return
  const isEmpty = format === undefined && (await level.keys({ limit: 1 }).all()).length === 0
  if (!isEmpty) throw new LaresError('database-foreign', `this is no chain database of this version (${FORMAT})`)
  await level.put(KEYS.meta('format'), Buffer.from(FORMAT), { sync: true })
}

/** @throws {LaresError} `database-damaged` when the file under the record cannot be read */
function getFrom(level: Level, key: Uint8Array): Uint8Array | undefined {
  try {
    const bytes = level.getSync(key)
    return bytes && plain(bytes)
  } catch (error) {
    throw damaged((error as Error).message, error)
  }
}

/** LevelDB gives Buffers, whose slice() is no copy. */
function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function put(key: Uint8Array, value: Uint8Array): Operation {
  return { type: 'put', key, value }
}

function del(key: Uint8Array): Operation {
  return { type: 'del', key }
}

function decode<Value>(bytes: Uint8Array, coder: P.CoderType<Value>): Value {
  try {
    return coder.decode(bytes)
  } catch (error) {
    throw damaged((error as Error).message, error)
  }
}

function damaged(detail: string, cause?: unknown): LaresError {
  return new LaresError('database-damaged', `a record of the chain database cannot be read (${detail})`, { cause })
}
