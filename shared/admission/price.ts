import type { Policy } from '../policy/policy.ts'

/**
 * Joins of one sponsor and issuer in one epoch that leave the price alone: a home that sets up its devices on one day pays
 * no more for it.
 */
export const USUAL_JOINS = 8

/** What a price depends on. Whole numbers, none negative. */
export interface JoinCounts {
  /** Joins of the newcomer's own group, its sponsor and issuer, that are in the chain of the running epoch. */
  readonly groupJoins: number
  /** Proven faults on record of whoever has the most: the anchor, the issuer or the signer of the voucher. */
  readonly faults: number
  /** A voucher that holds has been paid for by who gave it. */
  readonly hasValidVoucher: boolean
}

/** A price and how it came about, so that anyone can say "8 = base 1 × pressure 2 × faults 4". */
export interface Price {
  /** Iterations of the memory-hard puzzle; 0 when waived. `base × pressure × faults`, or `most` where that is less. */
  readonly iterations: number
  /** `basePrice` of the policy. */
  readonly base: number
  /** 1 up to {@link USUAL_JOINS} joins of the group before this one, 2 for the next as many, and so on. */
  readonly pressure: number
  /** 2 to the power of the faults; no further than the cap. */
  readonly faults: number
  /** `base × 2^maxPriceDoublings` */
  readonly most: number
  readonly isWaived: boolean
}

/**
 * What a join costs (DESIGN 4). The pressure is that of the newcomer's own group alone: a flood by one sponsor or issuer
 * makes nothing dearer for others.
 *
 * @param policy of the block before
 * @throws RangeError when a count is no whole number or negative, or the policy's cap is beyond exact numbers
 */
export function joinPrice(counts: JoinCounts, policy: Pick<Policy, 'basePrice' | 'maxPriceDoublings'>): Price {
  const { groupJoins, hasValidVoucher: isWaived } = counts
  for (const count of [groupJoins, counts.faults])
    if (!Number.isSafeInteger(count) || count < 0) throw new RangeError(`${count} is no count`)
  const base = policy.basePrice
  // Powers of two are exact in doubles, and so is what is multiplied by one.
  const highest = 2 ** policy.maxPriceDoublings
  const most = base * highest
  if (!Number.isSafeInteger(most)) throw new RangeError(`the price may be doubled ${policy.maxPriceDoublings} times`)
  const pressure = Math.floor(groupJoins / USUAL_JOINS) + 1
  const faults = 2 ** Math.min(counts.faults, policy.maxPriceDoublings)
  // Whether the product is beyond the cap is asked by division, which stays within exact numbers.
  const isCapped = pressure > highest / faults
  const iterations = isWaived ? 0 : isCapped ? most : base * pressure * faults
  return { iterations, base, pressure, faults, most, isWaived }
}
