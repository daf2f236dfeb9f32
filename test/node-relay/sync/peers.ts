/** A relay's network whose peers are answer functions in this process. */
import { LaresError } from '../../../shared/errors.ts'
import type { PeerConnection, PeerEvent, PeerListener, PeerNetwork } from '../../../shared/protocol/transport.ts'
import type { Answer } from '../../framework/honest-node.ts'
import { createFakeNetwork } from '../full-node/fake-network.ts'

export interface Peers {
  readonly network: PeerNetwork
  readonly penalties: string[]
  /** Requests so far, by peer and protocol. */
  readonly asked: { peer: string; protocol: string }[]
  connect(peer: string, answer: Answer): void
  leave(peer: string): void
}

export function createPeers(): Peers {
  const answers = new Map<string, Answer>()
  const listeners = new Map<PeerEvent, Set<PeerListener>>()
  const penalties: string[] = []
  const asked: { peer: string; protocol: string }[] = []
  const connectionOf = (peerId: string): PeerConnection => ({
    peerId,
    address: '/ip4/127.0.0.1/tcp/1',
    transport: 'tcp',
    direction: 'outbound',
  })
  const tell = (event: PeerEvent, peer: string) => {
    for (const listener of listeners.get(event) ?? []) listener(connectionOf(peer))
  }
  return {
    penalties,
    asked,
    network: {
      ...createFakeNetwork(),
      async request(peer, { id }, bytes) {
        asked.push({ peer, protocol: id })
        const answer = await answers.get(peer)?.(id, bytes)
        if (answer === undefined) throw new LaresError('peer-gone', peer)
        if (answer === 'reject') throw new LaresError('refused', peer)
        return answer
      },
      peers: () => [...answers.keys()].map((peer) => ({ ...connectionOf(peer), connectedAt: 0, penalty: 0 })),
      on(event, listener) {
        const all = listeners.get(event) ?? new Set()
        listeners.set(event, all.add(listener))
        return () => all.delete(listener)
      },
      penalise: (peer, points, code) => void penalties.push(`${peer}: ${code} ${points}`),
    },
    connect(peer, answer) {
      answers.set(peer, answer)
      tell('connected', peer)
    },
    leave(peer) {
      answers.delete(peer)
      tell('disconnected', peer)
    },
  }
}
