import { ACCEPT, reject, type Verdict } from '../errors.ts'
import { ASSURANCE } from '../identity/label.ts'
import { renewalEndorsementMessage, renewalMessage, type TransactionOf } from '../transaction/transaction.ts'
import type { LedgerDraft } from './context.ts'
import { type CertificateCode, checkCertificate, checkEndorsements, type EndorsementCode } from './endorsements.ts'
import { type OwnTransactionCode, openOwnTransaction } from './own-transaction.ts'

export type RenewalCode = OwnTransactionCode | CertificateCode | EndorsementCode | 'not-certified'

/** A device with a certificate renews what it came in by. That the certified key is the same, its endorsers see to. */
export function applyEvidence(draft: LedgerDraft, transaction: TransactionOf<'evidence'>): Verdict<RenewalCode> {
  const { renewal, endorsements, authority } = transaction
  const { networkId } = draft.block
  const opened = openOwnTransaction(draft, renewal, authority, renewalMessage(networkId, renewal))
  if (!opened.ok) return opened
  const record = opened.value
  // Who came in by another way does not become certified: its anchor is another.
  if (record.assurance !== ASSURANCE.certified)
    return reject('not-certified', 'the device came in without a certificate')
  const certificate = checkCertificate(draft, renewal)
  if (!certificate.ok) return certificate
  const endorsed = checkEndorsements(draft, endorsements, renewalEndorsementMessage(networkId, renewal))
  if (!endorsed.ok) return endorsed
  const { issuer, evidence, notAfter } = renewal
  // A mark stays: the wallet key is the one that was copied, and what it has signed could be reported again.
  draft.setDevice({ ...record, issuer, evidence, evidenceExpires: notAfter })
  return ACCEPT
}
