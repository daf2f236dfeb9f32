import { equalBytes, HASH_LENGTH, toHex, ZERO_HASH } from '../../shared/bytes.ts'
import type { ChainNode } from '../../shared/chain/chain-node.ts'
import type { HeaderItem } from '../../shared/chain/header-item.ts'
import { settledBy } from '../../shared/chain/settled.ts'
import { hashHeader } from '../../shared/header/header.ts'
import { deviceIdOf } from '../../shared/identity/device-id.ts'
import type { DeviceRecord } from '../../shared/identity/record.ts'
import { genesisCodec } from '../../shared/ledger/genesis.ts'
import { deviceKey } from '../../shared/ledger/state-keys.ts'
import { bundleCodec, MAX_HEADERS_ABOVE } from '../../shared/proof/bundle.ts'
import { BLOCKS_ANSWER_BUDGET } from '../../shared/protocol/ids.ts'
import type { Checkpoint, RecoveryAnswer } from '../../shared/protocol/messages.ts'
import type { StateProof } from '../../shared/state-tree/node.ts'
import { KIND } from '../../shared/transaction/kinds.ts'
import type { Register } from '../../shared/transaction/register.ts'
import { transactionCodec } from '../../shared/transaction/transaction.ts'
import { Pace } from '../pace.ts'
import type { ChainStore } from '../store/chain-store.ts'
import type { FullChain } from './chain.ts'
import { rangeAt, rosterAt } from './load-chain.ts'

/** Most bytes of header items put into one answer: below the protocol's limit, whatever the roster changes weigh. */
const HEADERS_ANSWER_BUDGET = 900 * 1024

/** A renewal is looked for in so many blocks after the one whose hash it was signed with: it may have waited. */
const MAX_BLOCKS_SEARCHED = 4_096

export interface StatedRenewal {
  readonly height: number
  /** Header time, ms. */
  readonly time: number
  readonly endorsements: Register['endorsements']
}

/** Reads of the best chain for those who ask: all that is served is proven by what they already hold. */
export class ChainReader {
  readonly #chain: FullChain
  readonly #store: ChainStore

  constructor(chain: FullChain, store: ChainStore) {
    this.#chain = chain
    this.#store = store
  }

  /** Hash of the best chain's header at a height. */
  hashAt(height: number): Uint8Array | undefined {
    const item = this.#store.headerItem(height)
    return item && hashHeader(item.sealed.header)
  }

  /** Height of a header of the best chain. */
  heightOf(hash: Uint8Array): number | undefined {
    return this.#store.heightOf(hash)
  }

