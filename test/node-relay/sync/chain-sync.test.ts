/** A full node catches up with others: several at once, some of them silent, slow or lying. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createNodeVerifier } from '../../../node-relay/crypto/node-verifier.ts'
import type { AcceptOutcome } from '../../../node-relay/full-node/chain.ts'
import { type ChainSync, createChainSync } from '../../../node-relay/sync/chain-sync.ts'
import { LABEL } from '../../../shared/identity/label.ts'
import { PROTOCOLS } from '../../../shared/protocol/ids.ts'
import { blocksCodec, statusCodec } from '../../../shared/protocol/messages.ts'
import { foundRelay, registerByOwner } from '../../framework/chain-actions.ts'
import { ChainBuilder, namedSigner } from '../../framework/chain-builder.ts'
import { type Answer, createHonestNode } from '../../framework/honest-node.ts'
import { alterByte } from '../../framework/lying-full-node.ts'
import { closeAll, type OpenChain, openChain } from '../full-node/open-chain.ts'
import { createPeers, type Peers } from './peers.ts'

const BLOCKS = 60
let builder: ChainBuilder
let honest: Answer
let full: OpenChain
let peers: Peers
let sync: ChainSync
let outcomes: AcceptOutcome[]

beforeEach(async () => {
  builder = new ChainBuilder({ keepers: 3 })
  const relay = await foundRelay(builder)
  for (let i = 0; i < 5; i++) {
    await registerByOwner(builder, { wallet: namedSigner(`device ${i}`), endorsers: [relay] })
    await builder.mine()
  }
  await builder.mineMany(BLOCKS - builder.tip.node.height)
  honest = createHonestNode({ chain: builder })
  full = await openChain(builder)
  peers = createPeers()
  start()
})
afterEach(async () => {
  sync.stop()
  await closeAll()
})

function start(): void {
  outcomes = []
  sync = createChainSync({
    network: peers.network,
    chain: full.chain,
    verifier: createNodeVerifier(),
    now: () => full.clock.now,
    onFullNode: () => {},
    onOutcome: (outcome) => outcomes.push(outcome),
    log: () => {},
  })
}

/** Time passes until the chain is where it should be. */
async function reaches(id: string): Promise<void> {
  await vi.waitFor(
    () => {
      full.clock.now += 250
      sync.tick()
      expect(full.chain.tip.id).toBe(id)
    },
    { timeout: 20_000, interval: 5 },
  )
}

const only =
  (protocol: keyof typeof PROTOCOLS, change: (bytes: Uint8Array) => Uint8Array | 'reject'): Answer =>
  async (asked, request) => {
    const answer = await honest(asked, request)
    return asked === PROTOCOLS[protocol].id && answer !== 'reject' ? change(answer) : answer
  }

describe('a full node that is behind', () => {
  it('gets headers, then bodies, and has the same state', async () => {
    peers.connect('a', honest)
    await reaches(builder.tip.node.id)
    expect(full.chain.state.root).toEqual(builder.tip.tree.root)
    expect(full.chain.graph.settled.node.height).toBeGreaterThan(BLOCKS - 10)
    expect(sync.state).toMatchObject({ phase: 'asleep', target: BLOCKS, sources: 1 })
    expect(peers.penalties).toEqual([])
    expect(new Set(outcomes.map(({ kind }) => kind))).toEqual(new Set(['extension']))
  })

  it('asks several for bodies at once', async () => {
    for (const peer of ['a', 'b', 'c']) peers.connect(peer, honest)
    await reaches(builder.tip.node.id)
    const givers = peers.asked.filter(({ protocol }) => protocol === PROTOCOLS.blocks.id).map(({ peer }) => peer)
    expect(new Set(givers).size).toBeGreaterThan(1)
  })

  it('goes on where it was after a restart, and with what is new', async () => {
    peers.connect('a', honest)
    await reaches(builder.tip.node.id)
    sync.stop()
    full = await full.reopen()
    const next = await builder.mineMany(3)
    start()
    await reaches(next.node.id)
  })

  it('changes to the heavier branch, whole', async () => {
    const root = builder.at(BLOCKS - 1)
    peers.connect('a', honest)
    await reaches(builder.tip.node.id)
    const old = builder.tip
    const first = await builder.mine({ on: root, seat: 1, time: root.block.header.time + 700 })
    const other = await builder.mineMany(6, { on: first, seat: 1 })
    expect(other.node.work > old.node.work).toBe(true)
    builder.tip = other
    await reaches(other.node.id)
    expect(outcomes.map(({ kind }) => kind)).toContain('reorganization')
    expect(peers.penalties).toEqual([])
  })

  it('is not held up by those that say nothing, serve nothing or are no full nodes', async () => {
    peers.connect('silent', () => new Promise(() => {}))
    peers.connect(
      'empty',
      only('blocks', () => blocksCodec.encode({ blocks: [] })),
    )
    peers.connect(
      'refusing',
      only('blocks', () => 'reject'),
    )
    peers.connect(
      'phone',
      only('status', (bytes) => {
        const status = statusCodec.decode(bytes)
        if (!status.ok) throw new Error(status.detail)
        return statusCodec.encode({ ...status.value, label: LABEL.lightweight })
      }),
    )
    peers.connect('a', honest)
    await reaches(builder.tip.node.id)
    expect(peers.penalties).toEqual([])
    expect(peers.asked.filter(({ peer }) => peer === 'phone').length).toBeLessThan(3)
  })

  it('believes no body, and drops who sends another than was asked for', async () => {
    peers.connect(
      'liar',
      only('blocks', (bytes) => alterByte(bytes, 60)),
    )
    peers.connect('a', honest)
    await reaches(builder.tip.node.id)
    expect(new Set(peers.penalties)).toEqual(new Set(['liar: foreign-body 100']))
  })

  it('a seal changed under way does no harm: the one that came with the header counts', async () => {
    peers.connect(
      'careless',
      only('blocks', (bytes) => alterByte(bytes, 1 + 4 + 182 + 10)),
    )
    await reaches(builder.tip.node.id)
    expect(full.store.block(builder.at(1).node.hash)?.seal).toEqual(builder.at(1).block.seal)
  })

  it('refuses a sealed block that breaks the rules, with all that stands on it, and follows the others', async () => {
    const root = builder.at(BLOCKS - 2)
    const good = builder.tip
    // A state root that its transactions do not lead to: only who executes the block sees it.
    const bad = await builder.mine({
      on: root,
      seat: 1,
      time: root.block.header.time + 300,
      forge: { stateRoot: new Uint8Array(32) },
    })
    const badTip = await builder.mineMany(5, { on: bad, seat: 1 })
    peers.connect('wrong', createHonestNode({ chain: builder, tip: badTip }))
    peers.connect('a', honest)
    await reaches(good.node.id)
    await vi.waitFor(() => {
      full.clock.now += 250
      sync.tick()
      expect(peers.penalties).toContain('wrong: wrong-state-root 100')
    })
    // Under another name, after it was found out: no better.
    peers.connect('again', createHonestNode({ chain: builder, tip: badTip }))
    await vi.waitFor(() => {
      full.clock.now += 250
      sync.tick()
      expect(peers.penalties).toContain('again: wrong-state-root 100')
    })
    expect(peers.penalties.every((one) => /^(wrong|again): /.test(one))).toBe(true)
    expect(full.chain.tip.id).toBe(good.node.id)
    const next = await builder.mine({ on: good })
    await reaches(next.node.id)
  })
})
