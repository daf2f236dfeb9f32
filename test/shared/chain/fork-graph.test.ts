import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import type { ChainNode } from '../../../shared/chain/chain-node.ts'
import { ForkGraph, type InsertOutcome } from '../../../shared/chain/fork-graph.ts'
import { admitKeeper, foundRelay, registerByOwner, removeKeeper } from '../../framework/chain-actions.ts'
import { type BuiltBlock, ChainBuilder, namedSigner } from '../../framework/chain-builder.ts'

const NEVER_SETTLES = { settleDepth: 60_000 }

/** The same chain with so many times the work above the fork: what rented hash power makes of it. */
function withWork(blocks: readonly BuiltBlock[], times: bigint): ChainNode[] {
  return blocks.map(({ node }) => ({ ...node, work: node.work * times }))
}

function graphOf(chain: ChainBuilder, blocks: readonly BuiltBlock[] = chain.from(1)): ForkGraph {
  const graph = new ForkGraph(chain.first.node, chain.parameters)
  for (const { node } of blocks) graph.insert(node)
  return graph
}

const insertAll = (graph: ForkGraph, nodes: readonly ChainNode[]): InsertOutcome[] =>
  nodes.map((node) => graph.insert(node))
const kinds = (outcomes: readonly InsertOutcome[]) => outcomes.map(({ kind }) => kind)

/** Blocks of a branch, oldest first. */
async function branch(chain: ChainBuilder, on: BuiltBlock, seats: readonly number[], time = 1): Promise<BuiltBlock[]> {
  const blocks: BuiltBlock[] = []
  for (const seat of seats) {
    const parent = blocks.at(-1) ?? on
    blocks.push(await chain.mine({ on: parent, seat, time: parent.block.header.time + time, transactions: [] }))
  }
  return blocks
}

test('a start is settled before anybody was seen; keepers count as they seal on top of it', async () => {
  const three = new ChainBuilder({ keepers: 3, parameters: NEVER_SETTLES })
  const graph = new ForkGraph(three.first.node, three.parameters)
  const seen = () => [graph.settled.node.height, graph.settled.keepersSeen, graph.settled.keepers]
  expect(seen()).toEqual([0, 0, 3])
  for (const { node } of await branch(three, three.first, [1, 1])) graph.insert(node)
  expect(seen()).toEqual([0, 1, 3])
  for (const { node } of await branch(three, three.tip, [0, 2])) graph.insert(node)
  expect(seen()).toEqual([0, 3, 3])
})

