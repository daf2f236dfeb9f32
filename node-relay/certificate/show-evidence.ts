import type { SignatureVerifier } from '../../shared/crypto/signature-verifier.ts'
import { accept, type Result, reject } from '../../shared/errors.ts'
import {
  type EvidenceRequest,
  evidenceRequestMessage,
  validateRequestTime,
} from '../../shared/protocol/evidence-request.ts'
import { memberAt } from '../../shared/roster/roster.ts'
import type { FullChain } from '../full-node/chain.ts'
import type { EvidenceStore } from './evidence-store.ts'

export interface ShowingInit {
  readonly chain: Pick<FullChain, 'tip'>
  readonly verifier: SignatureVerifier
  readonly evidence: Pick<EvidenceStore, 'get'>
  /** Our own libp2p peer ID. */
  readonly peerId: string
  readonly now: () => number
}

export type ShowingCode = 'not-a-member' | 'request-too-old' | 'request-ahead' | 'bad-signature' | 'evidence-not-here'

/**
 * Shows what this node has endorsed by to a member of the roster, and to nobody else. A stranger does not learn whether there
 * is any.
 * @param from libp2p peer ID of who asks
 */
export async function showEvidence(
  { chain, verifier, evidence, peerId, now }: ShowingInit,
  from: string,
  request: EvidenceRequest,
): Promise<Result<Uint8Array, ShowingCode>> {
  const member = memberAt(chain.tip.roster, request.seat)
  if (member === undefined) return reject('not-a-member', 'evidence is shown to full nodes alone')
  const time = validateRequestTime(request.time, now())
  if (!time.ok) return time
  const message = evidenceRequestMessage(request, { asker: from, asked: peerId })
  if (!(await verifier.verify({ publicKey: member.sealingKey, message, signature: request.signature })))
    return reject('bad-signature', 'the request is not signed by that seat, or not for this connection')
  const found = evidence.get(request.evidence)
  return found === undefined ? reject('evidence-not-here', 'this node does not keep this evidence') : accept(found)
}
