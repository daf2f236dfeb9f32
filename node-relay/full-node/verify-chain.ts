import { blockCodec } from '../../shared/block/block.ts'
import { transactionRoot } from '../../shared/block/transaction-tree.ts'
import { bytesToUint, equalBytes, toHex } from '../../shared/bytes.ts'
import { type ChainNode, type ChainRules, extendChain, startChain } from '../../shared/chain/chain-node.ts'
import type { SignatureCheck, SignatureVerifier } from '../../shared/crypto/signature-verifier.ts'
import { LaresError } from '../../shared/errors.ts'
import { hashHeader } from '../../shared/header/header.ts'
import { appendHeader, EMPTY_RANGE } from '../../shared/history/mountain-range.ts'
import { encodeHistoryNode } from '../../shared/history/node.ts'
import { genesisCodec, genesisRoster, hashGenesis, networkIdOf } from '../../shared/ledger/genesis.ts'
import { type RosterChange, rosterChangeCoder } from '../../shared/transaction/roster-change.ts'
import { transactionIdOf } from '../../shared/transaction/transaction.ts'
import type { ChainStore } from '../store/chain-store.ts'
import { describeKey, KEYS, TABLES } from '../store/key-table.ts'
import { headerItemOf } from './chain.ts'
import { createReplay, type Replay } from './replay-state.ts'

/** Damages described one by one; the rest is only counted. */
const MAX_DESCRIBED_DAMAGES = 50
/** Signatures verified in one round. */
const SIGNATURE_ROUND = 512
/** Blocks, and records, between two words on the progress. */
const PROGRESS_BLOCKS = 1_000
const PROGRESS_RECORDS = 100_000

export interface ChainReport {
  readonly records: number
  /** Height up to which headers, seals, roster changes and roots were found good. */
  readonly verifiedTo: number
  readonly tip: number | undefined
  /** What is damaged, in words; at most MAX_DESCRIBED_DAMAGES. */
  readonly damages: readonly string[]
  readonly damageCount: number
  /** Lowest block of the best chain whose body is lost: no other record can bring it back. */
  readonly lostBody: number | undefined
}

export interface VerifyInit {
  readonly store: ChainStore
  readonly verifier: SignatureVerifier
  onProgress?(sentence: string): void
}

/**
 * Looks at a whole database, trusting nothing in it but the genesis description, and that only as far as the first header
 * commits to it: every record's checksum; every header with its seal, its roster changes and all its roots; every body
 * against its transaction root; the state replayed block by block and compared node by node with what is stored; the
 * history nodes and the indexes.
 */
export async function verifyChain(init: VerifyInit): Promise<ChainReport> {
  const { store } = init
  const damages: string[] = []
  let damageCount = 0
  const damage = (text: string) => {
    damageCount++
    if (damages.length < MAX_DESCRIBED_DAMAGES) damages.push(text)
  }
  /** Reads something that may be damaged; the damage was or is said. */
  const read = <Value>(what: string, reading: () => Value): Value | undefined => {
    try {
      return reading()
    } catch (error) {
      if (!(error instanceof LaresError)) throw error
      damage(`${what} cannot be read`)
      return undefined
    }
  }

  const scan = await scanRecords(init, damage)
  const tip = read('the tip record', () => store.tip())
  const pass = await walk(init, { damage, read, lowestState: scan.lowestState, tip: tip?.height })
  const lostBodies = pass.lostBodies.filter(({ hash }) => !isInSealFile(store, hash))

  if (tip === undefined) damage('there is no tip record')
  else if (pass.node !== undefined && pass.node.height === tip.height && !equalBytes(pass.node.hash, tip.hash))
    damage('the tip record names another block than the last header')
  const settled = read('the settled record', () => store.settled())
  if (settled !== undefined && tip !== undefined && settled.height > tip.height)
    damage('the settled record is above the tip')
  read('the record of the last seal', () => store.lastSealed())
  read('the mark of a chain taken back', () => store.restored())
  if (pass.node !== undefined && pass.node.height === tip?.height) {
    const counted = (table: string) => scan.counts.get(table) ?? 0
    const expected = { h: pass.node.height + 1, x: pass.node.height + 1, t: pass.transactions, r: pass.changes.length }
    for (const [table, count] of Object.entries(expected))
      if (counted(table) !== count && lostBodies.length === 0)
        damage(`${counted(table)} records of the kind ${TABLES[table]?.name}, where ${count} belong`)
  }
  return {
    records: scan.records,
    verifiedTo: pass.node?.height ?? -1,
    tip: tip?.height,
    damages,
    damageCount,
    lostBody: lostBodies[0]?.height,
  }
}

