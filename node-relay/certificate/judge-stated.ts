import { equalBytes } from '../../shared/bytes.ts'
import type { Certificate } from './certificate.ts'
import { type EvidenceQuestion, judgeEvidence } from './judge-evidence.ts'
import { checkRevocation } from './revocation.ts'
import type { RevocationList } from './revocation-list.ts'

export interface StatedQuestion extends Pick<EvidenceQuestion, 'anchor' | 'claimOf' | 'stated' | 'evidence'> {
  /** Header time of the block that states it, ms. */
  readonly statedTime: number
  /** Whether it is the hash of a header of the best chain: an earlier one, since the transaction commits to it. */
  isBlock(hash: Uint8Array): boolean
  /** Those that the owners trust now. */
  readonly trustRoots: readonly Uint8Array[]
  readonly revocation: readonly RevocationList[]
  /** ms */
  readonly now: number
}

/**
 * `holds`: it was good then and is good now. `no-longer`: it was good then. `does-not-fit`: it never was, and its endorsers
 * answer for that. `cannot-say`: nothing of this time says whether it was revoked.
 */
export interface StatedVerdict {
  readonly verdict: 'holds' | 'no-longer' | 'does-not-fit' | 'cannot-say'
  readonly code: string
  readonly detail: string | undefined
  /** The device's certificate first, the root last; empty where the evidence does not fit. */
  readonly path: readonly Certificate[]
}

/**
 * What the endorsers of a certified device judged before they signed, judged again: as of the block that states it, its
 * registration or a renewal, and as of today.
 */
export function judgeStated(question: StatedQuestion): StatedVerdict {
  const { stated, revocation, now } = question
  const then = judgeEvidence({
    anchor: question.anchor,
    claimOf: (nonce) => question.claimOf(nonce),
    stated,
    evidence: question.evidence,
    // That the owners trusted this root then, the ledger has seen to.
    trustRoots: [stated.issuer],
    isFreshNonce: (nonce) => question.isBlock(nonce),
    revocation: undefined,
    at: question.statedTime,
  })
  if (!then.ok) return { verdict: 'does-not-fit', code: then.code, detail: then.detail, path: [] }

  const { path, anchor } = then.value
  const say = (verdict: StatedVerdict['verdict'], code: string, detail?: string): StatedVerdict => ({
    ...{ verdict, code, detail },
    path: [...path, anchor],
  })
  const held = checkRevocation(path, anchor, revocation, now)
  if (!held.ok && held.code === 'revoked') return say('no-longer', held.code, held.detail)
  // Never after the end of any certificate of the chain.
  if (stated.notAfter < now)
    return say('no-longer', 'expired', `it was good until ${new Date(stated.notAfter).toISOString()}`)
  if (!question.trustRoots.some((root) => equalBytes(root, stated.issuer)))
    return say('no-longer', 'untrusted-root', 'the owners no longer trust the root of this chain')
  return held.ok ? say('holds', 'valid') : say('cannot-say', held.code, held.detail)
}
