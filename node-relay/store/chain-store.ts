import * as P from 'micro-packed'
import { type Block, blockCodec } from '../../shared/block/block.ts'
import { bytesToUint, uintToBytes } from '../../shared/bytes.ts'
import { type HeaderItem, headerItemCoder } from '../../shared/chain/header-item.ts'
import { hash32, u48 } from '../../shared/codec.ts'
import type { LaresError } from '../../shared/errors.ts'
import { fixedStruct, u16Field, u32Field } from '../../shared/fixed-struct.ts'
import type { PlacedHistoryNode } from '../../shared/history/mountain-range.ts'
import type { HistoryNode } from '../../shared/history/node.ts'
import { historyNodeCoder } from '../../shared/history/node-codec.ts'
import { createNodeCache, type NodeCache } from '../../shared/state-tree/node-cache.ts'
import {
  encodeReference,
  type NodeRecord,
  type NodeReference,
  REFERENCE_LENGTH,
  referenceText,
  type StateStorage,
  writeReference,
} from '../../shared/state-tree/storage.ts'
import { type RosterChange, rosterChangeCoder } from '../../shared/transaction/roster-change.ts'
import { Pace } from '../pace.ts'
import { CheckedLevel, type CheckedLevelInit, type Operation } from './checked-level.ts'
import { damaged, isDiskProblem, storageError } from './damage.ts'
import { settleFormat } from './format.ts'
import { blocksBelowRange, KEYS, sealsBelowRange, stateNodeRange, tableRange } from './key-table.ts'
import { finishReplacement } from './replace.ts'
import { readGenesisCopy, readSealedBlock, type SealedBlock, writeGenesisCopy, writeSealedBlock } from './seal-file.ts'
import { type ChainSnapshot, takeSnapshot } from './snapshot.ts'

const referenceCoder = P.struct({ version: P.U32BE, hash: hash32 })
/** `u32 count || (u32 version || hash 32)*`. Written by hand: a full block makes some ten thousand nodes stale. */
const referencesCoder: P.CoderType<NodeReference[]> = P.wrap({
  encodeStream(writer, references) {
    const bytes = new Uint8Array(references.length * REFERENCE_LENGTH)
    for (const [i, reference] of references.entries()) writeReference(reference, bytes, i * REFERENCE_LENGTH)
    writer.bytes(P.U32BE.encode(references.length))
    writer.bytes(bytes)
  },
  decodeStream(reader) {
    const bytes = reader.bytes(P.U32BE.decodeStream(reader) * REFERENCE_LENGTH)
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const references: NodeReference[] = []
    for (let at = 0; at < bytes.length; at += REFERENCE_LENGTH)
      references.push({ version: view.getUint32(at), hash: bytes.slice(at + 4, at + REFERENCE_LENGTH) })
    return references
  },
})
const stateVersionCoder = P.struct({
  root: P.optional(P.bool, referenceCoder),
  stale: referencesCoder,
})
const tipCoder = P.struct({ height: P.U32BE, hash: hash32 })
const settledCoder = P.struct({ height: P.U32BE, keepersSeen: P.U16BE, keepers: P.U16BE })
const lastSealedCoder = P.struct({ previousHash: hash32, hash: hash32, height: P.U32BE })
const restoredCoder = P.struct({
  height: P.U32BE,
  hash: hash32,
  time: u48,
  highestSealed: P.optional(P.bool, P.struct({ height: P.U32BE, hash: hash32 })),
})
const loggedChangeCoder = P.struct({ height: P.U32BE, change: rosterChangeCoder })

export type StateVersion = P.UnwrapCoder<typeof stateVersionCoder>
export type Tip = P.UnwrapCoder<typeof tipCoder>
/** The header of the best chain that was settled, and by how many seats: what was settled stays settled. */
export type StoredSettled = P.UnwrapCoder<typeof settledCoder>
/** The last header that this relay sealed: it never seals another on the same parent. */
export type LastSealed = P.UnwrapCoder<typeof lastSealedCoder>

/**
 * The chain was taken back to this block, and blocks above it that this relay sealed may be known to others: it seals
 * nothing until the highest of them is back, or its sealing key has been replaced.
 */
export type Restored = P.UnwrapCoder<typeof restoredCoder>

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

export interface ChainStoreInit extends CheckedLevelInit {
  /** Opens what is damaged, too, as far as it can be: to look at it and to make it anew. */
  readonly repair?: boolean | undefined
}

/** Nodes that the cache takes or lets go in one step. */
const CACHE_STEP = 256

