import { accept, type Result, reject } from '../errors.ts'
import { STATUS } from '../identity/label.ts'
import { type DeviceRecord, MAX_COUNT } from '../identity/record.ts'
import { trustAt, trustScore } from '../identity/trust.ts'
import type { DeviceAuthority } from '../transaction/transaction.ts'
import type { LedgerDraft } from './context.ts'

/** Transactions of an epoch beyond the quota that only the recovery key can sign. */
export const RECOVERY_RESERVE = 8

export type OwnTransactionCode = 'unknown-device' | 'retired' | 'wrong-sequence' | 'quota-exceeded'

/**
 * What every transaction that a device signs for itself has in common: the device is active, the sequence number is the
 * next, the epoch's quota is not used up (it grows with trust instead of fees; the recovery key has a reserve), and the
 * wallet key, or the recovery key that overrides it, has signed.
 *
 * @returns the record with sequence and quota counted up, not yet written
 */
export function openOwnTransaction(
  draft: LedgerDraft,
  content: { deviceId: Uint8Array; sequence: number },
  authority: DeviceAuthority,
  message: Uint8Array,
): Result<DeviceRecord, OwnTransactionCode> {
  const record = draft.device(content.deviceId)
  if (record === undefined) return reject('unknown-device', 'the device is not in the ledger')
  if (record.status !== STATUS.active) return reject('retired', 'the device is retired')
  if (content.sequence !== record.sequence + 1)
    return reject('wrong-sequence', `sequence ${content.sequence}; the next is ${record.sequence + 1}`)

  const epoch = draft.epoch.number
  const used = record.quota.epoch === epoch ? record.quota.used : 0
  const { quotaBase, quotaPerHundredTrust } = draft.policy
  const trust = trustScore(trustAt(record.trust, epoch))
  // The owner's last resort must work even when a thief has used up the quota, but every device has a recovery key: a
  // reserve, not a way around the quota.
  const reserve = authority.TAG === 'recovery' ? RECOVERY_RESERVE : 0
  const quota = Math.min(quotaBase + Math.floor((trust * quotaPerHundredTrust) / 100), MAX_COUNT - RECOVERY_RESERVE)
  if (used >= quota + reserve) return reject('quota-exceeded', `${used} transactions in this epoch`)

  const publicKey = authority.TAG === 'wallet' ? record.walletKey : record.recoveryKey
  draft.signatures.push({ publicKey, message, signature: authority.data })
  return accept({
    ...record,
    sequence: content.sequence,
    quota: { epoch, used: Math.min(used + 1, MAX_COUNT) },
    changedHeight: draft.block.height,
  })
}
