import { hostOf, isSharedHost } from './address.ts'
import type { PenaltyBook } from './penalties.ts'
import type { Connection } from './ports.ts'

/** How many connections a node holds. Counted per network address, see `hostOf`. */
export interface ConnectionLimits {
  readonly total: number
  /** From one public address: a household behind one NAT. */
  readonly perPublicHost: number
  /** From one private or loopback address: tabs, tests, a container host. */
  readonly perSharedHost: number
  /** To one peer ID; two are usual while a relayed connection turns into a direct one. */
  readonly perPeer: number
}

export type DoorRefusal = 'banned' | 'full' | 'address-full' | 'peer-full'

export interface Door {
  /** Undefined: come in. Asked when a connection arrives and again once it has proved its peer ID. */
  refusal(address: string, peerId?: string): DoorRefusal | undefined
}

export interface DoorComponents {
  limits: ConnectionLimits
  penalties: PenaltyBook
  /** Open connections. */
  connections(): readonly Connection[]
}

export function createDoor({ limits, penalties, connections }: DoorComponents): Door {
  return {
    refusal(address, peerId) {
      const host = hostOf(address)
      if (peerId !== undefined && penalties.isBanned(peerId)) return 'banned'
      if (host !== undefined && penalties.isHostBanned(host)) return 'banned'
      const open = connections()
      if (open.length >= limits.total) return 'full'
      if (peerId !== undefined) {
        const ofPeer = open.filter((connection) => connection.remotePeer.toString() === peerId)
        if (ofPeer.length >= limits.perPeer) return 'peer-full'
      }
      if (host === undefined) return undefined
      const ofHost = open.filter((connection) => hostOf(connection.remoteAddr.toString()) === host)
      const limit = isSharedHost(host) ? limits.perSharedHost : limits.perPublicHost
      return ofHost.length >= limit ? 'address-full' : undefined
    },
  }
}
