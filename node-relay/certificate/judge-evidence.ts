import { verify } from 'node:crypto'
import { certificateEvidenceCodec } from '../../shared/admission/certificate-evidence.ts'
import { equalBytes } from '../../shared/bytes.ts'
import type { DecodeCode } from '../../shared/codec.ts'
import { accept, type Result, reject } from '../../shared/errors.ts'
import { sha256 } from '../../shared/hash.ts'
import { certificateAnchor } from '../../shared/identity/anchor.ts'
import type { Evidence } from '../../shared/transaction/register.ts'
import { type Certificate, parseCertificate } from './certificate.ts'
import { type CheckedChain, checkChain } from './check.ts'
import { CERTIFICATE_SENTENCES, type RefusalCode } from './codes.ts'
import type { RevocationList } from './revocation-list.ts'

export interface EvidenceQuestion {
  /** Of the device: that of its certified key. */
  readonly anchor: Uint8Array
  /** What the certified key has signed, with a nonce. */
  claimOf(nonce: Uint8Array): Uint8Array
  /** SHA-256 of the DER of each root that the owners trust. */
  readonly trustRoots: readonly Uint8Array[]
  readonly stated: StatedCertificate
  /** Encoded. */
  readonly evidence: Uint8Array
  /** Whether it is the hash of a header that was settled lately. */
  isFreshNonce(nonce: Uint8Array): boolean
  /**
   * Fails closed: without a list that speaks of it, a certificate counts as one that nobody vouches for any more. undefined:
   * not asked, since a list of today says nothing of an earlier time.
   */
  readonly revocation: readonly RevocationList[] | undefined
  /** ms */
  readonly at: number
}

export type EvidenceCode =
  | RefusalCode
  | DecodeCode
  | 'wrong-evidence'
  | 'stale-nonce'
  | 'wrong-anchor'
  | 'evidence-too-long'
  | 'wrong-certified-key'

/** What the chain says of a certificate. */
export type StatedCertificate = Extract<Evidence, { TAG: 'certificate' }>['data']

/** Whether a certificate speaks for this very claim (DESIGN 4, A2). What costs little is looked at first. */
export function judgeEvidence(question: EvidenceQuestion): Result<CheckedChain, EvidenceCode> {
  const { trustRoots, anchor, stated, at, revocation } = question
  if (!equalBytes(sha256(question.evidence), stated.evidence))
    return reject('wrong-evidence', 'the registration is for other evidence')
  const decoded = certificateEvidenceCodec.decode(question.evidence)
  if (!decoded.ok) return decoded
  const { chain, nonce, signature } = decoded.value
  if (!question.isFreshNonce(nonce))
    return reject('stale-nonce', 'the nonce is no block that was settled lately; ask for another and sign again')
  const root = sha256(chain.at(-1) as Uint8Array)
  if (!trustRoots.some((trusted) => equalBytes(trusted, root)))
    return reject('untrusted-root', 'the chain must end with a root certificate that the owners trust')
  if (!equalBytes(root, stated.issuer)) return reject('wrong-evidence', 'the registration names another root')

  const certificates: Certificate[] = []
  for (const der of chain) {
    const parsed = parseCertificate(der)
    if (!parsed.ok) return parsed
    certificates.push(parsed.value)
  }
  const [leaf] = certificates as [Certificate]
  if (!equalBytes(certificateAnchor(leaf.keyInfo.bytes), anchor))
    return reject('wrong-anchor', 'the anchor is not that of the certified key')
  const ends = certificates.map(({ notAfter }) => notAfter)
  if (stated.notAfter > Math.min(...ends))
    return reject('evidence-too-long', 'the registration would count for longer than the certificates do')
  const last = certificates.at(-1) as Certificate
  const checked = checkChain({ chain: { certificates, matter: false }, roots: [last], at, revocation })
  if (!checked.ok)
    return reject(checked.code, `${CERTIFICATE_SENTENCES[checked.code].slice(0, -1)} (${checked.detail})`)
  return verify('sha256', question.claimOf(nonce), leaf.publicKey, signature)
    ? accept(checked.value)
    : reject('wrong-certified-key', 'the claim is not signed by the key of the certificate')
}
