import type { NetworkParameters } from '../params.ts'

const MIN_AHEAD_MS = 5_000
const ASLEEP_SPACINGS = 20
const MIN_ASLEEP_MS = 30_000

/** How far a header may be ahead of the clock before it is held: two spacings, at least five seconds. ms */
export function maxAhead({ spacingMs }: NetworkParameters): number {
  return Math.max(MIN_AHEAD_MS, 2 * spacingMs)
}

/** Whether the chain has had no block for so long that its keepers must be sleeping. */
export function isAsleep(tipTime: number, now: number, { spacingMs }: NetworkParameters): boolean {
  return now - tipTime > Math.max(MIN_ASLEEP_MS, ASLEEP_SPACINGS * spacingMs)
}
