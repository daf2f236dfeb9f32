import { equalBytes, toHex } from '../../shared/bytes.ts'
import { deviceIdOf } from '../../shared/identity/device-id.ts'
import { LABEL, STATUS } from '../../shared/identity/label.ts'
import type { DeviceRecord } from '../../shared/identity/record.ts'
import { KIND } from '../../shared/transaction/kinds.ts'
import { transactionCodec } from '../../shared/transaction/transaction.ts'
import type { ChainChange, FullChain } from './chain.ts'
import { recordOf } from './views.ts'

/** All seats and the coordination set, and some. Further devices with a role are not known here by their record. */
export const MAX_ROLE_RECORDS = 512

/** Records of the devices with a role, as the tip has them: full and coordination nodes. */
export interface RoleRecords {
  list(): readonly DeviceRecord[]
  /** Of the device that a seat was given to. */
  ofWallet(walletId: Uint8Array): DeviceRecord | undefined
  /** For the walk over all devices at the start. */
  note(record: DeviceRecord): void
  onChange(listener: () => void): void
}

/** Kept up with each block by what its transactions name: walking over all devices takes too long for that. */
export function createRoleRecords(chain: Pick<FullChain, 'state' | 'rules' | 'onChange'>): RoleRecords {
  const records = new Map<string, DeviceRecord>()
  const listeners: (() => void)[] = []

  function take(record: DeviceRecord): void {
    const id = toHex(record.deviceId)
    const hasRole = record.status === STATUS.active && record.label !== LABEL.lightweight
    if (!hasRole) records.delete(id)
    else if (records.has(id) || records.size < MAX_ROLE_RECORDS) records.set(id, record)
  }

  /** Devices that a transaction gives a role, takes it from, or changes the record of. */
  function named(bytes: Uint8Array): Uint8Array | undefined {
    const [kind, second] = bytes
    if (kind === KIND.register && second === LABEL.lightweight) return undefined
    if (kind === KIND.rotate || kind === KIND.retire || kind === KIND.evidence) {
      const deviceId = bytes.subarray(1, 33)
      return records.has(toHex(deviceId)) ? deviceId : undefined
    }
    const transaction = transactionCodec.decode(bytes)
    if (!transaction.ok) return undefined
    const { value } = transaction
    if (value.TAG === 'register')
      return deviceIdOf(chain.rules.networkId, value.data.claim.walletKey, value.data.claim.anchor)
    if (value.TAG === 'incident') return value.data.incident.claimed.deviceId
    if (value.TAG === 'coordinationChange') return value.data.change.deviceId
    if (value.TAG !== 'rosterChange') return undefined
    const { action } = value.data
    switch (action.TAG) {
      case 'admit':
        return action.data.admit.deviceId
      case 'remove':
        return action.data.remove.deviceId
      case 'leave':
        return action.data.leave.deviceId
      case 'equivocation':
        return action.data.deviceId
      default:
        return undefined
    }
  }

  chain.onChange(({ undone, applied }: ChainChange) => {
    const ids = [...undone, ...applied].flatMap(({ transactions }) =>
      transactions.flatMap((bytes) => named(bytes) ?? []),
    )
    for (const id of ids) {
      const record = recordOf(chain.state, id)
      if (record === undefined) records.delete(toHex(id))
      else take(record)
    }
    if (ids.length > 0) for (const listener of listeners) listener()
  })

  return {
    list: () => [...records.values()],
    ofWallet(walletId) {
      let found: DeviceRecord | undefined
      for (const record of records.values())
        if (equalBytes(record.walletId, walletId) && (found === undefined || (record.label & LABEL.full) !== 0))
          found = record
      return found
    },
    note: take,
    onChange: (listener) => void listeners.push(listener),
  }
}
