/** New blocks among full nodes: the list of transactions, then only what is missing of them. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { AcceptOutcome } from '../../../node-relay/full-node/chain.ts'
import {
  ASK_OTHERS_MS,
  createAnnouncements,
  MAX_ANNOUNCEMENTS_PER_PEER,
  UNGIVEN_ALLOWED,
} from '../../../node-relay/sync/announcements.ts'
import { compactBlockCodec, compactOf } from '../../../shared/block/compact-block.ts'
import { hashTransactionLeaf } from '../../../shared/block/transaction-node.ts'
import { equalBytes } from '../../../shared/bytes.ts'
import { PROTOCOLS } from '../../../shared/protocol/ids.ts'
import { transactionsCodec, transactionsRequestCodec } from '../../../shared/protocol/messages.ts'
import { foundRelay, registerByOwner } from '../../framework/chain-actions.ts'
import { type BuiltBlock, ChainBuilder, namedSigner } from '../../framework/chain-builder.ts'
import { type Answer, createHonestNode } from '../../framework/honest-node.ts'
import { alterByte } from '../../framework/lying-full-node.ts'
import { createFakeTransportClock } from '../../framework/network-doubles.ts'
import { branch, closeAll, type OpenChain, openChain } from '../full-node/open-chain.ts'
import { createPeers, type Peers } from './peers.ts'

let builder: ChainBuilder
let full: OpenChain
let peers: Peers
let outcomes: AcceptOutcome[]
let ahead: string[]
let slow: string[]
let clock: ReturnType<typeof createFakeTransportClock>
let waiting: Uint8Array[]
let announce: (from: string, bytes: Uint8Array) => Promise<string>
/** The block that is announced, with several transactions. */
let next: BuiltBlock
const encode = ({ block }: BuiltBlock) => compactBlockCodec.encode(compactOf(block))

beforeEach(async () => {
  builder = new ChainBuilder({ keepers: 3 })
  const relay = await foundRelay(builder)
  await builder.mineMany(3)
  full = await openChain(builder)
  await full.feed(...builder.from(1))
  for (let i = 0; i < 4; i++) await registerByOwner(builder, { wallet: namedSigner(`device ${i}`), endorsers: [relay] })
  next = await builder.mine()
  peers = createPeers()
  peers.connect('a', createHonestNode({ chain: builder }))
  outcomes = []
  ahead = []
  slow = []
  clock = createFakeTransportClock()
  waiting = []
  announce = createAnnouncements({
    network: peers.network,
    chain: full.chain,
    mempool: { withLeaf: (leaf) => waiting.find((bytes) => equalBytes(hashTransactionLeaf(bytes), leaf)) },
    onOutcome: (outcome) => outcomes.push(outcome),
    clock,
    onAhead: (peer) => ahead.push(peer),
    onSlow: (peer) => slow.push(peer),
    log: () => {},
  })
})
afterEach(closeAll)

/** Places that were asked for. */
function record(answer: Answer, places: number[][]): Answer {
  return (protocol, request) => {
    const asked = transactionsRequestCodec.decode(request)
    if (protocol === PROTOCOLS.transactions.id && asked.ok) places.push(asked.value.places)
    return answer(protocol, request)
  }
}

