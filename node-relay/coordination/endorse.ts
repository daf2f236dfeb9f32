import { equalBytes } from '../../shared/bytes.ts'
import type { SignatureVerifier } from '../../shared/crypto/signature-verifier.ts'
import type { Signer } from '../../shared/crypto/signer.ts'
import { accept, type Result, reject } from '../../shared/errors.ts'
import { openBlock } from '../../shared/ledger/apply.ts'
import { applyRegister } from '../../shared/ledger/register.ts'
import { endorsementMessage, hashApplication } from '../../shared/transaction/register.ts'
import { transactionCodec } from '../../shared/transaction/transaction.ts'
import type { FullChain } from '../full-node/chain.ts'

export interface Endorser {
  readonly chain: FullChain
  readonly verifier: SignatureVerifier
  readonly wallet: Signer
  readonly deviceId: Uint8Array
  readonly now: () => number
}

/**
 * Judges a newcomer's application (a register transaction without endorsements) against the tip, as if it stood in the
 * next block now, and endorses it. Who endorses a fake is accountable for it, so all signatures are verified first.
 */
export async function endorseApplication(
  endorser: Endorser,
  application: Uint8Array,
): Promise<Result<{ deviceId: Uint8Array; signature: Uint8Array }>> {
  const { chain, verifier, wallet, deviceId } = endorser
  const transaction = transactionCodec.decode(application)
  if (!transaction.ok) return transaction
  if (transaction.value.TAG !== 'register') return reject('not-an-application', 'only a registration is endorsed')
  const register = transaction.value.data
  // A certificate counts because its endorsers have checked it: this node does not, so it answers for none.
  if (register.evidence.TAG === 'certificate')
    return reject('evidence-not-checked', 'this node does not check certificates; ask for a voucher')
  if (register.endorsements.length > 0) return reject('not-an-application', 'an application comes without endorsements')

  const { tip, state, rules } = chain
  const context = { ...rules, height: tip.height + 1, time: Math.max(endorser.now(), tip.sealed.header.time + 1) }
  const draft = openBlock({ state, roster: tip.roster }, context)
  if (!draft.coordinationSet.members.some((member) => equalBytes(member.deviceId, deviceId)))
    return reject('not-a-coordination-node', 'this node is not in the coordination set yet')
  const verdict = applyRegister(draft, register)
  // The endorsements are what is being asked for; everything else must already be right.
  if (!verdict.ok && verdict.code !== 'not-enough-endorsements') return verdict
  const verdicts = await verifier.verifyBatch(draft.signatures)
  if (!verdicts.every(Boolean))
    return reject('bad-signature', 'the voucher or the application is not signed by whom it says')
  return accept({
    deviceId,
    signature: await wallet.sign(endorsementMessage(rules.networkId, hashApplication(register))),
  })
}
