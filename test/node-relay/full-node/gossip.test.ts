import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { joinGossip } from '../../../node-relay/full-node/gossip.ts'
import { compactBlockCodec, compactOf } from '../../../shared/block/compact-block.ts'
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
let submitted: Result<unknown>
const topics = () => topicsOf(builder.networkId)
const encode = (block: BuiltBlock) => compactBlockCodec.encode(compactOf(block.block))

beforeEach(async () => {
  builder = new ChainBuilder({ keepers: 3 })
  await foundRelay(builder)
  await builder.mineMany(4)
  full = await openChain(builder)
  network = createFakeNetwork()
  submitted = accept(undefined)
  gossip = joinGossip({
    network,
    chain: full.chain,
    submit: async () => submitted,
    onAnnouncement: async () => 'accept',
    log: (message, error) => {
      throw new Error(message, { cause: error })
    },
  })
})
afterEach(closeAll)

describe("a full node's gossip", () => {
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
