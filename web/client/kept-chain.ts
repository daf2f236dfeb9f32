import type { ChainNode } from '../../shared/chain/chain-node.ts'
import { ForkGraph } from '../../shared/chain/fork-graph.ts'
import type { HeaderItem } from '../../shared/chain/header-item.ts'
import { headersCodec, headersRequestCodec } from '../../shared/protocol/messages.ts'
import type { LocalStore } from '../store/local-store.ts'
import { ChainWriter, type WriteNews } from './chain-writer.ts'
import type { HeaderLog, LogBase } from './header-log.ts'
import { HistoryCheck } from './history-check.ts'
import { loadChain } from './load-chain.ts'
import type { HeaderRules } from './read-headers.ts'
import type { Servers } from './servers.ts'

export interface KeptChainInit extends HeaderRules {
  /** Hex. */
  readonly networkId: string
  readonly store: LocalStore
  readonly origin: LogBase
  readonly servers: Pick<Servers, 'inOrder' | 'ask'>
  /** `damaged`: something stored did not hold, and is fetched again. */
  readonly onNews: (news: WriteNews | 'damaged') => void
  /** The same chain, with older headers below it: branches that leave it deeper can be judged now. */
  readonly onDeeper: (graph: ForkGraph) => void
  readonly onChange: () => void
}

/** The stored side of a followed chain: opened from its restart point, checked further down in use, written as it grows. */
export class KeptChain {
  readonly #init: KeptChainInit
  readonly #log: HeaderLog
  readonly #writer: ChainWriter
  readonly #check: HistoryCheck
  #graph: ForkGraph
  #verified: number
  #fetched = 0
  #isDeep = false
  #stopped = false

  static async open(init: KeptChainInit): Promise<KeptChain> {
    const { store, networkId } = init
    let isReadable = true
    const stored = await store.readChain(networkId).catch(() => {
      isReadable = false
      return undefined
    })
    const loaded = await loadChain({ ...init, stored, readChunk: (first) => readChunk(init, first) })
    const kept = new KeptChain(init, loaded)
    if (loaded.damaged || !isReadable) init.onNews('damaged')
    if (loaded.isStale || !isReadable) kept.#writer.writeAll()
    return kept
  }

  private constructor(init: KeptChainInit, loaded: Awaited<ReturnType<typeof loadChain>>) {
    const { store, networkId, onNews } = init
    this.#init = init
    this.#graph = loaded.graph
    this.#log = loaded.log
    this.#verified = loaded.verified
    this.#writer = new ChainWriter({
      networkId,
      store,
      log: this.#log,
      settled: () => this.#graph.settled,
      onNews,
    })
    let isTold = loaded.damaged
    this.#check = new HistoryCheck({
      ...init,
      log: this.#log,
      base: loaded.base,
      readChunk: (first) => readChunk(init, first),
      fetch: (after, count) => this.#fetch(after, count),
      write: (change) => this.#writer.write(change),
      onChecked: (count, fetched) => {
        this.#verified += count
        this.#fetched += fetched
        init.onChange()
      },
      onDamage: () => {
        if (!isTold) onNews('damaged')
        isTold = true
      },
      isStopped: () => this.#stopped,
    })
  }

  get graph(): ForkGraph {
    return this.#graph
  }

  /** Headers that are stored and were checked. */
  get stored(): number {
    return this.#log.count
  }

  /** Headers that came from the store, or were missing there, and were checked. */
  get verified(): number {
    return this.#verified
  }

  /** Headers that were stored once and had to be fetched again. */
  get fetched(): number {
    return this.#fetched
  }

  /** The best chain changed. */
  apply(applied: readonly ChainNode[]): void {
    this.#writer.write(this.#log.apply(applied, this.#graph.settled.node.height))
  }

  /** Checks what is older than the restart point, as far as that is possible now. */
  async checkOlder(): Promise<void> {
    const isDone = await this.#check.run()
    const { below } = this.#check
    if (!isDone || this.#isDeep || this.#stopped || below === undefined) return
    this.#isDeep = true
    if (this.#graph.base.id !== below.nodes.at(-1)?.id) return
    const graph = new ForkGraph(below.base, this.#init.rules.parameters)
    for (const node of below.nodes) graph.insert(node)
    for (let height = this.#graph.base.height + 1; height <= this.#graph.tip.height; height++)
      graph.insert(this.#graph.at(height) as ChainNode)
    const { node, keepersSeen, keepers } = this.#graph.settled
    graph.restoreSettled({ height: node.height, keepersSeen, keepers })
    this.#graph = graph
    this.#init.onDeeper(graph)
  }

  /** The store lost what it had: everything in memory goes back. */
  writeAll(): void {
    this.#writer.writeAll()
  }

  flushed(): Promise<void> {
    return this.#writer.flushed()
  }

  stop(): void {
    this.#stopped = true
  }

  /** From whoever has them. Whether they hold is seen by who asks. */
  async #fetch(after: ChainNode, count: number): Promise<readonly HeaderItem[] | undefined> {
    const { servers, rules } = this.#init
    const request = headersRequestCodec.encode({ networkId: rules.networkId, locator: [after.hash], count })
    let answered = false
    for (const peer of servers.inOrder()) {
      const answer = await servers.ask(peer, 'headers', request)
      const items = answer.ok ? headersCodec.decode(answer.value) : undefined
      if (items?.ok !== true) continue
      answered = true
      if (items.value.items.length > 0) return items.value.items
    }
    return answered ? [] : undefined
  }
}

/** A chunk that the browser cannot read counts as damaged. */
function readChunk({ store, networkId }: KeptChainInit, first: number): ReturnType<LocalStore['readChunk']> {
  return store.readChunk(networkId, first).catch(() => undefined)
}
