import type { SignatureCheck } from '../../shared/crypto/signature-verifier.ts'
import { accept, type Result, reject } from '../../shared/errors.ts'
import { applyTransaction, openBlock } from '../../shared/ledger/apply.ts'
import { transactionCodec } from '../../shared/transaction/transaction.ts'
import type { FullChain } from './chain.ts'

/** Whether a transaction could stand in the next block, all but its signatures, which are returned to be verified. */
export function checkTransaction(
  chain: FullChain,
  now: number,
  bytes: Uint8Array,
): Result<{ readonly signatures: readonly SignatureCheck[] }> {
  const transaction = transactionCodec.decode(bytes)
  if (!transaction.ok) return transaction
  // Good on one parent only, and in the block of the relay that recovers: it never waits with the others.
  if (transaction.value.TAG === 'rosterChange' && transaction.value.data.action.TAG === 'recover')
    return reject('not-submitted', 'a recovery comes with the block of the relay that recovers')
  const { tip, rules, state } = chain
  const time = Math.max(Math.floor(now), tip.sealed.header.time + 1)
  const draft = openBlock({ state, roster: tip.roster }, { ...rules, height: tip.height + 1, time })
  const verdict = applyTransaction(draft, transaction.value)
  return verdict.ok ? accept({ signatures: draft.signatures }) : verdict
}
