import { equalBytes } from '../bytes.ts'
import type { NetworkParameters } from '../params.ts'
import { memberAt, type Roster, twoThirds } from '../roster/roster.ts'
import type { ChainNode } from './chain-node.ts'

export interface Settled {
  readonly node: ChainNode
  /** Seats whose seal is among the blocks on top of it. */
  readonly keepersSeen: number
  /** All seats. */
  readonly keepers: number
}

/**
 * The newest header with `settleDepth` blocks and `settleSeconds` of header time on top of it, and the seals of at least
 * two thirds of the seats (of the tip's roster) among those blocks.
 *
 * @param parentOf next header down, or undefined where the known part ends
 * @param floor never goes below: what was settled stays settled
 */
export function findSettled(
  tip: ChainNode,
  parameters: NetworkParameters,
  parentOf: (node: ChainNode) => ChainNode | undefined,
  floor: Settled,
): Settled {
  const keepers = tip.roster.members.length
  const needed = twoThirds(keepers)
  const seats = new Set<number>()
  for (let node = tip; node.height > floor.node.height; ) {
    const { seat } = node.sealed.header
    if (memberAt(tip.roster, seat) !== undefined) seats.add(seat)
    const parent = parentOf(node)
    if (parent === undefined) break
    node = parent
    const deep = tip.height - node.height >= parameters.settleDepth
    const old = tip.sealed.header.time - node.sealed.header.time >= parameters.settleSeconds * 1000
    if (deep && old && seats.size >= needed) return { node, keepersSeen: seats.size, keepers }
  }
  return floor
}

/** Seats of the tip's roster whose seal is among the headers from the tip down to, and without, a height. */
export function seatsSeenAbove(
  tip: ChainNode,
  height: number,
  parentOf: (node: ChainNode) => ChainNode | undefined,
): number {
  const seats = new Set<number>()
  for (let node: ChainNode | undefined = tip; node !== undefined && node.height > height; node = parentOf(node))
    if (memberAt(tip.roster, node.sealed.header.seat) !== undefined) seats.add(node.sealed.header.seat)
  return seats.size
}

/**
 * Whether two thirds of the seats that a node knows have sealed on a branch, each with the key that the node knows: the
 * one reason to leave a settled header. A retired key, or the key of a seat the node never saw, does not count.
 *
 * @param branch nodes above the fork point
 */
export function movedByTwoThirds(known: Roster, branch: readonly ChainNode[]): boolean {
  return knownSeats(known, branch).size >= twoThirds(known.members.length)
}

/** Seats that have sealed on a branch, each with the key that the node knows. */
export function knownSeats(known: Roster, branch: readonly ChainNode[]): ReadonlySet<number> {
  const seats = new Set<number>()
  for (const { sealed, sealingKey } of branch) {
    const { seat } = sealed.header
    const member = memberAt(known, seat)
    if (member !== undefined && sealingKey !== undefined && equalBytes(member.sealingKey, sealingKey)) seats.add(seat)
  }
  return seats
}

/**
 * How far a start is settled by the headers on top of it alone. It is settled once any of them made it so: later ones,
 * of a larger roster that has not sealed yet, take nothing away.
 *
 * @param above consecutive, the first on the start
 */
export function settledBy(
  start: ChainNode,
  above: readonly ChainNode[],
  parameters: NetworkParameters,
): Settled | undefined {
  const nodes = new Map([start, ...above].map((node) => [node.id, node]))
  for (const tip of above) {
    const floor = { node: start, keepersSeen: 0, keepers: tip.roster.members.length }
    const found = findSettled(tip, parameters, (one) => nodes.get(one.parentId), floor)
    if (found !== floor) return found
  }
  return undefined
}
