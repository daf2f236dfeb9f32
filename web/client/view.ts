import type { ChainNode } from '../../shared/chain/chain-node.ts'
import type { ForkGraph } from '../../shared/chain/fork-graph.ts'
import { keeperActivity, SEALED_WINDOW } from '../../shared/chain/keepers.ts'
import type { Settled } from '../../shared/chain/settled.ts'
import type { TransportClock } from '../../shared/protocol/transport.ts'
import type { BlockView, KeepersView, SettledView } from '../worker/api.ts'

/** Views go out at most this often: ten times a second. */
export const VIEW_INTERVAL_MS = 100
/** Keepers that the page lists. */
export const MAX_SHOWN_KEEPERS = 12

export function viewOfBlock({ height, id, sealed }: ChainNode): BlockView {
  return { height, hash: id, time: sealed.header.time }
}

export function viewOfSettled({ node, keepersSeen, keepers }: Settled): SettledView {
  return { ...viewOfBlock(node), keepersSeen, keepers }
}

export function viewOfKeepers(graph: ForkGraph): KeepersView {
  const shown = keeperActivity(graph).sort((a, b) => Number(b.isAsleep) - Number(a.isAsleep))
  const blocks = Math.min(SEALED_WINDOW, graph.tip.height - graph.base.height)
  return { blocks, shown: shown.slice(0, MAX_SHOWN_KEEPERS) }
}

/** Calls `emit` soon after something changed, and never more often than {@link VIEW_INTERVAL_MS} allows. */
export function createViewEmitter(clock: TransportClock, emit: () => void): () => void {
  let lastAt = Number.NEGATIVE_INFINITY
  let waiting = false
  return () => {
    if (waiting) return
    waiting = true
    // A clock that was set back must not silence the view.
    const since = Math.abs(clock.now() - lastAt)
    clock.after(Math.max(0, VIEW_INTERVAL_MS - since), () => {
      waiting = false
      lastAt = clock.now()
      emit()
    })
  }
}
