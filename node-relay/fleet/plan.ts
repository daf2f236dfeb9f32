import { equalBytes, toHex } from '../../shared/bytes.ts'
import { MAX_DIRECTORY_ENTRIES } from '../../shared/fleet/directory.ts'
import type { FleetRow } from '../../shared/fleet/row.ts'
import type { RowStatus } from './door.ts'
import type { FleetContent, FleetEntry } from './fleet-file.ts'

export interface PlannedRow {
  readonly row: FleetRow
  readonly vendor: string
}

/** What becomes of a row. `mint`: a voucher is to be made for the entry. */
export type RowPlan =
  | { readonly status: Exclude<RowStatus, 'refused'>; readonly entry: FleetEntry; readonly mint: boolean }
  | { readonly status: 'refused'; readonly code: string; readonly detail: string }

export interface PlanInit {
  readonly fleet: FleetContent
  /** ms */
  readonly now: number
  readonly update: boolean
  /** Public keys of all devices of the ledger, hex. */
  readonly registeredKeys: ReadonlySet<string>
  /** Of the operator, for rows without one; undefined when there is none yet. */
  readonly recoveryKey: Uint8Array | undefined
}

/** What may be corrected without touching how a device comes in. */
interface Details {
  readonly name: string
  readonly model: string
  readonly mac?: Uint8Array | undefined
}

const NO_VOUCHER: FleetEntry['entrance'] = {
  TAG: 'voucher',
  data: { voucherKey: new Uint8Array(32), seed: new Uint8Array(32), notAfter: 0, signature: new Uint8Array(64) },
}

/** Compares each row with what is enrolled and what is registered, one after the other. Changes nothing. */
export function planEnrolment(rows: readonly PlannedRow[], init: PlanInit): RowPlan[] {
  const { fleet } = init
  const macs = new Map<string, string>()
  const keys = new Map<string, string>()
  for (const { serial, mac, entrance } of fleet.entries.values()) {
    if (mac !== undefined) macs.set(toHex(mac), serial)
    if (entrance.TAG === 'expected') keys.set(toHex(entrance.data.walletKey), serial)
  }
  let count = fleet.entries.size

  return rows.map(({ row, vendor }): RowPlan => {
    const known = fleet.entries.get(row.serial)
    const mac = row.mac && toHex(row.mac)
    const key = row.publicKey && toHex(row.publicKey)
    const details = { serial: row.serial, name: row.name, model: row.model, mac: row.mac, vendor }
    if (known !== undefined) {
      const changes = changesOf(known, row)
      if (changes.keys.length > 0 || (changes.details.length > 0 && !init.update))
        return refused(
          'changed',
          `serial ${row.serial} is enrolled with another ${[...changes.details, ...changes.keys].join(', ')}`,
        )
    }
    const macOwner = mac === undefined ? undefined : macs.get(mac)
    if (macOwner !== undefined && macOwner !== row.serial)
      return refused('mac-taken', `the MAC address is that of serial ${macOwner}`)
    if (known !== undefined) return planKnown(known, { ...known, ...details }, init)

    const keyOwner = key === undefined ? undefined : keys.get(key)
    if (keyOwner !== undefined) return refused('key-taken', `the public key is that of serial ${keyOwner}`)
    if (key !== undefined && init.registeredKeys.has(key))
      return refused('key-registered', 'a device with this public key is in the ledger already')
    if (count >= MAX_DIRECTORY_ENTRIES)
      return refused('directory-full', `the directory holds ${MAX_DIRECTORY_ENTRIES} devices, and no more`)
    const recoveryKey = row.recoveryKey ?? init.recoveryKey
    if (row.publicKey !== undefined && recoveryKey === undefined)
      return refused('recovery-key-needed', 'there is no recovery key for it')
    count++
    if (mac !== undefined) macs.set(mac, row.serial)
    if (key === undefined || row.publicKey === undefined || recoveryKey === undefined)
      return { status: 'voucher', entry: { ...details, entrance: NO_VOUCHER }, mint: true }
    keys.set(key, row.serial)
    const entrance = { TAG: 'expected' as const, data: { walletKey: row.publicKey, recoveryKey } }
    return { status: 'expected', entry: { ...details, entrance }, mint: false }
  })
}

function planKnown(known: FleetEntry, wanted: FleetEntry, { now }: PlanInit): RowPlan {
  const { entrance } = known
  const changed = changedDetails(known, wanted).length > 0
  const entry = changed ? wanted : known
  if (entrance.TAG === 'voucher' && entrance.data.notAfter <= now) return { status: 'renewed', entry, mint: true }
  return { status: changed ? 'updated' : 'kept', entry, mint: false }
}

/** What a row says otherwise than what is enrolled under its serial. */
function changesOf(known: FleetEntry, row: FleetRow): { details: string[]; keys: string[] } {
  const { entrance } = known
  const expected = entrance.TAG === 'expected' ? entrance.data : undefined
  const keys: string[] = []
  if (!same(row.publicKey, expected?.walletKey)) keys.push('public key')
  if (row.recoveryKey !== undefined && !same(row.recoveryKey, expected?.recoveryKey)) keys.push('recovery key')
  return { details: changedDetails(known, row), keys }
}

function changedDetails(known: Details, wanted: Details): string[] {
  return [
    ...(wanted.name === known.name ? [] : ['name']),
    ...(wanted.model === known.model ? [] : ['model']),
    ...(same(wanted.mac, known.mac) ? [] : ['MAC address']),
  ]
}

function same(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a === undefined || b === undefined ? a === b : equalBytes(a, b)
}

function refused(code: string, detail: string): RowPlan {
  return { status: 'refused', code, detail }
}
