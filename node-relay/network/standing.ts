import type { GossipVerdict, PeerNetwork } from '../../shared/protocol/transport.ts'

/** What a connected peer has done so far. */
export interface Standing {
  readonly hasSpoken: boolean
  readonly isUseful: boolean
}

export interface Standings {
  of(peer: string): Standing
  /** The network's doors with an eye on who comes through them. */
  readonly watched: Pick<PeerNetwork, 'handle' | 'subscribe'>
}

/** Who of the connected peers has said something, and something of use. A peer that leaves is forgotten. */
export function watchStandings(network: Pick<PeerNetwork, 'handle' | 'subscribe' | 'on' | 'peers'>): Standings {
  /** Connected peers only: bounded as connections are. */
  const spoken = new Map<string, { isUseful: boolean }>()
  const connected = new Set(network.peers().map(({ peerId }) => peerId))
  network.on('connected', ({ peerId }) => connected.add(peerId))
  network.on('disconnected', ({ peerId }) => {
    connected.delete(peerId)
    spoken.delete(peerId)
  })

  function note(peer: string, isUseful: boolean): void {
    if (!connected.has(peer)) return
    spoken.set(peer, { isUseful: isUseful || spoken.get(peer)?.isUseful === true })
  }

  return {
    of: (peer) => ({ hasSpoken: spoken.has(peer), isUseful: spoken.get(peer)?.isUseful === true }),
    watched: {
      handle: (spec, handler) =>
        network.handle(spec, async (from, request, context) => {
          const answer = await handler(from, request, context)
          if (answer !== 'reject') note(from, false)
          return answer
        }),
      subscribe: (topic, maxSize, validate) =>
        network.subscribe(topic, maxSize, async (from, bytes): Promise<GossipVerdict> => {
          const verdict = await validate(from, bytes)
          if (verdict === 'accept') note(from, true)
          return verdict
        }),
    },
  }
}
