import { transactionRootSteps } from '../../shared/block/transaction-tree.ts'
import { equalBytes } from '../../shared/bytes.ts'
import { nextTarget } from '../../shared/chain/difficulty.ts'
import type { SignatureVerifier } from '../../shared/crypto/signature-verifier.ts'
import { type Header, HIGHEST_VERSION, type SealedHeader } from '../../shared/header/header.ts'
import type { LedgerState } from '../../shared/ledger/apply.ts'
import { type BlockContent, buildBlockSteps } from '../../shared/ledger/build-block.ts'
import type { BlockContext } from '../../shared/ledger/context.ts'
import { policyOf, versionAt } from '../../shared/ledger/policy.ts'
import { rosterRoot } from '../../shared/roster/roster.ts'
import type { Recovery } from '../../shared/transaction/roster-change.ts'
import type { BlockSource, SubmitOutcome } from '../mining/miner.ts'
import { Pace } from '../pace.ts'
import type { FullChain } from './chain.ts'

/** Each round leaves out what the one before found bad; an empty block is always good. */
const MAX_FILL_ROUNDS = 4

/** Transactions whose signatures are verified, or found to be known, in one step. */
const VERIFY_STEP = 256

/** Said by the miner, and shown as an incident. */
export const NEWER_RULES =
  'The network has newer rules from this block on, which this version of Lares does not know: update it.'

const RECOVERY_OUTDATED = 'Newer blocks came since the owner signed the recovery: run "lares recover" again.'

export interface BlockTemplate {
  readonly header: Header
  readonly transactions: readonly Uint8Array[]
}

export interface BlockSourceInit {
  readonly chain: FullChain
  readonly verifier: SignatureVerifier
  /** Key by which this node finds its seat. */
  sealingKey(): Uint8Array
  /** The owners' recovery that a restored relay goes on with: first in the block on its base, which the new key seals. */
  recovery?(): { readonly transaction: Uint8Array; readonly recovery: Recovery } | undefined
  candidates(): Iterable<Uint8Array>
  /** A candidate that the rules refuse now: the mempool lets it go. */
  refuse(transaction: Uint8Array, code: string, detail: string): void
  /** How the work on a template is divided into slices. */
  readonly createPace?: () => Pace
}

/** Makes blocks on the tip for the miner, and takes the sealed ones in. */
export function createBlockSource(init: BlockSourceInit): BlockSource<BlockTemplate> {
  const { chain, createPace = () => new Pace() } = init

  async function makeTemplate(time: number): Promise<BlockTemplate | { readonly wait: string }> {
    const { tip, rules, state } = chain
    const recovery = init.recovery?.()
    const key = init.sealingKey()
    const seat =
      recovery?.recovery.seat ?? tip.roster.members.find((member) => equalBytes(member.sealingKey, key))?.seat
    const { obstacle } = chain
    // What may bring the seat back is said first.
    if (seat === undefined) return { wait: obstacle?.sentence ?? 'This relay holds no seat, so it does not mine.' }
    if (recovery === undefined) {
      if (obstacle !== undefined) return { wait: obstacle.sentence }
      if (chain.hasSealedOnTip) return { wait: 'This relay has sealed a block on the last block already.' }
    } else {
      // What was sealed here was sealed with the old key, and that the chain was taken back is what this ends.
      if (obstacle !== undefined && obstacle.code !== 'chain-taken-back') return { wait: obstacle.sentence }
      if (!equalBytes(recovery.recovery.base.hash, tip.hash)) return { wait: RECOVERY_OUTDATED }
    }

    const parent = tip.sealed.header
    const context = { ...rules, height: parent.height + 1, time: Math.max(Math.floor(time), parent.time + 1) }
    const version = versionAt(policyOf(state), parent.version, context.height)
    if (version > (rules.highestVersion ?? HIGHEST_VERSION)) return { wait: NEWER_RULES }
    const pace = createPace()
    const content = await fillBlock(init, pace, { state, roster: tip.roster }, context, recovery?.transaction)
    const update = await pace.run(state.updateSteps({ version: context.height, changes: content.changes }))
    const header: Header = {
      version,
      height: context.height,
      time: context.time,
      previousHash: tip.hash,
      transactionRoot: await pace.run(transactionRootSteps(content.transactions)),
      stateRoot: update.root,
      historyRoot: tip.historyRoot,
      rosterRoot: rosterRoot(content.roster),
      target: nextTarget(rules.parameters, parent, tip.previous),
      seat,
      nonce: 0,
    }
    return { header, transactions: content.transactions }
  }

  return {
    tipTime: () => chain.tip.sealed.header.time,

    /** A tip that moves while the work pauses makes it worthless: then it is begun anew. */
    async template(time) {
      for (;;) {
        const { id } = chain.tip
        try {
          const template = await makeTemplate(time)
          if (chain.tip.id === id) return template
        } catch (error) {
          if (chain.tip.id === id) throw error
        }
      }
    },

    async submit(sealed: SealedHeader, template): Promise<SubmitOutcome> {
      if (!equalBytes(sealed.header.previousHash, chain.tip.hash)) return 'stale'
      const block = { ...sealed, transactions: [...template.transactions] }
      const outcome = await chain.accept(block, { own: true })
      if (outcome.kind === 'rejected') throw new Error(`${outcome.rejection.code}: ${outcome.rejection.detail}`)
      return outcome.kind === 'extension' || outcome.kind === 'reorganization' ? 'stored' : 'stale'
    },
  }
}

/**
 * Verified on arrival, but a rotation may have come between: what no longer holds is let go, and the block filled anew. What
 * a tip that is no longer the tip refuses may be good on the next, so nothing is let go then.
 */
async function fillBlock(
  init: BlockSourceInit,
  pace: Pace,
  before: LedgerState,
  context: BlockContext,
  first?: Uint8Array,
): Promise<BlockContent> {
  const { id } = init.chain.tip
  const refuse = (bytes: Uint8Array, code: string, detail: string) => {
    if (init.chain.tip.id === id) init.refuse(bytes, code, detail)
  }
  const head = first === undefined ? [] : [first]
  let candidates = [...head, ...init.candidates()]
  for (let round = 0; round < MAX_FILL_ROUNDS; round++) {
    const content = await pace.run(buildBlockSteps(before, context, candidates))
    for (const { bytes, code, detail } of content.refused) refuse(bytes, code, detail)
    const bad = await findUnsigned(init.verifier, content, pace)
    if (bad.size === 0) return content
    for (const bytes of bad) refuse(bytes, 'bad-signature', 'not signed by whom it says')
    candidates = content.transactions.filter((bytes) => !bad.has(bytes))
  }
  return await pace.run(buildBlockSteps(before, context, head))
}

/** The transactions with a signature that does not hold. Most are known to hold, so little is verified. */
async function findUnsigned(
  verifier: SignatureVerifier,
  { transactions, signatures }: BlockContent,
  pace: Pace,
): Promise<ReadonlySet<Uint8Array>> {
  const bad = new Set<Uint8Array>()
  for (let from = 0; from < transactions.length; from += VERIFY_STEP) {
    const part = signatures.slice(from, from + VERIFY_STEP)
    const verdicts = await verifier.verifyBatch(part.flat())
    let next = 0
    for (const [i, { length }] of part.entries()) {
      const good = verdicts.slice(next, next + length).every(Boolean)
      next += length
      if (!good) bad.add(transactions[from + i] as Uint8Array)
    }
    if (pace.isDue) await pace.pause()
  }
  return bad
}
