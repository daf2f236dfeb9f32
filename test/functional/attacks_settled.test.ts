/**
 * Nobody rolls back below settled. A relay (FullChain), a phone that follows (LightSync), and a new phone that has only a
 * join link's checkpoint meet branches with a thousand times the honest work: by a stranger with a state and a roster of
 * its own, by a minority of the current members, and by keys that were rotated or removed. They come as blocks, by gossip
 * and by sync. Beside it the good cases: the next honest block, and a branch that two thirds of the seats have sealed.
 */
import { afterEach, describe, expect, it } from 'vitest'
import { compareBytes } from '../../shared/bytes.ts'
import type { Signer } from '../../shared/crypto/signer.ts'
import { walletIdOf } from '../../shared/identity/device-id.ts'
import { formatJoinLink, parseJoinLink } from '../../shared/protocol/join-link.ts'
import { ownerMessage } from '../../shared/transaction/approval.ts'
import { KIND } from '../../shared/transaction/kinds.ts'
import { hashChangeContent, memberMessage, type RosterAction } from '../../shared/transaction/roster-change.ts'
import { transactionCodec } from '../../shared/transaction/transaction.ts'
import { admitKeeper, registerByOwner, removeKeeper, type TestDevice } from '../framework/chain-actions.ts'
import { type BuiltBlock, ChainBuilder, type MineInit, namedSigner } from '../framework/chain-builder.ts'
import { type Answer, createHonestNode } from '../framework/honest-node.ts'
import { branch, closeAll, kinds, type OpenChain, openChain } from '../node-relay/full-node/open-chain.ts'
import { createPhone, type Phone } from '../shared/sync/phone.ts'

afterEach(closeAll)

/** Hash power of the attacker, in honest networks. */
const POWER = 1_000n

interface Network {
  readonly chain: ChainBuilder
  /** The registered devices of the keepers, by seat. */
  readonly keepers: readonly TestDevice[]
}

/** Difficulty that follows quickly, so that much work takes few headers. */
async function createNetwork(keepers: number): Promise<Network> {
  const chain = new ChainBuilder({ keepers, parameters: { difficultyWindow: 4 }, name: `attacked ${keepers}` })
  const devices: TestDevice[] = []
  for (let seat = 0; seat < keepers; seat++) devices.push(await registerByOwner(chain, { wallet: chain.keeper(seat) }))
  await chain.mineMany(6)
  return { chain, keepers: devices }
}

/** What an honest node would answer if this branch were its best. */
function serveBranch(chain: ChainBuilder, tip: BuiltBlock): Answer {
  return createHonestNode({ chain, tip })
}

/** Mines as fast as the rules let it on a block until the branch outweighs the honest one by the attacker's power. */
async function outweigh(
  chain: ChainBuilder,
  on: BuiltBlock,
  seats: readonly number[],
  init: MineInit = {},
  power = POWER,
): Promise<BuiltBlock> {
  const base = on.node.work
  const fork = branchPoint(chain, on)
  const honest = chain.tip.node.work - fork.node.work
  let tip = on
  for (let i = 0; tip.node.work - base <= power * honest; i++) {
    const seat = seats[i % seats.length] as number
    tip = await chain.mine({ ...init, on: tip, seat, time: tip.block.header.time + 1, transactions: [] })
  }
  return tip
}

function branchPoint(chain: ChainBuilder, block: BuiltBlock): BuiltBlock {
  let one = block
  while (chain.tip.node.height < one.node.height || chain.at(one.node.height) !== one) one = one.parent as BuiltBlock
  return one
}

interface Targets {
  readonly relay: OpenChain
  readonly phone: Phone
  readonly newcomer: Phone
}

/** All three as the network stands now; the newcomer has just scanned the relay's join link. */
async function createTargets({ chain }: Network): Promise<Targets> {
  const honest = createHonestNode({ chain })
  const relay = await openChain(chain)
  await relay.feed(...chain.from(1))
  const phone = await createPhone(chain, honest)
  await phone.connect('honest', honest)
  expect(phone.graph.tip.id).toBe(chain.tip.node.id)
  const { node } = relay.chain.graph.settled
  const text = formatJoinLink({
    version: 1,
    networkId: chain.networkId,
    checkpoint: { height: node.height, hash: node.hash },
    addresses: [],
    name: 'attacked',
  })
  const link = parseJoinLink(text)
  if (!link.ok) throw new Error(link.detail)
  const newcomer = await createPhone(chain, honest, { hash: link.value.link.checkpoint.hash })
  return { relay, phone, newcomer }
}