describe('choice of the tip', () => {
  let chain: ChainBuilder
  let fork: BuiltBlock[]
  beforeAll(async () => {
    chain = new ChainBuilder({ parameters: NEVER_SETTLES })
    await chain.mineMany(4)
    fork = await branch(chain, chain.at(1), [0, 0, 0, 0, 0], 999)
  })

  test('extension, duplicate, orphan, fork, reorganization', () => {
    const graph = new ForkGraph(chain.first.node, chain.parameters)
    expect(
      insertAll(
        graph,
        chain.from(1).map(({ node }) => node),
      ),
    ).toEqual(chain.from(1).map(({ node }) => ({ kind: 'extension', applied: [node] })))
    expect(graph.insert(chain.tip.node)).toEqual({ kind: 'duplicate' })
    expect(graph.insert(fork[1]!.node)).toEqual({ kind: 'orphan' })
    expect(graph.insert(fork[0]!.node)).toEqual({ kind: 'fork' })
    expect(graph.insert(fork[1]!.node)).toEqual({ kind: 'fork' })
    const outcomes = insertAll(
      graph,
      fork.slice(2).map(({ node }) => node),
    )
    const moved = outcomes.find(({ kind }) => kind === 'reorganization')
    expect(moved).toMatchObject({ undone: [4, 3, 2].map((height) => chain.at(height).node), leftSettled: false })
    expect(graph.tip).toBe(fork.at(-1)?.node)
    for (let height = 2; height <= graph.tip.height; height++) expect(graph.at(height)).toBe(fork[height - 2]?.node)
    expect(graph.isBest(chain.tip.node)).toBe(false)
  })

  test('wouldFollow says what insert does', () => {
    const graph = graphOf(chain)
    for (const { node } of fork) {
      const would = graph.wouldFollow(node)
      const { kind } = graph.insert(node)
      if (graph.tip !== node) expect([would, kind]).toEqual([false, 'fork'])
      else expect([would, kind === 'reorganization' || kind === 'extension']).toEqual([true, true])
    }
  })

  test('of two with equal work the lower hash, whichever came first', async () => {
    const [one, two] = await Promise.all([
      branch(chain, chain.first, [0], 1_000),
      branch(chain, chain.first, [0], 1_001),
    ])
    const nodes = [one[0]!.node, two[0]!.node]
    expect(nodes[0]!.work).toBe(nodes[1]!.work)
    const lower = [...nodes].sort((a, b) => Buffer.compare(a.hash, b.hash))[0]
    for (const order of [nodes, nodes.toReversed()]) {
      const graph = new ForkGraph(chain.first.node, chain.parameters)
      insertAll(graph, order)
      expect(graph.tip).toBe(lower)
    }
  })

  test('a bad block goes with all that stands on it', () => {
    const graph = graphOf(chain)
    insertAll(
      graph,
      fork.slice(0, 2).map(({ node }) => node),
    )
    graph.remove(fork[0]!.node.id)
    expect([graph.get(fork[0]!.node.id), graph.get(fork[1]!.node.id)]).toEqual([undefined, undefined])
    expect(graph.insert(fork[1]!.node)).toEqual({ kind: 'orphan' })
    expect(graph.tip).toBe(chain.tip.node)
  })

  test('the locator goes from the tip down to the lowest header kept', async () => {
    const graph = graphOf(chain)
    expect(graph.locator(32)).toEqual([4, 3, 2, 1, 0].map((height) => chain.at(height).node.hash))
    expect(graph.locator(2)).toEqual([chain.tip.node.hash, chain.first.node.hash])
  })
})

describe('order of delivery', () => {
  const BLOCKS = 28
  /** A random tree of blocks: each stands on one before it, some gaps are short and so weigh more. */
  async function tree(
    keepers: number,
    parameters: { settleDepth: number } | undefined,
    seed: number,
  ): Promise<ChainBuilder> {
    const chain = new ChainBuilder({ keepers, ...(parameters && { parameters }), name: `tree ${seed}` })
    const choices = fc.sample(fc.tuple(fc.nat(2), fc.integer({ min: 1, max: 1_500 })), { numRuns: BLOCKS, seed })
    const blocks = [chain.first]
    for (const [back, gap] of choices) {
      const on = blocks[Math.max(0, blocks.length - 1 - back * 2)]!
      blocks.push(await chain.mine({ on, time: on.block.header.time + gap, transactions: [] }))
    }
    return chain
  }

  /** Any order in which parents come before their children, from one number for each choice. */
  function ordered(chain: ChainBuilder, picks: readonly number[]): ChainNode[] {
    const waiting = [...chain.blocks.values()].map(({ node }) => node).slice(1)
    const known = new Set([chain.first.node.id])
    const order: ChainNode[] = []
    for (const pick of picks.slice(0, waiting.length)) {
      const ready = waiting.filter((node) => known.has(node.parentId))
      const node = ready[pick % ready.length]!
      waiting.splice(waiting.indexOf(node), 1)
      known.add(node.id)
      order.push(node)
    }
    return order
  }

  const picks = fc.array(fc.nat(1_000), { minLength: BLOCKS, maxLength: BLOCKS })
  const best = (chain: ChainBuilder) =>
    [...chain.blocks.values()]
      .map(({ node }) => node)
      .sort((a, b) => (a.work === b.work ? Buffer.compare(a.hash, b.hash) : a.work > b.work ? -1 : 1))[0]

  test.each([1, 2, 3])('does not matter before anything is settled, tree %i', async (seed) => {
    const chain = await tree(3, NEVER_SETTLES, seed)
    fc.assert(
      fc.property(picks, (numbers) => {
        const graph = new ForkGraph(chain.first.node, chain.parameters)
        insertAll(graph, ordered(chain, numbers))
        expect(graph.tip.id).toBe(best(chain)?.id)
      }),
      { numRuns: 60 },
    )
  })

  test.each([4, 5])('nor after, where the one keeper itself sealed both branches, tree %i', async (seed) => {
    const chain = await tree(1, undefined, seed)
    fc.assert(
      fc.property(picks, (numbers) => {
        const graph = new ForkGraph(chain.first.node, chain.parameters)
        for (const node of ordered(chain, numbers)) {
          graph.insert(node)
          // The best chain is whole, and settled lies on it.
          for (let one: ChainNode | undefined = graph.tip; one !== undefined; one = graph.get(one.parentId))
            expect(graph.isBest(one)).toBe(true)
          expect(graph.isBest(graph.settled.node)).toBe(true)
        }
        expect(graph.tip.id).toBe(best(chain)?.id)
      }),
      { numRuns: 60 },
    )
  })
})

