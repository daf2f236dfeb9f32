/**
 * Blocks that come in any order, some several times, some before their parents: the same tip, settled header, state and
 * roster come of it, and taking blocks off again leaves no trace in the state.
 */
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { compareBytes, toHex } from '../../../shared/bytes.ts'
import { rosterRoot } from '../../../shared/roster/roster.ts'
import { admitKeeper, foundRelay, registerByOwner, type TestDevice } from '../../framework/chain-actions.ts'
import { type BuiltBlock, ChainBuilder, namedSigner } from '../../framework/chain-builder.ts'
import { seededRandom } from '../mining/seeded-random.ts'
import { closeAll, type OpenChain, openChain } from './open-chain.ts'

const BRANCHES = 5
const LONGEST_BRANCH = 6
const ORDERS = 12
const seed = Number(process.env['LARES_SEED'] ?? Math.floor(Math.random() * 2 ** 31))
const random = seededRandom(seed)
const below = (limit: number) => Math.floor(random() * limit)

let builder: ChainBuilder
let relay: TestDevice

beforeAll(async () => {
  console.log(`LARES_SEED=${seed}`)
  // Nothing settles meanwhile: what is settled decides between branches, and then the order may matter.
  builder = new ChainBuilder({ keepers: 3, parameters: { settleDepth: 1_000 } })
  relay = await foundRelay(builder)
  for (let branch = 0; branch < BRANCHES; branch++) {
    const all = [...builder.blocks.values()].filter(({ node }) => node.height >= 2 || branch === 0)
    let on = branch === 0 ? builder.tip : (all[below(all.length)] as BuiltBlock)
    for (let i = 1 + below(LONGEST_BRANCH); i > 0; i--) {
      builder.tip = on
      const wallet = namedSigner(`device ${branch} ${i}`)
      const device = await registerByOwner(builder, { wallet, endorsers: [relay] })
      const time = on.block.header.time + 1_000 + branch * 10 + i
      on = await builder.mine({ on, seat: below(3), time })
      if (i === 2 && branch % 2 === 1) {
        await admitKeeper(builder, device, namedSigner(`seal ${branch}`))
        on = await builder.mine({ on, seat: below(3), time: time + 500 })
      }
    }
  }
})
afterEach(closeAll)

/** Most work, ties by the lower hash. */
function bestOf(blocks: Iterable<BuiltBlock>): BuiltBlock {
  return [...blocks].reduce((a, b) => {
    if (a.node.work !== b.node.work) return a.node.work > b.node.work ? a : b
    return compareBytes(a.node.hash, b.node.hash) < 0 ? a : b
  })
}

function shuffled<Item>(items: readonly Item[]): Item[] {
  const rest = [...items]
  return Array.from(items, () => rest.splice(below(rest.length), 1)[0] as Item)
}

/** Delivers in this order, and again those whose parent was missing, until none is. */
async function deliver(full: OpenChain, blocks: readonly BuiltBlock[]): Promise<void> {
  let waiting = [...blocks]
  while (waiting.length > 0) {
    const orphans: BuiltBlock[] = []
    for (const one of waiting) if ((await full.feed(one))[0]?.kind === 'orphan') orphans.push(one)
    expect(orphans.length).toBeLessThan(waiting.length)
    waiting = orphans
  }
}

describe('blocks in any order', () => {
  it('lead to the same tip, settled header, state and roster', { timeout: 60_000 }, async () => {
    const blocks = [...builder.blocks.values()].filter(({ node }) => node.height > 0)
    const best = bestOf(blocks)
    expect(new Set(blocks.map(({ parent }) => parent?.node.id)).size).toBeLessThan(blocks.length)
    for (let order = 0; order < ORDERS; order++) {
      const full = await openChain(builder)
      // Some come twice.
      await deliver(full, shuffled([...blocks, ...blocks.slice(0, 5)]))
      expect(full.chain.tip.id).toBe(best.node.id)
      expect(toHex(full.chain.state.root)).toBe(toHex(best.tree.root))
      expect(toHex(rosterRoot(full.chain.tip.roster))).toBe(toHex(best.block.header.rosterRoot))
      expect(full.chain.graph.settled.node.height).toBe(0)
      // What is on disk is the same, too.
      const again = await full.reopen()
      expect(again.chain.tip.id).toBe(best.node.id)
      expect(toHex(again.chain.state.root)).toBe(toHex(best.tree.root))
      for (const block of branchOf(best))
        expect(toHex(again.chain.stateAt(block.node.height)?.root as Uint8Array)).toBe(toHex(block.tree.root))
    }
  })
})

function branchOf(tip: BuiltBlock): BuiltBlock[] {
  const blocks: BuiltBlock[] = []
  for (let one: BuiltBlock | undefined = tip; one !== undefined; one = one.parent) blocks.unshift(one)
  return blocks
}