/** Feeds the branch in every way there is, and sees that nobody has moved. */
async function expectUnmoved(
  { chain }: Network,
  targets: Targets,
  attack: BuiltBlock,
  expected: 'conflict' | 'refused',
): Promise<void> {
  const { relay, phone, newcomer } = targets
  const fork = branchPoint(chain, attack)
  const settled = relay.chain.graph.settled.node
  expect(fork.node.height).toBeLessThan(settled.height)
  expect(attack.node.work - fork.node.work).toBeGreaterThan(POWER * (chain.tip.node.work - fork.node.work))
  const blocks = branch(attack, fork.node.height + 1)

  const outcomes = kinds(await relay.feed(...blocks))
  expect(outcomes).not.toContain('extension')
  expect(outcomes).not.toContain('reorganization')
  expect(outcomes).toContain(expected === 'conflict' ? 'conflict' : 'rejected')
  expect(relay.chain.tip.id).toBe(chain.tip.node.id)
  expect(relay.chain.graph.settled.node.id).toBe(settled.id)

  const before = phone.graph.settled.node.id
  for (const block of blocks) await phone.gossip('attacker', block)
  await phone.connect('attacker', serveBranch(chain, attack))
  await phone.tick(10_000)
  expect(phone.graph.tip.id).toBe(chain.tip.node.id)
  expect(phone.graph.settled.node.id).toBe(before)
  expect(phone.seen.some(({ type }) => type === 'conflict')).toBe(expected === 'conflict')
  expect(phone.offences().some((one) => one.startsWith('attacker'))).toBe(expected === 'refused')
  expect(phone.offences().some((one) => one.startsWith('honest'))).toBe(false)

  // A fresh phone that meets the attacker first, and the honest relay later.
  const checkpoint = newcomer.graph.base
  await newcomer.connect('attacker', serveBranch(chain, attack))
  for (const block of blocks) await newcomer.gossip('attacker', block)
  expect(newcomer.graph.tip.id).toBe(checkpoint.id)
  await newcomer.connect('honest', createHonestNode({ chain }))
  await newcomer.tick(20_000)
  expect(newcomer.graph.tip.id).toBe(chain.tip.node.id)
  expect(newcomer.graph.settled.node.height).toBeGreaterThanOrEqual(checkpoint.height)

  // And life goes on.
  const next = await chain.mine()
  expect(kinds(await relay.feed(next))).toEqual(['extension'])
  for (const one of [phone, newcomer]) {
    one.now = next.block.header.time
    expect(await one.gossip('honest', next)).toBe('accept')
    expect(one.graph.tip.id).toBe(next.node.id)
  }
  const reopened = await relay.reopen()
  expect(reopened.chain.tip.id).toBe(next.node.id)
  expect(reopened.chain.graph.settled.node.height).toBeGreaterThanOrEqual(settled.height)
}

/** A roster change that the stranger signs as if it were the owner. */
async function forgedChange(
  chain: ChainBuilder,
  on: BuiltBlock,
  make: (signature: Uint8Array) => RosterAction,
  thief: Signer,
) {
  const changeNumber = on.node.roster.changeNumber + 1
  const content = hashChangeContent(changeNumber, make(new Uint8Array(64)))
  const signature = await thief.sign(ownerMessage(chain.networkId, KIND.rosterChange, content))
  return transactionCodec.encode({ TAG: 'rosterChange', data: { changeNumber, action: make(signature) } })
}

