import { type Block, blockCodec, MAX_ROSTER_CHANGES_PER_BLOCK } from '../../shared/block/block.ts'
import { transactionRootSteps } from '../../shared/block/transaction-tree.ts'
import { equalBytes, toHex } from '../../shared/bytes.ts'
import { type ChainNode, type ChainRules, extendChain } from '../../shared/chain/chain-node.ts'
import { maxAhead } from '../../shared/chain/clock-rules.ts'
import { type ForkGraph, type ForkGraphLimits, KEPT_BELOW_SETTLED } from '../../shared/chain/fork-graph.ts'
import type { HeaderItem } from '../../shared/chain/header-item.ts'
import { validateHeader } from '../../shared/chain/validate-header.ts'
import type { SignatureCheck, SignatureVerifier } from '../../shared/crypto/signature-verifier.ts'
import { accept, type Rejection, type Result, reject } from '../../shared/errors.ts'
import { hashHeader } from '../../shared/header/header.ts'
import { appendHeader } from '../../shared/history/mountain-range.ts'
import { type AppliedBlock, applyBlockSteps } from '../../shared/ledger/apply.ts'
import type { Genesis } from '../../shared/ledger/genesis.ts'
import { openStateTree, type StateTree, type StateUpdate } from '../../shared/state-tree/tree.ts'
import { KIND } from '../../shared/transaction/kinds.ts'
import type { RosterChange } from '../../shared/transaction/roster-change.ts'
import { transactionCodec, transactionIdOf } from '../../shared/transaction/transaction.ts'
import { nativeSha256 } from '../crypto/native-hash.ts'
import { Pace } from '../pace.ts'
import type { BlockUndo, BlockWrites, ChainCommit, ChainStore, LastSealed } from '../store/chain-store.ts'
import { damaged, isDiskProblem } from '../store/damage.ts'
import { EarlyChecks } from './early-checks.ts'
import { type LoadedChain, loadChain } from './load-chain.ts'

/**
 * States kept behind the tip at least, beyond those of the fork graph: proofs at these heights can be served. Where the
 * graph reaches deeper, since nothing has been settled for long, so do the states: a branch may start there.
 */
const KEPT_STATES_MARGIN = 128
/** Blocks from the near future that wait for the clock; when full, the oldest is forgotten. */
export const MAX_HELD_BLOCKS = 16
/** Bodies of blocks beside the best chain: a keeper that floods with branches fills this much of the disk, and no more. */
export const MAX_SIDE_BYTES = 256 * 1024 * 1024

/** What this node lacks to judge a block is no fault of its sender. */
export const OWN_LACK_CODES: ReadonlySet<string> = new Set(['block-missing', 'state-missing', 'unknown-version'])

export type AcceptOutcome =
  | { readonly kind: 'duplicate' }
  | { readonly kind: 'orphan' }
  /** Ahead of the clock: held, never punished. */
  | { readonly kind: 'held'; readonly due: number }
  | { readonly kind: 'fork'; readonly node: ChainNode }
  | { readonly kind: 'conflict'; readonly node: ChainNode }
  | { readonly kind: 'rejected'; readonly rejection: Rejection }
  | {
      readonly kind: 'extension' | 'reorganization'
      readonly undone: readonly ChainNode[]
      readonly applied: readonly ChainNode[]
      readonly leftSettled: boolean
    }

export interface ChainChange {
  readonly outcome: Extract<AcceptOutcome, { kind: 'extension' | 'reorganization' }>
  /** Blocks taken off the best chain, from the old tip down. */
  readonly undone: readonly Block[]
  readonly applied: readonly Block[]
}

interface Executed {
  readonly node: ChainNode
  readonly block: Block
  readonly parent: ChainNode
  readonly update: StateUpdate
}

interface ExecutedBranch {
  readonly executed: readonly Executed[]
  /** Signatures of the last block; those of the others hold. */
  readonly lastChecks: EarlyChecks
}

const BAD_SIGNATURE = reject('bad-signature', 'a transaction is not signed by whom it says')

export interface FullChainInit {
  readonly store: ChainStore
  readonly verifier: SignatureVerifier
  /** ms since the Unix epoch */
  readonly now: () => number
  /** For an empty store. */
  readonly genesis?: Genesis | undefined
  readonly limits?: Partial<ForkGraphLimits & { readonly sideBytes: number }> | undefined
  /** How each block is divided into slices. */
  readonly createPace?: (() => Pace) | undefined
}

