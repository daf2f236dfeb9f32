import { serversInOrder } from '../../shared/coordination/assignment.ts'
import { peerOfService } from '../../shared/coordination/service-record.ts'
import { hashHeader } from '../../shared/header/header.ts'
import type { DeviceRecord } from '../../shared/identity/record.ts'
import type { PeerNetwork } from '../../shared/protocol/transport.ts'
import type { FullChain } from '../full-node/chain.ts'
import type { ChainStore } from '../store/chain-store.ts'
import type { ServiceDesk } from './service-desk.ts'

/** Full nodes at which a device may be present: the first so many in its order. A page looks for no others. */
export const MAX_PRESENCE_SERVERS = 8

export interface DeviceServersInit {
  readonly chain: Pick<FullChain, 'graph'>
  readonly store: Pick<ChainStore, 'headerItem'>
  readonly services: Pick<ServiceDesk, 'records'>
  readonly network: Pick<PeerNetwork, 'peers'>
  /** Undefined while this relay is not in the roster. */
  ownSeat(): number | undefined
}

export interface DeviceServers {
  /** The other full nodes at which a device may be present; undefined where this one is none of them. */
  othersOf(record: Pick<DeviceRecord, 'deviceId' | 'registeredHeight'>): OtherServers | undefined
  /** Whether a connected peer is the full node of a seat, by that seat's own signed word. */
  isKeeper(peer: string): boolean
}

export interface OtherServers {
  /** libp2p peer IDs of those that are connected. */
  readonly peers: readonly string[]
  /** How many are not. */
  readonly away: number
}

/** Where a device may be present, by the order that it works out for itself (DESIGN 5). */
export function createDeviceServers({ chain, store, services, network, ownSeat }: DeviceServersInit): DeviceServers {
  const roster = () => chain.graph.settled.node.roster
  const peerOf = (seat: number) => services.records([seat]).map(peerOfService)[0]
  return {
    othersOf({ deviceId, registeredHeight }) {
      const item = store.headerItem(registeredHeight)
      if (item === undefined) return undefined
      const device = { deviceId, blockHash: hashHeader(item.sealed.header) }
      const servers = serversInOrder(device, roster().members).slice(0, MAX_PRESENCE_SERVERS)
      const own = ownSeat()
      const others = servers.filter(({ seat }) => seat !== own)
      if (others.length === servers.length) return undefined
      const connected = new Set(network.peers().map(({ peerId }) => peerId))
      const peers = others.flatMap(({ seat }) => peerOf(seat) ?? []).filter((peer) => connected.has(peer))
      return { peers, away: others.length - peers.length }
    },
    isKeeper: (peer) => roster().members.some(({ seat }) => peerOf(seat) === peer),
  }
}