describe('a stranger with a thousand times the hash power', () => {
  const stranger = namedSigner('stranger')

  it('moves nobody with blocks sealed by its own key in the name of a seat, over a state of its own', async () => {
    const network = await createNetwork(3)
    const { chain } = network
    const targets = await createTargets(network)
    const forge = { stateRoot: new Uint8Array(32).fill(1) }
    await expectUnmoved(
      network,
      targets,
      await outweigh(chain, chain.at(1), [0, 1, 2], { sealWith: stranger, forge }),
      'refused',
    )
  })

  it('moves nobody with a roster of its own', async () => {
    const network = await createNetwork(3)
    const { chain, keepers } = network
    const targets = await createTargets(network)
    const device = keepers[0] as TestDevice
    chain.addSealer(stranger)
    let tip = chain.at(1)
    // It gives itself a seat (in the name of a wallet it made up) and takes all others away: approved by itself alone.
    const admitted = { ...device, wallet: namedSigner('made up') }
    const admit = {
      deviceId: admitted.deviceId,
      walletId: walletIdOf(admitted.wallet.publicKey),
      sealingKey: stranger.publicKey,
      recoveryKey: stranger.publicKey,
      seat: 3,
    }
    const owners = (signature: Uint8Array) => ({ TAG: 'owners' as const, data: [{ owner: 0, signature }] })
    const seized = await registerForged(chain, tip, stranger)
    tip = seized.tip
    const takeSeat = (signature: Uint8Array): RosterAction => ({
      TAG: 'admit',
      data: { admit: { ...admit, ...seized.member }, approval: owners(signature) },
    })
    tip = await chain.mine({
      on: tip,
      seat: 0,
      sealWith: stranger,
      time: tip.block.header.time + 1,
      transactions: [await forgedChange(chain, tip, takeSeat, stranger)],
    })
    for (const [seat, keeper] of keepers.entries()) {
      const remove = (signature: Uint8Array): RosterAction => ({
        TAG: 'remove',
        data: { remove: { deviceId: keeper.deviceId, seat }, approval: owners(signature) },
      })
      tip = await chain.mine({
        on: tip,
        seat: 3,
        time: tip.block.header.time + 1,
        transactions: [await forgedChange(chain, tip, remove, stranger)],
      })
    }
    expect(tip.node.roster.members.map(({ sealingKey }) => sealingKey)).toEqual([stranger.publicKey])
    await expectUnmoved(network, targets, await outweigh(chain, tip, [3]), 'refused')
  })

  it('moves nobody with a network of its own', async () => {
    const network = await createNetwork(1)
    const { relay, phone } = await createTargets(network)
    const own = new ChainBuilder({ name: 'own', parameters: { difficultyWindow: 4 } })
    await own.mineMany(3)
    const heavy = await outweigh(own, own.at(1), [0])
    expect(kinds(await relay.feed(...branch(heavy, 1))).every((kind) => kind === 'orphan')).toBe(true)
    for (const block of branch(heavy, 1)) expect(await phone.gossip('stranger', block)).toBe('ignore')
    expect(relay.chain.tip.id).toBe(network.chain.tip.node.id)
    expect(phone.graph.tip.id).toBe(network.chain.tip.node.id)
  })
})

/** A device of the stranger in a block of its branch: registered by a forged owner signature. */
async function registerForged(chain: ChainBuilder, on: BuiltBlock, stranger: Signer) {
  const honest = chain.tip
  chain.tip = on
  const device = await registerByOwner(chain, { wallet: stranger })
  const transactions = chain.waiting.splice(0)
  chain.tip = honest
  const tip = await chain.mine({ on, seat: 0, sealWith: stranger, time: on.block.header.time + 1, transactions })
  return { tip, member: { deviceId: device.deviceId, walletId: walletIdOf(stranger.publicKey) } }
}

describe('a minority of the current members with a thousand times the hash power', () => {
  it.each([
    [1, 3],
    [1, 4],
    [2, 4],
  ])('moves nobody: %i of %i', async (minority, keepers) => {
    const network = await createNetwork(keepers)
    const { chain } = network
    const targets = await createTargets(network)
    const seats = Array.from({ length: minority }, (_, i) => keepers - 1 - i)
    await expectUnmoved(network, targets, await outweigh(chain, chain.at(1), seats), 'conflict')
  })
})

