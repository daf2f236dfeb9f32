import {
  certificateClaimMessage,
  certificateRenewalMessage,
  certifiedApplicationCodec,
  MAX_NONCE_BLOCKS,
} from '../../shared/admission/certificate-evidence.ts'
import type { Payment } from '../../shared/admission/quote.ts'
import { equalBytes, toHex } from '../../shared/bytes.ts'
import type { SignatureVerifier } from '../../shared/crypto/signature-verifier.ts'
import type { Signer } from '../../shared/crypto/signer.ts'
import { accept, type Result, reject, type Verdict } from '../../shared/errors.ts'
import { openBlock } from '../../shared/ledger/apply.ts'
import type { LedgerDraft } from '../../shared/ledger/context.ts'
import { applyEvidence } from '../../shared/ledger/evidence.ts'
import { applyIncident } from '../../shared/ledger/incident.ts'
import { policyOf } from '../../shared/ledger/policy.ts'
import { applyRegister } from '../../shared/ledger/register.ts'
import type { StateReader } from '../../shared/ledger/state-overlay.ts'
import { endorsementMessage, hashApplication, type Register } from '../../shared/transaction/register.ts'
import {
  incidentEndorsementMessage,
  renewalEndorsementMessage,
  transactionCodec,
} from '../../shared/transaction/transaction.ts'
import type { EvidenceStore } from '../certificate/evidence-store.ts'
import type { StatedCertificate } from '../certificate/judge-evidence.ts'
import type { RevocationList } from '../certificate/revocation-list.ts'
import type { FullChain } from '../full-node/chain.ts'
import { recordOf } from '../full-node/views.ts'
import type { PriceDesk } from './price-desk.ts'
import type { Newcomer } from './puzzle-desk.ts'

/** What an endorser judges by: the whole chain, or the proven part of one that is followed by its headers. */
export interface EndorsingView extends Pick<FullChain, 'tip' | 'graph' | 'rules'> {
  readonly state: StateReader
}

export interface Endorser {
  readonly chain: EndorsingView
  readonly verifier: SignatureVerifier
  readonly wallet: Signer
  readonly deviceId: Uint8Array
  readonly now: () => number
}

/** What a coordination node needs to answer for certificates. */
export interface CertificateEndorser extends Endorser {
  readonly evidence: EvidenceStore
  readonly prices: Pick<PriceDesk, 'check' | 'settle'>
  revocation(): Result<readonly RevocationList[]>
}

type Endorsement = Register['endorsements'][number]

/** What a coordination node endorses, by protocol: an encoded application each. */
export interface EndorsingDoor {
  endorse(application: Uint8Array): Promise<Result<Endorsement>>
  endorseCertified(application: Uint8Array): Promise<Result<Endorsement>>
  witness(application: Uint8Array): Promise<Result<Endorsement>>
}

/**
 * Judges a newcomer's application (a register transaction without endorsements) against the tip, as if it stood in the
 * next block now, and endorses it. Who endorses a fake is accountable for it, so all signatures are verified first.
 */
export async function endorseApplication(endorser: Endorser, application: Uint8Array): Promise<Result<Endorsement>> {
  const register = readApplication(application)
  if (!register.ok) return register
  // A certificate counts because its endorsers have checked it, and here there is none.
  if (register.value.evidence.TAG === 'certificate')
    return reject('evidence-not-checked', 'a certificate is endorsed only together with its chain')
  const verdict = await judgeApplication(endorser, (draft) => applyRegister(draft, register.value))
  const message = endorsementMessage(endorser.chain.rules.networkId, hashApplication(register.value))
  return verdict.ok ? accept(await endorse(endorser, message)) : verdict
}

/**
 * The same for a certified application, which is a registration or a renewal: the chain is checked to a root of the owners'
 * policy, and kept before anything is signed, so that whoever doubts the endorsement can be shown what it stands on.
 */
export async function endorseCertified(endorser: CertificateEndorser, bytes: Uint8Array): Promise<Result<Endorsement>> {
  const { chain, now } = endorser
  const application = certifiedApplicationCodec.decode(bytes)
  if (!application.ok) return application
  const subject = readCertified(chain, application.value.transaction)
  if (!subject.ok) return subject
  const { anchor, claimOf, stated, apply, endorsed, newcomer } = subject.value
  const { payments } = application.value
  const due: { payment?: Payment | undefined } = {}
  const verdict = await judgeApplication(endorser, (draft) => {
    const checked = newcomer === undefined ? accept(undefined) : endorser.prices.check(payments, newcomer)
    if (!checked.ok) return checked
    due.payment = checked.value
    return apply(draft)
  })
  if (!verdict.ok) return verdict
  const revocation = endorser.revocation()
  if (!revocation.ok) return revocation
  // The checker is large, and most networks have no certificates.
  const { judgeEvidence } = await import('../certificate/judge-evidence.ts')
  const judged = judgeEvidence({
    anchor,
    claimOf,
    trustRoots: policyOf(chain.state).trustRoots,
    stated,
    evidence: application.value.evidence,
    isFreshNonce: (nonce) => isFreshNonce(chain, nonce),
    revocation: revocation.value,
    at: now(),
  })
  if (!judged.ok) return judged
  // Dearest of all, so it comes last.
  if (newcomer !== undefined && due.payment !== undefined) {
    const settled = await endorser.prices.settle(due.payment, newcomer)
    if (!settled.ok) return settled
  }
  const kept = endorser.evidence.keep(application.value.evidence)
  return kept.ok ? accept(await endorse(endorser, endorsed)) : kept
}

