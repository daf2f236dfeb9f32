/**
 * Keepers, each with its own fork graph, that hear of each other's blocks or do not. Blocks, seats, keys and seals are real;
 * how much work stands behind a block is given. After each header that a keeper hears, the rule of DESIGN 2 is checked from
 * the outside: nobody leaves what is settled, but for a branch on which two thirds of the seats it knows have sealed later.
 */
import { expect } from 'vitest'
import { equalBytes, ZERO_HASH } from '../../../shared/bytes.ts'
import type { ChainNode } from '../../../shared/chain/chain-node.ts'
import { ForkGraph } from '../../../shared/chain/fork-graph.ts'
import { walletIdOf } from '../../../shared/identity/device-id.ts'
import {
  admitKeeper,
  foundRelay,
  registerByOwner,
  removeKeeper,
  rotateSeat,
  type TestDevice,
} from '../../framework/chain-actions.ts'
import { type BuiltBlock, ChainBuilder, namedSigner } from '../../framework/chain-builder.ts'

export type Change = 'none' | 'admit' | 'remove' | 'rotate'

export interface Mined {
  readonly work: number
  /** Header time after the parent's, ms. */
  readonly gap: number
  readonly change?: Change
  /** Default: the keeper's tip. */
  readonly on?: ChainNode
}

interface Home {
  readonly chain: ChainBuilder
  readonly start: BuiltBlock
  readonly relay: TestDevice
  readonly spares: readonly TestDevice[]
}

const SPARES = 2
const homes = new Map<number, Promise<Home>>()
let keys = 0

/** Made once for each number of keepers: their devices, and some that may get a seat. */
async function found(keepers: number): Promise<Home> {
  const parameters = { settleDepth: 2, settleSeconds: 3 }
  const chain = new ChainBuilder({ keepers, parameters, name: `home of ${keepers}` })
  const relay = await foundRelay(chain)
  const spares: TestDevice[] = []
  for (let i = 0; i < SPARES; i++)
    spares.push(await registerByOwner(chain, { wallet: namedSigner(`spare ${keepers} ${i}`), endorsers: [relay] }))
  return { chain, start: await chain.mine(), relay, spares }
}

export class KeeperNetwork {
  readonly graphs: readonly ForkGraph[]
  /** Keepers with the same number hear each other. */
  groups: readonly number[]
  readonly #home: Home
  readonly #built: Map<string, BuiltBlock>
  /** In the order they were made: parents first. */
  readonly #nodes: ChainNode[] = []
  readonly #known = new Map<string, ChainNode>()
  readonly #heard: readonly Set<string>[]

  static async open(keepers: number): Promise<KeeperNetwork> {
    const home = homes.get(keepers) ?? found(keepers)
    homes.set(keepers, home)
    return new KeeperNetwork(await home, keepers)
  }

  private constructor(home: Home, keepers: number) {
    this.#home = home
    this.#built = new Map([[home.start.node.id, home.start]])
    this.graphs = Array.from({ length: keepers }, () => new ForkGraph(home.start.node, home.chain.parameters))
    this.groups = this.graphs.map(() => 0)
    this.#heard = this.graphs.map(() => new Set([home.start.node.id]))
    this.#known.set(home.start.node.id, home.start.node)
  }

  /** Seats of a roster that a keeper holds: its own of genesis, and its share of those that came later. */
  seatsOf(keeper: number, { roster }: ChainNode): readonly number[] {
    return roster.members.map(({ seat }) => seat).filter((seat) => seat % this.graphs.length === keeper)
  }

  ancestor(node: ChainNode, back: number): ChainNode {
    let one = node
    for (let i = 0; i < back; i++) one = this.#known.get(one.parentId) ?? one
    return one
  }

