import { memberAt } from '../roster/roster.ts'
import type { ForkGraph } from './fork-graph.ts'

/** Blocks looked back at for who sealed what, and that a keeper may miss before it is called asleep. */
export const SEALED_WINDOW = 100
/** Of many keepers an awake one is silent for longer, by chance alone. */
const WINDOW_PER_SEAT = 10

/** What a seat has done of late. */
export interface KeeperActivity {
  readonly seat: number
  /** Blocks it sealed of the newest {@link SEALED_WINDOW}. */
  readonly sealed: number
  /** Its newest block among the headers that are held; undefined where there is none. Header time, ms. */
  readonly last: { readonly height: number; readonly time: number } | undefined
  /** Newest blocks that others have sealed since, while it had its seat. */
  readonly silent: number
  /** It is silent for a hundred blocks, or for ten for each seat where that is more. */
  readonly isAsleep: boolean
}

/**
 * The seats of the tip's roster, in its order: who sealed how much, who when last, and who sleeps while others go on. Where
 * nobody makes blocks, nobody is asleep by this.
 */
export function keeperActivity(graph: Pick<ForkGraph, 'tip' | 'base' | 'at'>): KeeperActivity[] {
  const { tip, base } = graph
  const { members } = tip.roster
  const patience = Math.max(SEALED_WINDOW, WINDOW_PER_SEAT * members.length)
  const found = members.map(({ seat }) => ({ seat, sealed: 0, last: undefined as KeeperActivity['last'], silent: -1 }))
  const bySeat = new Map(found.map((keeper) => [keeper.seat, keeper]))
  let open = found
  let { roster } = tip
  let depth = 0
  // The base is a start, which says nothing of who is awake.
  for (; depth < tip.height - base.height && (depth < SEALED_WINDOW || open.length > 0); depth++) {
    const node = graph.at(tip.height - depth)
    if (node === undefined) break
    if (node.roster !== roster) {
      roster = node.roster
      // From here down it had no seat, and the block above brought it. Seats are never given twice.
      for (const keeper of open) if (memberAt(roster, keeper.seat) === undefined) keeper.silent = depth - 1
    }
    const { seat, time } = node.sealed.header
    const keeper = bySeat.get(seat)
    if (keeper !== undefined) {
      if (depth < SEALED_WINDOW) keeper.sealed++
      if (keeper.silent < 0) keeper.silent = depth
      keeper.last ??= { height: tip.height - depth, time }
    }
    open = open.filter(({ silent }) => silent < 0)
  }
  return found.map((keeper) => {
    const silent = keeper.silent < 0 ? depth : keeper.silent
    return { ...keeper, silent, isAsleep: silent >= patience }
  })
}
