import { expect, it } from 'vitest'
import { createKeeperDesk } from '../../../node-relay/full-node/keeper-desk.ts'
import { ForkGraph } from '../../../shared/chain/fork-graph.ts'
import { SEALED_WINDOW } from '../../../shared/chain/keepers.ts'
import { ChainBuilder } from '../../framework/chain-builder.ts'

it('says once that a keeper fell asleep, and once that it is back', async () => {
  const builder = new ChainBuilder({ keepers: 2 })
  const graph = new ForkGraph(builder.at(0).node, builder.parameters)
  const reports: string[] = []
  const desk = createKeeperDesk({
    chain: {
      graph,
      rules: builder.rules,
      get tip() {
        return graph.tip
      },
    },
    records: { ofWallet: () => undefined },
    ownKey: () => graph.tip.roster.members[1]?.sealingKey ?? new Uint8Array(),
    report: (code, sentence) => void reports.push(`${code}: ${sentence}`),
  })
  const mine = async (seat: number, count: number) => {
    for (let i = 0; i < count; i++) {
      graph.insert((await builder.mine({ seat })).node)
      desk.look()
    }
  }
  await mine(1, 1)
  await mine(0, SEALED_WINDOW - 1)
  expect(reports).toEqual([])
  await mine(0, 20)
  expect(reports).toEqual([
    expect.stringMatching(/^keeper-asleep: The keeper with seat 1 .*100 blocks; its turn passes/),
  ])
  expect(desk.rows()).toMatchObject([
    { seat: 0, isOwn: false, isAsleep: false, deviceId: undefined },
    { seat: 1, isOwn: true, isAsleep: true, last: { height: 1 } },
  ])
  await mine(1, 2)
  expect(reports.slice(1)).toEqual([expect.stringMatching(/^keeper-awake: The keeper with seat 1/)])
})
