import { equalBytes, toHex } from '../bytes.ts'
import type { SignatureCheck } from '../crypto/signature-verifier.ts'
import { accept, type Result, reject } from '../errors.ts'
import { type HIGHEST_VERSION, hashHeader, type SealedHeader } from '../header/header.ts'
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
  /** Newest header version that this software knows; {@link HIGHEST_VERSION} by default. */
  readonly highestVersion?: number | undefined
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
  /** The key that sealed it; undefined for a start, whose seal others vouch for. */
  readonly sealingKey: Uint8Array | undefined
  /** Roster after this block. */
  readonly roster: Roster
  /** All headers up to and including this one. */
  readonly range: MountainRange
  /** Root over {@link range}: what the next header must commit to. */
  readonly historyRoot: Uint8Array
  /** Work of the whole chain up to and including this header. */
  readonly work: bigint
}

export type ExtendCode = HeaderCode | RosterChangeCode | 'wrong-roster-root' | 'wrong-recovery'

/**
 * Validates a header and its roster changes on its parent. Pure; good only if all signatures hold.
 * The parent need not be in any graph yet, so that a long run is checked first and verified in one batch.
 *
 * @param hash of the header, where the caller has computed it already
 */
export function extendChain(
  parent: ChainNode,
  item: HeaderItem,
  rules: ChainRules,
  hash = hashHeader(item.sealed.header),
): Result<{ readonly node: ChainNode; readonly signatures: readonly SignatureCheck[] }, ExtendCode> {
  const { sealed, rosterChanges } = item
  const { header } = sealed
  const sealers = sealersOf(parent, item, rules.networkId)
  if (!sealers.ok) return sealers
  const place = {
    header: parent.sealed.header,
    hash: parent.hash,
    previous: parent.previous,
    roster: sealers.value,
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
      sealingKey: checked.value.seal.publicKey,
      roster,
      range,
      historyRoot: historyRoot(range),
      work: parent.work + checked.value.work,
    },
    signatures,
  })
}

/**
 * The roster that a header's seal is judged by: the parent's, but where a restored relay goes on. It may have sealed another
 * header on this parent with its old key, so it seals with the new one that the owners give it in this very block.
 */
function sealersOf(
  parent: ChainNode,
  { sealed: { header }, rosterChanges }: HeaderItem,
  networkId: Uint8Array,
): Result<Roster, RosterChangeCode | 'wrong-recovery'> {
  const at = rosterChanges.findIndex(({ action }) => action.TAG === 'recover')
  const change = rosterChanges[at]
  if (change?.action.TAG !== 'recover') return accept(parent.roster)
  const { seat, base, time } = change.action.data.recovery
  if (at > 0) return reject('wrong-recovery', 'a recovery is the first change of its block')
  if (!equalBytes(base.hash, parent.hash) || base.height !== parent.height)
    return reject('wrong-recovery', 'the recovery goes on from another header')
  if (seat !== header.seat) return reject('wrong-recovery', 'the block is not by the seat that recovers')
  if (time > header.time) return reject('wrong-recovery', 'the recovery is signed later than its block is made')
  const changed = checkRosterChange(parent.roster, change, { networkId, height: header.height })
  return changed.ok ? accept(changed.value.roster) : changed
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
    sealingKey: undefined,
    roster,
    range: whole,
    historyRoot: historyRoot(whole),
    work: totalWork(whole),
  })
}

function isFull(range: MountainRange, work: bigint): boolean {
  return range.count >= MAX_HISTORY_COUNT || totalWork(range) + work > MAX_WORK
}
