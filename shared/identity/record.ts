import * as P from 'micro-packed'
import { checked, createCodec, hash32, text8, u48 } from '../codec.ts'
import { ASSURANCE, isLabel, STATUS } from './label.ts'

export const MAX_ADDRESSES = 4
/** Counters of the records stop here instead of running over: a transaction must never make a record that cannot be written. */
export const MAX_COUNT = 0xffff
const MAX_DEVICE_RECORD_LENGTH = 2048
const MAX_ANCHOR_RECORD_LENGTH = 128

/** Trust counters of DESIGN 6: one step per epoch, facts (E) and opinions (O), good (r) and bad (s), in units of 2^-20. */
const trustCoder = P.struct({ epoch: P.U32BE, rE: P.U32BE, sE: P.U32BE, rO: P.U32BE, sO: P.U32BE })

export type TrustCounters = P.UnwrapCoder<typeof trustCoder>

const oneOf = (name: string, values: readonly number[]) =>
  checked(P.U8, (value) => (values.includes(value) ? undefined : `unknown ${name} ${value}`))

export const labelCoder = checked(P.U8, (value) => (isLabel(value) ? undefined : `no label has flags ${value}`))
export const assuranceCoder = oneOf('assurance', Object.values(ASSURANCE))
export const addressesCoder = checked(P.array(P.U8, text8), (list) =>
  list.length > MAX_ADDRESSES ? `${list.length} addresses; at most ${MAX_ADDRESSES}` : undefined,
)

/** A device as the ledger knows it. No name, model, serial or MAC: those live in the owner's private directory. */
const deviceRecordCoder = P.struct({
  version: oneOf('record version', [1]),
  deviceId: hash32,
  walletKey: hash32,
  recoveryKey: hash32,
  /** Wallet ID of the first wallet key: the subject of votes, whatever key is current. */
  walletId: hash32,
  anchor: hash32,
  label: labelCoder,
  assurance: assuranceCoder,
  status: oneOf('status', Object.values(STATUS)),
  /** Marks set by reports (DESIGN 6): bit flags, none defined by version 1. */
  marks: oneOf('marks', [0]),
  /** Number of the last transaction that this device signed. */
  sequence: P.U32BE,
  registeredHeight: P.U32BE,
  registeredTime: u48,
  changedHeight: P.U32BE,
  /** Device ID of who vouched; zeros when the owners did, or a certificate. */
  sponsor: hash32,
  /** Hash of the certificate issuer's key; zeros where there is none. */
  issuer: hash32,
  /** Hash of the evidence that the endorsers keep. */
  evidence: hash32,
  /** When the evidence must be renewed, ms; 0 for never. */
  evidenceExpires: u48,
  trust: trustCoder,
  /** Transactions used in an epoch. */
  quota: P.struct({ epoch: P.U32BE, used: P.U16BE }),
  /** Multiaddrs at which a full or coordination node is reached; empty for all others. */
  addresses: addressesCoder,
})

export type DeviceRecord = P.UnwrapCoder<typeof deviceRecordCoder>

export const deviceRecordCodec = createCodec<DeviceRecord>('device record', MAX_DEVICE_RECORD_LENGTH, deviceRecordCoder)

/** The real identity behind a device. It outlives the ID, and so do its faults. */
const anchorRecordCoder = P.struct({
  version: oneOf('record version', [1]),
  anchor: hash32,
  /** The live ID, or the last one. */
  deviceId: hash32,
  live: P.bool,
  /** How many IDs this anchor has had. */
  registrations: P.U16BE,
  /** Proven faults. */
  faults: P.U16BE,
  changedHeight: P.U32BE,
})

export type AnchorRecord = P.UnwrapCoder<typeof anchorRecordCoder>

export const anchorRecordCodec = createCodec<AnchorRecord>('anchor record', MAX_ANCHOR_RECORD_LENGTH, anchorRecordCoder)
