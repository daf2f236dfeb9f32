import { ACCEPT, reject, type Verdict } from '../errors.ts'
import { checkOwners, ownerMessage } from '../transaction/approval.ts'
import { KIND } from '../transaction/kinds.ts'
import { hashPolicy, type TransactionOf } from '../transaction/transaction.ts'
import type { LedgerDraft } from './context.ts'

export type PolicyCode = 'wrong-change-number' | 'not-enough-owners' | 'unknown-owner' | 'policy-out-of-range'

/** The owners change the policy. */
export function applyPolicy(draft: LedgerDraft, transaction: TransactionOf<'policy'>): Verdict<PolicyCode> {
  const { policy, signatures } = transaction
  const current = draft.policy
  if (policy.number !== current.number + 1)
    return reject('wrong-change-number', `policy ${policy.number} after ${current.number}`)
  // A network that allows no transaction could never change its policy again.
  if (policy.maxBlockTransactions === 0)
    return reject('policy-out-of-range', 'a block must have room for a transaction')
  const checks = checkOwners(
    draft.roster,
    signatures,
    ownerMessage(draft.block.networkId, KIND.policy, hashPolicy(policy)),
  )
  if (!checks.ok) return checks
  draft.signatures.push(...checks.value)
  draft.policy = policy
  return ACCEPT
}
