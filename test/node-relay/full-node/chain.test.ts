import { afterEach, describe, expect, it } from 'vitest'
import { MAX_HELD_BLOCKS } from '../../../node-relay/full-node/chain.ts'
import { blockCodec } from '../../../shared/block/block.ts'
import { equalBytes, toHex } from '../../../shared/bytes.ts'
import { maxAhead } from '../../../shared/chain/clock-rules.ts'
import { deviceKey } from '../../../shared/ledger/state-keys.ts'
import { verifyStateProof } from '../../../shared/proof/state-proof.ts'
import { transactionIdOf } from '../../../shared/transaction/transaction.ts'
import {
  admitKeeper,
  foundRelay,
  makeVoucher,
  registerByOwner,
  registerByVoucher,
  removeKeeper,
} from '../../framework/chain-actions.ts'
import { type BuiltBlock, ChainBuilder, namedSigner } from '../../framework/chain-builder.ts'
import { branch, closeAll, kinds, type OpenChain, openChain } from './open-chain.ts'

afterEach(closeAll)

/** What disk, tree and index say must be what the builder says of this tip. */
function expectAt({ chain, store }: OpenChain, builder: ChainBuilder, tip = builder.tip): void {
  expect(chain.tip.id).toBe(tip.node.id)
  expect(store.tip()).toEqual({ height: tip.node.height, hash: tip.node.hash })
  expect(toHex(chain.state.root)).toBe(toHex(tip.block.header.stateRoot))
  expect([...chain.state.leaves()]).toEqual([...tip.tree.leaves()])
  expect(chain.tip.roster).toEqual(tip.node.roster)
  for (const { node, block } of branch(tip, 0)) {
    expect(store.heightOf(node.hash)).toBe(node.height)
    block.transactions.forEach((bytes, index) => {
      expect(store.transactionPlace(transactionIdOf(builder.networkId, bytes))).toEqual({ height: node.height, index })
    })
  }
  expect(store.headerItem(tip.node.height + 1)).toBeUndefined()
  // And nothing is left of the branches that lost.
  const best = branch(tip, 0)
  const placed = new Set(best.flatMap(({ block }) => block.transactions.map(toHex)))
  for (const { node, block } of builder.blocks.values()) {
    if (best.some((one) => one.node.id === node.id)) continue
    expect(store.heightOf(node.hash)).toBeUndefined()
    for (const bytes of block.transactions.filter((one) => !placed.has(toHex(one))))
      expect(store.transactionPlace(transactionIdOf(builder.networkId, bytes))).toBeUndefined()
  }
}

