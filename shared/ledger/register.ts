import { equalBytes, ZERO_HASH } from '../bytes.ts'
import { ACCEPT, reject, type Verdict } from '../errors.ts'
import { sha256 } from '../hash.ts'
import { ownerAnchor, voucherAnchor } from '../identity/anchor.ts'
import { deviceIdOf, walletIdOf } from '../identity/device-id.ts'
import { ASSURANCE, LABEL, STATUS } from '../identity/label.ts'
import { type DeviceRecord, MAX_COUNT } from '../identity/record.ts'
import { NEW_TRUST } from '../identity/trust.ts'
import { checkOwners, ownerMessage } from '../transaction/approval.ts'
import { KIND } from '../transaction/kinds.ts'
import {
  approvalMessage,
  type Claim,
  type Evidence,
  endorsementMessage,
  hashApplication,
  hashClaim,
  type Register,
  registerWalletMessage,
  voucherClaimMessage,
  voucherMessage,
} from '../transaction/register.ts'
import type { LedgerDraft } from './context.ts'
import { type CertificateCode, checkCertificate, checkEndorsements, type EndorsementCode } from './endorsements.ts'

export type RegisterCode =
  | 'already-registered'
  | 'anchor-live'
  | 'voucher-used'
  | 'voucher-expired'
  | 'voucher-too-long'
  | 'voucher-for-another-label'
  | 'wrong-anchor'
  | 'wrong-assurance'
  | 'label-not-open'
  | 'addresses-not-allowed'
  | 'unknown-issuer'
  | 'issuer-has-no-right'
  | 'not-enough-owners'
  | 'unknown-owner'
  | CertificateCode
  | EndorsementCode

/** A device enters the ledger. No valid ID before the real identity is verified. */
export function applyRegister(draft: LedgerDraft, register: Register): Verdict<RegisterCode> {
  const { claim, evidence } = register
  const { networkId, height, time } = draft.block
  const deviceId = deviceIdOf(networkId, claim.walletKey, claim.anchor)

  // One anchor, one live ID; a voucher is good once for ever.
  const anchor = draft.anchor(claim.anchor)
  if (anchor !== undefined && evidence.TAG === 'voucher') return reject('voucher-used', 'this voucher has been used')
  if (anchor?.live === true) return reject('anchor-live', 'this identity has a live ID')
  if (draft.device(deviceId) !== undefined) return reject('already-registered', 'this ID is in the ledger')

  // Roles are earned after joining; only the owners found a network with them.
  if (claim.label !== LABEL.lightweight && evidence.TAG !== 'owners')
    return reject('label-not-open', 'a device joins as lightweight')
  if (claim.label === LABEL.lightweight && claim.addresses.length > 0)
    return reject('addresses-not-allowed', 'a lightweight device publishes no addresses')

  const backing = checkEvidence(draft, claim, evidence)
  if (!backing.ok) return backing
  const application = hashApplication(register)
  draft.signatures.push({
    publicKey: claim.walletKey,
    message: registerWalletMessage(networkId, application),
    signature: register.walletSignature,
  })
  const endorsed = checkEndorsements(draft, register.endorsements, endorsementMessage(networkId, application))
  if (!endorsed.ok) return endorsed

  const record: DeviceRecord = {
    version: 1,
    deviceId,
    walletKey: claim.walletKey,
    recoveryKey: claim.recoveryKey,
    walletId: walletIdOf(claim.walletKey),
    anchor: claim.anchor,
    label: claim.label,
    assurance: claim.assurance,
    status: STATUS.active,
    marks: 0,
    sequence: 0,
    registeredHeight: height,
    registeredTime: time,
    changedHeight: height,
    sponsor: backing.sponsor,
    issuer: backing.issuer,
    evidence: backing.evidence,
    evidenceExpires: backing.expires,
    trust: { epoch: draft.epoch.number, ...NEW_TRUST },
    quota: { epoch: draft.epoch.number, used: 0 },
    addresses: claim.addresses,
    contestedAt: undefined,
  }
  draft.setDevice(record)
  draft.setAnchor({
    version: 1,
    anchor: claim.anchor,
    deviceId,
    live: true,
    registrations: Math.min((anchor?.registrations ?? 0) + 1, MAX_COUNT),
    faults: anchor?.faults ?? 0,
    changedHeight: height,
  })
  return ACCEPT
}

