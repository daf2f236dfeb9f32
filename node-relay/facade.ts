import type { LabelDecision } from '../shared/admission/label-of.ts'
import type { KeeperActivity } from '../shared/chain/keepers.ts'
import type { Result } from '../shared/errors.ts'
import type { EvidenceDesk } from './certificate/door.ts'
import type { PairingDoor } from './coordination/pairing-door.ts'
import type { Presence, SmallDeviceDoor } from './devices/door.ts'
import type { FleetDoor } from './fleet/door.ts'
import type { FullAdmissionDoor } from './full-admission/door.ts'
import type { PolicyDesk } from './policy/door.ts'
import type { RelayRecovery } from './recovery/recovery.ts'
import type { RosterDesk } from './roster/door.ts'
import type { WalletDesk } from './wallet/door.ts'

/**
 * What the doors of a relay (HTTP, admin socket, terminal) may ask of the node behind them. Plain JSON-ready data: hashes
 * and keys in lower-case hex, times in ms since the Unix epoch, device IDs in their text form.
 */
export interface RelayFacade {
  status(): RelayStatus
  /** Admin only: which label this machine fits by its own measure, and why. */
  labelDecision(): LabelDecision
  /** What a newcomer needs: network ID, a settled checkpoint, addresses. */
  join(): JoinInfo
  /** Encoded blocks of the best chain from a height on, at most `limit` and MAX_BLOCKS_ANSWER_BYTES. */
  blocks(from: number, limit: number): readonly BlockAnswer[]
  device(idText: string): Promise<Result<DeviceAnswer, DeviceQuestionCode>>
  /** Same door and same limits as over libp2p. */
  submit(transaction: Uint8Array): Promise<Result<{ readonly transactionId: string }>>
  /** Admin only: all devices in key order, `after` is the last device ID of the page before. */
  devices(
    after: string | undefined,
    limit: number,
  ): readonly (DeviceRow & { readonly presence?: Presence | undefined })[]
  /** What sensors with HTTP and Ed25519 alone may ask. */
  readonly smallDevices: SmallDeviceDoor
  /** Admin only: how a restored relay comes back to sealing. */
  readonly recovery: Pick<RelayRecovery, 'view' | 'propose' | 'submit'>
  /** Admin only: seats, and who admits newcomers. */
  readonly roster: RosterDesk
  /** Admin only: becoming a full node, and examining who wants to. */
  readonly full: FullAdmissionDoor
  readonly pairing: PairingDoor
  /** Admin only: this relay's own identity and keys. */
  readonly wallet: WalletDesk
  /** Admin only: what the owners have laid down. */
  readonly policy: PolicyDesk
  /** Admin only: certificates name devices. */
  readonly evidence: EvidenceDesk
  /** Admin only: a person says that this machine's clock is right. */
  confirmClock(): void
  /**
   * Admin only: what a backup holds, as it is now. It must be read to the end, or given back.
   * @throws {LaresError} with a sentence for a person
   */
  backup(): Promise<AsyncGenerator<Uint8Array, void>>
  /** The private directory: admin only, but for what an expected device asks. */
  readonly fleet: FleetDoor
}

export interface RelayStatus {
  readonly networkId: string
  /** Device ID of the relay; undefined until its own registration is in a block. */
  readonly deviceId: string | undefined
  readonly roles: readonly string[]
  readonly version: string
  readonly startedAt: number
  readonly tip: { readonly height: number; readonly hash: string; readonly time: number }
  readonly settled: {
    readonly height: number
    readonly hash: string
    readonly time: number
    readonly keepersSeen: number
    readonly keepers: number
  }
  /** Summed work, decimal text. */
  readonly work: string
  readonly mining: {
    readonly state: 'mining' | 'stopped'
    readonly sentence: string
    readonly hashesPerSecond: number
    readonly share: number
  }
  readonly peers: readonly PeerRow[]
  /** Peers that are kept out for what they did, newest first. */
  readonly droppedPeers: readonly DroppedPeer[]
  /** The seats of the tip's roster: who mines. */
  readonly keepers: readonly KeeperRow[]
  readonly pendingTransactions: number
  readonly devices: number
  /** Those with a lease that has not ended. */
  readonly devicesAlive: number
  readonly incidents: readonly { readonly at: number; readonly code: string; readonly sentence: string }[]
  /** Of a node without blocks only, which has no mining, no waiting transactions and no count of devices. */
  readonly light?: LightStatus
}

export interface LightStatus {
  readonly phase: 'connecting' | 'syncing' | 'following' | 'asleep' | 'offline'
  /** Full nodes that it asks. */
  readonly servers: number
  /** It is in the coordination set, by its settled record. */
  readonly admits: boolean
  /** Code for which it vouches for nobody now. */
  readonly obstacle: string | undefined
  /** Of this process, bytes: resident, and JavaScript objects within it. */
  readonly memory: { readonly resident: number; readonly heap: number }
}

/** A connected peer, for the owner alone. */
export interface PeerRow {
  readonly peerId: string
  readonly transport: string
  readonly address: string
  /** ms */
  readonly roundTrip: number | undefined
  /** Penalty points it has now. */
  readonly penalty: number
  /** By the ledger, where a record of a device with a role names this peer; and that device. */
  readonly label: string | undefined
  readonly deviceId: string | undefined
  /** By its own word; undefined until it has said so. */
  readonly saidLabel: string | undefined
  readonly height: number | undefined
}

export interface DroppedPeer {
  readonly peerId: string
  /** Of the last offence. */
  readonly code: string
  readonly at: number
  readonly until: number
}

export interface KeeperRow extends KeeperActivity {
  /** undefined: it never registered. */
  readonly deviceId: string | undefined
  readonly isOwn: boolean
  /** What it says of serving, signed; undefined: nothing that is known here and not too old. */
  readonly service: { readonly isBusy: boolean; readonly saidAt: number } | undefined
}

export interface JoinInfo {
  readonly networkId: string
  readonly name: string
  readonly checkpoint: { readonly height: number; readonly hash: string }
  /** libp2p multiaddrs, best first. */
  readonly addresses: readonly string[]
  /** Fragment text for a join link: what follows `#join=`. */
  readonly link: string
  /** The same with the best address alone: its QR code fits a terminal of 80 columns. */
  readonly shortLink: string
}

export interface BlockAnswer {
  readonly height: number
  readonly hash: string
  /** Encoded block (PROTOCOL.md). */
  readonly bytes: Uint8Array
}

export type DeviceQuestionCode = 'malformed-id' | 'unknown-network' | 'not-ready' | 'proof-too-large'

export interface DeviceAnswer {
  readonly deviceId: string
  readonly state: 'registered' | 'retired' | 'not-in-ledger'
  /** In the tip but not yet in the settled state. */
  readonly pending: boolean
  readonly record: DeviceRow | undefined
  /** Self-contained proof bundle (PROTOCOL.md): verifies with the network ID alone. */
  readonly bundle: Uint8Array
}

export interface DeviceRow {
  readonly deviceId: string
  readonly did: string
  readonly label: string
  readonly assurance: 'A1' | 'A2'
  readonly status: 'active' | 'retired'
  readonly trust: number
  readonly registeredHeight: number
  readonly registeredTime: number
  readonly sponsor: string | undefined
  readonly walletKey: string
}
