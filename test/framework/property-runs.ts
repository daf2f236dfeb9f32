/**
 * How long a property test tries, and from where. A failing one prints its seed and the smallest input it found: give the
 * seed back as LARES_SEED. LARES_PROPERTY_RUNS=10 tries ten times as many inputs.
 */
const times = Math.max(1, Number(process.env['LARES_PROPERTY_RUNS'] ?? 1))
const seed = process.env['LARES_SEED']

/** For vitest, ms: a default run takes a few seconds, more under load. */
export const PROPERTY_TIMEOUT_MS = 60_000 * times
/** Time enough after it to say what was found. */
const SEARCH_LIMIT_MS = 40_000 * times

/**
 * Parameters for `fc.assert`. After the limit no further input is tried: what was found by then is said, with its seed, instead
 * of shrinking on until vitest ends the test without a word.
 */
export function propertyRuns(runs: number): { numRuns: number; interruptAfterTimeLimit: number; seed?: number } {
  return {
    numRuns: Math.ceil(runs * times),
    interruptAfterTimeLimit: SEARCH_LIMIT_MS,
    ...(seed !== undefined && { seed: Number(seed) }),
  }
}
