import type { Result } from '../../shared/errors.ts'

/**
 * What the command line may ask of the private directory, and the one thing that a device may. JSON-ready: keys in hex,
 * device IDs in their text form, times in ms since the Unix epoch.
 */
export interface FleetDoor {
  /**
   * Takes the rows of a file. What is wrong with a row is its outcome; the others stand, all of them in one step. The same
   * rows again change nothing but vouchers that have expired.
   */
  enrol(rows: readonly EnrolRow[], options: EnrolOptions): Promise<Result<EnrolAnswer, EnrolCode>>
  /** In order of their serials, after one. */
  list(after: string | undefined, limit: number): Result<readonly FleetEntryRow[], 'fleet-damaged'>
  /** The directory for a technician's page, signed now. */
  exportDirectory(): Promise<Result<{ readonly bytes: Uint8Array; readonly devices: number }, ExportCode>>
  /** Forgets a device; what is in the ledger stays there. */
  remove(serial: string): Promise<Result<null, 'unknown-serial' | FleetFileCode>>
  /** What a device whose key is expected must sign to come in. */
  expected(walletKey: string): Promise<Result<ExpectedAnswer, ExpectedCode>>
}

export type FleetFileCode = 'fleet-damaged' | 'fleet-not-written'
export type EnrolCode = FleetFileCode | 'recovery-key-needed' | 'voucher-too-long' | 'busy' | 'malformed-request'
export type ExportCode = 'fleet-damaged' | 'directory-too-large'
export type ExpectedCode = 'malformed-request' | 'not-expected' | 'already-registered' | 'not-ready' | 'fleet-damaged'

/** A row whose fields have been checked; here they are texts again. */
export interface EnrolRow {
  readonly name: string
  readonly model: string
  readonly serial: string
  readonly mac: string
  readonly publicKey: string
  readonly recoveryKey: string
  readonly vendor: string
}

export interface EnrolOptions {
  /** Vouchers run for so many days. */
  readonly days: number
  /** For expected devices whose row names none; kept for the next time. */
  readonly recoveryKey: string | undefined
  /** Whether a row that differs from the one enrolled under its serial replaces name, model, MAC. */
  readonly update: boolean
}

/**
 * - `expected`, `voucher`: new; `renewed`: its voucher had expired unused; `updated`: name, model or MAC changed
 * - `kept`: there already; `refused`: see code and detail
 */
export type RowStatus = 'expected' | 'voucher' | 'renewed' | 'updated' | 'kept' | 'refused'

export interface RowOutcome {
  readonly status: RowStatus
  /** Known at once for an expected device, for a voucher's once it is claimed. */
  readonly deviceId?: string | undefined
  /** To be handed over; only while it is not claimed. */
  readonly voucher?: string | undefined
  /** When the voucher ends. */
  readonly expires?: number | undefined
  readonly code?: string | undefined
  readonly detail?: string | undefined
}

export interface EnrolAnswer {
  /** One for each row, in their order. */
  readonly outcomes: readonly RowOutcome[]
  /** Devices in the directory now. */
  readonly devices: number
}

export interface FleetEntryRow {
  readonly name: string
  readonly model: string
  readonly serial: string
  readonly mac: string
  readonly vendor: string
  readonly deviceId: string | undefined
  /** `expected` and `voucher` are not in the ledger yet. */
  readonly state: 'expected' | 'voucher' | 'voucher-expired' | 'registered' | 'retired'
}

export interface ExpectedAnswer {
  readonly deviceId: string
  /** claim || evidence of the register transaction, for the device's wallet key to sign. */
  readonly application: Uint8Array
  /** The approval in it counts up to here. */
  readonly notAfter: number
}