describe('nobody rolls back below settled', () => {
  let chain: ChainBuilder
  beforeAll(async () => {
    chain = new ChainBuilder({ keepers: 4 })
    for (const seat of [0, 1, 2, 3, 0, 1, 2, 3]) await chain.mine({ seat })
  })

  test('the network settles', () => {
    const { settled } = graphOf(chain)
    expect(settled).toMatchObject({ node: { height: 5 }, keepersSeen: 3, keepers: 4 })
  })

  test.each([
    ['one current key', [0, 0, 0, 0]],
    ['a minority of current keys', [0, 1, 0, 1, 0, 1, 0, 1]],
  ])('%s with 1,000 times the work is not followed', async (_, seats) => {
    const graph = graphOf(chain)
    const thief = await branch(chain, chain.at(3), seats)
    const nodes = withWork(thief, 1_000n)
    expect(graph.wouldFollow(nodes[0]!)).toBe(false)
    expect(new Set(kinds(insertAll(graph, nodes)))).toEqual(new Set(['conflict']))
    expect([graph.tip, graph.settled.node]).toEqual([chain.tip.node, chain.at(5).node])
    // The honest chain goes on, though it never catches up.
    const next = await chain.mine({ on: chain.tip, seat: 0, transactions: [] })
    expect(graph.insert(next.node).kind).toBe('extension')
    chain.tip = next.parent as BuiltBlock
  })

  test('above settled, work decides: one key is enough', async () => {
    const graph = graphOf(chain)
    const outcomes = insertAll(graph, withWork(await branch(chain, chain.at(5), [0]), 2n))
    expect(outcomes).toMatchObject([{ kind: 'reorganization', leftSettled: false }])
    expect(graph.settled.node.height).toBeGreaterThanOrEqual(5)
  })

  test('an honest block that lost its race lends its seat to nobody who builds on it', async () => {
    const graph = graphOf(chain)
    const [stale] = await branch(chain, chain.at(3), [2])
    expect(graph.insert(stale!.node)).toEqual({ kind: 'fork' })
    const nodes = withWork(await branch(chain, stale!, [0, 1, 0, 1, 0, 1]), 1_000n)
    expect(new Set(kinds(insertAll(graph, nodes)))).toEqual(new Set(['conflict']))
    expect(graph.tip).toBe(chain.tip.node)
  })

  test('two thirds of the keepers are followed below settled, and it is said', async () => {
    const graph = graphOf(chain)
    const nodes = withWork(await branch(chain, chain.at(3), [0, 1, 2, 0, 1, 2]), 1_000n)
    const outcomes = insertAll(graph, nodes)
    expect(kinds(outcomes.slice(0, 2))).toEqual(['conflict', 'conflict'])
    expect(outcomes.find(({ kind }) => kind === 'reorganization')).toMatchObject({ leftSettled: true })
    expect(graph.tip).toBe(nodes.at(-1))
    expect(graph.isBest(graph.settled.node)).toBe(true)
  })

  test('a stranger has no seat: two thirds need more work all the same', async () => {
    const graph = graphOf(chain)
    const nodes = (await branch(chain, chain.at(3), [0, 1, 2])).map(({ node }) => node)
    expect(new Set(kinds(insertAll(graph, nodes)))).toEqual(new Set(['fork']))
    await expect(
      chain.mine({ on: chain.at(3), seat: 9, sealWith: namedSigner('stranger'), transactions: [] }),
    ).rejects.toThrow('not-a-keeper')
  })

  test('the key of a retired keeper moves nobody, not even together with a minority', async () => {
    const network = new ChainBuilder({ keepers: 1, name: 'retired' })
    const relay = await foundRelay(network)
    const devices = []
    for (const name of ['b', 'c', 'd']) {
      const device = await registerByOwner(network, { wallet: namedSigner(name), endorsers: [relay] })
      await network.mine()
      await admitKeeper(network, device, namedSigner(`${name} seal`))
      await network.mine()
      devices.push(device)
    }
    const before = network.tip
    await removeKeeper(network, devices[2]!.deviceId, 3)
    await network.mine({ seat: 0 })
    for (const seat of [1, 2, 0, 1, 2]) await network.mine({ seat })
    const graph = graphOf(network)
    expect(graph.settled.node.height).toBeGreaterThan(before.node.height)

    // Before its removal seat 3 could seal; three seats of the four there were, but of today's three only one.
    const thief = withWork(await branch(network, before, [3, 0, 3, 0, 3]), 1_000n)
    expect(new Set(kinds(insertAll(graph, thief)))).toEqual(new Set(['conflict']))
    expect(graph.tip).toBe(network.tip.node)
    const majority = withWork(await branch(network, before, [3, 0, 1, 0, 1, 0, 1]), 1_000n)
    expect(insertAll(graph, majority)).toContainEqual(
      expect.objectContaining({ kind: 'reorganization', leftSettled: true }),
    )
  })

  test('a checkpoint is settled by definition', async () => {
    const graph = new ForkGraph(chain.at(4).node, chain.parameters)
    expect(graph.settled.node).toBe(chain.at(4).node)
    const thief = withWork(await branch(chain, chain.at(3), [0, 1, 2]), 1_000n)
    expect(new Set(kinds(insertAll(graph, thief)))).toEqual(new Set(['orphan']))
  })
})