/**
 * The relay's chain on disk. Every commit is one atomic, synced batch, so that a relay killed at any instant comes back at
 * a block boundary. Reads are synchronous: the state transition is.
 */
export class ChainStore {
  readonly #level: CheckedLevel
  readonly #nodes: NodeCache
  /**
   * Nodes of the blocks taken off by the last commit. Whoever asks while it is being written still reads the state before, and
   * LevelDB shows the batch before its promise says so. As many as the blocks of one reorganization made.
   */
  #leaving = new Map<string, Uint8Array>()

  private constructor(level: CheckedLevel) {
    this.#level = level
    const storage: StateStorage = {
      get: (reference) =>
        level.get(KEYS.stateNode(encodeReference(reference))) ?? this.#leaving.get(referenceText(reference)),
    }
    this.#nodes = createNodeCache({ storage })
  }

  /**
   * @throws {LaresError} `database-locked`, `database-damaged`, `database-foreign`, `database-newer`, `disk-full`,
   *   `disk-read-only`, `disk-failed`: the message is a sentence for a person
   */
  static async open(location: string, init: ChainStoreInit = {}): Promise<ChainStore> {
    const level = await openLevel(location, init)
    try {
      await settleFormat(level.raw, init)
      const store = new ChainStore(level)
      if (init.repair !== true) await store.#checkGenesis()
      return store
    } catch (error) {
      await level.close()
      throw storageError(error)
    }
  }

  async close(): Promise<void> {
    await this.#level.close()
  }

  /** Why nothing can be written now: a full or read-only disk, a write that failed. */
  get problem(): LaresError | undefined {
    return this.#level.problem
  }

  /** Has LevelDB put aside the files that it cannot read, of a database that is closed. @throws as {@link open} */
  static salvage(location: string): Promise<void> {
    return CheckedLevel.salvage(location)
  }

  /** The first record since opening that was found damaged. */
  get damage(): LaresError | undefined {
    return this.#level.damage
  }

  /** Makes writing possible again after a write that failed, once the disk allows it. Never throws. */
  async heal(): Promise<void> {
    try {
      await this.#level.heal()
    } catch (error) {
      if (!isDiskProblem(error)) throw error
    }
  }

  /** Merges LevelDB's tables: gives room on the disk back. */
  async compact(): Promise<void> {
    await this.#level.compact()
  }

  /** All that was written is on the disk when this resolves, in a store that does not sync each batch, too. */
  async flush(): Promise<void> {
    await this.#level.flush()
  }

  /** Every record, for whoever looks at all of them: `undefined` for one that is not what was written. */
  records(): AsyncGenerator<{ key: Uint8Array; value: Uint8Array | undefined }> {
    return this.#level.all()
  }

