import type { Block } from '../../shared/block/block.ts'
import { equalBytes } from '../../shared/bytes.ts'
import type { ChainRules } from '../../shared/chain/chain-node.ts'
import { LaresError } from '../../shared/errors.ts'
import { applyBlock } from '../../shared/ledger/apply.ts'
import { type Genesis, genesisState } from '../../shared/ledger/genesis.ts'
import type { Roster } from '../../shared/roster/roster.ts'
import { encodeReference, type NodeRecord, type NodeReference, referenceText } from '../../shared/state-tree/storage.ts'
import { openStateTree, type StateTree, type StateUpdate } from '../../shared/state-tree/tree.ts'
import { nativeSha256 } from '../crypto/native-hash.ts'
import type { ChainStore } from '../store/chain-store.ts'

/** The state made anew from the blocks alone, in memory, beside the one that is stored. */
export interface Replay {
  /** @returns what is wrong with the block; undefined when its state is that of its header */
  apply(block: Block, roster: Roster, rules: ChainRules): string | undefined
  /** How what is stored of the state after the block applied last differs from it. */
  differences(height: number): string[]
  /** Nodes of any kept state that are not stored as they must be. */
  missingNodes(): string[]
}

/** @param lowestState lowest height whose state is kept in the store */
export function createReplay(genesis: Genesis, store: ChainStore, lowestState: number): Replay {
  const nodes = new Map<string, NodeRecord>()
  const storage = { get: (reference: NodeReference) => nodes.get(referenceText(reference))?.record }
  const opened = (root: NodeReference | undefined) => openStateTree({ storage, root, sha256: nativeSha256 })
  let last: StateUpdate
  let tree: StateTree = opened(undefined)

  function take(height: number, update: StateUpdate): void {
    last = update
    for (const node of update.created) nodes.set(referenceText(node.reference), node)
    // What a block made stale is kept as long as an older state is.
    if (height <= lowestState) for (const reference of update.stale) nodes.delete(referenceText(reference))
    tree = opened(update.reference)
  }
  take(0, tree.update({ version: 0, changes: genesisState(genesis) }))

  return {
    apply(block, roster, rules) {
      const { header } = block
      const applied = applyBlock({ state: tree, roster }, block, rules)
      if (!applied.ok) return applied.detail
      const update = tree.update({ version: header.height, changes: applied.value.changes })
      if (!equalBytes(update.root, header.stateRoot)) return 'the state root is another one'
      take(header.height, update)
      return undefined
    },

    differences(height) {
      if (height < lowestState) return []
      try {
        const stored = store.stateVersion(height)
        const stale = last.stale.map(referenceText).sort().join()
        if (stored === undefined) return [`the state after block ${height} is not kept`]
        const sameRoot =
          stored.root === undefined || last.reference === undefined
            ? stored.root === last.reference
            : equalBytes(encodeReference(stored.root), encodeReference(last.reference))
        return sameRoot && stored.stale.map(referenceText).sort().join() === stale
          ? []
          : [`the state record of block ${height} is another one`]
      } catch (error) {
        if (!(error instanceof LaresError)) throw error
        return [`the state record of block ${height} cannot be read`]
      }
    },

    missingNodes() {
      const wrong: string[] = []
      for (const { reference, record } of nodes.values()) {
        try {
          const stored = store.stateStorage.get(reference)
          if (stored === undefined || !equalBytes(stored, record))
            wrong.push(
              `a state node of block ${reference.version} is ${stored === undefined ? 'missing' : 'another one'}`,
            )
        } catch (error) {
          if (!(error instanceof LaresError)) throw error
          wrong.push(`a state node of block ${reference.version} cannot be read`)
        }
      }
      return wrong
    },
  }
}