/** The same for an incident (an incident transaction without endorsements): both statements are verified. */
export async function witnessIncident(endorser: Endorser, application: Uint8Array): Promise<Result<Endorsement>> {
  const transaction = transactionCodec.decode(application)
  if (!transaction.ok) return transaction
  if (transaction.value.TAG !== 'incident') return reject('not-an-application', 'only an incident is witnessed')
  const { data } = transaction.value
  if (data.endorsements.length > 0) return reject('not-an-application', 'an incident comes without endorsements')
  const verdict = await judgeApplication(endorser, (draft) => applyIncident(draft, data))
  const message = incidentEndorsementMessage(endorser.chain.rules.networkId, data.incident)
  return verdict.ok ? accept(await endorse(endorser, message)) : verdict
}

/** What is asked to be endorsed by a certificate. */
interface CertifiedSubject {
  readonly anchor: Uint8Array
  claimOf(nonce: Uint8Array): Uint8Array
  readonly stated: StatedCertificate
  apply(draft: LedgerDraft): Verdict
  /** What an endorser signs. */
  readonly endorsed: Uint8Array
  /** Who pays for it; undefined: a renewal, which costs nothing. */
  readonly newcomer: Newcomer | undefined
}

function readCertified(chain: EndorsingView, bytes: Uint8Array): Result<CertifiedSubject> {
  const { networkId } = chain.rules
  const transaction = transactionCodec.decode(bytes)
  if (!transaction.ok) return transaction
  if (transaction.value.TAG !== 'evidence') {
    const register = readApplication(bytes)
    if (!register.ok) return register
    const { claim, evidence } = register.value
    if (evidence.TAG !== 'certificate')
      return reject('not-an-application', 'a registration without a certificate is endorsed as it is')
    return accept({
      anchor: claim.anchor,
      claimOf: (nonce) => certificateClaimMessage(networkId, claim, nonce),
      stated: evidence.data,
      apply: (draft) => applyRegister(draft, register.value),
      endorsed: endorsementMessage(networkId, hashApplication(register.value)),
      newcomer: { walletKey: claim.walletKey, issuer: evidence.data.issuer, anchor: claim.anchor },
    })
  }
  const { data } = transaction.value
  const { renewal, endorsements } = data
  if (endorsements.length > 0) return reject('not-an-application', 'an application comes without endorsements')
  const record = recordOf(chain.state, renewal.deviceId)
  if (record === undefined) return reject('unknown-device', 'the device is not in the ledger')
  return accept({
    anchor: record.anchor,
    claimOf: (nonce) => certificateRenewalMessage(networkId, renewal.deviceId, nonce),
    stated: renewal,
    apply: (draft) => applyEvidence(draft, data),
    endorsed: renewalEndorsementMessage(networkId, renewal),
    newcomer: undefined,
  })
}

/** Whether a header of this hash was settled lately, as this node sees it. */
function isFreshNonce({ graph }: Pick<EndorsingView, 'graph'>, nonce: Uint8Array): boolean {
  const node = graph.get(toHex(nonce))
  if (node === undefined || !graph.isBest(node)) return false
  const { height } = graph.settled.node
  return node.height <= height && node.height > height - MAX_NONCE_BLOCKS
}

function readApplication(application: Uint8Array): Result<Register> {
  const transaction = transactionCodec.decode(application)
  if (!transaction.ok) return transaction
  if (transaction.value.TAG !== 'register') return reject('not-an-application', 'only a registration is endorsed')
  if (transaction.value.data.endorsements.length > 0)
    return reject('not-an-application', 'an application comes without endorsements')
  return accept(transaction.value.data)
}

/** Against the ledger: everything but the endorsements must already be right. */
async function judgeApplication(endorser: Endorser, apply: (draft: LedgerDraft) => Verdict): Promise<Result<true>> {
  const { chain, verifier, deviceId } = endorser
  const { tip, state, rules } = chain
  const context = { ...rules, height: tip.height + 1, time: Math.max(endorser.now(), tip.sealed.header.time + 1) }
  const draft = openBlock({ state, roster: tip.roster }, context)
  if (!draft.coordinationSet.members.some((member) => equalBytes(member.deviceId, deviceId)))
    return reject('not-a-coordination-node', 'this node is not in the coordination set yet')
  const verdict = apply(draft)
  // The endorsements are what is being asked for; everything else must already be right.
  if (!verdict.ok && verdict.code !== 'not-enough-endorsements') return verdict
  const verdicts = await verifier.verifyBatch(draft.signatures)
  return verdicts.every(Boolean) ? accept(true) : reject('bad-signature', 'it is not signed by whom it says')
}

async function endorse({ wallet, deviceId }: Endorser, message: Uint8Array): Promise<Endorsement> {
  return { deviceId, signature: await wallet.sign(message) }
}
