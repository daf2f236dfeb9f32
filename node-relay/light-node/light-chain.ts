import { toHex } from '../../shared/bytes.ts'
import { type ChainNode, type ChainRules, extendChain } from '../../shared/chain/chain-node.ts'
import { ForkGraph } from '../../shared/chain/fork-graph.ts'
import type { SignatureVerifier } from '../../shared/crypto/signature-verifier.ts'
import { type Genesis, genesisCodec } from '../../shared/ledger/genesis.ts'
import { headerItemCodec } from '../../shared/protocol/messages.ts'
import type { ChainStart } from '../../shared/sync/start.ts'
import { decodeStartPoint, encodeStartPoint } from '../../shared/sync/start-point.ts'
import type { ChainFile } from './chain-file.ts'

/** Headers kept below the settled one: enough to judge a branch that the keepers leave it for after hours apart. */
export const KEPT_BELOW = 256
/** Headers beside the best chain. */
export const MAX_SIDE = 256
/** Headers appended to the file before it is written anew, with those alone that are kept. */
export const MAX_APPENDED = 1_024
/** Headers above the settled one; with more, no further ones are taken: too few of the keepers seal. */
export const MAX_UNSETTLED = 8_192

export interface LightChainInit {
  readonly file: ChainFile
  readonly verifier: SignatureVerifier
  /** Default: {@link MAX_UNSETTLED}. */
  readonly maxUnsettled?: number
  /** Says when the disk refuses, once, and when it takes what it is given again. */
  onDisk(error: unknown | undefined): void
}

/** The headers that a node without blocks follows, few of them in memory, and as few on disk. */
export class LightChain {
  readonly rules: ChainRules
  readonly genesis: Genesis
  readonly #init: LightChainInit
  readonly #genesisBytes: Uint8Array
  /** The header that the graph began with, and where it is in the file. */
  #start: { readonly node: ChainNode; readonly bytes: Uint8Array }
  #graph: ForkGraph
  #appended = 0
  #isBehind = false

  /** What was kept; undefined: nothing that holds. What is torn off at its end is let go of. */
  static async read(init: LightChainInit): Promise<LightChain | undefined> {
    const stored = init.file.read()
    if (stored === undefined) return undefined
    const { networkId, genesis, start, settled } = stored.head
    const decoded = genesisCodec.decode(genesis)
    const node = decodeStartPoint(start)
    if (!decoded.ok || !node.ok) return undefined
    const chain = new LightChain(init, networkId, decoded.value, genesis, { node: node.value, bytes: start })
    const whole = await chain.#replay(stored.items)
    chain.#graph.restoreSettled(settled)
    if (stored.torn || !whole) chain.#rewrite()
    return chain
  }

  /** Begins with a start that was checked, its signatures too. */
  static begin(init: LightChainInit, networkId: Uint8Array, start: ChainStart & { readonly bytes: Uint8Array }) {
    const genesis = genesisCodec.encode(start.genesis)
    const chain = new LightChain(init, networkId, start.genesis, genesis, start)
    chain.#rewrite()
    return chain
  }

  private constructor(
    init: LightChainInit,
    networkId: Uint8Array,
    genesis: Genesis,
    genesisBytes: Uint8Array,
    start: { readonly node: ChainNode; readonly bytes: Uint8Array },
  ) {
    this.#init = init
    this.rules = { networkId, parameters: genesis.parameters }
    this.genesis = genesis
    this.#genesisBytes = genesisBytes
    this.#start = start
    this.#graph = this.#graphFrom(start.node)
  }

  get graph(): ForkGraph {
    return this.#graph
  }

  get tip(): ChainNode {
    return this.#graph.tip
  }

  /** Whether more headers may be taken. */
  get hasRoom(): boolean {
    const { maxUnsettled = MAX_UNSETTLED } = this.#init
    return this.tip.height - this.#graph.settled.node.height < maxUnsettled
  }

  /** Keeps what has come into the best chain of the graph. @param applied upwards */
  followed(applied: readonly ChainNode[]): void {
    this.#appended += applied.length
    if (this.#isBehind || this.#appended > MAX_APPENDED) this.#rewrite()
    else this.#write(() => this.#init.file.append(applied.map(encodeItem)))
  }

  /** Goes on elsewhere: at the block of a recovery that the owners have signed. */
  restart(start: { readonly node: ChainNode; readonly bytes: Uint8Array }): ForkGraph {
    this.#start = start
    this.#graph = this.#graphFrom(start.node)
    this.#rewrite()
    return this.#graph
  }

  #graphFrom(node: ChainNode): ForkGraph {
    return new ForkGraph(node, this.rules.parameters, { keptBelowSettled: KEPT_BELOW, maxSideHeaders: MAX_SIDE })
  }

  /** @returns whether all of it holds; it is input like any other */
  async #replay(items: readonly Uint8Array[]): Promise<boolean> {
    const known = new Map([[this.#start.node.id, this.#start.node]])
    const nodes: ChainNode[] = []
    for (const bytes of items) {
      const item = headerItemCodec.decode(bytes)
      const parent = item.ok ? known.get(toHex(item.value.sealed.header.previousHash)) : undefined
      const extended = item.ok && parent !== undefined ? extendChain(parent, item.value, this.rules) : undefined
      if (!extended?.ok) break
      const { node, signatures } = extended.value
      if (!(await this.#init.verifier.verifyBatch(signatures)).every(Boolean)) break
      known.set(node.id, node)
      nodes.push(node)
    }
    for (const node of nodes) this.#graph.insert(node)
    this.#appended = nodes.length
    return nodes.length === items.length
  }

  #rewrite(): void {
    const { base, settled } = this.#graph
    // A start point needs the history before it, so the file begins a header above where the graph does.
    const first = base.id === this.#start.node.id ? undefined : this.#graph.at(base.height + 1)
    if (first !== undefined) this.#start = { node: first, bytes: encodeStartPoint(first, base.range) }
    const items: Uint8Array[] = []
    for (let height = this.#start.node.height + 1; height <= this.tip.height; height++)
      items.push(encodeItem(this.#graph.at(height) as ChainNode))
    this.#write(() =>
      this.#init.file.begin(
        {
          networkId: this.rules.networkId,
          genesis: this.#genesisBytes,
          start: this.#start.bytes,
          settled: { height: settled.node.height, keepersSeen: settled.keepersSeen, keepers: settled.keepers },
        },
        items,
      ),
    )
    if (!this.#isBehind) this.#appended = 0
  }

  /** A full disk stops nothing: the next header brings all that is missing. */
  #write(task: () => void): void {
    const wasBehind = this.#isBehind
    try {
      task()
      this.#isBehind = false
      if (wasBehind) this.#init.onDisk(undefined)
    } catch (error) {
      this.#isBehind = true
      if (!wasBehind) this.#init.onDisk(error)
    }
  }
}

function encodeItem({ sealed, rosterChanges }: ChainNode): Uint8Array {
  return headerItemCodec.encode({ sealed, rosterChanges: [...rosterChanges] })
}
