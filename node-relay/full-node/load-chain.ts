import { equalBytes } from '../../shared/bytes.ts'
import { type ChainNode, type ChainRules, extendChain, startChain } from '../../shared/chain/chain-node.ts'
import { ForkGraph, type ForkGraphLimits, KEPT_BELOW_SETTLED } from '../../shared/chain/fork-graph.ts'
import type { HeaderParent } from '../../shared/chain/validate-header.ts'
import { LaresError } from '../../shared/errors.ts'
import { appendHeader, EMPTY_RANGE, type MountainRange } from '../../shared/history/mountain-range.ts'
import { peakPositions } from '../../shared/history/node.ts'
import {
  type Genesis,
  genesisCodec,
  genesisHeader,
  genesisRoster,
  genesisState,
  hashGenesis,
  networkIdOf,
  sealedGenesis,
} from '../../shared/ledger/genesis.ts'
import { checkRosterChange } from '../../shared/proof/roster-change.ts'
import type { Roster } from '../../shared/roster/roster.ts'
import { createMemoryStateStorage } from '../../shared/state-tree/memory-storage.ts'
import { openStateTree, type StateTree } from '../../shared/state-tree/tree.ts'
import { nativeSha256 } from '../crypto/native-hash.ts'
import type { ChainStore } from '../store/chain-store.ts'
import { damaged } from '../store/damage.ts'

export interface LoadedChain {
  readonly genesis: Genesis
  readonly rules: ChainRules
  readonly graph: ForkGraph
  /** State after the tip. */
  readonly tree: StateTree
}

/**
 * Reads a chain from its store, checking that what it holds fits together; a new store gets the given genesis.
 * @throws {LaresError} `no-genesis`, `database-damaged`
 */
export async function loadChain(init: {
  readonly store: ChainStore
  readonly genesis?: Genesis | undefined
  readonly limits?: Partial<ForkGraphLimits> | undefined
}): Promise<LoadedChain> {
  const { store, limits = {} } = init
  const keptBelowSettled = limits.keptBelowSettled ?? KEPT_BELOW_SETTLED
  const stored = store.genesis()
  if (stored === undefined) {
    if (init.genesis === undefined)
      throw new LaresError('no-genesis', 'the chain database is empty and no genesis was given')
    await writeGenesis(store, init.genesis)
  }
  const decoded = genesisCodec.decode(store.genesis() as Uint8Array)
  const tip = store.tip()
  const first = store.headerItem(0)
  if (
    !decoded.ok ||
    tip === undefined ||
    first === undefined ||
    !equalBytes(first.sealed.header.previousHash, hashGenesis(decoded.value))
  )
    throw damaged('the genesis record cannot be read')
  const rules = { networkId: networkIdOf(first.sealed.header), parameters: decoded.value.parameters }

  // Only the part of the chain that may still move is held in memory.
  const settled = store.settled()
  const base = Math.max(0, (settled?.height ?? 0) - keptBelowSettled)
  const start = await restartPoint(store, decoded.value, rules.networkId, base)
  const graph = new ForkGraph(start, rules.parameters, limits)
  let node = start
  for (let height = base + 1; height <= tip.height; height++) {
    const item = store.headerItem(height)
    const extended = item && extendChain(node, item, rules)
    if (!extended?.ok) throw damaged(`header ${height} cannot be read, or does not fit the one before`)
    node = extended.value.node
    graph.insert(node)
    if (height === settled?.height) graph.restoreSettled(settled)
  }
  if (!equalBytes(node.hash, tip.hash)) throw damaged('the tip is not the last header')
  const root = store.stateRoot(tip.height)
  if (root === undefined) throw damaged('the state of the tip is missing')
  const tree = openStateTree({ storage: store.stateStorage, root: root.root, sha256: nativeSha256 })
  if (!equalBytes(tree.root, node.sealed.header.stateRoot)) throw damaged('the state of the tip is another one')
  checkWhole(tree)
  return { genesis: decoded.value, rules, graph, tree }
}

/** Every node of it is read once: a damaged one is found now, and not by the block that needs it. */
function checkWhole(tree: StateTree): void {
  try {
    for (const _ of tree.leaves());
  } catch (error) {
    if (error instanceof LaresError && error.code.startsWith('state-node-')) throw damaged(error.message, error)
    throw error
  }
}

/** The roster after a block of the best chain, from the log on disk. */
export async function rosterAt(
  store: ChainStore,
  genesis: Genesis,
  networkId: Uint8Array,
  height: number,
): Promise<Roster> {
  let roster = genesisRoster(genesis)
  for (const logged of await store.rosterLog()) {
    if (logged.height > height) break
    const changed = checkRosterChange(roster, logged.change, { networkId, height: logged.height })
    if (!changed.ok) throw damaged(`roster change ${logged.change.changeNumber} does not fit`)
    roster = changed.value.roster
  }
  return roster
}

/** The mountain range over the first `count` headers, from the nodes on disk. */
export function rangeAt(store: ChainStore, count: number): MountainRange {
  const peaks = peakPositions(count).map(({ level, index }) => {
    const node = store.historyNode(level, index)
    if (node === undefined) throw damaged(`history node ${index} of level ${level} is missing`)
    return node
  })
  return { count, peaks }
}

async function restartPoint(
  store: ChainStore,
  genesis: Genesis,
  networkId: Uint8Array,
  height: number,
): Promise<ChainNode> {
  const item = store.headerItem(height)
  const parent = height === 0 ? undefined : store.headerItem(height - 1)
  if (item === undefined || (height > 0 && parent === undefined)) throw damaged(`header ${height} is missing`)
  const previous: HeaderParent['previous'] = parent && {
    time: parent.sealed.header.time,
    target: parent.sealed.header.target,
  }
  const node = startChain({
    sealed: item.sealed,
    previous,
    roster: await rosterAt(store, genesis, networkId, height),
    range: rangeAt(store, height),
  })
  if (!node.ok) throw damaged(`header ${height}: ${node.detail}`)
  return node.value
}

async function writeGenesis(store: ChainStore, genesis: Genesis): Promise<void> {
  const empty = openStateTree({ storage: createMemoryStateStorage(), root: undefined, sha256: nativeSha256 })
  const update = empty.update({ version: 0, changes: genesisState(genesis) })
  const header = genesisHeader(genesis, update.root)
  const hash = networkIdOf(header)
  const sealed = sealedGenesis(header)
  const { created } = appendHeader(EMPTY_RANGE, { headerHash: hash, work: 0n, time: header.time })
  await store.writeGenesis(genesisCodec.encode(genesis), {
    height: 0,
    hash,
    block: { ...sealed, transactions: [] },
    item: { sealed, rosterChanges: [] },
    transactionIds: [],
    history: created,
    state: { root: update.reference, created: update.created, stale: update.stale },
  })
}
