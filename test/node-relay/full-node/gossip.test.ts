import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { AcceptOutcome } from '../../../node-relay/full-node/chain.ts'
import { joinGossip } from '../../../node-relay/full-node/gossip.ts'
import { blockCodec } from '../../../shared/block/block.ts'
import { accept, type Result, reject } from '../../../shared/errors.ts'
import { topicsOf } from '../../../shared/protocol/ids.ts'
import { headerItemCodec } from '../../../shared/protocol/messages.ts'
import { foundRelay } from '../../framework/chain-actions.ts'
import { type BuiltBlock, ChainBuilder } from '../../framework/chain-builder.ts'
import { alterByte } from '../../framework/lying-full-node.ts'
import { createFakeNetwork, type FakeNetwork } from './fake-network.ts'
import { closeAll, type OpenChain, openChain } from './open-chain.ts'

let builder: ChainBuilder
let full: OpenChain
let network: FakeNetwork
let gossip: ReturnType<typeof joinGossip>
let outcomes: AcceptOutcome[]
let submitted: Result<unknown>
const topics = () => topicsOf(builder.networkId)
const encode = (block: BuiltBlock) => blockCodec.encode(block.block)

beforeEach(async () => {
  builder = new ChainBuilder({ keepers: 3 })
  await foundRelay(builder)
  await builder.mineMany(4)
  full = await openChain(builder)
  network = createFakeNetwork()
  outcomes = []
  submitted = accept(undefined)
  gossip = joinGossip({
    network,
    chain: full.chain,
    submit: async () => submitted,
    onOutcome: (outcome) => outcomes.push(outcome),
    log: (message, error) => {
      throw new Error(message, { cause: error })
    },
  })
})
afterEach(closeAll)

describe("a full node's gossip", () => {
  it('takes blocks: accepts, ignores what it cannot place yet, refuses what is wrong', async () => {
    const [first, second, third] = builder.from(1) as [BuiltBlock, BuiltBlock, BuiltBlock]
    expect(await network.deliver(topics().blocks, encode(second))).toBe('ignore')
    expect(await network.deliver(topics().blocks, encode(first))).toBe('accept')
    expect(await network.deliver(topics().blocks, encode(first))).toBe('ignore')
    expect(await network.deliver(topics().blocks, alterByte(encode(second), 200))).toBe('reject')
    expect(await network.deliver(topics().blocks, encode(second).subarray(1))).toBe('reject')
    full.clock.now = builder.genesis.createdAt - 60_000
    expect(await network.deliver(topics().blocks, encode(second))).toBe('ignore')
    full.clock.now = builder.genesis.createdAt + 60_000
    expect(await network.deliver(topics().blocks, encode(second))).toBe('accept')
    expect(await network.deliver(topics().blocks, encode(third))).toBe('accept')
    expect(outcomes.map(({ kind }) => kind)).toEqual([
      'orphan',
      'extension',
      'duplicate',
      'rejected',
      'held',
      'extension',
      'extension',
    ])
  })

  it('tells of a branch that would roll back settled', async () => {
    await full.feed(...builder.from(1))
    const first = await builder.mine({ on: builder.at(1), seat: 1, time: builder.at(1).block.header.time + 1 })
    const tip = await builder.mineMany(9, { on: first, seat: 1 })
    for (let one = first; ; one = [...builder.blocks.values()].find(({ parent }) => parent === one) as BuiltBlock) {
      expect(await network.deliver(topics().blocks, encode(one))).toBe('accept')
      if (one === tip) break
    }
    expect(outcomes.at(-1)).toMatchObject({ kind: 'conflict' })
  })

  it('passes on headers of validated blocks only, and only with the seal it has verified', async () => {
    await full.feed(builder.at(1))
    const known = headerItemCodec.encode(builder.at(1).item)
    expect(await network.deliver(topics().headers, known)).toBe('accept')
    expect(await network.deliver(topics().headers, alterByte(known, 200))).toBe('ignore')
    expect(await network.deliver(topics().headers, headerItemCodec.encode(builder.at(2).item))).toBe('ignore')
    expect(await network.deliver(topics().headers, known.subarray(1))).toBe('reject')
  })

  it('judges transactions by the code of the mempool', async () => {
    const bytes = Uint8Array.of(1)
    expect(await network.deliver(topics().transactions, bytes)).toBe('accept')
    for (const [code, verdict] of [
      ['malformed', 'reject'],
      ['too-long', 'reject'],
      ['bad-signature', 'ignore'],
      ['wrong-sequence', 'ignore'],
      ['voucher-used', 'ignore'],
    ] as const) {
      submitted = reject(code, code)
      expect(await network.deliver(topics().transactions, bytes)).toBe(verdict)
    }
  })

  it('publishes what was applied, the last few of a long change', async () => {
    const blocks = builder.from(1)
    gossip.publishChange(
      [blocks[0] as BuiltBlock].map(({ node }) => node),
      [(blocks[0] as BuiltBlock).block],
    )
    gossip.publishTransaction(Uint8Array.of(7))
    await Promise.resolve()
    expect(network.published).toEqual([
      { topic: topics().headers, bytes: headerItemCodec.encode((blocks[0] as BuiltBlock).item) },
      { topic: topics().blocks, bytes: encode(blocks[0] as BuiltBlock) },
      { topic: topics().transactions, bytes: Uint8Array.of(7) },
    ])
    await builder.mineMany(10)
    gossip.publishChange(
      builder.from(1).map(({ node }) => node),
      [],
    )
    await Promise.resolve()
    expect(network.published.slice(3).map(({ bytes }) => bytes)).toEqual(
      builder.from(9).map(({ item }) => headerItemCodec.encode(item)),
    )
  })
})
