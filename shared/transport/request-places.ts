import { MAX_REQUESTS_PER_PEER, MAX_REQUESTS_TOTAL } from '../protocol/transport.ts'

export interface Place {
  /** Whether the request is waiting for its peer (to finish it, to read the answer) and not for this node. */
  waiting: boolean
  leave(): void
}

export interface RequestPlaces {
  /** @param giveUp called when the place is needed by somebody else while its peer lets it wait */
  take(peer: string, giveUp: () => void): Place | 'peer-full' | 'all-full'
}

/**
 * The requests being answered. When all places are taken, one that only waits for its peer is given up for the newcomer: the
 * oldest of the peer that has most. So nobody can hold the places with half requests or answers that are never read.
 */
export function createRequestPlaces(): RequestPlaces {
  const taken = new Set<Place & { readonly peer: string; giveUp(): void }>()
  const counts = new Map<string, number>()

  function makeRoom(): boolean {
    let worst: { count: number; giveUp(): void } | undefined
    for (const { peer, waiting, giveUp } of taken) {
      const count = counts.get(peer) ?? 0
      if (waiting && count > (worst?.count ?? 0)) worst = { count, giveUp }
    }
    worst?.giveUp()
    return worst !== undefined
  }

  return {
    take(peer, giveUp) {
      if ((counts.get(peer) ?? 0) >= MAX_REQUESTS_PER_PEER) return 'peer-full'
      if (taken.size >= MAX_REQUESTS_TOTAL && !makeRoom()) return 'all-full'
      const place = {
        peer,
        waiting: true,
        leave() {
          if (!taken.delete(place)) return
          const left = (counts.get(peer) ?? 1) - 1
          if (left === 0) counts.delete(peer)
          else counts.set(peer, left)
        },
        giveUp() {
          place.leave()
          giveUp()
        },
      }
      taken.add(place)
      counts.set(peer, (counts.get(peer) ?? 0) + 1)
      return place
    },
  }
}
