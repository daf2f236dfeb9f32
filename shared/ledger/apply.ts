import { type Block, MAX_BLOCK_TRANSACTIONS, MAX_ROSTER_CHANGES_PER_BLOCK } from '../block/block.ts'
import { transactionRootSteps } from '../block/transaction-tree.ts'
import { equalBytes } from '../bytes.ts'
import type { SignatureCheck } from '../crypto/signature-verifier.ts'
import { accept, type Result, reject, type Verdict } from '../errors.ts'
import { type Roster, rosterRoot } from '../roster/roster.ts'
import { runSteps, type Steps } from '../steps.ts'
import type { RosterChange } from '../transaction/roster-change.ts'
import { type Transaction, transactionCodec } from '../transaction/transaction.ts'
import { type BlockContext, LedgerDraft } from './context.ts'
import { applyCoordinationChange } from './coordination-change.ts'
import { turnEpoch } from './epoch.ts'
import { applyEvidence } from './evidence.ts'
import { applyIncident } from './incident.ts'
import { applyPolicy, holdsAt } from './policy.ts'
import { applyRegister } from './register.ts'
import { applyRetire } from './retire.ts'
import { applyRosterChange } from './roster-change.ts'
import { applyRotate } from './rotate.ts'
import type { StateChange, StateReader } from './state-overlay.ts'

/** What a block does to the ledger: good only if all signatures hold and the new state tree has the header's root. */
export interface AppliedBlock {
  readonly changes: readonly StateChange[]
  readonly roster: Roster
  /** In the order of the block: what a phone needs to follow the roster. */
  readonly rosterChanges: readonly RosterChange[]
  readonly signatures: readonly SignatureCheck[]
}

/** State and roster before the block. */
export interface LedgerState {
  readonly state: StateReader
  readonly roster: Roster
}

/** Opens the draft of a block: the epoch turns before its first transaction. */
export function openBlock(before: LedgerState, block: BlockContext): LedgerDraft {
  const draft = new LedgerDraft(block, before.state, before.roster)
  turnEpoch(draft)
  return draft
}

/** One transaction on top of a draft. A refused one leaves the draft as it was. The signatures are not verified here. */
export function applyTransaction(draft: LedgerDraft, transaction: Transaction): Verdict {
  const attempt = draft.fork()
  const verdict = dispatch(attempt, transaction)
  if (verdict.ok) draft.absorb(attempt)
  return verdict
}

/**
 * The state transition: state and block in, changes or the reason for rejection out. Pure, deterministic, integers only.
 * The header itself is validated elsewhere (chain/validate-header.ts); its roots are checked here, all but the state
 * root, which the caller compares after updating its tree with the changes.
 */
export function applyBlock(
  before: LedgerState,
  block: Block,
  context: Omit<BlockContext, 'height' | 'time'>,
): Result<AppliedBlock> {
  return runSteps(applyBlockSteps(before, block, context))
}

/**
 * The same in steps of one transaction, each of which hands out the signatures that it stands on: they can be verified while
 * the next ones are applied. The state before must stay readable until the last step.
 * @param options.isRootCompared the caller knows that the header commits to these very transactions
 */
export function* applyBlockSteps(
  before: LedgerState,
  block: Block,
  context: Omit<BlockContext, 'height' | 'time'>,
  { isRootCompared = false }: { isRootCompared?: boolean } = {},
): Steps<Result<AppliedBlock>, readonly SignatureCheck[] | undefined> {
  const { header, transactions } = block
  if (!isRootCompared && !equalBytes(yield* transactionRootSteps(transactions), header.transactionRoot))
    return reject('wrong-transaction-root', 'the header does not commit to these transactions')
  const draft = openBlock(before, { ...context, height: header.height, time: header.time })
  if (!holdsAt(draft.policy, header.version, header.height))
    return reject('wrong-version', `version ${header.version} at height ${header.height}`)
  const limit = Math.min(draft.policy.maxBlockTransactions, MAX_BLOCK_TRANSACTIONS)
  if (transactions.length > limit) return reject('too-many-transactions', `${transactions.length}; at most ${limit}`)
  for (const [i, bytes] of transactions.entries()) {
    const transaction = transactionCodec.decode(bytes)
    if (!transaction.ok) return reject(transaction.code, `transaction ${i}: ${transaction.detail}`)
    const signed = draft.signatures.length
    const verdict = applyTransaction(draft, transaction.value)
    if (!verdict.ok) return reject(verdict.code, `transaction ${i}: ${verdict.detail}`)
    yield draft.signatures.slice(signed)
  }
  if (draft.rosterChanges.length > MAX_ROSTER_CHANGES_PER_BLOCK)
    return reject('too-many-roster-changes', `${draft.rosterChanges.length}; at most ${MAX_ROSTER_CHANGES_PER_BLOCK}`)
  if (!equalBytes(rosterRoot(draft.roster), header.rosterRoot))
    return reject('wrong-roster-root', 'the header does not commit to the roster after its transactions')
  return accept({
    changes: draft.state.changes(),
    roster: draft.roster,
    rosterChanges: draft.rosterChanges,
    signatures: draft.signatures,
  })
}

function dispatch(draft: LedgerDraft, transaction: Transaction): Verdict {
  switch (transaction.TAG) {
    case 'register':
      return applyRegister(draft, transaction.data)
    case 'rosterChange':
      return applyRosterChange(draft, transaction.data)
    case 'coordinationChange':
      return applyCoordinationChange(draft, transaction.data)
    case 'rotate':
      return applyRotate(draft, transaction.data)
    case 'retire':
      return applyRetire(draft, transaction.data)
    case 'policy':
      return applyPolicy(draft, transaction.data)
    case 'evidence':
      return applyEvidence(draft, transaction.data)
    case 'incident':
      return applyIncident(draft, transaction.data)
  }
}
