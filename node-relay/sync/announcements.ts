import type { Block } from '../../shared/block/block.ts'
import { assembleBlock, type CompactBlock, compactBlockCodec, holdsTogether } from '../../shared/block/compact-block.ts'
import { toHex } from '../../shared/bytes.ts'
import type { LaresError } from '../../shared/errors.ts'
import { hashHeader } from '../../shared/header/header.ts'
import { PROTOCOLS } from '../../shared/protocol/ids.ts'
import { transactionsCodec, transactionsRequestCodec } from '../../shared/protocol/messages.ts'
import { pointsFor } from '../../shared/protocol/offence-points.ts'
import {
  type GossipVerdict,
  MAX_RATED_PEERS,
  type PeerNetwork,
  type TransportClock,
  type TransportErrorCode,
} from '../../shared/protocol/transport.ts'
import { createTally } from '../../shared/transport/tally.ts'
import { type AcceptOutcome, type FullChain, OWN_LACK_CODES } from '../full-node/chain.ts'
import type { Mempool } from '../full-node/mempool.ts'

/** Announced blocks being completed at once; more are left to the sync. */
export const MAX_ANNOUNCEMENTS_UNDER_WAY = 16
/** Of one peer: it must not hold all of them with what it never gives. */
export const MAX_ANNOUNCEMENTS_PER_PEER = 4
/** What was announced and does not come for this long is asked of all others, too, ms. */
export const ASK_OTHERS_MS = 2_000
/** Announcements of one peer that it did not complete and that cost nothing, in a window: it may be slow, or have let go of a block. */
export const UNGIVEN_ALLOWED = 8
export const UNGIVEN_WINDOW_MS = 2 * 60_000

export interface AnnouncementsInit {
  readonly network: Pick<PeerNetwork, 'request' | 'penalise'>
  readonly chain: FullChain
  readonly mempool: Pick<Mempool, 'withLeaf'>
  onOutcome(outcome: AcceptOutcome): void
  readonly clock: TransportClock
  /** A peer has shown a header that cannot be placed here: it knows more. */
  onAhead(peer: string): void
  /** A peer lets this node wait for what it has announced: others may have it. */
  onSlow(peer: string): void
  log(message: string): void
}

/**
 * Takes in a new block from its announcement: the header and its seal first, then the list of its transactions, which the
 * header commits to, and only then what is missing of them, from who announced it.
 * @returns the gossip validator: an announcement is passed on when its whole block was validated here
 */
export function createAnnouncements(
  init: AnnouncementsInit,
): (from: string, bytes: Uint8Array) => Promise<GossipVerdict> {
  const { network, chain, mempool, clock } = init
  /** Who has announced what is being completed. */
  const underway = new Map<string, string>()
  const ungiven = createTally({
    allowed: UNGIVEN_ALLOWED,
    windowMs: UNGIVEN_WINDOW_MS,
    maxKeys: MAX_RATED_PEERS,
    now: clock.now,
  })

  async function take(from: string, compact: CompactBlock): Promise<GossipVerdict> {
    const judged = await chain.judgeHeader(compact)
    if (judged === 'known') return 'ignore'
    if (judged === 'unclear') {
      init.onAhead(from)
      return 'ignore'
    }
    if (judged !== 'good') return OWN_LACK_CODES.has(judged.code) ? 'ignore' : 'reject'
    if (!holdsTogether(compact)) return 'reject'
    const block = await complete(from, compact)
    if (block === 'foreign') return 'reject'
    if (block === undefined) {
      init.onAhead(from)
      return 'ignore'
    }
    const outcome = await chain.accept(block)
    init.onOutcome(outcome)
    if (outcome.kind === 'rejected') return OWN_LACK_CODES.has(outcome.rejection.code) ? 'ignore' : 'reject'
    return outcome.kind === 'duplicate' || outcome.kind === 'orphan' || outcome.kind === 'held' ? 'ignore' : 'accept'
  }

  /** @returns undefined when it cannot be had, `foreign` when what came is not what was announced */
  async function complete(from: string, compact: CompactBlock): Promise<Block | 'foreign' | undefined> {
    const found = compact.leaves.map((leaf) => mempool.withLeaf(leaf))
    const places = found.flatMap((bytes, place) => (bytes === undefined ? [place] : []))
    if (places.length > 0) {
      const request = { networkId: chain.rules.networkId, hash: hashHeader(compact.header), places }
      const stopWaiting = clock.after(ASK_OTHERS_MS, () => init.onSlow(from))
      const answer = await network
        .request(from, PROTOCOLS.transactions, transactionsRequestCodec.encode(request))
        .catch((error: LaresError<TransportErrorCode>) => noteUngiven(from, error.code))
        .finally(stopWaiting)
      const given = answer && transactionsCodec.decode(answer)
      // A block that it has let go of meanwhile: nothing comes, and nothing is held against it.
      if (given === undefined || (given.ok && given.value.transactions.length === 0)) return undefined
      if (!given.ok || given.value.transactions.length !== places.length) return 'foreign'
      for (const [i, place] of places.entries()) found[place] = given.value.transactions[i]
    }
    return assembleBlock(compact, found as Uint8Array[]) ?? 'foreign'
  }

  /** Who is gone, or has lost the block meanwhile, has announced nothing in bad faith. Many that never come are another matter. */
  function noteUngiven(from: string, code: TransportErrorCode): undefined {
    if ((code !== 'timeout' && code !== 'refused') || !ungiven.add(from)) return
    network.penalise(from, pointsFor('announced-in-vain'), 'announced-in-vain')
  }

  return async (from, bytes) => {
    const compact = compactBlockCodec.decode(bytes)
    if (!compact.ok) return 'reject'
    const id = toHex(hashHeader(compact.value.header))
    if (underway.has(id)) return 'ignore'
    const ofPeer = [...underway.values()].filter((peer) => peer === from).length
    if (underway.size >= MAX_ANNOUNCEMENTS_UNDER_WAY || ofPeer >= MAX_ANNOUNCEMENTS_PER_PEER) {
      init.onAhead(from)
      return 'ignore'
    }
    underway.set(id, from)
    try {
      return await take(from, compact.value)
    } finally {
      underway.delete(id)
    }
  }
}
