import * as P from 'micro-packed'
import { checked, createCodec, hash32 } from '../codec.ts'
import { TAGS, tagged } from '../hash.ts'
import { type Claim, hashClaim, MAX_ENDORSEMENTS } from '../transaction/register.ts'
import { MAX_CERTIFIED_APPLICATION_LENGTH, MAX_EVIDENCE_LENGTH } from './limits.ts'
import { paymentCoder } from './quote.ts'

/** The device's certificate, those between, and the root: Matter has 3, phones up to 5. */
export const MAX_EVIDENCE_CERTIFICATES = 6
/** Blocks below the settled one whose hash still serves as a nonce: half an hour at home. */
export const MAX_NONCE_BLOCKS = 64
/** An RSA key of 8,192 bits signs with 1,024 bytes. */
const MAX_CLAIM_SIGNATURE_LENGTH = 1_024

/** Why a certificate speaks for a newcomer (DESIGN 4, A2). Only its hash is on the chain; the endorsers check and keep it. */
export const certificateEvidenceCodec = createCodec(
  'certificate evidence',
  MAX_EVIDENCE_LENGTH,
  P.struct({
    version: checked(P.U8, (version) => (version === 1 ? undefined : `unknown version ${version}`)),
    /** DER; the device's own first, the trusted root last. */
    chain: checked(P.array(P.U8, P.bytes(P.U16BE)), ({ length }) =>
      length >= 2 && length <= MAX_EVIDENCE_CERTIFICATES
        ? undefined
        : `${length} certificates; 2 to ${MAX_EVIDENCE_CERTIFICATES}`,
    ),
    /** Hash of a settled header, which nobody knew before it was mined. */
    nonce: hash32,
    /** By the certified key over {@link certificateClaimMessage}: ECDSA in DER (RFC 3279) or RSASSA-PKCS1-v1_5, SHA-256. */
    signature: checked(P.bytes(P.U16BE), ({ length }) =>
      length <= MAX_CLAIM_SIGNATURE_LENGTH ? undefined : `a signature of ${length} bytes`,
    ),
  }),
)

/**
 * A registration or a renewal without endorsements, the evidence for it, and what the registration costs: what endorsers of
 * certified devices are asked with.
 */
export const certifiedApplicationCodec = createCodec(
  'certified application',
  MAX_CERTIFIED_APPLICATION_LENGTH,
  P.struct({
    transaction: P.bytes(P.U16BE),
    evidence: P.bytes(P.U16BE),
    /** To each endorser its own. */
    payments: checked(P.array(P.U8, paymentCoder), ({ length }) =>
      length <= MAX_ENDORSEMENTS ? undefined : `${length} payments; at most ${MAX_ENDORSEMENTS}`,
    ),
  }),
)
export type CertifiedApplication = Extract<ReturnType<typeof certifiedApplicationCodec.decode>, { ok: true }>['value']

/** What the certified key signs: this wallet key is mine, on this network, and it is so now. */
export function certificateClaimMessage(networkId: Uint8Array, claim: Claim, nonce: Uint8Array): Uint8Array {
  return tagged(TAGS.certificateClaim, networkId, nonce, hashClaim(claim))
}

/** The same for a renewal: this device is still mine. */
export function certificateRenewalMessage(networkId: Uint8Array, deviceId: Uint8Array, nonce: Uint8Array): Uint8Array {
  return tagged(TAGS.certificateRenewal, networkId, nonce, deviceId)
}
