import { accept, type Result } from '../../shared/errors.ts'
import type { Certificate } from './certificate.ts'
import type { CertificateCode } from './codes.ts'
import { isMatter, type MatterIds, matterIds, validateMatter } from './matter.ts'
import { buildPath, type Path, validatePath } from './path.ts'
import { checkRevocation, type RevocationList } from './revocation.ts'

export interface ChainCheck {
  /** The device's certificate first. */
  readonly chain: readonly Certificate[]
  readonly roots: readonly Certificate[]
  /** ms since the Unix epoch */
  readonly at: number
  /** undefined: not asked about. */
  readonly revocations: readonly RevocationList[] | undefined
}

export interface CheckedChain {
  readonly path: Path
  /** IEEE 802.1AR leaves the chain to the manufacturer; Matter says more. */
  readonly profile: 'X.509' | 'Matter'
  readonly ids: MatterIds | undefined
  readonly revocation: 'not asked' | 'none'
}

/** Whether a device's certificate leads to a trusted root, by all rules that hold for it. */
export async function checkChain(check: ChainCheck): Promise<Result<CheckedChain, CertificateCode>> {
  const { chain, roots, at, revocations } = check
  const built = buildPath(chain, roots)
  if (!built.ok) return built
  const path = built.value
  const valid = validatePath(path, at)
  if (!valid.ok) return valid
  const leaf = path[0] as Certificate
  const matter = isMatter(leaf)
  if (matter) {
    const verdict = validateMatter(path)
    if (!verdict.ok) return verdict
  }
  if (revocations !== undefined) {
    const verdict = await checkRevocation(path, revocations, at)
    if (!verdict.ok) return verdict
  }
  return accept({
    path,
    profile: matter ? 'Matter' : 'X.509',
    ids: matter ? matterIds(leaf) : undefined,
    revocation: revocations === undefined ? 'not asked' : 'none',
  })
}
