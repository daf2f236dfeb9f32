import { compareBytes } from '../bytes.ts'
import type { NetworkParameters } from '../params.ts'
import type { ChainNode } from './chain-node.ts'
import { findSettled, knownSeats, movedByTwoThirds, type Settled, seatsSeenAbove } from './settled.ts'

/** Headers kept below the settled one: deeper branches are not even looked at. */
export const KEPT_BELOW_SETTLED = 2_016
/** Headers kept beside the best chain. When full, the tip of the branch that is least likely ever followed is dropped. */
export const MAX_SIDE_HEADERS = 4_096

const NO_FURTHER = () => Number.POSITIVE_INFINITY

export interface ForkGraphLimits {
  readonly keptBelowSettled: number
  readonly maxSideHeaders: number
  /** A graph that runs ahead of another keeps at least from this height on, so that the other's tip stays in it. */
  readonly keptFrom: () => number
}

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
 * All headers near the tip, in memory, and the choice among them: the newest recovery by the owners, most work, ties by the
 * lower hash, and nobody rolls back below settled (DESIGN 2). Takes only nodes that were validated and whose signatures hold.
 */
export class ForkGraph {
  readonly #parameters: NetworkParameters
  readonly #limits: ForkGraphLimits
  readonly #nodes = new Map<string, ChainNode>()
  /** Best chain by height. */
  readonly #best = new Map<number, ChainNode>()
  #base: ChainNode
  #tip: ChainNode
  #settled: Settled

  /** @param start settled by definition: genesis, the checkpoint of a join link, or what this node settled before */
  constructor(start: ChainNode, parameters: NetworkParameters, limits: Partial<ForkGraphLimits> = {}) {
    this.#parameters = parameters
    this.#limits = {
      keptBelowSettled: KEPT_BELOW_SETTLED,
      maxSideHeaders: MAX_SIDE_HEADERS,
      keptFrom: NO_FURTHER,
      ...limits,
    }
    this.#base = start
    this.#tip = start
    this.#settled = { node: start, keepersSeen: 0, keepers: start.roster.members.length }
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
    this.#dropLeastLikely()
    return outcome
  }

  /**
   * Says that a header of the best chain was settled before, by seals that this graph may not have seen: after a restart,
   * what was settled stays settled. Raises, never lowers.
   */
  restoreSettled(settled: { readonly height: number; readonly keepersSeen: number; readonly keepers: number }): void {
    const node = this.#best.get(settled.height)
    if (node === undefined || node.height <= this.#settled.node.height) return
    this.#settled = { node, keepersSeen: settled.keepersSeen, keepers: settled.keepers }
    this.#prune()
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
      this.#settled = { node: fork, keepersSeen: 0, keepers }
    }
    applied.reverse()
    this.#advance(applied)
    return { kind: 'reorganization', undone, applied, leftSettled: leaving === 'two-thirds' }
  }

  /** The owners' newest recovery goes before work: what it left behind is heavier for a while. */
  #isBetter(node: ChainNode): boolean {
    const { recovered } = this.#tip.roster
    if (node.roster.recovered !== recovered) return node.roster.recovered > recovered
    if (node.work !== this.#tip.work) return node.work > this.#tip.work
    return compareBytes(node.hash, this.#tip.hash) < 0
  }

  /** `stays`: the branch contains the settled header. `two-thirds`: it does not, but may be followed all the same. */
  #mayLeaveSettled(node: ChainNode): 'stays' | 'two-thirds' | 'no' {
    const branch = this.#branchOf(node)
    if (branch === undefined) return 'no'
    if (branch.fork.height >= this.#settled.node.height) return 'stays'
    // Only what was sealed later counts: an honest block that lost its race lends its seat to nobody who builds on it.
    const later = branch.nodes.filter((one) => one.height > this.#settled.node.height)
    return movedByTwoThirds(this.#tip.roster, later) ? 'two-thirds' : 'no'
  }

  #advance(applied: readonly ChainNode[]): void {
    for (const node of applied) {
      this.#best.set(node.height, node)
      this.#tip = node
      this.#settled = this.#settledUnder(node)
    }
    this.#prune()
  }

  /** A start is settled without anybody's seal, so the keepers seen on top of it are counted as they come. */
  #settledUnder(tip: ChainNode): Settled {
    const parentOf = (one: ChainNode) => this.#nodes.get(one.parentId)
    const settled = findSettled(tip, this.#parameters, parentOf, this.#settled)
    if (settled !== this.#settled || settled.keepersSeen >= settled.keepers) return settled
    const seen = seatsSeenAbove(tip, settled.node.height, parentOf)
    return seen > settled.keepersSeen ? { ...settled, keepersSeen: seen } : settled
  }

  /** Cuts the graph some way below settled, with every branch that leaves the best chain there. */
  #prune(): void {
    const { keptBelowSettled, keptFrom } = this.#limits
    const lowest = Math.min(this.#settled.node.height - keptBelowSettled, keptFrom())
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

  /**
   * Branches that leave the best chain below settled go first, so that who holds one key and much hash power cannot push
   * out the ordinary ones; among them the one that is longest for the seats that stand behind it. Then the lightest.
   */
  #dropLeastLikely(): void {
    if (this.#nodes.size - this.#best.size <= this.#limits.maxSideHeaders) return
    const parents = new Set<string>()
    for (const node of this.#nodes.values()) parents.add(node.parentId)
    let worst: { node: ChainNode; length: number } | undefined
    for (const node of this.#nodes.values()) {
      if (this.isBest(node) || parents.has(node.id)) continue
      const length = this.#lengthPerSeat(node)
      if (worst === undefined || length > worst.length || (length === worst.length && node.work < worst.node.work))
        worst = { node, length }
    }
    if (worst !== undefined) this.#nodes.delete(worst.node.id)
  }

  /** Of a branch that leaves the best chain below settled: its headers for each known seat. 0 for all others. */
  #lengthPerSeat(node: ChainNode): number {
    const branch = this.#branchOf(node)
    if (branch === undefined) return Number.POSITIVE_INFINITY
    if (branch.fork.height >= this.#settled.node.height) return 0
    return branch.nodes.length / knownSeats(this.#tip.roster, branch.nodes).size
  }

  #branchOf(node: ChainNode): { readonly fork: ChainNode; readonly nodes: readonly ChainNode[] } | undefined {
    const nodes: ChainNode[] = []
    let one = node
    while (!this.isBest(one)) {
      const parent = this.#nodes.get(one.parentId)
      if (parent === undefined) return undefined
      nodes.push(one)
      one = parent
    }
    return { fork: one, nodes }
  }
}
