/**
 * Builds real chains for tests: genesis, keepers with seed signers, blocks by the ledger's own rules, state trees, nonce
 * search and seals, with forks from any block. Difficulty is as easy as the rules allow, time is given, nothing is random.
 */
import { searchBatch } from '../../node-relay/mining/search-batch.ts'
import type { Block } from '../../shared/block/block.ts'
import { transactionRoot } from '../../shared/block/transaction-tree.ts'
import { asciiBytes, compareBytes, ZERO_HASH } from '../../shared/bytes.ts'
import { type ChainNode, type ChainRules, extendChain, startChain } from '../../shared/chain/chain-node.ts'
import { nextTarget } from '../../shared/chain/difficulty.ts'
import type { HeaderItem } from '../../shared/chain/header-item.ts'
import { expandTarget } from '../../shared/chain/target.ts'
import { createSeedSigner, type Signer } from '../../shared/crypto/signer.ts'
import { sha256, sha256d } from '../../shared/hash.ts'
import { type Header, headerCodec } from '../../shared/header/header.ts'
import { sealMessage } from '../../shared/header/seal.ts'
import { EMPTY_RANGE } from '../../shared/history/mountain-range.ts'
import { walletIdOf } from '../../shared/identity/device-id.ts'
import { buildBlock } from '../../shared/ledger/build-block.ts'
import {
  type Genesis,
  genesisHeader,
  genesisRoster,
  genesisState,
  networkIdOf,
  sealedGenesis,
} from '../../shared/ledger/genesis.ts'
import { policyOf, versionAt } from '../../shared/ledger/policy.ts'
import { type NetworkParameters, PRESETS } from '../../shared/params.ts'
import { DEFAULT_POLICY } from '../../shared/policy/policy.ts'
import { rosterRoot } from '../../shared/roster/roster.ts'
import { createMemoryStateStorage } from '../../shared/state-tree/memory-storage.ts'
import { openStateTree, type StateTree } from '../../shared/state-tree/tree.ts'

/** Every second hash meets it. */
export const TRIVIAL_TARGET = 0x207fffff
/** Noon, 1 January 2026. */
export const DEFAULT_CREATED_AT = 1_767_268_800_000

export interface ChainBuilderInit {
  /** Genesis keepers; 1 by default. */
  readonly keepers?: number
  readonly parameters?: Partial<NetworkParameters>
  /** Genesis time, ms. */
  readonly createdAt?: number
  /** Two builders with different names make different networks. */
  readonly name?: string
  /** SHA-256 of root certificates that the first policy trusts, sorted. */
  readonly trustRoots?: Uint8Array[]
  /** Newest header version that the builder knows. */
  readonly highestVersion?: number
}

/** A block in its place, with the state after it. */
export interface BuiltBlock {
  readonly block: Block
  readonly item: HeaderItem
  readonly node: ChainNode
  readonly tree: StateTree
  readonly parent: BuiltBlock | undefined
}

export interface MineInit {
  /** Default: the tip. */
  readonly on?: BuiltBlock
  /** Default: members in turn. */
  readonly seat?: number
  /** Default: the parent's time plus the spacing. */
  readonly time?: number
  /** Encoded. A refused one throws. Default: what waits. */
  readonly transactions?: readonly Uint8Array[]
  /** Seals with another key than the seat's. */
  readonly sealWith?: Signer
  /** Writes other roots into the header: a forged block. */
  readonly forge?: Partial<Pick<Header, 'version' | 'transactionRoot' | 'stateRoot' | 'rosterRoot' | 'historyRoot'>>
}

/** A signer whose key follows from a name. */
export function namedSigner(name: string): Signer {
  return createSeedSigner(sha256(asciiBytes(name)))
}

export class ChainBuilder {
  readonly genesis: Genesis
  readonly networkId: Uint8Array
  readonly parameters: NetworkParameters
  readonly rules: ChainRules
  readonly owner: Signer
  readonly first: BuiltBlock
  /** Every block made, by header hash, forks too. */
  readonly blocks = new Map<string, BuiltBlock>()
  /** Sealing keys by public key, hex-free: the roster tells which one a seat has. */
  readonly #sealers: Signer[] = []
  readonly #name: string
  /** Transactions that wait for the next block. */
  waiting: Uint8Array[] = []
  #tip: BuiltBlock