  /** The registration of a device, out of the block that its record names; undefined when that block is not here. */
  registrationOf({ deviceId, registeredHeight }: DeviceRecord): Register | undefined {
    const hash = this.hashAt(registeredHeight)
    const block = hash && this.#store.block(hash)
    for (const bytes of block?.transactions ?? []) {
      const transaction = bytes[0] === KIND.register ? transactionCodec.decode(bytes) : undefined
      if (!transaction?.ok || transaction.value.TAG !== 'register') continue
      const { walletKey, anchor } = transaction.value.data.claim
      if (equalBytes(deviceIdOf(this.#chain.rules.networkId, walletKey, anchor), deviceId))
        return transaction.value.data
    }
    return undefined
  }

  /**
   * The renewal that a record has its evidence from, in one of some blocks from a height on; undefined when it is in none of
   * them. Read in slices: full blocks take long.
   */
  async renewalOf(record: DeviceRecord, from: number): Promise<StatedRenewal | undefined> {
    const pace = new Pace()
    for (let height = from; height < from + MAX_BLOCKS_SEARCHED; height++) {
      const hash = this.hashAt(height)
      const block = hash && this.#store.block(hash)
      if (block === undefined) return undefined
      for (const bytes of block.transactions) {
        if (bytes[0] !== KIND.evidence || !equalBytes(bytes.subarray(1, 1 + HASH_LENGTH), record.deviceId)) continue
        const transaction = transactionCodec.decode(bytes)
        if (!transaction.ok || transaction.value.TAG !== 'evidence') continue
        const { renewal, endorsements } = transaction.value.data
        if (equalBytes(renewal.evidence, record.evidence) && renewal.notAfter === record.evidenceExpires)
          return { height, time: block.header.time, endorsements }
      }
      if (pace.isDue) await pace.pause()
    }
    return undefined
  }

  /** Headers after the first hash of the locator that is in the best chain; none when no hash is. */
  headersAfter(locator: readonly Uint8Array[], count: number): HeaderItem[] {
    const items: HeaderItem[] = []
    const known = locator.map((hash) => this.#store.heightOf(hash)).find((height) => height !== undefined)
    if (known === undefined) return items
    let budget = HEADERS_ANSWER_BUDGET
    for (let height = known + 1; items.length < count; height++) {
      const item = this.#store.headerItem(height)
      if (item === undefined) break
      // A change can weigh as much as a transaction may; 32 KiB is its bound.
      budget -= 247 + item.rosterChanges.length * 32 * 1024
      if (budget < 0 && items.length > 0) break
      items.push(item)
    }
    return items
  }

  /** Encoded bodies of those that are here, in the order asked, as many as fit. */
  blocks(hashes: readonly Uint8Array[]): Uint8Array[] {
    const blocks: Uint8Array[] = []
    let length = 0
    for (const hash of hashes) {
      const bytes = this.#store.blockBytes(hash)
      if (bytes === undefined) continue
      length += bytes.length
      if (blocks.length > 0 && length > BLOCKS_ANSWER_BUDGET) break
      blocks.push(bytes)
    }
    return blocks
  }

  /** Transactions of a block by their places; none when the block, or one of the places, is not here. */
  transactions(hash: Uint8Array, places: readonly number[]): Uint8Array[] {
    const all = this.#store.block(hash)?.transactions ?? []
    const found = places.flatMap((place) => all[place] ?? [])
    return found.length === places.length ? found : []
  }

  /** A place to start from: a header of the best chain by its hash; zeros for genesis. */
  async checkpoint(hash: Uint8Array): Promise<Checkpoint | undefined> {
    const height = equalBytes(hash, ZERO_HASH) ? 0 : this.#store.heightOf(hash)
    const item = height === undefined ? undefined : this.#store.headerItem(height)
    const first = this.#store.headerItem(0)
    if (height === undefined || item === undefined || first === undefined) return undefined
    const { genesis, rules, graph } = this.#chain
    const known = graph.get(toHex(hashHeader(item.sealed.header)))
    return {
      genesis: genesisCodec.encode(genesis),
      genesisHeader: first.sealed.header,
      sealed: item.sealed,
      parent: height === 0 ? undefined : this.#store.headerItem(height - 1)?.sealed.header,
      // Read from the log, which is long in an old network, only where it is not in memory.
      roster: known?.roster ?? (await rosterAt(this.#store, genesis, rules.networkId, height)),
      range: rangeAt(this.#store, height),
    }
  }

  /** The newest recovery of the best chain, with the block that it came in. */
  async recovery(): Promise<RecoveryAnswer | undefined> {
    if (this.#chain.tip.roster.recovered === 0) return undefined
    const logged = (await this.#store.rosterLog()).findLast(({ change }) => change.action.TAG === 'recover')
    const item = logged && this.#store.headerItem(logged.height)
    return logged && item && { change: logged.change, block: item.sealed }
  }

  /** What the state under a header says about a key; undefined when the header or its state is not here. */
  stateProof(headerHash: Uint8Array, key: Uint8Array): StateProof | undefined {
    const height = this.#store.heightOf(headerHash)
    return height === undefined ? undefined : this.#chain.stateAt(height)?.prove(key)
  }

  /** A self-contained proof of a device ID at the newest header that it can show to be settled. */
  async bundle(deviceId: Uint8Array): Promise<Uint8Array | undefined> {
    const { genesis } = this.#chain
    const { settled, above } = this.#provablySettled()
    const first = this.#store.headerItem(0)
    const state = this.#chain.stateAt(settled.height)
    if (first === undefined || state === undefined) return undefined
    const log = await this.#store.rosterLog()
    return bundleCodec.encode({
      version: 1,
      deviceId,
      genesis: genesisCodec.encode(genesis),
      genesisHeader: first.sealed.header,
      rosterLog: log.filter(({ height }) => height <= settled.height).map(({ change }) => change),
      parent: settled.height === 0 ? undefined : this.#store.headerItem(settled.height - 1)?.sealed.header,
      settled: settled.sealed.header,
      range: rangeAt(this.#store, settled.height),
      above: above.map(({ sealed, rosterChanges }) => ({ sealed, rosterChanges: [...rosterChanges] })),
      proof: state.prove(deviceKey(deviceId)),
    })
  }

  /**
   * The settled header and what stands on it. Lower than the settled header only where that was settled by seals of a
   * branch that lost since: those are not at hand to be shown.
   */
  #provablySettled(): { settled: ChainNode; above: ChainNode[] } {
    const { graph, rules } = this.#chain
    let settled = graph.settled.node
    let above: ChainNode[] = []
    for (let height = settled.height + 1; height <= graph.tip.height; height++)
      above.push(graph.at(height) as ChainNode)
    above = above.slice(0, MAX_HEADERS_ABOVE)
    while (settled.height > graph.base.height && settledBy(settled, above, rules.parameters) === undefined) {
      above = [settled, ...above].slice(0, MAX_HEADERS_ABOVE)
      settled = graph.at(settled.height - 1) as ChainNode
    }
    return { settled, above }
  }
}