/**
 * The chain of a full node: headers in the fork graph, bodies and state on disk. Blocks are taken one at a time, each
 * validated in full before it is followed, and committed in one atomic batch. It is worked on in slices, between which the
 * relay serves: until the batch is on disk, all that reads the chain sees the tip and the state before.
 */
export class FullChain {
  readonly rules: ChainRules
  readonly genesis: Genesis
  readonly graph: ForkGraph
  readonly #store: ChainStore
  readonly #verifier: SignatureVerifier
  readonly #now: () => number
  readonly #keptStates: number
  readonly #maxSideBytes: number
  readonly #createPace: () => Pace
  readonly #listeners = new Set<(change: ChainChange) => void>()
  readonly #held: { readonly id: string; readonly block: Block; readonly due: number }[] = []
  #tree: StateTree
  /** At least what lies beside the best chain; counted anew when it seems too much. */
  #sideBytes = Number.POSITIVE_INFINITY
  #queue: Promise<unknown> = Promise.resolve()

  private constructor(init: FullChainInit, loaded: LoadedChain) {
    const { keptBelowSettled = KEPT_BELOW_SETTLED, sideBytes = MAX_SIDE_BYTES } = init.limits ?? {}
    this.genesis = loaded.genesis
    this.rules = loaded.rules
    this.graph = loaded.graph
    this.#tree = loaded.tree
    this.#store = init.store
    this.#verifier = init.verifier
    this.#now = init.now
    this.#keptStates = keptBelowSettled + KEPT_STATES_MARGIN
    this.#maxSideBytes = sideBytes
    this.#createPace = init.createPace ?? (() => new Pace())
  }

  /**
   * Opens the chain in a store; a new store gets the given genesis.
   * @throws {LaresError} `no-genesis`, `database-damaged`
   */
  static async open(init: FullChainInit): Promise<FullChain> {
    const chain = new FullChain(init, await loadChain(init))
    await chain.#recoverSealed()
    return chain
  }

  get tip(): ChainNode {
    return this.graph.tip
  }

  /** State after the tip. */
  get state(): StateTree {
    return this.#tree
  }

  get lastSealed(): LastSealed | undefined {
    return this.#store.lastSealed()
  }

  /** Whether this relay has sealed a header on the tip: it never seals another there. */
  get hasSealedOnTip(): boolean {
    return this.#store.sealedOn(this.tip.height + 1, this.tip.hash) !== undefined
  }

  /** Why this relay may seal nothing now, in a sentence, whatever the tip is: its chain was taken back, or the disk is full. */
  get obstacle(): { readonly code: string; readonly sentence: string } | undefined {
    const { problem } = this.#store
    if (problem !== undefined)
      return { code: problem.code, sentence: `${problem.message} Mining has stopped, and goes on by itself then.` }
    const restored = this.#store.restored()
    if (restored === undefined) return undefined
    return {
      code: 'chain-taken-back',
      sentence: `The chain was taken back to block ${restored.height}, and others may know later blocks that this relay sealed: it seals nothing until it has them again, or its owner lets it go on with "lares recover".`,
    }
  }

