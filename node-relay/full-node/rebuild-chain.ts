import { rmSync } from 'node:fs'
import { type Block, blockCodec } from '../../shared/block/block.ts'
import { transactionRoot } from '../../shared/block/transaction-tree.ts'
import { bytesToUint, equalBytes, fromHex, toHex } from '../../shared/bytes.ts'
import { KEPT_BELOW_SETTLED } from '../../shared/chain/fork-graph.ts'
import type { SignatureVerifier } from '../../shared/crypto/signature-verifier.ts'
import { LaresError } from '../../shared/errors.ts'
import { hashHeader, type SealedHeader } from '../../shared/header/header.ts'
import { sealCheck } from '../../shared/header/seal.ts'
import { MAX_TIME } from '../../shared/history/node.ts'
import { type Genesis, genesisCodec, genesisHeader, genesisState, networkIdOf } from '../../shared/ledger/genesis.ts'
import type { Roster } from '../../shared/roster/roster.ts'
import { createMemoryStateStorage } from '../../shared/state-tree/memory-storage.ts'
import { openStateTree } from '../../shared/state-tree/tree.ts'
import { ChainStore, type LastSealed, type Restored } from '../store/chain-store.ts'
import { buildingLocation, replaceDatabase } from '../store/replace.ts'
import { readGenesisCopy } from '../store/seal-file.ts'
import { FullChain } from './chain.ts'

/** Blocks between two words on the progress. */
const PROGRESS_BLOCKS = 1_000
/** Own seals are taken over from this far below the new tip: deeper ones, no branch may start from. */
const KEPT_SEALS = 2 * KEPT_BELOW_SETTLED
/** `g` and `B` keys: table, u32 height, hash. */
const SEAL_KEY_LENGTH = 37

export type RebuildOutcome =
  | {
      readonly kind: 'rebuilt'
      readonly height: number
      /** Set when this relay sealed blocks that the new database does not have. */
      readonly restored: Restored | undefined
    }
  /** The block is lost, or not valid: the chain can be made anew up to the one below it, when its owner says so. */
  | { readonly kind: 'block-lost'; readonly height: number; readonly tip: number; readonly detail: string }

export interface RebuildInit {
  readonly location: string
  readonly verifier: SignatureVerifier
  /** The keys with which this relay may have sealed of late: find what it has sealed. */
  readonly sealingKeys: readonly Uint8Array[]
  /** ms since the Unix epoch */
  readonly now: () => number
  /** Height to end with; the tip when absent. */
  readonly to?: number | undefined
  /** Called with the roster at the height to end with, before anything is replaced. @throws to leave all as it was */
  readonly confirm?: ((roster: Roster, networkId: Uint8Array) => Promise<void>) | undefined
  onProgress?(sentence: string): void
}

/**
 * Makes the database anew from the bodies of its best chain: each is executed and validated as if it came from a stranger,
 * and all else (headers, state, history, indexes) follows from them. The old database is replaced when the new one is
 * complete, in one step.
 *
 * What this relay has sealed is taken over, whatever becomes of the blocks. Where one of them is above the new tip, the new
 * database says so, and the relay seals nothing until that block is back or its key has been replaced.
 * @throws {LaresError} `genesis-lost`, `beyond-repair`, and as {@link ChainStore.open}
 */
export async function rebuildChain(init: RebuildInit): Promise<RebuildOutcome> {
  try {
    return await rebuild(init)
  } catch (error) {
    if (!isDamage(error)) throw error
  }
  // LevelDB opens tables as they are read, so that one is broken may show only now. Without it the rest can be read.
  try {
    await ChainStore.salvage(init.location)
    return await rebuild(init)
  } catch (error) {
    if (!isDamage(error)) throw error
    throw new LaresError('beyond-repair', 'The chain database cannot be read any more: restore a backup.', {
      cause: error,
    })
  }
}

function isDamage(error: unknown): boolean {
  return error instanceof LaresError && error.code === 'database-damaged'
}