  /** A keeper seals a block; its group hears of it. undefined where it has no seat. */
  async mine(keeper: number, { work, gap, change = 'none', on }: Mined): Promise<ChainNode | undefined> {
    const parent = on ?? (this.graphs[keeper] as ForkGraph).tip
    const seats = this.seatsOf(keeper, parent)
    const seat = seats[parent.height % seats.length]
    if (seat === undefined) return undefined
    const { chain } = this.#home
    chain.tip = this.#built.get(parent.id) as BuiltBlock
    await this.#change(change, seat)
    const built = await chain.mine({ seat, time: parent.sealed.header.time + gap })
    const node = { ...built.node, work: parent.work + BigInt(work) }
    this.#built.set(node.id, built)
    this.#known.set(node.id, node)
    this.#nodes.push(node)
    for (const [one, group] of this.groups.entries()) if (group === this.groups[keeper]) this.#hear(one, node)
    return node
  }

  /** All keepers of a group learn what one of them knows. */
  exchange(): void {
    for (const group of new Set(this.groups)) {
      const keepers = [...this.groups.keys()].filter((keeper) => this.groups[keeper] === group)
      for (const node of this.#nodes)
        if (keepers.some((keeper) => this.#heard[keeper]?.has(node.id)))
          for (const keeper of keepers) this.#hear(keeper, node)
    }
  }

  async #change(change: Change, own: number): Promise<void> {
    const { chain, relay, spares } = this.#home
    const { members } = chain.tip.node.roster
    const spare = spares.find((one) => !members.some((m) => equalBytes(m.walletId, walletIdOf(one.wallet.publicKey))))
    if (change === 'admit' && spare !== undefined) await admitKeeper(chain, spare, namedSigner(`seal ${keys++}`))
    if (change === 'rotate') await rotateSeat(chain, own, namedSigner(`seal ${keys++}`))
    const last = members.at(-1)
    if (change !== 'remove' || last === undefined || members.length === 1) return
    const device = [relay, ...spares].find((one) => equalBytes(last.walletId, walletIdOf(one.wallet.publicKey)))
    await removeKeeper(chain, device?.deviceId ?? ZERO_HASH, last.seat)
  }

  #hear(keeper: number, node: ChainNode): void {
    const heard = this.#heard[keeper] as Set<string>
    if (heard.has(node.id)) return
    heard.add(node.id)
    const graph = this.graphs[keeper] as ForkGraph
    const { tip, settled } = graph
    const outcome = graph.insert(node)
    expect(graph.tip.work).toBeGreaterThanOrEqual(tip.work)
    expect(graph.isBest(graph.settled.node)).toBe(true)
    const isLeft = !graph.isBest(settled.node) || graph.settled.node.height < settled.node.height
    expect(outcome.kind === 'reorganization' && outcome.leftSettled).toBe(isLeft)
    if (isLeft) {
      const seats = new Set<number>()
      for (const one of this.#above(graph.tip, settled.node.height)) {
        const member = tip.roster.members.find(({ seat }) => seat === one.sealed.header.seat)
        if (member && one.sealingKey && equalBytes(member.sealingKey, one.sealingKey)) seats.add(member.seat)
      }
      expect(3 * seats.size).toBeGreaterThanOrEqual(2 * tip.roster.members.length)
    } else if (graph.settled.node !== settled.node) this.#checkSettled(graph)
  }

  /** What was newly settled is deep, old and sealed by two thirds, as seen from some header above it. */
  #checkSettled({ tip, settled: { node } }: ForkGraph): void {
    const { settleDepth, settleSeconds } = this.#home.chain.parameters
    const isBy = this.#above(tip, node.height).some((top) => {
      const seats = this.#above(top, node.height).map(({ sealed }) => sealed.header.seat)
      const { members } = top.roster
      const seen = members.filter(({ seat }) => seats.includes(seat)).length
      const age = top.sealed.header.time - node.sealed.header.time
      return seats.length >= settleDepth && age >= settleSeconds * 1000 && 3 * seen >= 2 * members.length
    })
    expect(isBy).toBe(true)
  }

  /** From a header down to, and without, a height. */
  #above(top: ChainNode, height: number): ChainNode[] {
    const nodes: ChainNode[] = []
    for (
      let one: ChainNode | undefined = top;
      one !== undefined && one.height > height;
      one = this.#known.get(one.parentId)
    )
      nodes.push(one)
    return nodes
  }
}
