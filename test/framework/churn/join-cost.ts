/** What an attacker pays for one false ID after another, and what honest newcomers pay meanwhile, by the product's prices. */
import { joinPrice } from '../../../shared/admission/price.ts'
import { DEFAULT_POLICY } from '../../../shared/policy/policy.ts'

export interface JoinCosts {
  /** Iterations of the puzzle that the n-th false ID costs, by n; all of one sponsor and issuer, in one epoch. */
  readonly unnoticed: readonly (readonly [n: number, iterations: number])[]
  /** The same where every tenth is proven false at once. */
  readonly noticed: readonly (readonly [n: number, iterations: number])[]
  /** The dearest honest join meanwhile: of another group, and of the attacker's own. */
  readonly honestElsewhere: number
  readonly honestInTheGroup: number
  /** What nobody ever pays more than. */
  readonly most: number
}

/** Joins of an honest group in an epoch: a home that sets up its devices. */
const HONEST_JOINS = 8
const FOUND_OUT_EVERY = 10

export function joinCosts(count: number): JoinCosts {
  const price = (groupJoins: number, faults: number) =>
    joinPrice({ groupJoins, faults, hasValidVoucher: false }, DEFAULT_POLICY)
  const series = (faultsAt: (n: number) => number) =>
    Array.from({ length: count }, (_, i) => [i + 1, price(i, faultsAt(i)).iterations] as const)
  return {
    unnoticed: series(() => 0),
    noticed: series((i) => Math.floor(i / FOUND_OUT_EVERY)),
    honestElsewhere: Math.max(...Array.from({ length: HONEST_JOINS }, (_, i) => price(i, 0).iterations)),
    honestInTheGroup: price(count, 0).iterations,
    most: price(0, 0).most,
  }
}