async function rebuild(init: RebuildInit): Promise<RebuildOutcome> {
  const { location } = init
  const building = buildingLocation(location)
  const from = await ChainStore.open(location, { repair: true })
  let outcome: RebuildOutcome
  try {
    const genesis = readGenesis(from, location)
    const networkId = networkOf(genesis)
    const path = await findPath(from, networkId)
    if (init.to !== undefined && init.to > path.tip)
      throw new LaresError('no-such-block', `The chain ends at block ${path.tip}; name a lower one.`)
    rmSync(building, { recursive: true, force: true })
    const into = await ChainStore.open(building, { sync: false })
    try {
      outcome = await fill({ ...init, from, into, genesis, networkId, path, last: init.to ?? path.tip })
      await into.flush()
    } finally {
      await into.close()
    }
  } catch (error) {
    rmSync(building, { recursive: true, force: true })
    throw error
  } finally {
    await from.close()
  }
  if (outcome.kind === 'rebuilt') replaceDatabase(location)
  else rmSync(building, { recursive: true, force: true })
  return outcome
}

interface Filling extends RebuildInit {
  readonly from: ChainStore
  readonly into: ChainStore
  readonly genesis: Genesis
  readonly networkId: Uint8Array
  readonly path: Path
  readonly last: number
}

async function fill(init: Filling): Promise<RebuildOutcome> {
  const { from, into, path, last } = init
  // Nothing of it is ahead of the clock: it was taken in before.
  const now = () => MAX_TIME
  const chain = await FullChain.open({ store: into, verifier: init.verifier, now, genesis: init.genesis })
  for (let height = 1; height <= last; height++) {
    const block = bodyOf(from, path.hashes[height])
    const outcome = block && (await chain.accept(block))
    if (outcome?.kind !== 'extension') {
      const detail = outcome?.kind === 'rejected' ? outcome.rejection.detail : 'its body is lost'
      return { kind: 'block-lost', height, tip: path.tip, detail }
    }
    if (height % PROGRESS_BLOCKS === 0) init.onProgress?.(`block ${height} of ${last}`)
  }
  // Sealed and kept in its file, and then the relay was killed, or the end of the database was lost.
  const sealed = init.to === undefined ? from.sealedBlock() : undefined
  const unsaved = sealed && blockCodec.decode(sealed.block)
  if (unsaved?.ok === true && equalBytes(unsaved.value.header.previousHash, chain.tip.hash))
    await chain.accept(unsaved.value, { own: true })
  await init.confirm?.(chain.tip.roster, init.networkId)

  const { height, hash } = chain.tip
  const settled = readable(() => from.settled())
  if (settled !== undefined && settled.height <= height && settled.height > chain.graph.settled.node.height)
    await into.writeSettled(settled)
  const seals = await ownSeals(init)
  const highest = seals.reduce<LastSealed | undefined>(
    (a, b) => (a !== undefined && a.height >= b.height ? a : b),
    undefined,
  )
  const before = readable(() => from.restored())
  const restored: Restored | undefined =
    highest !== undefined && highest.height > height
      ? { height, hash, time: init.now(), highestSealed: { height: highest.height, hash: highest.hash } }
      : before
  await into.writeSeals(seals, restored)
  return { kind: 'rebuilt', height, restored }
}

interface Path {
  readonly tip: number
  /** Hashes by height. */
  readonly hashes: readonly Uint8Array[]
}

/** The best chain by its hashes, from the tip down: each body, or header where the body is lost, names the one before. */
async function findPath(store: ChainStore, networkId: Uint8Array): Promise<Path> {
  for (const tip of await tipCandidates(store)) {
    const hashes: Uint8Array[] = []
    let hash: Uint8Array | undefined = tip.hash
    for (let height = tip.height; height >= 0 && hash !== undefined; height--) {
      hashes[height] = hash
      hash = headerOf(store, height, hash)?.header.previousHash ?? hashOfHeader(store, height - 1)
    }
    if (hashes[0] !== undefined && equalBytes(hashes[0], networkId)) return { tip: tip.height, hashes }
  }
  throw new LaresError(
    'chain-lost',
    'No chain leads from what can be read back to the beginning of this network: restore a backup.',
  )
}

async function tipCandidates(store: ChainStore): Promise<{ height: number; hash: Uint8Array }[]> {
  const tip = readable(() => store.tip())
  const candidates = tip === undefined ? [] : [tip]
  const highest = await store.highestHeader()
  if (highest !== undefined)
    candidates.push({ height: highest.sealed.header.height, hash: hashHeader(highest.sealed.header) })
  const sealed = store.sealedBlock()
  return sealed === undefined ? candidates : [...candidates, sealed]
}

