import { describe, expect, test } from 'vitest'
import { findSettled, movedByTwoThirds, type Settled } from '../../../shared/chain/settled.ts'
import type { NetworkParameters } from '../../../shared/params.ts'
import { twoThirds } from '../../../shared/roster/roster.ts'
import { type BuiltBlock, ChainBuilder, namedSigner } from '../../framework/chain-builder.ts'

/** A chain whose blocks are sealed by these seats in turn. */
async function sealedBy(
  seats: readonly number[],
  keepers: number,
  parameters: Partial<NetworkParameters> = {},
): Promise<ChainBuilder> {
  const chain = new ChainBuilder({ keepers, parameters })
  for (const seat of seats) await chain.mine({ seat })
  return chain
}

function settledOf(chain: ChainBuilder, floorHeight = 0): Settled {
  const byId = new Map([...chain.blocks.values()].map(({ node }) => [node.id, node]))
  const floor = { node: chain.at(floorHeight).node, keepersSeen: 0, keepers: 0 }
  return findSettled(chain.tip.node, chain.parameters, (node) => byId.get(node.parentId), floor)
}

describe('findSettled', () => {
  test.each([
    ['one keeper', [0, 0, 0], 1, {}, 1],
    ['not deep enough', [0, 0, 0], 1, { settleDepth: 4 }, 0],
    ['just deep enough', [0, 0, 0], 1, { settleDepth: 3 }, 0],
    ['one more', [0, 0, 0, 0], 1, { settleDepth: 3 }, 1],
    ['not old enough: a second is missing', [0, 0, 0, 0], 1, { settleSeconds: 5 }, 0],
    ['just old enough', [0, 0, 0, 0], 1, { settleSeconds: 3 }, 1],
    ['a minority', [0, 0, 0, 0, 0, 0], 3, {}, 0],
    ['two of three, the second on top', [0, 0, 0, 0, 1], 3, {}, 3],
    ['two of three, the second below', [0, 1, 0, 0, 0, 0], 3, {}, 1],
    ['two of four are too few', [0, 1, 0, 1, 0, 1], 4, {}, 0],
    ['three of four', [0, 1, 2, 0, 1], 4, {}, 2],
  ] as const)('%s', async (_, seats, keepers, parameters, height) => {
    const settled = settledOf(await sealedBy(seats, keepers, parameters))
    expect(settled.node.height).toBe(height)
    if (height > 0) expect([settled.keepers, settled.keepersSeen >= twoThirds(keepers)]).toEqual([keepers, true])
  })

  test('never goes below the floor, and not above what it may', async () => {
    const chain = await sealedBy([0, 0, 0, 0, 0, 0], 1)
    expect(settledOf(chain).node.height).toBe(4)
    expect(settledOf(chain, 4).node.height).toBe(4)
    expect(settledOf(chain, 5).node.height).toBe(5)
  })

  test('stays at the floor where the headers below the tip are not known', async () => {
    const chain = await sealedBy([0, 0, 0, 0], 1)
    const floor = { node: chain.first.node, keepersSeen: 1, keepers: 1 }
    expect(findSettled(chain.tip.node, chain.parameters, () => undefined, floor)).toBe(floor)
  })
})

describe('movedByTwoThirds', () => {
  const branchOf = (blocks: readonly BuiltBlock[]) => blocks.map(({ node }) => node)

  test.each([
    [1, [0], true],
    [2, [0, 0, 0], false],
    [2, [0, 1], true],
    [3, [0, 0, 2], true],
    [4, [0, 1, 0, 1, 0, 1], false],
    [4, [3, 1, 0], true],
    [7, [0, 1, 2, 3], false],
    [7, [0, 1, 2, 3, 4], true],
  ])('of %i keepers the seats %j', async (keepers, seats, moves) => {
    const chain = await sealedBy(seats, keepers)
    expect(movedByTwoThirds(chain.first.node.roster, branchOf(chain.from(1)))).toBe(moves)
  })

  test('a key that is no longer that of its seat does not count', async () => {
    const chain = await sealedBy([0, 1, 0], 2)
    const { roster } = chain.first.node
    const [first, second] = roster.members
    const rotated = { ...roster, members: [first!, { ...second!, sealingKey: namedSigner('new').publicKey }] }
    expect(movedByTwoThirds(roster, branchOf(chain.from(1)))).toBe(true)
    expect(movedByTwoThirds(rotated, branchOf(chain.from(1)))).toBe(false)
  })

  test('seats that this node never saw do not count', async () => {
    const chain = await sealedBy([1, 2, 3, 4], 5)
    const { roster } = chain.first.node
    expect(movedByTwoThirds({ ...roster, members: roster.members.slice(0, 2) }, branchOf(chain.from(1)))).toBe(false)
  })
})