  /** Called after each change of the best chain, when it is safely on disk. */
  onChange(listener: (change: ChainChange) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** The state after a block of the best chain, where it is still kept. */
  stateAt(height: number): StateTree | undefined {
    if (height === this.tip.height) return this.#tree
    const root = height > this.tip.height ? undefined : this.#store.stateRoot(height)
    return root && openStateTree({ storage: this.#store.stateStorage, root: root.root, sha256: nativeSha256 })
  }

  /**
   * Takes in a block from anywhere. Never throws on a bad one.
   * @param own this relay sealed it: remembered in the same batch, before anybody can see the block
   */
  async accept(block: Block, { own = false }: { own?: boolean } = {}): Promise<AcceptOutcome> {
    const turn = this.#queue.then(() => this.#accept(block, own))
    // The caller gets the error; the next in line is not to fail for it.
    this.#queue = turn.catch(() => undefined)
    return await turn
  }

  /**
   * Whether a header may be that of a block worth fetching, by its rules and seal. `unclear`: its parent is not here, or it
   * carries a change of the roster that gives it another sealing key.
   */
  async judgeHeader({
    header,
    seal,
  }: Pick<Block, 'header' | 'seal'>): Promise<'known' | 'good' | 'unclear' | Rejection> {
    const hash = hashHeader(header)
    if (this.graph.get(toHex(hash)) !== undefined) return 'known'
    const parent = this.graph.get(toHex(header.previousHash))
    if (parent === undefined) return 'unclear'
    const checked = validateHeader({ header, seal }, hash, { ...parent, header: parent.sealed.header }, this.rules)
    if (!checked.ok) return checked
    if (await this.#verifier.verify(checked.value.seal)) return 'good'
    // A recovery brings the key that seals its own block; it changes the roster. In all others the seal is by a known key.
    const changesRoster = !equalBytes(header.rosterRoot, parent.sealed.header.rosterRoot)
    return changesRoster ? 'unclear' : reject('bad-seal', 'the seal is not that of the seat')
  }

  /** Tries again what was ahead of the clock. */
  async releaseHeld(): Promise<AcceptOutcome[]> {
    const now = this.#now()
    const due = this.#held.filter((one) => one.due <= now)
    this.#held.splice(0, this.#held.length, ...this.#held.filter((one) => one.due > now))
    const outcomes: AcceptOutcome[] = []
    for (const { block } of due) outcomes.push(await this.accept(block))
    return outcomes
  }

  /**
   * The block that this relay sealed last is written to a file before the database. Where the database does not have it,
   * either the relay was killed between the two, or the end of the database was lost.
   */
  async #recoverSealed(): Promise<void> {
    const sealed = this.#store.sealedBlock()
    if (sealed === undefined || sealed.height <= this.graph.base.height) return
    if (this.graph.get(toHex(sealed.hash)) !== undefined || this.#store.blockBytes(sealed.hash) !== undefined) return
    const block = blockCodec.decode(sealed.block)
    const isTakenBack = this.#store.restored() !== undefined
    if (block.ok && this.graph.get(toHex(sealed.previousHash)) !== undefined) {
      // A chain that was taken back stays there, but for the owners' recovery, which ends that.
      if (!isTakenBack || isRecovery(block.value)) await this.accept(block.value, { own: true })
      return
    }
    if (isTakenBack) return
    if (sealed.height <= this.tip.height) return
    const { height, hash } = this.tip
    const highestSealed = { height: sealed.height, hash: sealed.hash }
    await this.#store.setRestored({ height, hash, time: this.#now(), highestSealed })
  }

  /** What was lost came back from others: nothing that this relay sealed is unknown to it any more. */
  async #noteReturned(): Promise<void> {
    const highest = this.#store.restored()?.highestSealed
    if (highest === undefined || this.#store.heightOf(highest.hash) === undefined) return
    try {
      await this.#store.setRestored(undefined)
    } catch (error) {
      // The block is stored; the mark goes with one of the next.
      if (!isDiskProblem(error)) throw error
    }
  }

  async #accept(block: Block, own: boolean): Promise<AcceptOutcome> {
    const parent = this.graph.get(toHex(block.header.previousHash))
    if (parent === undefined) return { kind: 'orphan' }
    // The header first: without a seat and its work, nobody makes this node read megabytes of transactions.
    const place = { ...parent, header: parent.sealed.header }
    const header = validateHeader(
      { header: block.header, seal: block.seal },
      hashHeader(block.header),
      place,
      this.rules,
    )
    if (!header.ok) return { kind: 'rejected', rejection: header }
    // Before the body is kept under its header's hash: anyone can put another body under an honest keeper's header.
    const pace = this.#createPace()
    if (!equalBytes(await pace.run(transactionRootSteps(block.transactions)), block.header.transactionRoot))
      return {
        kind: 'rejected',
        rejection: reject('wrong-transaction-root', 'the header does not commit to these transactions'),
      }
    const item = headerItemOf(block)
    if (!item.ok) return { kind: 'rejected', rejection: item }
    const extended = extendChain(parent, item.value, this.rules)
    if (!extended.ok) return { kind: 'rejected', rejection: extended }
    const { node } = extended.value
    if (this.graph.get(node.id) !== undefined) return { kind: 'duplicate' }
    // The seal first: it is one signature, and only a keeper can make it.
    if (!own && !(await this.#verifyAll(extended.value.signatures)))
      return {
        kind: 'rejected',
        rejection: reject('bad-seal', 'the seal or a roster change is not signed by whom it says'),
      }
    // After the seal, so that only keepers can fill the room for what is ahead of the clock.
    const due = block.header.time - maxAhead(this.rules.parameters)
    if (due > this.#now()) {
      this.#hold(node.id, block, due)
      return { kind: 'held', due }
    }

    if (!this.graph.wouldFollow(node)) {
      const bytes = blockCodec.encode(block)
      // A branch without room is as good as not heard of: it may be offered again. An own block is never forgotten.
      if (!own && !(await this.#hasRoomBeside(bytes.length))) return { kind: 'orphan' }
      await this.#store.writeSideBlock(node.height, node.hash, bytes, own ? lastSealedOf(node) : undefined)
      const outcome = this.graph.insert(node)
      return outcome.kind === 'conflict' ? { kind: 'conflict', node } : { kind: 'fork', node }
    }
    const executed = await this.#execute(node, block, parent, pace)
    if (!executed.ok) return { kind: 'rejected', rejection: executed }
    return await this.#follow(executed.value, node, own, pace)
  }

  async #hasRoomBeside(length: number): Promise<boolean> {
    this.#sideBytes += length
    if (this.#sideBytes > this.#maxSideBytes) this.#sideBytes = length + (await this.#store.sideBytes())
    return this.#sideBytes <= this.#maxSideBytes
  }

  #hold(id: string, block: Block, due: number): void {
    if (this.#held.some((one) => one.id === id)) return
    this.#held.push({ id, block, due })
    if (this.#held.length > MAX_HELD_BLOCKS) this.#held.shift()
  }

  /**
   * Executes the branch that ends in this block, from where it leaves the best chain.
   * @param lastBlock its transactions are those that its header commits to
   */
  async #execute(
    last: ChainNode,
    lastBlock: Block,
    lastParent: ChainNode,
    pace: Pace,
  ): Promise<Result<ExecutedBranch>> {
    const path: { node: ChainNode; parent: ChainNode }[] = [{ node: last, parent: lastParent }]
    for (let node = lastParent; !this.graph.isBest(node); ) {
      const parent = this.graph.get(node.parentId)
      if (parent === undefined) return reject('block-missing', `the parent of block ${node.height} is not here`)
      path.push({ node, parent })
      node = parent
    }
    path.reverse()

    const fork = (path[0] as (typeof path)[number]).parent
    const start = this.stateAt(fork.height)
    if (start === undefined) return reject('state-missing', `the state of block ${fork.height} is no longer kept`)
    let tree: StateTree = start
    const executed: Executed[] = []
    let lastChecks = new EarlyChecks(this.#verifier)
    for (const place of path) {
      // Read one by one: bodies of a branch were not executed when they came, and a bad one ends this before the next is
      // in memory.
      const block = place.node === last ? lastBlock : this.#store.block(place.node.hash)
      if (block === undefined) return reject('block-missing', `the body of block ${place.node.height} is not here`)
      const step = { ...place, block }
      const checks = new EarlyChecks(this.#verifier)
      const before = { state: tree, roster: step.parent.roster }
      const applied: Result<AppliedBlock> = await pace.run(
        applyBlockSteps(before, block, this.rules, { isRootCompared: block === lastBlock }),
        (signatures) => {
          if (signatures !== undefined) checks.add(signatures)
        },
      )
      const result: Result<Executed> = applied.ok ? await this.#checkApplied(tree, step, applied.value, pace) : applied
      // The last block is made ready for the disk while its signatures are still being verified.
      const good = place.node === last || !result.ok || (await checks.allHold())
      if (!result.ok || !good) {
        this.graph.remove(step.node.id)
        return result.ok ? BAD_SIGNATURE : result
      }
      lastChecks = checks
      executed.push(result.value)
      tree = result.value.update.tree
    }
    return accept({ executed, lastChecks })
  }

  async #checkApplied(
    tree: StateTree,
    step: { node: ChainNode; block: Block; parent: ChainNode },
    applied: AppliedBlock,
    pace: Pace,
  ): Promise<Result<Executed>> {
    const { header } = step.block
    const update = await pace.run(tree.updateSteps({ version: header.height, changes: applied.changes }))
    if (!equalBytes(update.root, header.stateRoot))
      return reject('wrong-state-root', 'the header does not commit to the state after its transactions')
    return accept({ ...step, update })
  }

  async #follow(
    { executed, lastChecks }: ExecutedBranch,
    node: ChainNode,
    own: boolean,
    pace: Pace,
  ): Promise<AcceptOutcome> {
    const fork = (executed[0] as Executed).parent
    const undone: { node: ChainNode; block: Block }[] = []
    for (let height = this.tip.height; height > fork.height; height--) {
      const old = this.graph.at(height) as ChainNode
      const block = this.#store.block(old.hash)
      if (block === undefined) throw damaged(`the body of block ${height} is missing`)
      undone.push({ node: old, block })
      this.#sideBytes += block.transactions.reduce((sum, { length }) => sum + length, 0)
    }
    const { settled } = this.graph
    const undo: BlockUndo[] = []
    for (const one of undone) undo.push(await this.#undoOf(one.node, one.block, pace))
    const apply: BlockWrites[] = []
    for (const one of executed) apply.push(await this.#writesOf(one, pace))
    const commit: ChainCommit = {
      undo,
      apply,
      lastSealed: own ? lastSealedOf(node) : undefined,
      // What the new blocks settle is found again from them; what was settled before, they need not show.
      settled: {
        height: Math.min(settled.node.height, fork.height),
        keepersSeen: settled.keepersSeen,
        keepers: settled.keepers,
      },
      pruneStatesTo: Math.min(node.height - this.#keptStates, this.graph.base.height),
    }
    if (!(await this.#store.commit(commit, pace, () => lastChecks.allHold()))) {
      this.graph.remove(node.id)
      return { kind: 'rejected', rejection: BAD_SIGNATURE }
    }
    const last = (executed.at(-1) as Executed).update
    // Opened again from disk, so that the new nodes held in memory can go.
    this.#tree = openStateTree({ storage: this.#store.stateStorage, root: last.reference, sha256: nativeSha256 })
    const inserted = this.graph.insert(node)
    const applied = executed.map((one) => one.node)
    const outcome: AcceptOutcome =
      inserted.kind === 'reorganization'
        ? { kind: 'reorganization', undone: inserted.undone, applied, leftSettled: inserted.leftSettled }
        : { kind: 'extension', undone: [], applied, leftSettled: false }
    const change: ChainChange = {
      outcome,
      undone: undone.map((one) => one.block),
      applied: executed.map((one) => one.block),
    }
    await this.#noteReturned()
    for (const listener of this.#listeners) listener(change)
    return outcome
  }

  async #writesOf({ node, block, parent, update }: Executed, pace: Pace): Promise<BlockWrites> {
    const { work } = node
    const { created } = appendHeader(parent.range, {
      headerHash: node.hash,
      work: work - parent.work,
      time: node.sealed.header.time,
    })
    return {
      height: node.height,
      hash: node.hash,
      block,
      item: { sealed: node.sealed, rosterChanges: [...node.rosterChanges] },
      transactionIds: await this.#idsOf(block, pace),
      history: created,
      state: { root: update.reference, created: update.created, stale: update.stale },
    }
  }

  async #undoOf(node: ChainNode, block: Block, pace: Pace): Promise<BlockUndo> {
    return {
      height: node.height,
      hash: node.hash,
      transactionIds: await this.#idsOf(block, pace),
      rosterChangeNumbers: node.rosterChanges.map(({ changeNumber }) => changeNumber),
    }
  }

  async #idsOf({ transactions }: Block, pace: Pace): Promise<Uint8Array[]> {
    return await pace.map(transactions, (bytes) => transactionIdOf(this.rules.networkId, bytes))
  }

  async #verifyAll(signatures: readonly SignatureCheck[]): Promise<boolean> {
    return (await this.#verifier.verifyBatch(signatures)).every(Boolean)
  }
}

function lastSealedOf({ sealed, hash, height }: ChainNode): LastSealed {
  return { previousHash: sealed.header.previousHash, hash, height }
}

function isRecovery(block: Block): boolean {
  const item = headerItemOf(block)
  return item.ok && item.value.rosterChanges[0]?.action.TAG === 'recover'
}

/** The roster changes of a block are transactions like others; a phone gets them with the header. */
export function headerItemOf(block: Block): Result<HeaderItem> {
  const rosterChanges: RosterChange[] = []
  for (const bytes of block.transactions) {
    if (bytes[0] !== KIND.rosterChange) continue
    const transaction = transactionCodec.decode(bytes)
    if (!transaction.ok) return transaction
    if (transaction.value.TAG === 'rosterChange') rosterChanges.push(transaction.value.data)
    if (rosterChanges.length > MAX_ROSTER_CHANGES_PER_BLOCK)
      return reject('too-many-roster-changes', `more than ${MAX_ROSTER_CHANGES_PER_BLOCK}`)
  }
  return accept({ sealed: { header: block.header, seal: block.seal }, rosterChanges })
}
