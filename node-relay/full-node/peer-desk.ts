import { toHex } from '../../shared/bytes.ts'
import { formatDeviceId } from '../../shared/identity/device-id.ts'
import { labelNames } from '../../shared/identity/label.ts'
import type { DeviceRecord } from '../../shared/identity/record.ts'
import type { Status } from '../../shared/protocol/messages.ts'
import { BAN_MS, type PeerNetwork } from '../../shared/protocol/transport.ts'
import type { DroppedPeer, PeerRow } from '../facade.ts'
import { peerOf } from '../sync/address-book.ts'

/** Peers that were dropped of late; the oldest goes. The log has them all. */
export const KEPT_DROPPED_PEERS = 16

/** So long after it connected a peer that says nothing is asked often, ms; then as all others are. */
const NEWCOMER_MS = 60_000

export interface PeerDesk {
  /** What a connected peer says of itself. */
  said(peer: string, status: Status): void
  /** Connected of late, and nothing said yet: it may have come before it could answer. */
  silentNewcomers(): string[]
  /** Its penalty points were too many. @param code of the last offence */
  dropped(peer: string, code: string): void
  rows(): PeerRow[]
  /** Those that are still kept out, newest first. */
  out(): DroppedPeer[]
}

/** Who is connected, what they are by the ledger and by their own word, and who was sent away: for the owner's eyes. */
export function createPeerDesk(init: {
  readonly network: Pick<PeerNetwork, 'peers' | 'on'>
  readonly networkId: Uint8Array
  /** Of devices with a role: a relay is known as a device by the addresses in its record. */
  records(): readonly DeviceRecord[]
  now(): number
}): PeerDesk {
  const { network, networkId, now } = init
  /** Of connected peers only: bounded as connections are. */
  const words = new Map<string, { readonly label: number; readonly height: number }>()
  let sent: DroppedPeer[] = []
  network.on('disconnected', ({ peerId }) => words.delete(peerId))

  function devicesByPeer(): Map<string, DeviceRecord> {
    const found = new Map<string, DeviceRecord>()
    for (const record of init.records())
      for (const address of record.addresses) {
        const peer = peerOf(address)
        if (peer !== undefined && !found.has(peer)) found.set(peer, record)
      }
    return found
  }

  return {
    said(peer, status) {
      if (toHex(status.networkId) !== toHex(networkId)) return
      if (network.peers().some(({ peerId }) => peerId === peer))
        words.set(peer, { label: status.label, height: status.tip.height })
    },
    silentNewcomers: () =>
      network
        .peers()
        .filter(({ peerId, connectedAt }) => !words.has(peerId) && Math.abs(now() - connectedAt) < NEWCOMER_MS)
        .map(({ peerId }) => peerId),
    dropped(peer, code) {
      const at = now()
      sent = [{ peerId: peer, code, at, until: at + BAN_MS }, ...sent.filter(({ peerId }) => peerId !== peer)]
      sent.length = Math.min(sent.length, KEPT_DROPPED_PEERS)
    },
    rows() {
      const devices = devicesByPeer()
      return network.peers().map(({ peerId, transport, address, roundTripMs, penalty }) => {
        const device = devices.get(peerId)
        const said = words.get(peerId)
        return {
          peerId,
          transport,
          address,
          roundTrip: roundTripMs,
          penalty,
          label: device && labelNames(device.label).join(' and '),
          deviceId: device && formatDeviceId(networkId, device.deviceId),
          saidLabel: said && (labelNames(said.label).join(' and ') || 'no role'),
          height: said?.height,
        }
      })
    },
    out: () => sent.filter(({ until }) => until > now()),
  }
}
