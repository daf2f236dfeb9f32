import { equalBytes, toHex } from '../bytes.ts'
import { ACCEPT, reject, type Verdict } from '../errors.ts'
import { STATUS } from '../identity/label.ts'
import type { Register } from '../transaction/register.ts'
import type { LedgerDraft } from './context.ts'

/** DESIGN 4: two endorsements, of different sponsors. */
const ENDORSEMENTS_WANTED = 2

export type EndorsementCode = 'not-a-coordination-node' | 'not-enough-endorsements'

/**
 * Endorsements of min(2, sponsors in the set) coordination nodes of different sponsors: two nodes let in by one sponsor
 * count as one voice. A network without coordination nodes can only be entered through its owners or a voucher.
 * @param message what they have signed
 */
export function checkEndorsements(
  draft: LedgerDraft,
  endorsements: Register['endorsements'],
  message: Uint8Array,
): Verdict<EndorsementCode> {
  const { members } = draft.coordinationSet
  const voices = new Set<string>()
  for (const { deviceId, signature } of endorsements) {
    const member = members.find((one) => equalBytes(one.deviceId, deviceId))
    const record = member === undefined ? undefined : draft.device(deviceId)
    if (member === undefined || record === undefined || record.status !== STATUS.active)
      return reject('not-a-coordination-node', 'an endorser is not in the coordination set')
    voices.add(toHex(member.sponsor))
    draft.signatures.push({ publicKey: record.walletKey, message, signature })
  }
  const wanted = Math.min(ENDORSEMENTS_WANTED, new Set(members.map(({ sponsor }) => toHex(sponsor))).size)
  return voices.size >= wanted ? ACCEPT : reject('not-enough-endorsements', `${voices.size} of ${wanted} endorsements`)
}

export type CertificateCode = 'evidence-expired' | 'untrusted-root' | 'not-enough-endorsements'

/** What the chain itself can say of a certificate; the rest is up to its endorsers. */
export function checkCertificate(
  draft: LedgerDraft,
  { issuer, notAfter }: { readonly issuer: Uint8Array; readonly notAfter: number },
): Verdict<CertificateCode> {
  if (draft.block.time > notAfter) return reject('evidence-expired', 'the certificate has expired')
  if (!draft.policy.trustRoots.some((root) => equalBytes(root, issuer)))
    return reject('untrusted-root', "the owners' policy does not trust the root of this certificate")
  // Nobody but the endorsers has seen the certificate, so without any it stands on nothing.
  return draft.coordinationSet.members.length === 0
    ? reject('not-enough-endorsements', 'no coordination node can check a certificate yet')
    : ACCEPT
}
