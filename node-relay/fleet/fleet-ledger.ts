import { toHex } from '../../shared/bytes.ts'
import { ownerAnchor, voucherAnchor } from '../../shared/identity/anchor.ts'
import { deviceIdOf } from '../../shared/identity/device-id.ts'
import { anchorRecordCodec } from '../../shared/identity/record.ts'
import { anchorKey, POLICY_KEY } from '../../shared/ledger/state-keys.ts'
import { policyCodec } from '../../shared/policy/policy.ts'
import type { StateTree } from '../../shared/state-tree/tree.ts'
import { deviceRecords } from '../full-node/views.ts'
import { BREATH_EVERY, breathe } from './breathe.ts'
import type { FleetEntry } from './fleet-file.ts'

/** What the ledger knows of the devices of a fleet. Nothing is remembered, so no reorganization can make it wrong. */
export interface FleetLedger {
  /** Known beforehand with an expected key, and for a voucher once the ledger holds its anchor. */
  deviceIdOf(state: StateTree, entry: FleetEntry): Uint8Array | undefined
}

export function createFleetLedger(networkId: Uint8Array): FleetLedger {
  /** IDs of expected devices and anchors of vouchers never change, and a directory asks for all of them at once. */
  const hashes = new WeakMap<FleetEntry['entrance'], Uint8Array>()

  function hashOf(entrance: FleetEntry['entrance']): Uint8Array {
    const known = hashes.get(entrance)
    if (known !== undefined) return known
    const hash =
      entrance.TAG === 'expected'
        ? deviceIdOf(networkId, entrance.data.walletKey, ownerAnchor(entrance.data.walletKey))
        : voucherAnchor(entrance.data.voucherKey)
    hashes.set(entrance, hash)
    return hash
  }

  return {
    deviceIdOf(state, { entrance }) {
      const hash = hashOf(entrance)
      if (entrance.TAG === 'expected') return hash
      const bytes = state.get(anchorKey(hash))
      const record = bytes && anchorRecordCodec.decode(bytes)
      return record?.ok ? record.value.deviceId : undefined
    },
  }
}

/** Wallet keys of all devices, hex. */
export async function walletKeysOf(state: StateTree): Promise<Set<string>> {
  const keys = new Set<string>()
  for (const { walletKey } of deviceRecords(state)) {
    keys.add(toHex(walletKey))
    if (keys.size % BREATH_EVERY === 0) await breathe()
  }
  return keys
}

/** How long the network lets a voucher run, seconds. */
export function maxVoucherSecondsOf(state: StateTree): number {
  const bytes = state.get(POLICY_KEY)
  const policy = bytes && policyCodec.decode(bytes)
  return policy?.ok ? policy.value.maxVoucherSeconds : 0
}