interface Reading {
  damage(text: string): void
  read<Value>(what: string, reading: () => Value): Value | undefined
}

async function scanRecords({ store, onProgress }: VerifyInit, damage: (text: string) => void) {
  const counts = new Map<string, number>()
  let records = 0
  let lowestState = 0xffff_ffff
  for await (const { key, value } of store.records()) {
    records++
    const table = String.fromCharCode(key[0] ?? 0)
    const known = TABLES[table]
    if (known === undefined || (known.keyLength !== undefined && known.keyLength !== key.length))
      damage(`a record of no known kind (${toHex(key.slice(0, 40))})`)
    else {
      counts.set(table, (counts.get(table) ?? 0) + 1)
      // The mark of the format is as it is in every format; opening has read it.
      if (value === undefined && !equalBytes(key, KEYS.meta('format')))
        damage(`${describeKey(key)}: the checksum does not fit`)
      if (table === 'v') lowestState = Math.min(lowestState, Number(bytesToUint(key.slice(1))))
      if (table === 'B' && value !== undefined) checkSideBody(store, key.slice(5), damage)
    }
    if (records % PROGRESS_RECORDS === 0) onProgress?.(`${records} records looked at`)
  }
  return { counts, records, lowestState }
}

/** Bodies of the best chain are looked at with their headers. */
function checkSideBody(store: ChainStore, hash: Uint8Array, damage: (text: string) => void): void {
  try {
    if (store.heightOf(hash) !== undefined) return
    const block = store.block(hash)
    if (block === undefined) damage('the body of a branch is missing')
    else if (!equalBytes(hashHeader(block.header), hash)) damage('the body of a branch is another one')
  } catch (error) {
    if (!(error instanceof LaresError)) throw error
    damage('the body of a branch cannot be read')
  }
}

interface Walked {
  /** The last header that is good. */
  readonly node: ChainNode | undefined
  readonly lostBodies: readonly { height: number; hash: Uint8Array }[]
  readonly transactions: number
  readonly changes: readonly { height: number; change: RosterChange }[]
}

