import { describe, expect, test } from 'vitest'
import { ForkGraph } from '../../../shared/chain/fork-graph.ts'
import { keeperActivity, SEALED_WINDOW } from '../../../shared/chain/keepers.ts'
import { admitKeeper, foundRelay, registerByOwner, removeKeeper } from '../../framework/chain-actions.ts'
import { ChainBuilder, namedSigner } from '../../framework/chain-builder.ts'

/** As a phone holds it: from a start on. */
function activityOf(chain: ChainBuilder, from = 0) {
  const graph = new ForkGraph(chain.at(from).node, chain.parameters)
  for (let height = from + 1; height <= chain.tip.node.height; height++) graph.insert(chain.at(height).node)
  return keeperActivity(graph)
}

async function mineTimes(chain: ChainBuilder, seat: number, count: number): Promise<void> {
  for (let i = 0; i < count; i++) await chain.mine({ seat })
}

describe('keeperActivity', () => {
  test('counts the blocks of each seat, and knows the last', async () => {
    const chain = new ChainBuilder({ keepers: 3 })
    for (const seat of [0, 1, 0, 0]) await chain.mine({ seat })
    expect(activityOf(chain)).toEqual([
      expect.objectContaining({ seat: 0, sealed: 3, silent: 0, isAsleep: false }),
      expect.objectContaining({ seat: 1, sealed: 1, silent: 2, isAsleep: false }),
      { seat: 2, sealed: 0, last: undefined, silent: 4, isAsleep: false },
    ])
    const { height, time } = chain.at(2).node.sealed.header
    expect(activityOf(chain)[1]?.last).toEqual({ height, time })
  })

  test('calls asleep who missed the whole window, not one block earlier, and awake who seals again', async () => {
    const chain = new ChainBuilder({ keepers: 2 })
    await chain.mine({ seat: 1 })
    await mineTimes(chain, 0, SEALED_WINDOW - 1)
    expect(activityOf(chain)[1]).toMatchObject({ sealed: 1, silent: SEALED_WINDOW - 1, isAsleep: false })
    await chain.mine({ seat: 0 })
    expect(activityOf(chain)[1]).toMatchObject({
      sealed: 0,
      last: { height: 1 },
      silent: SEALED_WINDOW,
      isAsleep: true,
    })
    expect(activityOf(chain)[0]).toMatchObject({ sealed: SEALED_WINDOW, isAsleep: false })
    // A phone that started later does not know when, and sees that it sleeps all the same.
    expect(activityOf(chain, 1)[1]).toEqual({ seat: 1, sealed: 0, last: undefined, silent: 100, isAsleep: true })
    expect(activityOf(chain, 2)[1]).toMatchObject({ silent: 99, isAsleep: false })
    await chain.mine({ seat: 1 })
    expect(activityOf(chain)[1]).toMatchObject({ sealed: 1, silent: 0, isAsleep: false })
  })

  test('is more patient where there are many', async () => {
    const chain = new ChainBuilder({ keepers: 11 })
    await mineTimes(chain, 0, 109)
    expect(activityOf(chain).every(({ isAsleep }) => !isAsleep)).toBe(true)
    await chain.mine({ seat: 0 })
    expect(activityOf(chain).filter(({ isAsleep }) => isAsleep)).toHaveLength(10)
  })

  test('holds nothing against a keeper from before it had its seat, and forgets who has left', async () => {
    const chain = new ChainBuilder()
    const first = await foundRelay(chain)
    const relay = await registerByOwner(chain, { wallet: namedSigner('second'), endorsers: [first] })
    await mineTimes(chain, 0, SEALED_WINDOW)
    await admitKeeper(chain, relay, namedSigner('second seal'))
    await chain.mine({ seat: 0 })
    expect(activityOf(chain)[1]).toEqual({ seat: 1, sealed: 0, last: undefined, silent: 0, isAsleep: false })
    await mineTimes(chain, 0, 5)
    expect(activityOf(chain)[1]).toMatchObject({ silent: 5, isAsleep: false })
    await removeKeeper(chain, relay.deviceId, 1)
    await chain.mine({ seat: 0 })
    expect(activityOf(chain).map(({ seat }) => seat)).toEqual([0])
  })

  test('a chain that has only begun', () => {
    expect(activityOf(new ChainBuilder())).toEqual([
      { seat: 0, sealed: 0, last: undefined, silent: 0, isAsleep: false },
    ])
  })
})
