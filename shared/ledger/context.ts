import type { Codec } from '../codec.ts'
import type { SignatureCheck } from '../crypto/signature-verifier.ts'
import { LaresError } from '../errors.ts'
import { LABEL } from '../identity/label.ts'
import { type AnchorRecord, anchorRecordCodec, type DeviceRecord, deviceRecordCodec } from '../identity/record.ts'
import type { NetworkParameters } from '../params.ts'
import { type Policy, policyCodec } from '../policy/policy.ts'
import type { Roster } from '../roster/roster.ts'
import type { RosterChange } from '../transaction/roster-change.ts'
import {
  type CoordinationSet,
  coordinationSetCodec,
  type Epoch,
  epochCodec,
  type SeatRecord,
  seatCodec,
} from './records.ts'
import { anchorKey, COORDINATION_SET_KEY, deviceKey, EPOCH_KEY, POLICY_KEY, seatKey } from './state-keys.ts'
import { StateOverlay, type StateReader } from './state-overlay.ts'

/** What every rule of the state transition may see. */
export interface BlockContext {
  readonly networkId: Uint8Array
  readonly parameters: NetworkParameters
  readonly height: number
  /** Header time, ms. */
  readonly time: number
}

/** Working copy of the ledger while one transaction, or one block, is applied. */
export class LedgerDraft {
  readonly block: BlockContext
  readonly state: StateOverlay
  roster: Roster
  readonly rosterChanges: RosterChange[] = []
  /** All must hold, or nothing of the draft counts. */
  readonly signatures: SignatureCheck[] = []

  constructor(block: BlockContext, state: StateReader, roster: Roster) {
    this.block = block
    this.state = new StateOverlay(state)
    this.roster = roster
  }

  /** A draft on top of this one: absorbed when its transaction is good, forgotten when not. */
  fork(): LedgerDraft {
    return new LedgerDraft(this.block, this.state, this.roster)
  }

  absorb(draft: LedgerDraft): void {
    this.state.absorb(draft.state)
    this.roster = draft.roster
    this.rosterChanges.push(...draft.rosterChanges)
    this.signatures.push(...draft.signatures)
  }

  device(deviceId: Uint8Array): DeviceRecord | undefined {
    return read(this.state, deviceKey(deviceId), deviceRecordCodec)
  }

  setDevice(record: DeviceRecord): void {
    this.state.set(deviceKey(record.deviceId), deviceRecordCodec.encode(record))
  }

  /** Gives or takes a role. A lightweight device publishes no addresses, so they go with its last role. */
  setRole(record: DeviceRecord, label: number): void {
    const addresses = label === LABEL.lightweight ? [] : record.addresses
    this.setDevice({ ...record, label, addresses, changedHeight: this.block.height })
  }

  anchor(anchor: Uint8Array): AnchorRecord | undefined {
    return read(this.state, anchorKey(anchor), anchorRecordCodec)
  }

  setAnchor(record: AnchorRecord): void {
    this.state.set(anchorKey(record.anchor), anchorRecordCodec.encode(record))
  }

  /** undefined for a seat whose keys have never replaced each other. */
  seat(seat: number): SeatRecord | undefined {
    return read(this.state, seatKey(seat), seatCodec)
  }

  setSeat(seat: number, record: SeatRecord): void {
    this.state.set(seatKey(seat), seatCodec.encode(record))
  }

  get coordinationSet(): CoordinationSet {
    return required(read(this.state, COORDINATION_SET_KEY, coordinationSetCodec))
  }

  set coordinationSet(set: CoordinationSet) {
    this.state.set(COORDINATION_SET_KEY, coordinationSetCodec.encode(set))
  }

  get policy(): Policy {
    return required(read(this.state, POLICY_KEY, policyCodec))
  }

  set policy(policy: Policy) {
    this.state.set(POLICY_KEY, policyCodec.encode(policy))
  }

  get epoch(): Epoch {
    return required(read(this.state, EPOCH_KEY, epochCodec))
  }

  set epoch(epoch: Epoch) {
    this.state.set(EPOCH_KEY, epochCodec.encode(epoch))
  }
}

/**
 * Records by the very bytes they were read from: each transaction of a block asks for the policy, the set and the issuer.
 * Nobody changes a record in place, so one object may serve all.
 */
const decodedRecords = new WeakMap<Uint8Array, unknown>()

function read<Value>(state: StateReader, key: Uint8Array, codec: Codec<Value>): Value | undefined {
  const bytes = state.get(key)
  if (bytes === undefined) return undefined
  if (decodedRecords.has(bytes)) return decodedRecords.get(bytes) as Value
  const decoded = codec.decode(bytes)
  // Only this code writes the state, so an unreadable record means damaged storage, not a bad transaction.
  if (!decoded.ok) throw new LaresError('state-damaged', decoded.detail)
  decodedRecords.set(bytes, decoded.value)
  return decoded.value
}

function required<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new LaresError('state-damaged', 'a record that genesis wrote is missing')
  return value
}
