import { equalBytes } from '../bytes.ts'
import { ACCEPT, reject, type Verdict } from '../errors.ts'
import { STATUS } from '../identity/label.ts'
import { retireMessage, type TransactionOf } from '../transaction/transaction.ts'
import type { LedgerDraft } from './context.ts'
import { type OwnTransactionCode, openOwnTransaction } from './own-transaction.ts'

export type RetireCode = OwnTransactionCode | 'holds-a-role'

/** A device leaves for good. The anchor and its faults stay. */
export function applyRetire(draft: LedgerDraft, transaction: TransactionOf<'retire'>): Verdict<RetireCode> {
  const { retire, authority } = transaction
  const { networkId, height } = draft.block
  const opened = openOwnTransaction(draft, retire, authority, retireMessage(networkId, retire))
  if (!opened.ok) return opened
  const record = opened.value
  // A seat or a place in the set is given up first, so that the roster never names a retired device.
  if (
    draft.roster.members.some((member) => equalBytes(member.walletId, record.walletId)) ||
    draft.coordinationSet.members.some((member) => equalBytes(member.deviceId, record.deviceId))
  )
    return reject('holds-a-role', 'the device holds a seat or is a coordination node')
  draft.setDevice({ ...record, status: STATUS.retired })
  const anchor = draft.anchor(record.anchor)
  if (anchor !== undefined) draft.setAnchor({ ...anchor, live: false, changedHeight: height })
  return ACCEPT
}