describe("a retired member's key with a thousand times the hash power", () => {
  it('moves nobody from before its removal', async () => {
    const network = await createNetwork(3)
    const { chain } = network
    const device = await registerByOwner(chain, { wallet: namedSigner('fourth') })
    await chain.mine()
    await admitKeeper(chain, device, namedSigner('fourth seal'))
    await chain.mine()
    const before = chain.tip
    await chain.mine({ seat: 3 })
    await removeKeeper(chain, device.deviceId, 3)
    await chain.mineMany(6)
    const targets = await createTargets(network)
    await expectUnmoved(network, targets, await outweigh(chain, before, [3]), 'conflict')
  })

  it.each([1, 3])('moves nobody from before its rotation, in a network of %i', async (keepers) => {
    const network = await createNetwork(keepers)
    const { chain } = network
    const before = chain.at(4)
    const stolen = chain.keeper(0)
    const fresh = namedSigner('fresh key')
    const rotate = { seat: 0, sealingKey: fresh.publicKey, recoveryKey: chain.keeperRecovery(0).publicKey }
    const make = (signature: Uint8Array): RosterAction => ({
      TAG: 'rotateKey',
      data: { rotate, authority: { TAG: 'recovery', data: signature } },
    })
    const content = hashChangeContent(1, make(new Uint8Array(64)))
    const signature = await chain.keeperRecovery(0).sign(memberMessage(chain.networkId, content))
    chain.waiting.push(
      transactionCodec.encode({ TAG: 'rosterChange', data: { changeNumber: 1, action: make(signature) } }),
    )
    chain.addSealer(fresh)
    await chain.mineMany(6)
    expect(chain.tip.node.roster.members[0]?.sealingKey).toEqual(fresh.publicKey)
    const targets = await createTargets(network)
    await expectUnmoved(network, targets, await outweigh(chain, before, [0], { sealWith: stolen }), 'conflict')
    // Nor with the blocks it seals now, on the settled chain itself.
    const now = await chain.mine({
      on: chain.tip.parent as BuiltBlock,
      seat: 0,
      sealWith: stolen,
      time: chain.tip.block.header.time - 500,
    })
    expect(await targets.phone.gossip('thief', now)).toBe('reject')
  })
})

describe('a full fork graph', () => {
  it('lets nobody with one key crowd out the ordinary branches', async () => {
    const { chain } = await createNetwork(3)
    const honest = createHonestNode({ chain })
    const phone = await createPhone(chain, honest, { limits: { maxSideHeaders: 8 } })
    await phone.connect('honest', honest)
    const attack = await outweigh(chain, chain.at(1), [2])
    expect(branch(attack, 2).length).toBeGreaterThan(8)
    for (const block of branch(attack, 2)) await phone.gossip('attacker', block)
    expect(phone.graph.tip.id).toBe(chain.tip.node.id)
    const parent = chain.tip.parent as BuiltBlock
    // With as much work as the tip, but a higher hash: a branch beside the best chain for now.
    let rival = parent
    for (let i = 1; rival === parent || compareBytes(rival.node.hash, chain.tip.node.hash) < 0; i++)
      rival = await chain.mine({ on: parent, seat: 1, time: chain.tip.block.header.time + i })
    const heavier = await chain.mine({ on: rival, seat: 2 })
    phone.now = heavier.block.header.time
    for (const block of [rival, heavier]) expect(await phone.gossip('honest', block)).toBe('accept')
    expect(phone.graph.tip.id).toBe(heavier.node.id)
  })
})

describe('two thirds of the seats', () => {
  it.each([3, 4])('do move a relay and a phone below settled, and that is said loudly: of %i', async (keepers) => {
    const network = await createNetwork(keepers)
    const { chain } = network
    const { relay, phone } = await createTargets(network)
    const settled = relay.chain.graph.settled.node.height
    const seats = [0, 1, 2].slice(0, Math.ceil((2 * keepers) / 3))
    const healing = await outweigh(chain, chain.at(1), seats, {}, 2n)
    const outcomes = await relay.feed(...branch(healing, 2))
    expect(outcomes.filter((one) => one.kind === 'reorganization')).toMatchObject([{ leftSettled: true }])
    expect(relay.chain.tip.id).toBe(healing.node.id)
    expect(settled).toBeGreaterThan(1)

    await phone.connect('healed', serveBranch(chain, healing))
    await phone.tick(10_000)
    expect(phone.graph.tip.id).toBe(healing.node.id)
    const moves = phone.seen.filter((action) => action.type === 'chain' && action.outcome.kind === 'reorganization')
    expect(moves).toMatchObject([{ outcome: { leftSettled: true } }])
    expect(phone.offences()).toEqual([])

    // One seat fewer does not.
    const again = await createTargets(network)
    await expectUnmoved(network, again, await outweigh(chain, chain.at(1), seats.slice(1), { time: 0 }), 'conflict')
  })
})
