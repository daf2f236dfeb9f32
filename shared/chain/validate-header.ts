import { equalBytes } from '../bytes.ts'
import type { SignatureCheck } from '../crypto/signature-verifier.ts'
import { accept, type Result, reject } from '../errors.ts'
import { type Header, HIGHEST_VERSION, type SealedHeader } from '../header/header.ts'
import { sealCheck } from '../header/seal.ts'
import type { NetworkParameters } from '../params.ts'
import { memberAt, type Roster } from '../roster/roster.ts'
import { nextTarget } from './difficulty.ts'
import { expandTarget, meetsTarget, workOfTarget } from './target.ts'

export type HeaderCode =
  | 'unknown-version'
  | 'wrong-version'
  | 'wrong-height'
  | 'wrong-parent'
  | 'time-not-rising'
  | 'wrong-target'
  | 'wrong-history-root'
  | 'not-a-keeper'
  | 'not-enough-work'

export interface HeaderParent {
  readonly header: Header
  readonly hash: Uint8Array
  /** undefined only for genesis. */
  readonly previous: { readonly time: number; readonly target: number } | undefined
  /** Whose seals count: the roster after the parent. */
  readonly roster: Roster
  /** History root over everything up to and including the parent. */
  readonly historyRoot: Uint8Array
}

export interface CheckedHeader {
  /** Work of this header alone, expected hashes. */
  readonly work: bigint
  /** Must hold, or the header does not count. */
  readonly seal: SignatureCheck
}

/**
 * The header rules, in the order of PROTOCOL.md, cheapest first; the seal is returned to be verified in a batch. Fixed by
 * genesis and version, never by policy. Time against the clock is not looked at here: a header ahead of the clock is
 * held, never refused.
 */
export function validateHeader(
  sealed: SealedHeader,
  hash: Uint8Array,
  parent: HeaderParent,
  context: {
    readonly networkId: Uint8Array
    readonly parameters: NetworkParameters
    readonly highestVersion?: number | undefined
  },
): Result<CheckedHeader, HeaderCode> {
  const { header } = sealed
  // Newer rules may be any, so nothing more can be said of it; going back to older ones is never right.
  if (header.version > (context.highestVersion ?? HIGHEST_VERSION))
    return reject('unknown-version', `version ${header.version}`)
  if (header.version < parent.header.version)
    return reject('wrong-version', `version ${header.version} after ${parent.header.version}`)
  if (!equalBytes(header.previousHash, parent.hash)) return reject('wrong-parent', 'the parent is another header')
  if (header.height !== parent.header.height + 1)
    return reject('wrong-height', `height ${header.height} on ${parent.header.height}`)
  if (header.time <= parent.header.time) return reject('time-not-rising', `${header.time} after ${parent.header.time}`)
  // The target is wholly determined by the two headers before, so nobody can make mining easy for themselves.
  if (header.target !== nextTarget(context.parameters, parent.header, parent.previous))
    return reject('wrong-target', `target ${header.target.toString(16)}`)
  const target = expandTarget(header.target)
  if (target === undefined) return reject('wrong-target', `target ${header.target.toString(16)} is not canonical`)
  // Work without a seat moves nobody.
  const keeper = memberAt(parent.roster, header.seat)
  if (keeper === undefined) return reject('not-a-keeper', `seat ${header.seat} is not in the parent's roster`)
  if (!meetsTarget(hash, target)) return reject('not-enough-work', 'the header hash misses its target')
  if (!equalBytes(header.historyRoot, parent.historyRoot))
    return reject('wrong-history-root', 'the history root is not that of the headers before')
  return accept({
    work: workOfTarget(target),
    seal: sealCheck(context.networkId, hash, sealed.seal, keeper.sealingKey),
  })
}
