import { equalBytes } from '../../shared/bytes.ts'
import { accept, type Rejection, type Result, reject } from '../../shared/errors.ts'
import { type Certificate, isSameEntity, isSelfIssued } from './certificate.ts'
import type { RefusalCode } from './codes.ts'
import { validateMatter } from './matter.ts'
import { type MatterIds, namesMatter } from './matter-ids.ts'
import { validatePath } from './path.ts'
import type { Chain } from './read-chain.ts'
import { checkRevocation } from './revocation.ts'
import type { RevocationList } from './revocation-list.ts'
import { verifySigned } from './signed.ts'

export interface CertificateCheck {
  readonly chain: Chain
  readonly roots: readonly Certificate[]
  /** ms */
  readonly at: number
  /** Without it revocation is not checked. */
  readonly revocation?: readonly RevocationList[] | undefined
}

/** A chain that holds. */
export interface CheckedChain {
  /** The device's certificate first. */
  readonly path: readonly Certificate[]
  readonly anchor: Certificate
  /** undefined: an X.509 chain of another kind (IEEE 802.1AR, Android) */
  readonly matter: MatterIds | undefined
}

/** The whole verdict over a chain: path, Matter profile where it is one, revocation where data was given. */
export function checkChain({ chain, roots, at, revocation }: CertificateCheck): Result<CheckedChain, RefusalCode> {
  let refusal: Rejection<RefusalCode> | undefined
  // A root may have been issued anew, with the same name: the one that holds counts.
  for (const anchor of roots) {
    const path = pathTo(anchor, chain.certificates)
    if (path === undefined) continue
    const outcome = path.ok ? checkPath(path.value, anchor) : path
    if (outcome.ok) return outcome
    refusal ??= outcome
  }
  return refusal ?? reject('untrusted-root', `the last certificate was issued by ${lastOf(chain).issuer.text}`)

  function checkPath(path: readonly Certificate[], anchor: Certificate): Result<CheckedChain, RefusalCode> {
    // A certificate cannot leave the profile by leaving out its IDs while others of the chain have them.
    const matter = chain.matter || [...path, anchor].some(({ subject }) => namesMatter(subject))
    const valid = validatePath({ path, anchor, at, matter })
    if (!valid.ok) return valid
    const ids = matter ? validateMatter(path, anchor) : accept(undefined)
    if (!ids.ok) return ids
    const held = revocation === undefined ? accept(undefined) : checkRevocation(path, anchor, revocation, at)
    return held.ok ? accept({ path, anchor, matter: ids.value }) : held
  }
}

/**
 * The certificates below an anchor. A copy of the root at the end of the chain is not among them: the trusted copy speaks
 * for itself, and may be a later one of the same key.
 * @returns undefined when the chain does not end at this anchor
 */
function pathTo(
  anchor: Certificate,
  certificates: readonly Certificate[],
): Result<readonly Certificate[], RefusalCode> | undefined {
  const last = certificates.at(-1)
  if (last === undefined) return undefined
  const isCopy = isSelfIssued(last) && isSameEntity(last, anchor)
  if (!isCopy) return equalBytes(last.issuer.der, anchor.subject.der) ? accept(certificates) : undefined
  // What was handed in is whole, or it is refused: an altered copy is no copy.
  const whole = verifySigned(last.signed, anchor.publicKey)
  if (!whole.ok) return reject(whole.code, `${last.subject.text}: ${whole.detail}`)
  const below = certificates.slice(0, -1)
  return below.length > 0 ? accept(below) : reject('leaf-is-ca', 'the chain is a trusted root and nothing else')
}

function lastOf({ certificates }: Chain): Certificate {
  return certificates.at(-1) as Certificate
}
