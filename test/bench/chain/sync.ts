import { blockCodec } from '../../../shared/block/block.ts'
import { genesisCodec } from '../../../shared/ledger/genesis.ts'
import { alternate, type Bench, rounded } from '../figures/figure.ts'
import { startChild } from './child.ts'
import { createRegisterBlocks } from './register-blocks.ts'
import type { Synced, ToSync } from './sync-child.ts'

const PEERS = 3
const NODE = 'sync-child.ts'

/** A new full node fetches a whole chain, from one other and from three. */
export const sync: Bench = async ({ quick, say }) => {
  const blocksCount = quick ? 60 : 600
  const perBlock = quick ? 20 : 50
  const rounds = quick ? 1 : 3
  const blocks = await createRegisterBlocks()
  const { builder } = blocks
  while (builder.tip.node.height < blocksCount) await blocks.mine(perBlock)
  const transactions = builder.from(1).reduce((sum, { block }) => sum + block.transactions.length, 0)
  const open = {
    kind: 'open' as const,
    genesis: genesisCodec.encode(builder.genesis),
    now: builder.tip.block.header.time + 60_000,
  }
  const peers = await Promise.all(Array.from({ length: PEERS }, () => startChild<ToSync, Synced>(NODE)))
  try {
    const addresses: string[] = []
    for (const peer of peers) {
      addresses.push((await peer.ask(open)).address)
      for (const { block } of builder.from(1)) await peer.ask({ kind: 'block', bytes: blockCodec.encode(block) })
    }
    say(`sync: ${PEERS} full nodes have ${blocksCount} blocks, ${transactions} transactions`)
    const fetchFrom = async (from: readonly string[]): Promise<number> => {
      const child = await startChild<ToSync, Synced>(NODE)
      try {
        await child.ask(open)
        const { seconds } = await child.ask({ kind: 'fetch', from, height: blocksCount })
        say(`sync: from ${from.length}: ${seconds.toFixed(2)} s`)
        return seconds
      } finally {
        await child.end()
      }
    }
    const { one, three } = await alternate(rounds, {
      one: () => fetchFrom(addresses.slice(0, 1)),
      three: () => fetchFrom(addresses),
    })
    return {
      name: 'sync',
      question: `A new full node fetches ${blocksCount} blocks with ${transactions} transactions from empty, from one other and from ${PEERS}.`,
      rounds,
      measures: [
        { name: 'from one', value: rounded(blocksCount / one), unit: 'blocks/s' },
        { name: 'from one', value: rounded(transactions / one), unit: 'transactions/s' },
        { name: `from ${PEERS}`, value: rounded(blocksCount / three), unit: 'blocks/s' },
        { name: `from ${PEERS}`, value: rounded(transactions / three), unit: 'transactions/s' },
      ],
      ratios: [{ name: `from ${PEERS} / from one`, value: rounded(one / three) }],
      notes: [
        `Each node a process of its own, libp2p over TCP on loopback; blocks of ${perBlock} register transactions. Headers first, then bodies, each block validated in full and synced to disk.`,
        'From the first dial until the last block is stored. Givers and taker share the cores of one machine, and the network costs nothing: more givers can gain little here.',
      ],
    }
  } finally {
    for (const peer of peers) await peer.end()
  }
}
