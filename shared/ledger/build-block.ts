import { MAX_BLOCK_LENGTH, MAX_BLOCK_TRANSACTIONS, MAX_ROSTER_CHANGES_PER_BLOCK } from '../block/block.ts'
import type { SignatureCheck } from '../crypto/signature-verifier.ts'
import { SEALED_HEADER_LENGTH } from '../header/header.ts'
import type { Roster } from '../roster/roster.ts'
import { runSteps, type Steps } from '../steps.ts'
import type { RosterChange } from '../transaction/roster-change.ts'
import { transactionCodec } from '../transaction/transaction.ts'
import { applyTransaction, type LedgerState, openBlock } from './apply.ts'
import type { BlockContext } from './context.ts'
import type { StateChange } from './state-overlay.ts'

export interface BlockContent {
  readonly transactions: readonly Uint8Array[]
  readonly changes: readonly StateChange[]
  readonly roster: Roster
  readonly rosterChanges: readonly RosterChange[]
  /** What each transaction stands on, in their order. */
  readonly signatures: readonly (readonly SignatureCheck[])[]
  /** Left out, with the reason: the mempool drops them. */
  readonly refused: readonly { readonly bytes: Uint8Array; readonly code: string; readonly detail: string }[]
}

/**
 * Fills a block from candidates in their order: what the rules refuse now is left out and named; what has no room waits.
 * The caller has verified the candidates' signatures when it took them in, under the same state keys; it verifies the
 * returned ones again before it mines, since a rotation may have come between.
 */
export function buildBlock(before: LedgerState, context: BlockContext, candidates: Iterable<Uint8Array>): BlockContent {
  return runSteps(buildBlockSteps(before, context, candidates))
}

/** The same in steps of one candidate. The state before must stay readable until the last. */
export function* buildBlockSteps(
  before: LedgerState,
  context: BlockContext,
  candidates: Iterable<Uint8Array>,
): Steps<BlockContent> {
  const draft = openBlock(before, context)
  const limit = Math.min(draft.policy.maxBlockTransactions, MAX_BLOCK_TRANSACTIONS)
  const transactions: Uint8Array[] = []
  const signatures: (readonly SignatureCheck[])[] = []
  const refused: BlockContent['refused'][number][] = []
  let length = SEALED_HEADER_LENGTH + 2
  for (const bytes of candidates) {
    yield
    if (transactions.length >= limit || length + 2 + bytes.length > MAX_BLOCK_LENGTH) break
    const transaction = transactionCodec.decode(bytes)
    if (!transaction.ok) {
      refused.push({ bytes, code: transaction.code, detail: transaction.detail })
      continue
    }
    if (transaction.value.TAG === 'rosterChange' && draft.rosterChanges.length >= MAX_ROSTER_CHANGES_PER_BLOCK) continue
    const signed = draft.signatures.length
    const verdict = applyTransaction(draft, transaction.value)
    if (!verdict.ok) {
      refused.push({ bytes, code: verdict.code, detail: verdict.detail })
      continue
    }
    transactions.push(bytes)
    signatures.push(draft.signatures.slice(signed))
    length += 2 + bytes.length
  }
  return {
    transactions,
    changes: draft.state.changes(),
    roster: draft.roster,
    rosterChanges: draft.rosterChanges,
    signatures,
    refused,
  }
}
