import * as P from 'micro-packed'
import { checked, createCodec, text8, u48 } from '../codec.ts'
import {
  boolField,
  fixedStruct,
  hash32Field,
  oneOfField,
  u8Field,
  u16Field,
  u32Field,
  u48Field,
} from '../fixed-struct.ts'
import { ASSURANCE, isLabel, MARK, STATUS } from './label.ts'

export const MAX_ADDRESSES = 4
/** Counters of the records stop here instead of running over: a transaction must never make a record that cannot be written. */
export const MAX_COUNT = 0xffff
const MAX_DEVICE_RECORD_LENGTH = 2048
const MAX_ANCHOR_RECORD_LENGTH = 128

/** Trust counters of DESIGN 6: one step per epoch, facts (E) and opinions (O), good (r) and bad (s), in units of 2^-20. */
const trustCoder = fixedStruct({ epoch: u32Field, rE: u32Field, sE: u32Field, rO: u32Field, sO: u32Field })

export type TrustCounters = P.UnwrapCoder<typeof trustCoder>

const oneOf = (name: string, values: readonly number[]) => oneOfField(name, u8Field, (value) => values.includes(value))

export const labelField = oneOfField('label', u8Field, isLabel)
export const assuranceField = oneOf('assurance', Object.values(ASSURANCE))
export const addressesCoder = checked(P.array(P.U8, text8), (list) =>
  list.length > MAX_ADDRESSES ? `${list.length} addresses; at most ${MAX_ADDRESSES}` : undefined,
)

/** A device as the ledger knows it. No name, model, serial or MAC: those live in the owner's private directory. */
const deviceRecordHead = fixedStruct({
  version: oneOf('record version', [1]),
  deviceId: hash32Field,
  walletKey: hash32Field,
  recoveryKey: hash32Field,
  /** Wallet ID of the first wallet key: the subject of votes, whatever key is current. */
  walletId: hash32Field,
  anchor: hash32Field,
  label: labelField,
  assurance: assuranceField,
  status: oneOf('status', Object.values(STATUS)),
  /** Bit flags, see {@link MARK}. */
  marks: oneOf('marks', [0, MARK.contested]),
  /** Number of the last transaction that this device signed. */
  sequence: u32Field,
  registeredHeight: u32Field,
  registeredTime: u48Field,
  changedHeight: u32Field,
  /** Device ID of who vouched; zeros when the owners did, or a certificate. */
  sponsor: hash32Field,
  /** Hash of the certificate issuer's key; zeros where there is none. */
  issuer: hash32Field,
  /** Hash of the evidence that the endorsers keep. */
  evidence: hash32Field,
  /** When the evidence must be renewed, ms; 0 for never. */
  evidenceExpires: u48Field,
  trust: trustCoder,
  /** Transactions used in an epoch. */
  quota: fixedStruct({ epoch: u32Field, used: u16Field }),
})

export type DeviceRecord = P.UnwrapCoder<typeof deviceRecordHead> & {
  /** Multiaddrs at which a full or coordination node is reached; empty for all others. */
  addresses: string[]
  /** When a copy of its key was used, ms; there with the mark, and only then. */
  contestedAt: number | undefined
}

const deviceRecordCoder = P.wrap<DeviceRecord>({
  encodeStream(writer, record) {
    deviceRecordHead.encodeStream(writer, record)
    addressesCoder.encodeStream(writer, record.addresses)
    if ((record.marks === MARK.contested) !== (record.contestedAt !== undefined))
      throw writer.err('the mark and its time belong together')
    if (record.contestedAt !== undefined) u48.encodeStream(writer, record.contestedAt)
  },
  decodeStream(reader) {
    const head = deviceRecordHead.decodeStream(reader)
    const addresses = addressesCoder.decodeStream(reader)
    return { ...head, addresses, contestedAt: head.marks === MARK.contested ? u48.decodeStream(reader) : undefined }
  },
})

export const deviceRecordCodec = createCodec<DeviceRecord>('device record', MAX_DEVICE_RECORD_LENGTH, deviceRecordCoder)

/** The real identity behind a device. It outlives the ID, and so do its faults. */
const anchorRecordCoder = fixedStruct({
  version: oneOf('record version', [1]),
  anchor: hash32Field,
  /** The live ID, or the last one. */
  deviceId: hash32Field,
  live: boolField,
  /** How many IDs this anchor has had. */
  registrations: u16Field,
  /** Proven faults. */
  faults: u16Field,
  changedHeight: u32Field,
})

export type AnchorRecord = P.UnwrapCoder<typeof anchorRecordCoder>

export const anchorRecordCodec = createCodec<AnchorRecord>('anchor record', MAX_ANCHOR_RECORD_LENGTH, anchorRecordCoder)
