/** A client follows a real chain: from genesis or a checkpoint, by fetch and gossip, over reloads and reorganizations. */
import { describe, expect, it } from 'vitest'
import { PROTOCOLS } from '../../../shared/protocol/ids.ts'
import { headersCodec } from '../../../shared/protocol/messages.ts'
import { admitKeeper, foundRelay, registerByOwner, removeKeeper } from '../../framework/chain-actions.ts'
import { ChainBuilder, namedSigner } from '../../framework/chain-builder.ts'
import { ClientHarness } from '../../framework/client-harness.ts'
import { type Answer, createHonestNode } from '../../framework/honest-node.ts'

async function following(blocks: number, keepers = 1) {
  const chain = new ChainBuilder({ keepers })
  await chain.mineMany(blocks)
  const harness = new ClientHarness({ chain })
  const honest = createHonestNode({ chain, now: () => harness.clock.now() })
  return { chain, harness, honest }
}

describe('following a chain', () => {
  it('starts from genesis, catches up, and says what it knows', async () => {
    const { chain, harness, honest } = await following(30)
    await harness.open()
    expect(harness.network.phase).toBe('connecting')
    await harness.connect('A', honest)
    const { network } = harness
    expect(network).toMatchObject({
      phase: 'following',
      startHeight: 0,
      headersVerified: 30,
      headersStored: 30,
      singleKeeper: true,
    })
    expect(network.tip).toMatchObject({ height: 30, hash: chain.tip.node.id })
    expect(network.settled).toMatchObject({ height: 28, keepersSeen: 1, keepers: 1 })
    expect(network.work).toBe(chain.tip.node.work.toString())
    expect(network.peers).toMatchObject([{ peerId: 'A', serving: true, label: 'full and coordination', height: 30 }])
    expect(harness.penalties).toEqual([])
    expect(harness.incidents).toEqual([])
  })

  it('counts who sealed what, and sees who sleeps while others go on', async () => {
    const chain = new ChainBuilder({ keepers: 2 })
    await chain.mine({ seat: 1 })
    for (let i = 0; i < 99; i++) await chain.mine({ seat: 0 })
    const harness = new ClientHarness({ chain })
    await harness.open()
    expect(harness.network.keepers).toBeUndefined()
    await harness.connect('A', createHonestNode({ chain, now: () => harness.clock.now() }))
    expect(harness.network.keepers).toMatchObject({
      blocks: 100,
      shown: [
        { seat: 0, sealed: 99, isAsleep: false },
        { seat: 1, sealed: 1, last: { height: 1 }, isAsleep: false },
      ],
    })
    expect(await harness.gossip('A', await chain.mine({ seat: 0 }))).toBe('accept')
    expect(harness.network.keepers?.shown.map(({ seat, isAsleep }) => [seat, isAsleep])).toEqual([
      [1, true],
      [0, false],
    ])
  })

  it('starts from the checkpoint of the join link', async () => {
    const { chain, harness, honest } = await following(40)
    await harness.open(chain.at(25))
    await harness.connect('A', honest)
    expect(harness.network).toMatchObject({
      phase: 'following',
      startHeight: 25,
      headersVerified: 15,
      headersStored: 15,
    })
  })

  it('takes new headers from gossip, and refuses what is none', async () => {
    const { chain, harness, honest } = await following(5)
    await harness.open()
    await harness.connect('A', honest)
    const next = await chain.mine()
    expect(await harness.gossip('A', next)).toBe('accept')
    expect(harness.network.tip?.height).toBe(6)
    expect(harness.network.headersStored).toBe(6)
    const orphan = await chain.mineMany(2)
    expect(await harness.gossip('A', orphan)).toBe('ignore')
    expect(await harness.gossipBytes('A', Uint8Array.of(1, 2, 3))).toBe('reject')
    expect(harness.penalties).toMatchObject([{ peerId: 'A', code: 'malformed' }])
  })

  it('fetches a damaged start anew', async () => {
    const { chain, harness, honest } = await following(20)
    await harness.open(chain.at(10))
    await harness.connect('A', honest)
    await harness.app.close()
    const [record] = await harness.store.networks()
    const start = Uint8Array.from(record?.start ?? [])
    start[100] = (start[100] as number) ^ 1
    await harness.store.putNetwork({ ...(record as NonNullable<typeof record>), start })
    const again = new ClientHarness({ chain, store: harness.store })
    await again.call({ call: 'open', init: { codeOrigin: 'test', servedBy: undefined } })
    expect(again.network.tip).toBeUndefined()
    await again.connect('A', honest)
    expect(again.network).toMatchObject({ tip: { height: 20 }, headersStored: 10 })
    expect(again.incidents).toEqual(['storage-repaired'])
  })

  it('stores a reorganization as it is', async () => {
    const { chain, harness, honest } = await following(12, 3)
    await harness.open()
    await harness.connect('A', honest)
    expect(harness.network.settled?.height).toBe(10)
    const fork = await chain.mineMany(4, { on: chain.at(11), seat: 1 })
    chain.tip = fork
    await harness.clock.advance(10_000)
    await harness.idle()
    expect(harness.network.tip).toMatchObject({ height: 15, hash: fork.node.id })
    expect(harness.incidents).toContain('reorganization')
    expect(harness.penalties).toEqual([])
    await harness.app.close()
    const again = new ClientHarness({ chain, store: harness.store })
    await again.call({ call: 'open', init: { codeOrigin: 'test', servedBy: undefined } })
    expect(again.network).toMatchObject({
      tip: { height: 15, hash: fork.node.id },
      headersStored: 15,
      headersVerified: 15,
    })
    expect(again.incidents).not.toContain('storage-repaired')
  })

  it('keeps over a reload what was settled by seals that lost since', async () => {
    const { chain, harness, honest } = await following(12, 3)
    await harness.open()
    await harness.connect('A', honest)
    expect(harness.network.settled?.height).toBe(10)
    const seat = chain.at(11).node.sealed.header.seat
    chain.tip = await chain.mineMany(4, { on: chain.at(11), seat })
    await harness.clock.advance(10_000)
    await harness.idle()
    expect(harness.network).toMatchObject({ tip: { height: 15 }, settled: { height: 10, keepersSeen: 2 } })
    await harness.app.close()
    const again = new ClientHarness({ chain, store: harness.store })
    await again.call({ call: 'open', init: { codeOrigin: 'test', servedBy: undefined } })
    expect(again.network).toMatchObject({ tip: { height: 15 }, settled: { height: 10, keepersSeen: 2 } })
  })

  it('does not follow a minority below settled, with a thousand times the work', async () => {
    const { chain, harness, honest } = await following(24, 3)
    await harness.open()
    await harness.connect('A', honest)
    const settled = harness.network.settled
    const work = chain.tip.node.work
    // One stolen key, a rented GPU: blocks a millisecond apart, ever harder.
    const from = chain.at(10)
    let fork = from
    while (fork.node.work < 1_000n * work)
      fork = await chain.mine({ on: fork, seat: 1, time: fork.block.header.time + 1 })
    const tip = chain.tip
    chain.tip = fork
    await harness.connect('thief', createHonestNode({ chain, now: () => harness.clock.now() }))
    await harness.clock.advance(20_000)
    await harness.idle()
    expect(harness.network.settled).toEqual(settled)
    expect(harness.network.tip?.hash).toBe(tip.node.id)
    expect(harness.incidents).toContain('conflict')

    // Nor after a reload.
    await harness.app.close()
    const again = new ClientHarness({ chain, store: harness.store })
    await again.call({ call: 'open', init: { codeOrigin: 'test', servedBy: undefined } })
    await again.connect('thief', honest)
    expect(again.network.tip?.hash).toBe(tip.node.id)
    expect(again.incidents).toContain('conflict')
  })

  it('does not start a new phone on a branch that leaves its checkpoint out', async () => {
    const { chain, harness, honest } = await following(24, 3)
    const real = chain.tip
    const fork = await chain.mineMany(40, { on: chain.at(10), seat: 1 })
    // The thief knows the checkpoint and serves it, but its own headers after it.
    const forked = createHonestNode({ chain, tip: fork, now: () => harness.clock.now() })
    const thief: Answer = async (protocol, bytes) => {
      if (protocol === PROTOCOLS.checkpoint.id) return honest(protocol, bytes)
      if (protocol !== PROTOCOLS.headers.id) return forked(protocol, bytes)
      return headersCodec.encode({ items: chain.from(11, fork).map(({ item }) => item) })
    }
    await harness.open(chain.at(20))
    await harness.connect('thief', thief)
    expect(harness.network).toMatchObject({ tip: { height: 20 }, settled: { height: 20 }, headersVerified: 0 })
    await harness.connect('B', honest)
    await harness.clock.advance(20_000)
    await harness.idle()
    expect(harness.network.tip?.hash).toBe(real.node.id)
  })

  it('refuses a header that a stranger has sealed, and drops who sent it', async () => {
    const { chain, harness, honest } = await following(5, 2)
    await harness.open()
    await harness.connect('A', honest)
    const tip = chain.tip
    const forged = await chain.mine({
      sealWith: namedSigner('stranger'),
      forge: { stateRoot: new Uint8Array(32).fill(1) },
    })
    chain.tip = tip
    expect(await harness.gossip('A', forged)).toBe('reject')
    expect(harness.network.tip?.height).toBe(5)
    expect(harness.penalties).toEqual([{ peerId: 'A', points: 100, code: 'bad-seal' }])
    expect(harness.network.incidents[0]?.sentence).toContain('A server lied')
  })

  it('follows roster changes', async () => {
    const chain = new ChainBuilder({ keepers: 2 })
    const relay = await foundRelay(chain)
    const harness = new ClientHarness({ chain })
    const honest = createHonestNode({ chain, now: () => harness.clock.now() })
    await harness.open()
    await harness.connect('A', honest)
    const other = await registerByOwner(chain, { wallet: namedSigner('other'), endorsers: [relay] })
    await chain.mine()
    await admitKeeper(chain, other, namedSigner('other seal'))
    await chain.mine()
    await removeKeeper(chain, relay.deviceId, 0)
    await chain.mineMany(5)
    harness.clock.set(chain.tip.block.header.time)
    await harness.clock.advance(10_000)
    await harness.idle()
    expect(harness.network).toMatchObject({ tip: { hash: chain.tip.node.id }, settled: { keepers: 2 } })
    expect(harness.penalties).toEqual([])
  })
})