  constructor(init: ChainBuilderInit = {}) {
    const { keepers = 1, createdAt = DEFAULT_CREATED_AT, name = 'test' } = init
    this.#name = name
    this.parameters = {
      ...PRESETS.test,
      targetLimit: TRIVIAL_TARGET,
      initialTarget: TRIVIAL_TARGET,
      ...init.parameters,
    }
    this.owner = namedSigner(`${name} owner`)
    for (let seat = 0; seat < keepers; seat++) this.#sealers.push(this.keeper(seat))
    this.genesis = {
      version: 1,
      createdAt,
      parameters: this.parameters,
      owners: { threshold: 1, keys: [this.owner.publicKey] },
      keepers: this.#sealers.map((signer, seat) => ({
        walletId: walletIdOf(signer.publicKey),
        sealingKey: signer.publicKey,
        recoveryKey: this.keeperRecovery(seat).publicKey,
      })),
      policy: { ...DEFAULT_POLICY, trustRoots: init.trustRoots ?? [] },
    }
    const empty = openStateTree({ storage: createMemoryStateStorage(), root: undefined })
    const { tree } = empty.update({ version: 0, changes: genesisState(this.genesis) })
    const sealed = sealedGenesis(genesisHeader(this.genesis, tree.root))
    const node = startChain({ sealed, previous: undefined, roster: genesisRoster(this.genesis), range: EMPTY_RANGE })
    if (!node.ok) throw new Error(node.detail)
    this.networkId = networkIdOf(sealed.header)
    this.rules = { networkId: this.networkId, parameters: this.parameters, highestVersion: init.highestVersion }
    const block = { ...sealed, transactions: [] }
    this.first = { block, item: { sealed, rosterChanges: [] }, node: node.value, tree, parent: undefined }
    this.#tip = this.first
    this.blocks.set(node.value.id, this.first)
  }

  /** Wallet and sealing key of a genesis keeper. */
  keeper(seat: number): Signer {
    return namedSigner(`${this.#name} keeper ${seat}`)
  }

  keeperRecovery(seat: number): Signer {
    return namedSigner(`${this.#name} keeper ${seat} recovery`)
  }

  /** Makes a sealing key known, so that blocks of its seat can be sealed. */
  addSealer(signer: Signer): void {
    this.#sealers.push(signer)
  }

  get tip(): BuiltBlock {
    return this.#tip
  }

  /** Takes another branch as the best. */
  set tip(block: BuiltBlock) {
    this.#tip = block
  }

  /** Block of the best chain at a height. @throws when there is none */
  at(height: number, tip = this.#tip): BuiltBlock {
    let block: BuiltBlock | undefined = tip
    while (block !== undefined && block.node.height > height) block = block.parent
    if (block?.node.height !== height) throw new Error(`no block ${height} in the best chain`)
    return block
  }

  /** Blocks of the best chain from a height on, oldest first. */
  from(height: number, tip = this.#tip): BuiltBlock[] {
    const blocks: BuiltBlock[] = []
    for (
      let block: BuiltBlock | undefined = tip;
      block !== undefined && block.node.height >= height;
      block = block.parent
    )
      blocks.push(block)
    return blocks.reverse()
  }

  /** Mines one block; it becomes the tip when it stands on the tip. */
  async mine(init: MineInit = {}): Promise<BuiltBlock> {
    const on = init.on ?? this.#tip
    const parent = on.node
    const { members } = parent.roster
    const seat = init.seat ?? (members[parent.height % members.length]?.seat as number)
    const height = parent.height + 1
    const time = init.time ?? parent.sealed.header.time + this.parameters.spacingMs
    const candidates = init.transactions ?? (on === this.#tip ? this.waiting.splice(0) : [])
    const before = { state: on.tree, roster: parent.roster }
    const content = buildBlock(before, { ...this.rules, height, time }, candidates)
    const [refused] = content.refused
    if (refused !== undefined) throw new Error(`${refused.code}: ${refused.detail}`)
    const { tree } = on.tree.update({ version: height, changes: content.changes })

    const header: Header = {
      version: versionAt(policyOf(on.tree), parent.sealed.header.version, height),
      height,
      time,
      previousHash: parent.hash,
      transactionRoot: transactionRoot(content.transactions),
      stateRoot: tree.root,
      historyRoot: parent.historyRoot,
      rosterRoot: rosterRoot(content.roster),
      target: nextTarget(this.parameters, parent.sealed.header, parent.previous),
      seat,
      nonce: 0,
      ...init.forge,
    }
    const hash = searchNonce(header)
    const signer = init.sealWith ?? this.#sealerOf(parent, seat)
    const sealed = { header, seal: await signer.sign(sealMessage(this.networkId, hash)) }
    const item = { sealed, rosterChanges: [...content.rosterChanges] }
    const node = extendChain(parent, item, this.rules)
    if (!node.ok) throw new Error(`${node.code}: ${node.detail}`)
    const block = { ...sealed, transactions: [...content.transactions] }
    const built: BuiltBlock = { block, item, node: node.value.node, tree, parent: on }
    this.blocks.set(built.node.id, built)
    if (on === this.#tip) this.#tip = built
    return built
  }

  async mineMany(count: number, init: MineInit = {}): Promise<BuiltBlock> {
    let block = init.on ?? this.#tip
    for (let i = 0; i < count; i++) {
      const time = init.time === undefined ? {} : { time: init.time + i }
      block = await this.mine({ ...init, ...time, on: block })
    }
    return block
  }

  #sealerOf(parent: ChainNode, seat: number): Signer {
    const member = parent.roster.members.find((one) => one.seat === seat)
    const signer = this.#sealers.find(
      (one) => member !== undefined && compareBytes(one.publicKey, member.sealingKey) === 0,
    )
    if (signer === undefined) throw new Error(`no key for seat ${seat}`)
    return signer
  }
}

/** Sets the nonce (the last four bytes) so that the hash meets the target; returns the hash. As fast as a relay does it. */
function searchNonce(header: Header): Uint8Array {
  const target = (expandTarget(header.target) as bigint).toString(16).padStart(64, '0')
  const bytes = Buffer.from(headerCodec.encode(header))
  const nonce = searchBatch(bytes, Buffer.from(target, 'hex').toString('latin1'), 0, 1, 0x1_0000_0000)
  if (nonce === undefined) throw new Error('no nonce')
  Object.assign(header, { nonce })
  return sha256d(headerCodec.encode(header))
}

/** 32 zero bytes: asks for genesis. */
export const GENESIS = ZERO_HASH