describe('bounds', () => {
  test('keeps so many headers below settled, and forgets branches from deeper', async () => {
    const chain = new ChainBuilder()
    await chain.mineMany(12)
    const side = await branch(chain, chain.at(2), [0, 0])
    const graph = new ForkGraph(chain.first.node, chain.parameters, { keptBelowSettled: 3, maxSideHeaders: 100 })
    insertAll(graph, [
      ...chain
        .from(1)
        .slice(0, 4)
        .map(({ node }) => node),
      ...side.slice(0, 1).map(({ node }) => node),
    ])
    insertAll(
      graph,
      chain.from(5).map(({ node }) => node),
    )
    expect([graph.base.height, graph.settled.node.height, graph.tip.height]).toEqual([7, 10, 12])
    expect(graph.get(side[0]!.node.id)).toBeUndefined()
    expect(graph.at(6)).toBeUndefined()
    expect(graph.insert(side[1]!.node)).toEqual({ kind: 'orphan' })
  })

  test('one that runs ahead of another keeps what that one stands on, and nothing deeper', async () => {
    const chain = new ChainBuilder()
    await chain.mineMany(12)
    let other = 2
    const graph = new ForkGraph(chain.first.node, chain.parameters, { keptBelowSettled: 3, keptFrom: () => other })
    const nodes = chain.from(1).map(({ node }) => node)
    insertAll(graph, nodes.slice(0, 11))
    expect([graph.base.height, graph.settled.node.height]).toEqual([2, 9])
    other = 9
    insertAll(graph, nodes.slice(11))
    expect([graph.base.height, graph.settled.node.height]).toEqual([7, 10])
  })

  test('keeps so many headers beside the best chain', async () => {
    const chain = new ChainBuilder({ parameters: NEVER_SETTLES })
    await chain.mineMany(6)
    const graph = new ForkGraph(chain.first.node, chain.parameters, { maxSideHeaders: 4 })
    insertAll(
      graph,
      chain.from(1).map(({ node }) => node),
    )
    const sides: BuiltBlock[] = []
    for (let i = 0; i < 10; i++) sides.push(...(await branch(chain, chain.at(i % 5), [0], 900 + i)))
    insertAll(
      graph,
      sides.map(({ node }) => node),
    )
    expect(sides.filter(({ node }) => graph.get(node.id) !== undefined)).toHaveLength(4)
    expect(graph.tip).toBe(chain.tip.node)
  })
})
