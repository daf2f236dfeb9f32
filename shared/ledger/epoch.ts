import type { LedgerDraft } from './context.ts'

/**
 * An epoch ends at the first block at least `epochSeconds` after its start; that block begins the next. One block turns
 * one epoch at most, so a network that slept a week passes one, not a thousand.
 */
export function turnEpoch(draft: LedgerDraft): void {
  const { height, time, parameters } = draft.block
  const { number, startTime } = draft.epoch
  if (time < startTime + parameters.epochSeconds * 1000) return
  draft.epoch = { number: number + 1, startHeight: height, startTime: time }
}
