/** Whether a measured quantity grows: the slope of a line through noisy samples, robust against outliers. */

export interface Point {
  /** ms since any moment. */
  readonly at: number
  readonly value: number
}

export const TEN_MINUTES_MS = 600_000
/** The first part of a run fills caches and warms the compiler; only what comes after it is judged. */
const WARM_UP_SHARE = 1 / 3
/** Fewer points say nothing. */
const FEWEST_POINTS = 6

/** The points after the warm-up of a run that took from `start` to `end`. */
export function afterWarmUp(points: readonly Point[], start: number, end: number): readonly Point[] {
  const from = start + (end - start) * WARM_UP_SHARE
  return points.filter(({ at }) => at >= from)
}

/**
 * Growth per ten minutes: the median of the slopes between all pairs of points (P. K. Sen, "Estimates of the Regression
 * Coefficient Based on Kendall's Tau", JASA 63, 1968), which a third of outliers does not move. Undefined for too few points.
 */
export function growthPerTenMinutes(points: readonly Point[]): number | undefined {
  if (points.length < FEWEST_POINTS) return undefined
  const slopes: number[] = []
  for (const [index, a] of points.entries())
    for (const b of points.slice(index + 1)) if (b.at > a.at) slopes.push((b.value - a.value) / (b.at - a.at))
  slopes.sort((a, b) => a - b)
  const middle = slopes.length >> 1
  const upper = slopes[middle] as number
  const median = slopes.length % 2 === 1 ? upper : (upper + (slopes[middle - 1] as number)) / 2
  return median * TEN_MINUTES_MS
}