describe('full chain', () => {
  it('starts at genesis, extends, and calls a second copy a duplicate', async () => {
    const builder = new ChainBuilder()
    const full = await openChain(builder)
    expectAt(full, builder)
    await foundRelay(builder)
    const changes: number[] = []
    full.chain.onChange(({ applied, undone }) => changes.push(applied.length, undone.length))
    expect(kinds(await full.feed(...builder.from(1), builder.tip))).toEqual(['extension', 'extension', 'duplicate'])
    expectAt(full, builder)
    expect(changes).toEqual([1, 0, 1, 0])
  })

  it('keeps a lighter fork, and calls a block without its parent an orphan', async () => {
    const builder = new ChainBuilder()
    await builder.mineMany(3)
    const full = await openChain(builder)
    await full.feed(...builder.from(1))
    const fork = await builder.mine({ on: builder.at(1), time: builder.at(2).block.header.time + 1 })
    const beyond = await builder.mineMany(2, { on: builder.tip })
    expect(kinds(await full.feed(fork, fork))).toEqual(['fork', 'duplicate'])
    expect(kinds(await full.feed(beyond))).toEqual(['orphan'])
    expectAt(full, builder, builder.at(3))
    expect(full.store.blockBytes(fork.node.hash)).toBeDefined()
  })

  it('keeps branches as long as there is room for them beside the best chain, and the best chain always', async () => {
    const builder = new ChainBuilder()
    await builder.mineMany(3)
    const tip = builder.tip
    const forks = []
    for (let i = 1; i <= 3; i++)
      forks.push(await builder.mine({ on: builder.at(1), time: builder.at(2).block.header.time + i }))
    builder.tip = tip
    const { length } = blockCodec.encode((forks[0] as (typeof forks)[number]).block)
    const full = await openChain(builder, { limits: { sideBytes: 2 * length } })
    await full.feed(...builder.from(1))
    expect(kinds(await full.feed(...forks))).toEqual(['fork', 'fork', 'orphan'])
    const again = await full.reopen()
    expect(kinds(await again.feed(forks[2] as (typeof forks)[number]))).toEqual(['orphan'])
    expect(kinds(await again.feed(await builder.mine()))).toEqual(['extension'])
  })

  it.each([1, 4])('reorganizes %i deep, with transactions and roster changes on both sides', async (depth) => {
    // Nothing settles: the second seat never seals.
    const builder = new ChainBuilder({ keepers: 2 })
    const one = { seat: 0 }
    const laptop = await registerByOwner(builder, { wallet: namedSigner('laptop') })
    const phone = await registerByOwner(builder, { wallet: namedSigner('phone') })
    await builder.mine(one)
    const root = builder.tip
    // In both branches, at other places; and what only one of them has.
    const both = namedSigner('both')
    await registerByOwner(builder, { wallet: namedSigner('here') })
    await registerByOwner(builder, { wallet: both })
    if (depth > 1) await admitKeeper(builder, phone, namedSigner('phone seal'))
    const left = await builder.mineMany(depth, one)
    builder.tip = root
    await registerByOwner(builder, { wallet: both })
    const inBoth = builder.waiting.at(-1) as Uint8Array
    await registerByOwner(builder, { wallet: namedSigner('there') })
    await builder.mine({ ...one, time: root.block.header.time + 1_500 })
    await admitKeeper(builder, laptop, namedSigner('laptop seal'))
    const right = await builder.mineMany(depth, one)

    const full = await openChain(builder)
    await full.feed(...branch(left, 1))
    expectAt(full, builder, left)
    const outcomes = await full.feed(...branch(right, root.node.height + 1))
    // At the first block with more work, or as much and a lower hash.
    const moved = outcomes.find(({ kind }) => kind === 'reorganization')
    if (moved?.kind !== 'reorganization') throw new Error(kinds(outcomes).join())
    expect(moved.leftSettled).toBe(false)
    const ids = (nodes: readonly { readonly id: string }[]) => nodes.map(({ id }) => id)
    const theirs = branch(right, root.node.height + 1).map(({ node }) => node)
    expect(ids(moved.undone)).toEqual(ids(branch(left, root.node.height + 1).map(({ node }) => node)).reverse())
    expect(ids(moved.applied)).toEqual(ids(theirs.slice(0, moved.applied.length)))
    expect(moved.applied.length).toBeGreaterThanOrEqual(depth)
    expectAt(full, builder, right)
    expect(full.store.transactionPlace(transactionIdOf(builder.networkId, inBoth))?.index).toBe(0)
    const log = async () => (await full.store.rosterLog()).map(({ change }) => change)
    expect(await log()).toEqual(branch(right, 1).flatMap(({ node }) => node.rosterChanges))
    expect(await log()).toHaveLength(1)

    // And back again: the first branch grows, its roster change is done once more.
    const again = await builder.mineMany(3, { on: left, ...one })
    await full.feed(...branch(again, left.node.height + 1))
    expectAt(full, builder, again)
    expect(await log()).toEqual(branch(again, 1).flatMap(({ node }) => node.rosterChanges))
    expect(await log()).toHaveLength(depth > 1 ? 1 : 0)
    const reopened = await full.reopen()
    expectAt(reopened, builder, again)
  })

  it('lets whoever reads the state before read on while a reorganization is written', async () => {
    const builder = new ChainBuilder({ keepers: 2 })
    const one = { seat: 0 }
    const root = await builder.mine(one)
    for (const name of ['here', 'there', 'elsewhere']) await registerByOwner(builder, { wallet: namedSigner(name) })
    const left = await builder.mine(one)
    builder.tip = root
    const right = await builder.mineMany(3, { ...one, time: root.block.header.time + 1_500 })
    const full = await openChain(builder)
    await full.feed(...branch(left, 1))
    const leaves = [...full.chain.state.leaves()]
    // From the disk alone: opened anew, nothing of it was read before.
    const again = await full.reopen()
    const before = again.chain.state
    const [first, ...more] = branch(right, root.node.height + 1)
    const outcomes = await again.feed(first as BuiltBlock)
    for (const one of more) if (!kinds(outcomes).includes('reorganization')) outcomes.push(...(await again.feed(one)))
    expect(kinds(outcomes)).toContain('reorganization')
    expect([...before.leaves()]).toEqual(leaves)
    expect(again.chain.state.root).not.toEqual(before.root)
  })

  it('stays on the good chain when a heavier branch has a bad block deep in it, and takes the branch without it', async () => {
    const builder = new ChainBuilder({ keepers: 2 })
    const good = await builder.mineMany(4, { seat: 0 })
    const forged = await builder.mine({
      on: builder.at(1),
      seat: 0,
      time: builder.at(1).block.header.time + 500,
      forge: { stateRoot: new Uint8Array(32).fill(7) },
    })
    const heavy = await builder.mineMany(4, { on: forged, seat: 0 })
    const full = await openChain(builder)
    await full.feed(...branch(good, 1))
    const outcomes = await full.feed(...branch(heavy, 2))
    expect(kinds(outcomes).slice(0, 2)).toEqual(['fork', 'fork'])
    expect(outcomes.find(({ kind }) => kind === 'rejected')).toMatchObject({ rejection: { code: 'wrong-state-root' } })
    // All of the branch is forgotten, so what comes after has no parent.
    expect(outcomes.at(-1)?.kind).toBe('orphan')
    expectAt(full, builder, good)
    const honest = await builder.mineMany(4, {
      on: builder.at(1),
      seat: 0,
      time: builder.at(1).block.header.time + 700,
    })
    expect(kinds(await full.feed(...branch(honest, 2)))).toContain('reorganization')
    expectAt(full, builder, honest)
  })

  it('refuses bad seals and bad transactions, and another body under an honest header', async () => {
    const builder = new ChainBuilder()
    await foundRelay(builder)
    const full = await openChain(builder)
    const [first, second] = builder.from(1) as [(typeof builder)['tip'], (typeof builder)['tip']]
    const stolen = { ...first.block, transactions: [] }
    expect(await full.chain.accept(stolen)).toMatchObject({
      kind: 'rejected',
      rejection: { code: 'wrong-transaction-root' },
    })
    const resealed = { ...first.block, seal: first.block.seal.map((byte) => byte ^ 1) }
    expect(await full.chain.accept(resealed)).toMatchObject({ kind: 'rejected', rejection: { code: 'bad-seal' } })
    expect(kinds(await full.feed(first))).toEqual(['extension'])
    // A side block, too, is kept with its own body only: the branch may win.
    const side = await builder.mine({
      on: builder.first,
      time: first.block.header.time + 10,
      transactions: first.block.transactions,
    })
    await full.feed(second)
    expect(await full.chain.accept({ ...side.block, transactions: [] })).toMatchObject({ kind: 'rejected' })
    expect(kinds(await full.feed(side))).toEqual(['fork'])
    const heavier = await builder.mineMany(2, { on: side })
    expect(kinds(await full.feed(...branch(heavier, 2))).at(-1)).toBe('reorganization')
    expectAt(full, builder, heavier)

    const sealedByStranger = await builder.mine({ on: heavier, sealWith: namedSigner('stranger') })
    expect(await full.chain.accept(sealedByStranger.block)).toMatchObject({ rejection: { code: 'bad-seal' } })
  })

  it('refuses a block with a transaction that is not signed by whom it says', async () => {
    const builder = new ChainBuilder()
    await registerByOwner(builder, { wallet: builder.keeper(0) })
    const bytes = builder.waiting[0] as Uint8Array
    builder.waiting[0] = bytes.map((byte, i) => (i === bytes.length - 1 ? byte ^ 1 : byte))
    await builder.mine()
    const full = await openChain(builder)
    expect(await full.chain.accept(builder.tip.block)).toMatchObject({ rejection: { code: 'bad-signature' } })
    expect(full.chain.tip.height).toBe(0)
  })

  it('holds what is ahead of the clock, once, for keepers only, and releases it in time', async () => {
    const builder = new ChainBuilder()
    await builder.mineMany(2)
    const full = await openChain(builder)
    const [first, second] = builder.from(1) as [(typeof builder)['tip'], (typeof builder)['tip']]
    full.clock.now = first.block.header.time - maxAhead(builder.parameters) - 1
    expect(kinds(await full.feed(first, first, second))).toEqual(['held', 'held', 'orphan'])
    const junk = { ...first.block, seal: new Uint8Array(64) }
    for (let i = 0; i < MAX_HELD_BLOCKS + 1; i++) expect((await full.chain.accept(junk)).kind).toBe('rejected')
    expect(await full.chain.releaseHeld()).toEqual([])
    full.clock.now++
    expect(kinds(await full.chain.releaseHeld())).toEqual(['extension'])
    expect(await full.chain.releaseHeld()).toEqual([])
    full.clock.now += 1_000
    expect(kinds(await full.feed(second))).toEqual(['extension'])
  })

  it('writes what it sealed last in the same batch as the block, for a losing block too', async () => {
    const builder = new ChainBuilder()
    const full = await openChain(builder)
    const mine = await builder.mine()
    await full.chain.accept(mine.block, { own: true })
    const sealed = { previousHash: builder.first.node.hash, hash: mine.node.hash, height: 1 }
    expect(full.chain.lastSealed).toEqual(sealed)
    await builder.mine()
    await full.feed(builder.tip)
    expect(full.chain.lastSealed).toEqual(sealed)
    const late = await builder.mine({ on: mine, time: builder.tip.block.header.time + 5 })
    const outcome = await full.chain.accept(late.block, { own: true })
    expect(['fork', 'reorganization']).toContain(outcome.kind)
    const reopened = await full.reopen()
    expect(reopened.chain.lastSealed).toEqual({ previousHash: mine.node.hash, hash: late.node.hash, height: 2 })
  })

  it('comes back with the same tip, settled header and state', async () => {
    const builder = new ChainBuilder({ keepers: 3 })
    const relay = await foundRelay(builder)
    await builder.mineMany(3)
    await registerByVoucher(builder, await makeVoucher(builder, relay), {
      wallet: namedSigner('phone'),
      endorsers: [relay],
    })
    await builder.mineMany(4)
    const full = await openChain(builder)
    await full.feed(...builder.from(1))
    const { settled } = full.chain.graph
    expect(settled.node.height).toBeGreaterThan(4)
    const reopened = await full.reopen()
    expectAt(reopened, builder)
    expect(reopened.chain.graph.settled.node.id).toBe(settled.node.id)
    await builder.mine()
    expect(kinds(await reopened.feed(builder.tip))).toEqual(['extension'])
    expectAt(reopened, builder)
  })

  it('does not forget over a restart what was settled by seals of a branch that lost since', async () => {
    const builder = new ChainBuilder({ keepers: 3 })
    await builder.mineMany(3)
    const forkPoint = builder.tip
    const settler = await builder.mineMany(3)
    const full = await openChain(builder)
    await full.feed(...branch(settler, 1))
    const settledHeight = full.chain.graph.settled.node.height
    expect(settledHeight).toBe(forkPoint.node.height + 1)
    // One keeper alone now, from the settled header on: followed, but by itself it settles nothing.
    const lone = await builder.mineMany(6, { on: builder.at(settledHeight), seat: 0 })
    await full.feed(...branch(lone, settledHeight + 1))
    expectAt(full, builder, lone)
    expect(full.chain.graph.settled.node.height).toBe(settledHeight)
    const reopened = await full.reopen()
    expect(reopened.chain.graph.settled.node.height).toBe(settledHeight)
    // From below: heavier, and still a conflict.
    const first = await builder.mine({ on: forkPoint, seat: 0, time: forkPoint.block.header.time + 900 })
    const deep = await builder.mineMany(12, { on: first, seat: 0 })
    expect(kinds(await reopened.feed(...branch(deep, forkPoint.node.height + 1)))).toContain('conflict')
    expectAt(reopened, builder, lone)
  })

  it('prunes old states, old branches and old headers in memory, keeps the rest, and opens from there', async () => {
    const builder = new ChainBuilder()
    const kept = 12
    const relay = await foundRelay(builder)
    const full = await openChain(builder, { limits: { keptBelowSettled: kept } })
    const stale = await builder.mine({ on: builder.at(1), time: builder.at(1).block.header.time + 100 })
    await full.feed(...builder.from(1), stale)
    const keptStates = kept + 128
    for (let i = 0; builder.tip.node.height < keptStates + 30; i++) {
      if (i % 20 === 0)
        await registerByVoucher(builder, await makeVoucher(builder, relay, { name: `v${i}` }), {
          wallet: namedSigner(`phone ${i}`),
          endorsers: [relay],
        })
      await builder.mine()
    }
    await full.feed(...builder.from(3))
    const height = builder.tip.node.height
    const oldest = height - keptStates
    const key = deviceKey(relay.deviceId)
    expect(full.chain.graph.base.height).toBe(full.chain.graph.settled.node.height - kept)
    expect(full.chain.stateAt(oldest - 1)).toBeUndefined()
    for (const at of [oldest, oldest + 1, height - 20, height]) {
      const proof = full.reader.stateProof(builder.at(at).node.hash, key)
      expect(proof).toEqual(builder.at(at).tree.prove(key))
      expect(proof && verifyStateProof({ root: builder.at(at).block.header.stateRoot, key, proof }).ok).toBe(true)
    }
    expect(full.reader.stateProof(builder.at(oldest - 1).node.hash, key)).toBeUndefined()
    expect(full.store.blockBytes(stale.node.hash)).toBeUndefined()
    expect(full.store.blockBytes(builder.at(2).node.hash)).toBeDefined()
    // No node is left that no kept state needs.
    const reopened = await full.reopen()
    expectAt(reopened, builder)
    expect(reopened.chain.graph.base.height).toBe(full.chain.graph.base.height)
    expect([...(reopened.chain.stateAt(oldest)?.leaves() ?? [])]).toEqual([...builder.at(oldest).tree.leaves()])
  })

  it('keeps states and branches where nothing could settle for long', async () => {
    const builder = new ChainBuilder({ keepers: 3 })
    await builder.mineMany(6)
    const lone = await builder.mineMany(160, { seat: 0 })
    const full = await openChain(builder, { limits: { keptBelowSettled: 4 } })
    await full.feed(...branch(lone, 1))
    const { settled } = full.chain.graph
    expect(settled.node.height).toBeLessThan(8)
    expect(full.chain.stateAt(settled.node.height)).toBeDefined()
    const bundle = await full.reader.bundle(new Uint8Array(32))
    expect(bundle).toBeDefined()
    const reopened = await full.reopen()
    expect(reopened.chain.graph.settled.node.id).toBe(settled.node.id)
    expect(equalBytes((await reopened.reader.bundle(new Uint8Array(32))) as Uint8Array, bundle as Uint8Array)).toBe(
      true,
    )
  })

  it('leaves settled for a branch that two thirds of the seats have sealed, says so, and stays there', async () => {
    const builder = new ChainBuilder({ keepers: 3 })
    await builder.mineMany(3)
    const fork = builder.tip
    const first = await builder.mineMany(5)
    const full = await openChain(builder)
    await full.feed(...branch(first, 1))
    const before = full.chain.graph.settled.node.height
    expect(before).toBeGreaterThan(fork.node.height)
    // One seat, however long: no. Two of three: yes.
    const minority = await builder.mineMany(9, { on: fork, seat: 2 })
    expect(kinds(await full.feed(...branch(minority, 4))).at(-1)).toBe('conflict')
    expectAt(full, builder, first)
    const healing = await builder.mine({ on: minority, seat: 1 })
    expect((await full.feed(healing))[0]).toMatchObject({ kind: 'reorganization', leftSettled: true })
    expectAt(full, builder, healing)
    const settled = full.chain.graph.settled.node
    expect(builder.blocks.get(settled.id)).toBeDefined()
    const reopened = await full.reopen()
    expectAt(reopened, builder, healing)
    expect(reopened.chain.graph.settled.node.id).toBe(settled.id)
  })

  it('does and undoes the removal of a keeper', async () => {
    const builder = new ChainBuilder({ keepers: 2 })
    const relay = await registerByOwner(builder, { wallet: builder.keeper(1) })
    await builder.mine({ seat: 0 })
    await removeKeeper(builder, relay.deviceId, 1)
    const removed = await builder.mine({ seat: 0 })
    const full = await openChain(builder)
    await full.feed(...branch(removed, 1))
    expect(full.chain.tip.roster.members).toHaveLength(1)
    const other = await builder.mineMany(2, { on: builder.at(1), seat: 1 })
    expect(kinds(await full.feed(...branch(other, 2)))).toContain('reorganization')
    expect(full.chain.tip.roster.members).toHaveLength(2)
    expect(await full.store.rosterLog()).toEqual([])
    expectAt(full, builder, other)
  })
})