  /** All of it as it is now. @throws {LaresError} `database-damaged`, `database-busy` */
  snapshot(): Promise<ChainSnapshot> {
    return takeSnapshot(this.#level.raw, {
      tip: (bytes) => tipCoder.decode(bytes),
      settled: (bytes) => settledCoder.decode(bytes),
    })
  }

  get stateStorage(): StateStorage {
    return this.#nodes
  }

  genesis(): Uint8Array | undefined {
    return this.#level.get(KEYS.meta('genesis'))
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

  /** The header that this relay sealed on a parent, if it did, as long as that parent may be followed. */
  sealedOn(height: number, parentHash: Uint8Array): Uint8Array | undefined {
    return this.#level.get(KEYS.sealedOn(height, parentHash))
  }

  /** The last block that this relay sealed: written before the database, so it may know more. */
  sealedBlock(): SealedBlock | undefined {
    return readSealedBlock(this.#level.location)
  }

  restored(): Restored | undefined {
    return this.#read(KEYS.meta('restored'), restoredCoder)
  }

  /** Says that this chain was taken back, or (undefined) that its relay may seal again. */
  async setRestored(restored: Restored | undefined): Promise<void> {
    const key = KEYS.meta('restored')
    await this.#level.batch([restored === undefined ? del(key) : put(key, restoredCoder.encode(restored))])
  }

  /** Header item of the best chain. */
  headerItem(height: number): HeaderItem | undefined {
    return this.#read(KEYS.header(height), headerItemCoder)
  }

  /** Height of a header of the best chain. */
  heightOf(hash: Uint8Array): number | undefined {
    const value = this.#level.get(KEYS.headerHeight(hash))
    return value === undefined ? undefined : Number(bytesToUint(value))
  }

  /** Body of a block of any branch. */
  blockBytes(hash: Uint8Array): Uint8Array | undefined {
    return this.#level.get(KEYS.block(hash))
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
    for await (const { value } of this.#level.entries(tableRange('r'))) log.push(decode(value, loggedChangeCoder))
    return log
  }

  /** Root of the state after the block at a height; undefined where it is no longer (or not yet) kept. */
  stateRoot(height: number): { readonly root: NodeReference | undefined } | undefined {
    const version = this.stateVersion(height)
    return version && { root: version.root }
  }

  /** The same with what the block made stale. */
  stateVersion(height: number): StateVersion | undefined {
    return this.#read(KEYS.stateVersion(height), stateVersionCoder)
  }

  /** The highest header of the best chain that can be read, whatever the tip's own record says. */
  async highestHeader(): Promise<HeaderItem | undefined> {
    for await (const value of this.#level.readable({ ...tableRange('h'), reverse: true }))
      return decode(value, headerItemCoder)
    return undefined
  }

  /** Where a transaction of the best chain is. */
  transactionPlace(id: Uint8Array): { height: number; index: number } | undefined {
    return this.#read(KEYS.transaction(id), placeCoder)
  }

  /** The first block: its own description besides. */
  async writeGenesis(genesis: Uint8Array, writes: BlockWrites): Promise<void> {
    const operations: Operation[] = [put(KEYS.meta('genesis'), genesis)]
    const pace = new Pace()
    await this.#apply(operations, writes, pace)
    await this.#level.batch(operations, pace)
    await this.#renewNodes([], writes.state.created, pace)
    // After the record: where the copy is, the record was.
    writeGenesisCopy(this.#level.location, genesis)
  }

  /** A block of a branch that is not followed now. */
  async writeSideBlock(height: number, hash: Uint8Array, block: Uint8Array, lastSealed?: LastSealed): Promise<void> {
    const operations = [put(KEYS.block(hash), block), put(KEYS.blockAt(height, hash), uintToBytes(block.length, 4))]
    if (lastSealed !== undefined) await this.#noteSealed(operations, lastSealed, block)
    await this.#level.batch(operations)
  }

  /** Bytes of the bodies beside the best chain. */
  async sideBytes(): Promise<number> {
    let bytes = 0
    for await (const { key, value } of this.#level.entries(tableRange('B')))
      if (this.heightOf(key.slice(5)) === undefined) bytes += Number(bytesToUint(value))
    return bytes
  }

  /**
   * Moves the best chain: takes blocks off and puts blocks on, all in one step. Prepared in slices; once the promise resolves
   * all of it is there.
   */
  async commit(
    { undo, apply, lastSealed, settled, pruneStatesTo }: ChainCommit,
    pace: Pace = new Pace(),
    isGood: () => Promise<boolean> = async () => true,
  ): Promise<boolean> {
    const operations: Operation[] = []
    const removed: NodeReference[] = []
    const leaving = new Map<string, Uint8Array>()
    for (const one of undo) {
      for await (const { key, value } of this.#level.entries(stateNodeRange(one.height))) {
        const reference = { version: one.height, hash: key.slice(5) }
        operations.push({ type: 'del', key })
        removed.push(reference)
        leaving.set(referenceText(reference), value)
      }
      operations.push(
        del(KEYS.header(one.height)),
        del(KEYS.headerHeight(one.hash)),
        del(KEYS.stateVersion(one.height)),
        ...one.transactionIds.map((id) => del(KEYS.transaction(id))),
        ...one.rosterChangeNumbers.map((number) => del(KEYS.rosterChange(number))),
      )
    }
    for (const writes of apply) await this.#apply(operations, writes, pace)
    const last = apply.at(-1)
    if (lastSealed !== undefined && last !== undefined) {
      if (!(await isGood())) return false
      await this.#noteSealed(operations, lastSealed, blockCodec.encode(last.block))
    }
    operations.push(put(KEYS.meta('settled'), settledCoder.encode(settled)))
    removed.push(...(await this.#prune(operations, pruneStatesTo)))
    this.#leaving = leaving
    if (!(await this.#level.batch(operations, pace, isGood))) return false
    await this.#renewNodes(
      removed,
      apply.flatMap((writes) => [...writes.state.created]),
      pace,
    )
    return true
  }

  /** Carried over into a database that is made anew: own seals, and that the chain was taken back. */
  async writeSeals(seals: readonly LastSealed[], restored: Restored | undefined): Promise<void> {
    const operations = seals.map((one) => put(KEYS.sealedOn(one.height, one.previousHash), one.hash))
    const last = seals.reduce<LastSealed | undefined>(
      (a, b) => (a === undefined || b.height > a.height ? b : a),
      undefined,
    )
    if (last !== undefined) operations.push(put(KEYS.meta('last-sealed'), lastSealedCoder.encode(last)))
    if (restored !== undefined) operations.push(put(KEYS.meta('restored'), restoredCoder.encode(restored)))
    await this.#level.batch(operations)
  }

  async writeSettled(settled: StoredSettled): Promise<void> {
    await this.#level.batch([put(KEYS.meta('settled'), settledCoder.encode(settled))])
  }

  /** Before the batch with the block itself, so that not even a lost end of the log lets this parent be sealed on again. */
  async #noteSealed(operations: Operation[], sealed: LastSealed, block: Uint8Array): Promise<void> {
    await this.#level.heal()
    if (this.#level.problem !== undefined) throw this.#level.problem
    writeSealedBlock(this.#level.location, { ...sealed, block })
    operations.push(
      put(KEYS.meta('last-sealed'), lastSealedCoder.encode(sealed)),
      put(KEYS.sealedOn(sealed.height, sealed.previousHash), sealed.hash),
    )
  }

  /** A chain whose first record is lost is not to be taken for a new one, whose network is yet to be founded. */
  async #checkGenesis(): Promise<void> {
    const { location } = this.#level
    const genesis = this.genesis()
    if (genesis !== undefined) {
      try {
        if (readGenesisCopy(location) === undefined) writeGenesisCopy(location, genesis)
      } catch (error) {
        // A copy can wait until there is room for it.
        if (!isDiskProblem(error)) throw error
      }
      return
    }
    const records = this.#level.keys({})
    // The mark of the format is always there.
    await records.next()
    const second = await records.next()
    await records.return(undefined)
    if (second.done !== true || readGenesisCopy(location) !== undefined) throw damaged('the genesis record is missing')
  }

  async #apply(operations: Operation[], writes: BlockWrites, pace: Pace): Promise<void> {
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
      ...item.rosterChanges.map((change) =>
        put(KEYS.rosterChange(change.changeNumber), loggedChangeCoder.encode({ height, change })),
      ),
    )
    const places = await pace.map(writes.transactionIds, (id, index) =>
      put(KEYS.transaction(id), placeCoder.encode({ height, index })),
    )
    const nodes = await pace.map(state.created, ({ reference, record }) =>
      put(KEYS.stateNode(encodeReference(reference)), record),
    )
    for (const one of [...places, ...nodes]) operations.push(one)
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
    for await (const key of this.#level.keys(sealsBelowRange(to))) operations.push({ type: 'del', key })
    for await (const key of this.#level.keys(blocksBelowRange(to))) {
      const hash = key.slice(5)
      if (this.heightOf(hash) === undefined) operations.push(del(KEYS.block(hash)))
      operations.push({ type: 'del', key })
    }
    return removed
  }

  async #renewNodes(removed: readonly NodeReference[], created: readonly NodeRecord[], pace: Pace): Promise<void> {
    // Removals first: a branch that is undone may have held a node of the same name whose children lie elsewhere. While only
    // a part of it is done, the state before is read as well: what it needs is neither removed nor replaced.
    for (let at = 0; at < removed.length; at += CACHE_STEP) {
      this.#nodes.applied({ remove: removed.slice(at, at + CACHE_STEP), put: [] })
      if (pace.isDue) await pace.pause()
    }
    for (let at = 0; at < created.length; at += CACHE_STEP) {
      this.#nodes.applied({ remove: [], put: created.slice(at, at + CACHE_STEP) })
      if (pace.isDue) await pace.pause()
    }
  }

  #read<Value>(key: Uint8Array, coder: P.CoderType<Value>): Value | undefined {
    const bytes = this.#level.get(key)
    return bytes === undefined ? undefined : decode(bytes, coder)
  }
}

const placeCoder = fixedStruct({ height: u32Field, index: u16Field })

/** A database whose files are broken is salvaged only by who repairs it. */
async function openLevel(location: string, init: ChainStoreInit): Promise<CheckedLevel> {
  try {
    finishReplacement(location)
    return await CheckedLevel.open(location, init)
  } catch (error) {
    const translated = storageError(error)
    if (init.repair !== true || translated.code !== 'database-damaged') throw translated
    await CheckedLevel.salvage(location)
    return await CheckedLevel.open(location, init)
  }
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
