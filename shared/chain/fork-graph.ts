import { compareBytes } from '../bytes.ts'
import type { NetworkParameters } from '../params.ts'
import type { Roster } from '../roster/roster.ts'
import type { ChainNode } from './chain-node.ts'
import { findSettled, movedByTwoThirds, type Settled } from './settled.ts'

/** Headers kept below the settled one: deeper branches are not even looked at. */
export const KEPT_BELOW_SETTLED = 2_016
/** Headers kept beside the best chain. When full, the lightest branch tip is dropped. */
export const MAX_SIDE_HEADERS = 4_096

export type InsertOutcome =
  | { readonly kind: 'duplicate' }
  /** The parent is not known, or too deep. */
  | { readonly kind: 'orphan' }
  /** A branch with less work: kept. */
  | { readonly kind: 'fork' }
  /** More work, but it would roll back a settled header: kept, not followed. */
  | { readonly kind: 'conflict' }
  | { readonly kind: 'extension'; readonly applied: readonly ChainNode[] }
  | {
      readonly kind: 'reorganization'
      /** From the old tip down. */
      readonly undone: readonly ChainNode[]
      /** From the fork up to the new tip. */
      readonly applied: readonly ChainNode[]
      /** A settled header was left because two thirds of the known seats did: said loudly. */
      readonly leftSettled: boolean
    }

/**
 * All headers near the tip, in memory, and the choice among them: most work, ties by the lower hash, and nobody rolls
 * back below settled (DESIGN 2). Takes only nodes that were validated and whose signatures hold.
 */
export class ForkGraph {
  readonly #parameters: NetworkParameters
  readonly #nodes = new Map<string, ChainNode>()
  /** Best chain by height. */
  readonly #best = new Map<number, ChainNode>()
  #base: ChainNode
  #tip: ChainNode
  #settled: Settled

  /** @param start settled by definition: genesis, the checkpoint of a join link, or what this node settled before */
  constructor(start: ChainNode, parameters: NetworkParameters) {
    this.#parameters = parameters
    this.#base = start
    this.#tip = start
    this.#settled = { node: start, keepersSeen: start.roster.members.length, keepers: start.roster.members.length }
    this.#nodes.set(start.id, start)
    this.#best.set(start.height, start)
  }

  get tip(): ChainNode {
    return this.#tip
  }

  get settled(): Settled {
    return this.#settled
  }

  /** The lowest header kept. */
  get base(): ChainNode {
    return this.#base
  }

  get(id: string): ChainNode | undefined {
    return this.#nodes.get(id)
  }

  /** Header of the best chain at a height, where it is kept. */
  at(height: number): ChainNode | undefined {
    return this.#best.get(height)
  }

  isBest(node: ChainNode): boolean {
    return this.#best.get(node.height) === node
  }

