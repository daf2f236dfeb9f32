import { equalBytes, toHex } from '../bytes.ts'
import type { SignatureCheck } from '../crypto/signature-verifier.ts'
import { accept, type Result, reject } from '../errors.ts'
import { hashHeader, type SealedHeader } from '../header/header.ts'
import { appendHeader, historyRoot, type MountainRange, totalWork } from '../history/mountain-range.ts'
import { MAX_HISTORY_COUNT, MAX_WORK } from '../history/node.ts'
import type { NetworkParameters } from '../params.ts'
import { checkRosterChange, type RosterChangeCode } from '../proof/roster-change.ts'
import { type Roster, rosterRoot } from '../roster/roster.ts'
import type { HeaderItem } from './header-item.ts'
import { expandTarget, workOfTarget } from './target.ts'
import { type HeaderCode, validateHeader } from './validate-header.ts'

/** What is fixed for a network, wherever its chain is followed. */
export interface ChainRules {
  readonly networkId: Uint8Array
  readonly parameters: NetworkParameters
}

/** A header in its place in the chain, with what is needed to validate the next one. Immutable. */
export interface ChainNode extends HeaderItem {
  readonly hash: Uint8Array
  /** The hash as hex, for maps. */
  readonly id: string
  readonly height: number
  /** Time and target of the parent header; undefined for genesis. */
  readonly previous: { readonly time: number; readonly target: number } | undefined
  readonly parentId: string
  /** Roster after this block. */
  readonly roster: Roster
  /** All headers up to and including this one. */
  readonly range: MountainRange
  /** Root over {@link range}: what the next header must commit to. */
  readonly historyRoot: Uint8Array
  /** Work of the whole chain up to and including this header. */
  readonly work: bigint
}

export type ExtendCode = HeaderCode | RosterChangeCode | 'wrong-roster-root'

/**
 * Validates a header and its roster changes on its parent. Pure; good only if all signatures hold.
 * The parent need not be in any graph yet, so that a long run is checked first and verified in one batch.
 */
export function extendChain(
  parent: ChainNode,
  item: HeaderItem,
  rules: ChainRules,
): Result<{ readonly node: ChainNode; readonly signatures: readonly SignatureCheck[] }, ExtendCode> {
  const { sealed, rosterChanges } = item
  const { header } = sealed
  const hash = hashHeader(header)
  const place = {
    header: parent.sealed.header,
    hash: parent.hash,
    previous: parent.previous,
    roster: parent.roster,
    historyRoot: parent.historyRoot,
  }
  const checked = validateHeader(sealed, hash, place, rules)
  if (!checked.ok) return checked

  const signatures: SignatureCheck[] = [checked.value.seal]
  let roster = parent.roster
  for (const change of rosterChanges) {
    const changed = checkRosterChange(roster, change, { networkId: rules.networkId, height: header.height })
    if (!changed.ok) return changed
    roster = changed.value.roster
    signatures.push(...changed.value.signatures)
  }
  // An omitted change shows here, so no server can keep a phone on an old roster.
  const unchanged = rosterChanges.length === 0 && equalBytes(header.rosterRoot, parent.sealed.header.rosterRoot)
  if (!unchanged && !equalBytes(header.rosterRoot, rosterRoot(roster)))
    return reject('wrong-roster-root', 'the roster changes do not lead to the roster that the header commits to')

  if (isFull(parent.range, checked.value.work))
    return reject('wrong-history-root', 'no chain is that long or has that much work')
  const { range } = appendHeader(parent.range, { headerHash: hash, work: checked.value.work, time: header.time })
  return accept({
    node: {
      sealed,
      rosterChanges,
      hash,
      id: toHex(hash),
      height: header.height,
      previous: { time: parent.sealed.header.time, target: parent.sealed.header.target },
      parentId: parent.id,
      roster,
      range,
      historyRoot: historyRoot(range),
      work: parent.work + checked.value.work,
    },
    signatures,
  })
}

export interface RestartPoint {
  readonly sealed: SealedHeader
  /** undefined only for genesis. */
  readonly previous: { readonly time: number; readonly target: number } | undefined
  readonly roster: Roster
  /** All headers before this one. */
  readonly range: MountainRange
}

/**
 * A place to start following from: genesis, a checkpoint or a stored tip. Roster and range must be those that the header
 * commits to; that its hash is the right one is the caller's to know.
 */
export function startChain(
  point: RestartPoint,
): Result<ChainNode, 'wrong-roster-root' | 'wrong-history-root' | 'wrong-target'> {
  const { sealed, previous, roster, range } = point
  const { header } = sealed
  if (!equalBytes(rosterRoot(roster), header.rosterRoot))
    return reject('wrong-roster-root', 'not the roster of this header')
  if (range.count !== header.height || !equalBytes(historyRoot(range), header.historyRoot))
    return reject('wrong-history-root', 'not the history of this header')
  const target = expandTarget(header.target)
  const last = range.peaks.at(-1)
  if (target === undefined || (last !== undefined && last.endTime >= header.time))
    return reject('wrong-target', 'not a header of a chain')
  // Genesis proves no work, so it adds none.
  const work = header.height === 0 ? 0n : workOfTarget(target)
  // A range that somebody made up can be anything that its own root commits to.
  if (isFull(range, work)) return reject('wrong-history-root', 'no chain is that long or has that much work')
  const hash = hashHeader(header)
  const whole = appendHeader(range, { headerHash: hash, work, time: header.time }).range
  return accept({
    sealed,
    rosterChanges: [],
    hash,
    id: toHex(hash),
    height: header.height,
    previous,
    parentId: toHex(header.previousHash),
    roster,
    range: whole,
    historyRoot: historyRoot(whole),
    work: totalWork(whole),
  })
}

function isFull(range: MountainRange, work: bigint): boolean {
  return range.count >= MAX_HISTORY_COUNT || totalWork(range) + work > MAX_WORK
}