/** The body of a block, when it is that of its hash: from the database, or from the file of the block sealed last. */
function bodyOf(store: ChainStore, hash: Uint8Array | undefined): Block | undefined {
  if (hash === undefined) return undefined
  const isWhole = (block: Block) =>
    equalBytes(hashHeader(block.header), hash) &&
    equalBytes(transactionRoot(block.transactions), block.header.transactionRoot)
  const stored = readable(() => store.block(hash))
  if (stored !== undefined && isWhole(stored)) return stored
  const sealed = store.sealedBlock()
  const kept = sealed !== undefined && equalBytes(sealed.hash, hash) ? blockCodec.decode(sealed.block) : undefined
  return kept?.ok === true && isWhole(kept.value) ? kept.value : undefined
}

function headerOf(store: ChainStore, height: number, hash: Uint8Array): SealedHeader | undefined {
  const fromTable = readable(() => store.headerItem(height))?.sealed
  if (fromTable !== undefined && equalBytes(hashHeader(fromTable.header), hash)) return fromTable
  return bodyOf(store, hash)
}

function hashOfHeader(store: ChainStore, height: number): Uint8Array | undefined {
  const item = height < 0 ? undefined : readable(() => store.headerItem(height))
  return item && hashHeader(item.sealed.header)
}

/** Every header that this relay is known to have sealed and that may still be followed, by whatever record knows it. */
async function ownSeals(init: Filling): Promise<LastSealed[]> {
  const { from, path, last } = init
  const seals = new Map<string, LastSealed>()
  const note = (one: LastSealed) => seals.set(`${one.height} ${toHex(one.previousHash)}`, one)
  const headers = new Map<string, SealedHeader>()
  const lowest = Math.max(1, last - KEPT_SEALS)
  for (let height = lowest; height <= path.tip; height++) {
    const hash = path.hashes[height]
    const sealed = hash && headerOf(from, height, hash)
    if (hash !== undefined && sealed !== undefined) headers.set(toHex(hash), sealed)
  }
  for await (const { key, value } of from.records()) {
    if (value === undefined) continue
    const table = String.fromCharCode(key[0] ?? 0)
    if (table === 'g' && key.length === SEAL_KEY_LENGTH)
      note({ height: Number(bytesToUint(key.slice(1, 5))), previousHash: key.slice(5), hash: value.slice() })
    if (table !== 'B' || key.length !== SEAL_KEY_LENGTH || Number(bytesToUint(key.slice(1, 5))) < lowest) continue
    const block = bodyOf(from, key.slice(5))
    if (block !== undefined) headers.set(toHex(key.slice(5)), block)
  }
  const all = [...headers].flatMap(([id, sealed]) =>
    init.sealingKeys.map((sealingKey) => ({ hash: fromHex(id), sealed, sealingKey })),
  )
  const own = await init.verifier.verifyBatch(
    all.map(({ hash, sealed, sealingKey }) => sealCheck(init.networkId, hash, sealed.seal, sealingKey)),
  )
  for (const [i, { hash, sealed }] of all.entries())
    if (own[i] === true) note({ height: sealed.header.height, previousHash: sealed.header.previousHash, hash })
  const stored = readable(() => from.lastSealed())
  if (stored !== undefined) note(stored)
  const fromFile = from.sealedBlock()
  if (fromFile !== undefined)
    note({ height: fromFile.height, previousHash: fromFile.previousHash, hash: fromFile.hash })
  return [...seals.values()]
}

/** The record, or its copy beside the database. */
function readGenesis(store: ChainStore, location: string): Genesis {
  for (const bytes of [readable(() => store.genesis()), readGenesisCopy(location)]) {
    const genesis = bytes && genesisCodec.decode(bytes)
    if (genesis?.ok === true) return genesis.value
  }
  throw new LaresError('genesis-lost', 'The beginning of this network cannot be read any more: restore a backup.')
}

function networkOf(genesis: Genesis): Uint8Array {
  const empty = openStateTree({ storage: createMemoryStateStorage(), root: undefined })
  return networkIdOf(genesisHeader(genesis, empty.update({ version: 0, changes: genesisState(genesis) }).root))
}

/** undefined for what is damaged, too. */
function readable<Value>(read: () => Value): Value | undefined {
  try {
    return read()
  } catch (error) {
    if (error instanceof LaresError) return undefined
    throw error
  }
}