/** From genesis up, each header on the one before. */
async function walk(
  init: VerifyInit,
  context: Reading & { readonly lowestState: number; readonly tip: number | undefined },
): Promise<Walked> {
  const { store, verifier } = init
  const { damage, read } = context
  const nothing: Walked = { node: undefined, lostBodies: [], transactions: 0, changes: [] }
  const bytes = read('the genesis record', () => store.genesis())
  const genesis = bytes && genesisCodec.decode(bytes)
  const first = read('header 0', () => store.headerItem(0))
  if (!genesis?.ok || first === undefined) {
    damage('there is no genesis that can be read')
    return nothing
  }
  const { header } = first.sealed
  const start = startChain({
    sealed: first.sealed,
    previous: undefined,
    roster: genesisRoster(genesis.value),
    range: EMPTY_RANGE,
  })
  if (!start.ok || !equalBytes(header.previousHash, hashGenesis(genesis.value))) {
    damage('header 0 is not that of this genesis')
    return nothing
  }
  const rules: ChainRules = { networkId: networkIdOf(header), parameters: genesis.value.parameters }

  let waiting: SignatureCheck[] = []
  const verifySignatures = async (height: number) => {
    if (!(await verifier.verifyBatch(waiting)).every(Boolean))
      damage(`a seal or a roster change at or below block ${height} is not signed by whom it says`)
    waiting = []
  }
  let replay: Replay | undefined = createReplay(genesis.value, store, context.lowestState)
  const checkState = (height: number, current: Replay) => {
    for (const text of current.differences(height)) damage(text)
  }
  checkState(0, replay)
  checkHistory(store, start.value, undefined, context)

  let node = start.value
  const lostBodies: { height: number; hash: Uint8Array }[] = []
  const changes: { height: number; change: RosterChange }[] = []
  let transactions = 0
  for (let height = 1; height <= (context.tip ?? -1); height++) {
    const item = read(`header ${height}`, () => store.headerItem(height))
    const extended = item && extendChain(node, item, rules)
    if (item === undefined || !extended?.ok) {
      damage(`header ${height} ${extended?.ok === false ? `does not fit: ${extended.detail}` : 'is not there'}`)
      break
    }
    const next = extended.value.node
    waiting.push(...extended.value.signatures)
    if (waiting.length >= SIGNATURE_ROUND) await verifySignatures(height)
    changes.push(...item.rosterChanges.map((change) => ({ height, change })))
    if (read(`the index of header ${height}`, () => store.heightOf(next.hash)) !== height)
      damage(`header ${height} is not in the index`)
    checkHistory(store, next, node, context)

    const block = read(`the body of block ${height}`, () => store.block(next.hash))
    const fromBody = block && headerItemOf(block)
    const isWhole =
      block !== undefined &&
      fromBody?.ok === true &&
      equalBytes(hashHeader(block.header), next.hash) &&
      equalBytes(transactionRoot(block.transactions), next.sealed.header.transactionRoot)
    if (!isWhole) {
      damage(`the body of block ${height} is lost`)
      lostBodies.push({ height, hash: next.hash })
      replay = undefined
    } else {
      if (!sameChanges(fromBody.value.rosterChanges, item.rosterChanges))
        damage(`header ${height} has other roster changes than its block`)
      for (const [index, transaction] of block.transactions.entries()) {
        const id = transactionIdOf(rules.networkId, transaction)
        const place = read('the index of a transaction', () => store.transactionPlace(id))
        if (place?.height !== height || place.index !== index)
          damage(`transaction ${index} of block ${height} is not in the index`)
      }
      transactions += block.transactions.length
      const fault = replay?.apply(block, node.roster, rules)
      if (fault !== undefined) {
        damage(`block ${height} does not lead to the state of its header: ${fault}`)
        replay = undefined
      }
      if (replay !== undefined) checkState(height, replay)
    }
    node = next
    if (height % PROGRESS_BLOCKS === 0) init.onProgress?.(`block ${height} of ${context.tip}`)
  }
  await verifySignatures(node.height)
  if (replay !== undefined && node.height === context.tip) for (const text of replay.missingNodes()) damage(text)
  await checkRosterLog(store, changes, damage)
  return { node, lostBodies, transactions, changes }
}

function checkHistory(store: ChainStore, node: ChainNode, parent: ChainNode | undefined, reading: Reading): void {
  const { created } = appendHeader(parent?.range ?? EMPTY_RANGE, {
    headerHash: node.hash,
    work: node.work - (parent?.work ?? 0n),
    time: node.sealed.header.time,
  })
  for (const { level, index, node: expected } of created) {
    const stored = reading.read('a history node', () => store.historyNode(level, index))
    if (stored === undefined || !equalBytes(encodeHistoryNode(stored), encodeHistoryNode(expected)))
      reading.damage(`history node ${index} of level ${level} is not that of its headers`)
  }
}

async function checkRosterLog(
  store: ChainStore,
  changes: Walked['changes'],
  damage: (text: string) => void,
): Promise<void> {
  try {
    const log = await store.rosterLog()
    const wrong = changes.findIndex(({ height, change }, i) => {
      const logged = log[i]
      return logged?.height !== height || !sameChanges([logged.change], [change])
    })
    if (wrong >= 0) damage(`roster change ${wrong + 1} is not in the log as its block has it`)
  } catch (error) {
    if (!(error instanceof LaresError)) throw error
    damage('the log of roster changes cannot be read')
  }
}

function sameChanges(a: readonly RosterChange[], b: readonly RosterChange[]): boolean {
  const encode = (change: RosterChange) => rosterChangeCoder.encode(change)
  return a.length === b.length && a.every((one, i) => equalBytes(encode(one), encode(b[i] as RosterChange)))
}

/** The block that this relay sealed last is also in a file of its own. */
function isInSealFile(store: ChainStore, hash: Uint8Array): boolean {
  const sealed = store.sealedBlock()
  return sealed !== undefined && equalBytes(sealed.hash, hash) && blockCodec.decode(sealed.block).ok
}
