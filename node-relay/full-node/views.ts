import { equalBytes, toHex } from '../../shared/bytes.ts'
import { formatDeviceId, formatDid } from '../../shared/identity/device-id.ts'
import { LABEL, labelNames, STATUS } from '../../shared/identity/label.ts'
import { type DeviceRecord, deviceRecordCodec } from '../../shared/identity/record.ts'
import { trustAt, trustScore } from '../../shared/identity/trust.ts'
import { epochCodec } from '../../shared/ledger/records.ts'
import { deviceKey, EPOCH_KEY, STATE_TYPE } from '../../shared/ledger/state-keys.ts'
import type { StateReader } from '../../shared/ledger/state-overlay.ts'
import type { StateTree } from '../../shared/state-tree/tree.ts'
import type { DeviceRow } from '../facade.ts'

/** A device as people and JSON clients see it. */
export function deviceRow(networkId: Uint8Array, record: DeviceRecord, epoch: number): DeviceRow {
  const isZero = record.sponsor.every((byte) => byte === 0)
  return {
    deviceId: formatDeviceId(networkId, record.deviceId),
    did: formatDid(networkId, record.deviceId),
    label: labelNames(record.label).join(' + '),
    assurance: record.assurance === 1 ? 'A1' : 'A2',
    status: record.status === STATUS.retired ? 'retired' : 'active',
    trust: trustScore(trustAt(record.trust, epoch)),
    registeredHeight: record.registeredHeight,
    registeredTime: record.registeredTime,
    sponsor: isZero ? undefined : formatDeviceId(networkId, record.sponsor),
    walletKey: toHex(record.walletKey),
  }
}

export function recordOf(state: StateReader, deviceId: Uint8Array): DeviceRecord | undefined {
  const bytes = state.get(deviceKey(deviceId))
  const record = bytes && deviceRecordCodec.decode(bytes)
  return record?.ok ? record.value : undefined
}

export function epochOf(state: StateTree): number {
  const bytes = state.get(EPOCH_KEY)
  const epoch = bytes && epochCodec.decode(bytes)
  return epoch?.ok ? epoch.value.number : 0
}

/** All device records in the order of their state keys. */
export function* deviceRecords(state: StateTree): Generator<DeviceRecord> {
  const bits = new Uint8Array(32)
  bits[0] = STATE_TYPE.device
  for (const { value } of state.leaves({ bits, length: 8 })) {
    const record = deviceRecordCodec.decode(value)
    if (record.ok) yield record.value
  }
}

/** The active device of a wallet; where it has several, the one with the seat, then the first. */
export function deviceOfWallet(state: StateTree, walletId: Uint8Array): DeviceRecord | undefined {
  let found: DeviceRecord | undefined
  for (const record of deviceRecords(state)) {
    if (record.status !== STATUS.active || !equalBytes(record.walletId, walletId)) continue
    if ((record.label & LABEL.full) !== 0) return record
    found ??= record
  }
  return found
}