  insert(node: ChainNode): InsertOutcome {
    if (this.#nodes.has(node.id)) return { kind: 'duplicate' }
    const parent = this.#nodes.get(node.parentId)
    if (parent === undefined) return { kind: 'orphan' }
    this.#nodes.set(node.id, node)
    if (parent === this.#tip) {
      this.#advance([node])
      return { kind: 'extension', applied: [node] }
    }
    const outcome = this.#consider(node)
    this.#dropLightest()
    return outcome
  }

  /** Forgets a header whose block turned out bad, and all that stands on it; it must not be in the best chain. */
  remove(id: string): void {
    const removed = new Set([id])
    this.#nodes.delete(id)
    // Insertion order is parents first, so one pass finds all descendants.
    for (const node of this.#nodes.values()) {
      if (!removed.has(node.parentId)) continue
      removed.add(node.id)
      this.#nodes.delete(node.id)
    }
  }

  /** Hashes of the best chain from the tip down, ever sparser, ending with the lowest kept: to find a common header. */
  locator(max: number): Uint8Array[] {
    const hashes: Uint8Array[] = []
    let step = 1
    for (let height = this.#tip.height; height > this.#base.height && hashes.length < max - 1; height -= step) {
      const node = this.#best.get(height)
      if (node !== undefined) hashes.push(node.hash)
      if (hashes.length >= 8) step *= 2
    }
    hashes.push(this.#base.hash)
    return hashes
  }

  /** What would happen if this node were inserted, without inserting: full nodes look before they execute blocks. */
  wouldFollow(node: ChainNode): boolean {
    return this.#isBetter(node) && this.#mayLeaveSettled(node) !== 'no'
  }

  #consider(node: ChainNode): InsertOutcome {
    if (!this.#isBetter(node)) return { kind: 'fork' }
    const leaving = this.#mayLeaveSettled(node)
    if (leaving === 'no') return { kind: 'conflict' }
    const applied: ChainNode[] = []
    let fork = node
    while (!this.isBest(fork)) {
      applied.push(fork)
      fork = this.#nodes.get(fork.parentId) as ChainNode
    }
    const undone: ChainNode[] = []
    for (let height = this.#tip.height; height > fork.height; height--) {
      undone.push(this.#best.get(height) as ChainNode)
      this.#best.delete(height)
    }
    if (leaving === 'two-thirds') {
      const keepers = fork.roster.members.length
      this.#settled = { node: fork, keepersSeen: keepers, keepers }
    }
    applied.reverse()
    this.#advance(applied)
    return { kind: 'reorganization', undone, applied, leftSettled: leaving === 'two-thirds' }
  }

  #isBetter(node: ChainNode): boolean {
    if (node.work !== this.#tip.work) return node.work > this.#tip.work
    return compareBytes(node.hash, this.#tip.hash) < 0
  }

  /** `stays`: the branch contains the settled header. `two-thirds`: it does not, but may be followed all the same. */
  #mayLeaveSettled(node: ChainNode): 'stays' | 'two-thirds' | 'no' {
    const branch: { node: ChainNode; parentRoster: Roster }[] = []
    let one = node
    while (!this.isBest(one)) {
      const parent = this.#nodes.get(one.parentId)
      if (parent === undefined) return 'no'
      branch.push({ node: one, parentRoster: parent.roster })
      one = parent
    }
    if (one.height >= this.#settled.node.height) return 'stays'
    return movedByTwoThirds(this.#tip.roster, branch) ? 'two-thirds' : 'no'
  }

  #advance(applied: readonly ChainNode[]): void {
    for (const node of applied) {
      this.#best.set(node.height, node)
      this.#tip = node
      this.#settled = findSettled(node, this.#parameters, (one) => this.#nodes.get(one.parentId), this.#settled)
    }
    this.#prune()
  }

  /** Cuts the graph some way below settled, with every branch that leaves the best chain there. */
  #prune(): void {
    const lowest = this.#settled.node.height - KEPT_BELOW_SETTLED
    if (lowest <= this.#base.height) return
    const base = this.#best.get(lowest)
    if (base === undefined) return
    for (let height = this.#base.height; height < lowest; height++) {
      const node = this.#best.get(height)
      this.#best.delete(height)
      if (node !== undefined) this.#nodes.delete(node.id)
    }
    this.#base = base
    if (this.#nodes.size === this.#best.size) return
    for (const node of this.#nodes.values())
      if (!this.isBest(node) && !this.#nodes.has(node.parentId)) this.#nodes.delete(node.id)
  }

  #dropLightest(): void {
    if (this.#nodes.size - this.#best.size <= MAX_SIDE_HEADERS) return
    const parents = new Set<string>()
    for (const node of this.#nodes.values()) parents.add(node.parentId)
    let lightest: ChainNode | undefined
    for (const node of this.#nodes.values()) {
      if (this.isBest(node) || parents.has(node.id)) continue
      if (lightest === undefined || node.work < lightest.work) lightest = node
    }
    if (lightest !== undefined) this.#nodes.delete(lightest.id)
  }
}
