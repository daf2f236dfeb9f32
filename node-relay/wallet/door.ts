import type { Result } from '../../shared/errors.ts'

/** The relay's own identity and keys, for its owner. JSON-ready; hashes and public keys in hex. Nothing secret. */
export interface WalletView {
  readonly networkId: string
  /** Text; good once it is in a block. */
  readonly deviceId: string
  readonly did: string
  /** Hash of its first wallet key: by it a seat is known. */
  readonly walletId: string
  /** Signs for the device now. */
  readonly walletKey: string
  /** Seals and votes now, where there is a seat. */
  readonly sealingKey: string
  readonly height: number
  readonly settledHeight: number
  /** At the tip; undefined: not in the ledger yet. */
  readonly record:
    | {
        readonly label: string
        readonly status: 'active' | 'retired'
        readonly walletKey: string
        /** Public half of the words that may replace its keys. */
        readonly recoveryKey: string
        /** Block of its last change, and whether that is settled. */
        readonly changedHeight: number
        readonly isSettled: boolean
        /** The relay holds this wallet key. */
        readonly isOwn: boolean
      }
    | undefined
  readonly seat:
    | {
        readonly seat: number
        readonly sealingKey: string
        readonly recoveryKey: string
        /** The relay holds this sealing key. */
        readonly isOwn: boolean
      }
    | undefined
  /** New keys that take over; undefined: none do. */
  readonly rotation: RotationView | undefined
}

export interface RotationView {
  /** Whose signature replaces the present keys. */
  readonly by: 'wallet' | 'recovery'
  readonly walletKey: string
  /** undefined: the sealing key stays. */
  readonly sealingKey: string | undefined
  /** `waiting`: one of the keys is in no block yet; `in-block`: the tip names them, and that is not settled. */
  readonly state: 'waiting' | 'in-block'
}

export interface WalletDesk {
  view(): WalletView
  /** Makes new keys, keeps them and hands them in. It goes on by itself, whatever happens to the process. */
  rotate(): Promise<Result<WalletView>>
  /** New keys, and what the recovery key has to sign for them. */
  proposeRecovery(): Promise<Result<WalletProposal>>
  /** Goes on like a rotation, with the signatures of the recovery key. */
  recover(signatures: WalletSignatures): Promise<Result<WalletView>>
}

/** What the recovery key signs: the contents of a rotation of the wallet key and of the seat's key. Bytes in hex. */
export interface WalletProposal {
  readonly networkId: string
  /** undefined: the tip names the new wallet key already. */
  readonly wallet:
    | {
        readonly deviceId: string
        readonly sequence: number
        readonly walletKey: string
        readonly recoveryKey: string
        readonly addresses: readonly string[]
      }
    | undefined
  /** undefined: there is no seat, or its new key is named already. */
  readonly seat:
    | {
        readonly changeNumber: number
        readonly seat: number
        readonly sealingKey: string
        readonly recoveryKey: string
      }
    | undefined
  /** The new one, by which the proposal is known. */
  readonly walletKey: string
}

export interface WalletSignatures {
  /** Of the proposal. */
  readonly walletKey: string
  readonly wallet?: string
  readonly seat?: string
}