describe('an announced block', () => {
  it('is completed from what waits here, and asks for the rest alone', async () => {
    const places: number[][] = []
    peers.connect('a', record(createHonestNode({ chain: builder }), places))
    const { transactions } = next.block
    expect(transactions.length).toBe(4)
    waiting = [transactions[0], transactions[2]] as Uint8Array[]
    expect(await announce('a', encode(next))).toBe('accept')
    expect(places).toEqual([[1, 3]])
    expect(full.chain.tip.id).toBe(next.node.id)
    expect(encode(next).length).toBeLessThan(248 + 4 * 32 + 1)
  })

  it('asks for nothing when all waits here, and nothing twice', async () => {
    waiting = [...next.block.transactions]
    expect(await announce('a', encode(next))).toBe('accept')
    expect(await announce('a', encode(next))).toBe('ignore')
    expect(peers.asked).toEqual([])
    expect(outcomes.map(({ kind }) => kind)).toEqual(['extension'])
  })

  it('of a header that cannot be placed sends its peer to the sync', async () => {
    const later = await builder.mine()
    expect(await announce('a', encode(later))).toBe('ignore')
    expect(ahead).toEqual(['a'])
  })

  it('is refused when its header, its list or what comes for it is wrong', async () => {
    const bytes = encode(next)
    expect(await announce('a', bytes.subarray(1))).toBe('reject')
    expect(await announce('a', alterByte(bytes, 3))).toBe('reject')
    expect(await announce('a', alterByte(bytes, bytes.length - 1))).toBe('reject')
    const honest = createHonestNode({ chain: builder })
    peers.connect('liar', async (protocol, request) => {
      const answer = await honest(protocol, request)
      return answer === 'reject' ? answer : alterByte(answer, answer.length - 1)
    })
    expect(await announce('liar', bytes)).toBe('reject')
    peers.connect('short', async () => transactionsCodec.encode({ transactions: [Uint8Array.of(1)] }))
    expect(await announce('short', bytes)).toBe('reject')
    expect(outcomes).toEqual([])
    expect(await announce('a', bytes)).toBe('accept')
  })

  it('is rejected when its seal is not that of its keeper', async () => {
    expect(await announce('a', alterByte(encode(next), 182 + 10))).toBe('reject')
    expect(ahead).toEqual([])
  })

  it('is left to the sync when its peer is gone', async () => {
    peers.leave('a')
    expect(await announce('a', encode(next))).toBe('ignore')
    expect(ahead).toEqual(['a'])
    expect(full.chain.tip.id).toBe(next.parent?.node.id)
  })

  it('of a branch that would roll back settled is told of, and kept', async () => {
    const root = builder.at(1)
    const first = await builder.mine({ on: root, seat: 1, time: root.block.header.time + 1 })
    const tip = await builder.mineMany(9, { on: first, seat: 1 })
    for (const block of branch(tip, first.node.height)) expect(await announce('a', encode(block))).toBe('accept')
    expect(outcomes.at(-1)).toMatchObject({ kind: 'conflict' })
    expect(full.chain.tip.id).not.toBe(tip.node.id)
  })

  it('is not passed on when its state root is wrong', async () => {
    const bad = await builder.mine({ on: next.parent as BuiltBlock, seat: 1, forge: { stateRoot: new Uint8Array(32) } })
    expect(await announce('a', encode(bad))).toBe('reject')
    expect(outcomes).toMatchObject([{ kind: 'rejected', rejection: { code: 'wrong-state-root' } }])
  })
})

describe('what is announced and never comes', () => {
  /** Valid blocks of one keeper on one parent, each with the transactions of the next. */
  async function rivals(count: number): Promise<Uint8Array[]> {
    const { block, parent } = next
    const time = block.header.time
    const all: Uint8Array[] = []
    for (let i = 1; i <= count; i++)
      all.push(
        encode(await builder.mine({ on: parent as BuiltBlock, time: time + i, transactions: block.transactions })),
      )
    return all
  }

  it('is asked of others soon, and holds no more than a few places meanwhile', async () => {
    const ends: ((answer: 'reject') => void)[] = []
    peers.connect('mute', () => new Promise((resolve) => void ends.push(resolve)))
    const blocks = await rivals(MAX_ANNOUNCEMENTS_PER_PEER + 1)
    const verdicts = blocks.map((bytes) => announce('mute', bytes))
    expect(await verdicts.at(-1)).toBe('ignore')
    expect(ahead).toEqual(['mute'])
    expect(slow).toEqual([])
    await clock.advance(ASK_OTHERS_MS)
    expect(slow).toHaveLength(MAX_ANNOUNCEMENTS_PER_PEER)
    // Another's announcement has its place, and what came in time asks nobody.
    slow = []
    expect(await announce('a', encode(next))).toBe('accept')
    await clock.advance(ASK_OTHERS_MS)
    expect(slow).toEqual([])
    for (const end of ends) end('reject')
    expect(await Promise.all(verdicts)).toEqual(verdicts.map(() => 'ignore'))
    expect(clock.pending()).toBe(0)
  })

  it('costs nothing now and then, and then it does; who is gone pays nothing', async () => {
    peers.connect('vain', async () => 'reject')
    const blocks = await rivals(UNGIVEN_ALLOWED + 2)
    for (const bytes of blocks.slice(0, UNGIVEN_ALLOWED)) await announce('vain', bytes)
    expect(peers.penalties).toEqual([])
    for (const bytes of blocks.slice(UNGIVEN_ALLOWED)) await announce('vain', bytes)
    expect(peers.penalties).toEqual(['vain: announced-in-vain 20', 'vain: announced-in-vain 20'])
    for (const bytes of blocks) await announce('gone', bytes)
    expect(peers.penalties).toHaveLength(2)
  })
})
