import type { NetworkParameters } from '../params.ts'
import { MAX_GAP_SPACINGS } from '../params.ts'
import { compactTarget, expandTarget } from './target.ts'

interface TimedTarget {
  /** ms */
  readonly time: number
  /** compact */
  readonly target: number
}

/**
 * Target of the next header by WTEMA (relative moving average; Zawy12, "LWMA, WTEMA and others", and Bitcoin Cash's
 * study of 2020), from the parent and grandparent only:
 *
 *     next = target * (spacing * (window - 1) + gap) / (spacing * window)
 *
 * with gap = parent.time - grandparent.time, at most MAX_GAP_SPACINGS spacings: a PC that slept eight hours comes back
 * to the difficulty it left. All integers, floor division. The first header after genesis keeps the genesis target.
 *
 * @returns compact target
 */
export function nextTarget(
  parameters: NetworkParameters,
  parent: TimedTarget,
  grandparent: TimedTarget | undefined,
): number {
  if (grandparent === undefined) return parent.target
  const spacing = BigInt(parameters.spacingMs)
  const window = BigInt(parameters.difficultyWindow)
  const gap = BigInt(Math.min(parent.time - grandparent.time, MAX_GAP_SPACINGS * parameters.spacingMs))
  const target = expandTarget(parent.target) ?? 1n
  const limit = expandTarget(parameters.targetLimit) ?? 1n
  const next = (target * (spacing * (window - 1n) + gap)) / (spacing * window)
  return compactTarget(next > limit ? limit : next < 1n ? 1n : next)
}
