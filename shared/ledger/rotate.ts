import { equalBytes } from '../bytes.ts'
import { ACCEPT, reject, type Verdict } from '../errors.ts'
import { LABEL, MARK } from '../identity/label.ts'
import { rotateMessage, rotateNewKeyMessage, type TransactionOf } from '../transaction/transaction.ts'
import type { LedgerDraft } from './context.ts'
import { type OwnTransactionCode, openOwnTransaction } from './own-transaction.ts'

export type RotateCode = OwnTransactionCode | 'recovery-key-needed' | 'addresses-not-allowed'

/** New keys or addresses; the device ID stays. */
export function applyRotate(draft: LedgerDraft, transaction: TransactionOf<'rotate'>): Verdict<RotateCode> {
  const { rotate, authority, newKeySignature } = transaction
  const { networkId } = draft.block
  const opened = openOwnTransaction(draft, rotate, authority, rotateMessage(networkId, rotate))
  if (!opened.ok) return opened
  const record = opened.value
  if (authority.TAG !== 'recovery' && !equalBytes(rotate.recoveryKey, record.recoveryKey))
    return reject('recovery-key-needed', 'only the recovery key changes the recovery key')
  if (record.label === LABEL.lightweight && rotate.addresses.length > 0)
    return reject('addresses-not-allowed', 'a lightweight device publishes no addresses')
  draft.signatures.push({
    publicKey: rotate.walletKey,
    message: rotateNewKeyMessage(networkId, rotate),
    signature: newKeySignature,
  })
  // Who has a copy of the wallet key could rotate by it as well; and only another key ends the use of the copy.
  const isVerified = authority.TAG === 'recovery' && !equalBytes(rotate.walletKey, record.walletKey)
  draft.setDevice({
    ...record,
    ...(isVerified && { marks: record.marks & ~MARK.contested, contestedAt: undefined }),
    walletKey: rotate.walletKey,
    recoveryKey: rotate.recoveryKey,
    addresses: rotate.addresses,
  })
  return ACCEPT
}