interface Backing {
  readonly ok: true
  readonly sponsor: Uint8Array
  readonly issuer: Uint8Array
  readonly evidence: Uint8Array
  /** ms, 0 for never */
  readonly expires: number
}

function checkEvidence(
  draft: LedgerDraft,
  claim: Claim,
  evidence: Evidence,
): Backing | Exclude<Verdict<RegisterCode>, { ok: true }> {
  const { networkId, time } = draft.block
  const wantedAssurance = evidence.TAG === 'certificate' ? ASSURANCE.certified : ASSURANCE.vouched
  if (claim.assurance !== wantedAssurance)
    return reject('wrong-assurance', `this evidence gives assurance A${wantedAssurance}`)

  switch (evidence.TAG) {
    case 'voucher': {
      const { voucher, claimSignature } = evidence.data
      if (!equalBytes(claim.anchor, voucherAnchor(voucher.voucherKey)))
        return reject('wrong-anchor', 'the anchor is not that of the voucher')
      if (voucher.label !== claim.label) return reject('voucher-for-another-label', 'the voucher is for another label')
      if (time > voucher.notAfter) return reject('voucher-expired', 'the voucher has expired')
      if (voucher.notAfter > time + draft.policy.maxVoucherSeconds * 1000)
        return reject('voucher-too-long', 'the voucher runs for longer than the policy allows')
      const issuer = issuerOf(draft, voucher.issuer)
      if (!issuer.ok) return issuer
      const message = voucherMessage(networkId, voucher)
      draft.signatures.push(
        {
          publicKey: issuer.record.walletKey,
          message,
          signature: voucher.signature,
        },
        { publicKey: voucher.voucherKey, message: voucherClaimMessage(networkId, claim), signature: claimSignature },
      )
      return {
        ok: true,
        sponsor: voucher.issuer,
        issuer: ZERO_HASH,
        evidence: sha256(message),
        expires: 0,
      }
    }
    case 'owners': {
      if (!equalBytes(claim.anchor, ownerAnchor(claim.walletKey)))
        return reject('wrong-anchor', 'the anchor is not that of the wallet key')
      const checks = checkOwners(draft.roster, evidence.data, ownerMessage(networkId, KIND.register, hashClaim(claim)))
      if (!checks.ok) return checks
      draft.signatures.push(...checks.value)
      return { ok: true, sponsor: ZERO_HASH, issuer: ZERO_HASH, evidence: ZERO_HASH, expires: 0 }
    }
    case 'approval': {
      const approval = evidence.data
      if (!equalBytes(claim.anchor, ownerAnchor(claim.walletKey)))
        return reject('wrong-anchor', 'the anchor is not that of the wallet key')
      if (time > approval.notAfter) return reject('evidence-expired', 'the approval has expired')
      const issuer = issuerOf(draft, approval.issuer)
      if (!issuer.ok) return issuer
      draft.signatures.push({
        publicKey: issuer.record.walletKey,
        message: approvalMessage(networkId, claim, approval),
        signature: approval.signature,
      })
      return { ok: true, sponsor: approval.issuer, issuer: ZERO_HASH, evidence: approval.evidence, expires: 0 }
    }
    case 'certificate': {
      const { issuer, evidence: evidenceHash, notAfter } = evidence.data
      const certificate = checkCertificate(draft, evidence.data)
      if (!certificate.ok) return certificate
      return { ok: true, sponsor: ZERO_HASH, issuer, evidence: evidenceHash, expires: notAfter }
    }
  }
}

/** Who vouches must be active and hold a role: the right is read from the parent state here and nowhere else. */
function issuerOf(draft: LedgerDraft, deviceId: Uint8Array) {
  const record = draft.device(deviceId)
  if (record === undefined || record.status !== STATUS.active)
    return reject('unknown-issuer', 'who vouches is not an active device')
  if ((record.label & (LABEL.full | LABEL.coordination)) === 0)
    return reject('issuer-has-no-right', 'who vouches is neither a full nor a coordination node')
  return { ok: true as const, record }
}
