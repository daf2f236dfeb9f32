import { ACCEPT, LaresError, reject, type Verdict } from '../errors.ts'
import { type Policy, policyCodec } from '../policy/policy.ts'
import { checkOwners, ownerMessage } from '../transaction/approval.ts'
import { KIND } from '../transaction/kinds.ts'
import { hashPolicy, type TransactionOf } from '../transaction/transaction.ts'
import type { LedgerDraft } from './context.ts'
import { POLICY_KEY } from './state-keys.ts'
import type { StateReader } from './state-overlay.ts'

export type PolicyCode =
  | 'wrong-change-number'
  | 'not-enough-owners'
  | 'unknown-owner'
  | 'policy-out-of-range'
  | 'rules-out-of-range'

/** The owners change the policy. */
export function applyPolicy(draft: LedgerDraft, transaction: TransactionOf<'policy'>): Verdict<PolicyCode> {
  const { policy, signatures } = transaction
  const current = draft.policy
  if (policy.number !== current.number + 1)
    return reject('wrong-change-number', `policy ${policy.number} after ${current.number}`)
  // A network that allows no transaction could never change its policy again.
  if (policy.maxBlockTransactions === 0)
    return reject('policy-out-of-range', 'a block must have room for a transaction')
  const { rules } = policy
  const isChanged = rules.version !== current.rules.version || rules.fromHeight !== current.rules.fromHeight
  // What holds already cannot be unsaid, and everyone needs a block to hear of what will.
  if (isChanged && (rules.version < current.rules.version || rules.fromHeight <= draft.block.height))
    return reject('rules-out-of-range', `rules ${rules.version} from height ${rules.fromHeight} on`)
  if (isChanged && rules.version === current.rules.version && draft.block.height >= current.rules.fromHeight)
    return reject('rules-out-of-range', `rules ${rules.version} hold already`)
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

/** Version of the next header on a parent. */
export function versionAt({ rules }: Pick<Policy, 'rules'>, parentVersion: number, height: number): number {
  return height >= rules.fromHeight ? rules.version : parentVersion
}

/** Whether a header of this version may stand at a height: with what the policy says, or below it with what held before. */
export function holdsAt({ rules }: Pick<Policy, 'rules'>, version: number, height: number): boolean {
  return height >= rules.fromHeight ? version === rules.version : version < rules.version
}

/** The policy of a state. @throws {LaresError} `state-damaged` */
export function policyOf(state: StateReader): Policy {
  const bytes = state.get(POLICY_KEY)
  const policy = bytes && policyCodec.decode(bytes)
  if (!policy?.ok) throw new LaresError('state-damaged', 'the policy that genesis wrote is missing')
  return policy.value
}
