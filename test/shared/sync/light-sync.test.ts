import { beforeAll, describe, expect, it } from 'vitest'
import { maxAhead } from '../../../shared/chain/clock-rules.ts'
import { MAX_HEADERS_PER_ANSWER, PROTOCOLS } from '../../../shared/protocol/ids.ts'
import { headerItemCodec, headersCodec, headersRequestCodec, statusCodec } from '../../../shared/protocol/messages.ts'
import { MAX_HELD_HEADERS, MAX_SYNC_PEERS } from '../../../shared/sync/light-sync.ts'
import { admitKeeper, foundRelay, registerByOwner } from '../../framework/chain-actions.ts'
import { type BuiltBlock, ChainBuilder, namedSigner } from '../../framework/chain-builder.ts'
import { type Answer, createHonestNode } from '../../framework/honest-node.ts'
import { alterByte, createLyingNode } from '../../framework/lying-full-node.ts'
import { createPhone } from './phone.ts'

const chain = new ChainBuilder({ keepers: 3 })
let honest: Answer
/** A few headers an answer, so that catching up takes several. */
let slow: Answer

beforeAll(async () => {
  const relay = await foundRelay(chain)
  const device = await registerByOwner(chain, { wallet: namedSigner('fourth'), endorsers: [relay] })
  await chain.mine()
  await admitKeeper(chain, device, namedSigner('fourth seal'))
  await chain.mineMany(20)
  honest = createHonestNode({ chain })
  slow = inSteps(honest, 5)
})

function inSteps(answer: Answer, count: number): Answer {
  return async (protocol, request) => {
    const asked = headersRequestCodec.decode(request)
    if (protocol !== PROTOCOLS.headers.id || !asked.ok) return await answer(protocol, request)
    return await answer(protocol, headersRequestCodec.encode({ ...asked.value, count }))
  }
}

/** Claims far more work than it has. */
const boaster = (answer: Answer, headers?: (honest: Uint8Array) => Uint8Array) =>
  createLyingNode(
    answer,
    {
      protocol: PROTOCOLS.status.id,
      forge: (bytes) => {
        const status = statusCodec.decode(bytes)
        if (!status.ok) throw new Error(status.detail)
        return statusCodec.encode({ ...status.value, tip: { ...status.value.tip, height: 10_000, work: 1n << 100n } })
      },
    },
    ...(headers === undefined ? [] : [{ protocol: PROTOCOLS.headers.id, forge: headers }]),
  )

describe('light sync', () => {
  it('catches up from genesis and from a checkpoint, over several answers', async () => {
    for (const hash of [undefined, chain.at(9).node.hash]) {
      const phone = await createPhone(chain, honest, hash === undefined ? {} : { hash })
      expect(phone.sync.phase(phone.now)).toBe('connecting')
      await phone.connect('a', slow)
      expect(phone.graph.tip.id).toBe(chain.tip.node.id)
      expect(phone.graph.tip.roster).toEqual(chain.tip.node.roster)
      expect(phone.graph.settled.node.height).toBeGreaterThan(chain.tip.node.height - 6)
      expect(phone.sync.headersVerified).toBe(chain.tip.node.height - (hash === undefined ? 0 : 9))
      expect(phone.requests.filter(({ protocol }) => protocol === 'headers').length).toBeGreaterThan(2)
      expect(phone.sync.phase(phone.now)).toBe('following')
      expect(phone.offences()).toEqual([])
    }
  })

  it('tells its phases apart: connecting, syncing, following, asleep, offline', async () => {
    const phone = await createPhone(chain, honest, { now: chain.tip.block.header.time })
    await phone.connect('quiet', 'silent')
    expect(phone.sync.phase(phone.now)).toBe('connecting')
    let phaseWhileAsked = ''
    await phone.connect('a', async (protocol, request) => {
      if (protocol === PROTOCOLS.headers.id) phaseWhileAsked = phone.sync.phase(phone.now)
      return await honest(protocol, request)
    })
    expect(phaseWhileAsked).toBe('syncing')
    expect(phone.sync.phase(phone.now)).toBe('following')
    expect(phone.sync.phase(phone.now + 8 * 3_600_000)).toBe('asleep')
    await phone.leave('a')
    await phone.leave('quiet')
    expect(phone.sync.phase(phone.now)).toBe('offline')
    expect(phone.offences()).toEqual([])
  })

  it('judges gossip: accepts the next header, ignores what it cannot place, refuses what is wrong', async () => {
    const phone = await createPhone(chain, honest)
    await phone.connect('a', honest)
    const next = await chain.mine()
    phone.now = next.block.header.time
    const bytes = headerItemCodec.encode(next.item)
    // The seal is the last but one: 182 bytes of header, 64 of seal, a count.
    expect(await phone.gossip('bad', alterByte(bytes, 200))).toBe('reject')
    expect(await phone.gossip('bad', alterByte(bytes, 50))).toBe('reject')
    expect(await phone.gossip('bad', bytes.subarray(0, 100))).toBe('reject')
    expect(await phone.gossip('bad', alterByte(bytes, 20))).toBe('ignore')
    expect(phone.offences()).toEqual(['bad: bad-seal', expect.stringContaining('bad: '), 'bad: malformed'])
    expect(await phone.gossip('a', next)).toBe('accept')
    expect(phone.graph.tip.id).toBe(next.node.id)
    // Known: passed on as it was verified, and not otherwise.
    expect(await phone.gossip('b', next)).toBe('accept')
    expect(await phone.gossip('b', alterByte(bytes, 200))).toBe('ignore')
    const beyond = await chain.mineMany(2)
    phone.now = beyond.block.header.time
    expect(await phone.gossip('b', beyond)).toBe('ignore')
    expect(phone.offences()).toHaveLength(3)
    const stranger = await chain.mine({ sealWith: namedSigner('stranger') })
    chain.tip = stranger.parent as BuiltBlock
    await phone.gossip('a', stranger.parent as BuiltBlock)
    await phone.tick(10_000)
    expect(phone.graph.tip.id).toBe(chain.tip.node.id)
    expect(await phone.gossip('c', stranger)).toBe('reject')
    expect(phone.offences().at(-1)).toBe('c: bad-seal')
  })

  it('holds a header ahead of its clock, once and without a charge, and takes it when the time has come', async () => {
    const phone = await createPhone(chain, honest)
    await phone.connect('a', honest)
    const next = await chain.mine()
    phone.now = next.block.header.time - maxAhead(chain.parameters) - 1
    for (let i = 0; i < 3; i++) expect(await phone.gossip('a', next)).toBe('ignore')
    // What proves no work takes no room.
    const junk = alterByte(headerItemCodec.encode(next.item), 30)
    for (let i = 0; i <= MAX_HELD_HEADERS; i++) await phone.gossip('x', junk)
    expect(phone.graph.tip.height).toBe(next.node.height - 1)
    await phone.leave('a')
    await phone.tick(2)
    expect(phone.graph.tip.id).toBe(next.node.id)
    expect(phone.offences()).toEqual([])
  })

  it('is not held up by a peer that boasts of work, and gives it less and less of its time', async () => {
    const phone = await createPhone(chain, honest)
    await phone.connect(
      'liar',
      boaster(honest, () => headersCodec.encode({ items: [] })),
    )
    expect(phone.graph.tip.height).toBe(0)
    await phone.connect('a', honest)
    expect(phone.graph.tip.id).toBe(chain.tip.node.id)
    const asked = () => phone.requests.filter(({ peer, protocol }) => peer === 'liar' && protocol === 'headers').length
    for (let i = 0; i < 240; i++) await phone.tick()
    expect(asked()).toBeLessThan(8)
    expect(asked()).toBeGreaterThan(1)
    expect(phone.offences()).toEqual([])
  })

  it.each<[string, (honest: Uint8Array) => Uint8Array, RegExp]>([
    ['junk', () => Uint8Array.of(1, 2, 3), /malformed/],
    ['too much', () => new Uint8Array(2 * 1024 * 1024), /too-long/],
    ['an altered header', (bytes) => alterByte(bytes, 2 + 5 * 247 + 100), /./],
    ['an altered seal', (bytes) => alterByte(bytes, 2 + 200), /bad-seal/],
  ])('charges a peer that sends %s, and gets the headers from another', async (_, forge, code) => {
    const phone = await createPhone(chain, honest)
    await phone.connect('liar', boaster(honest, forge))
    expect(phone.offences().join()).toMatch(code)
    expect(phone.offences().every((one) => one.startsWith('liar'))).toBe(true)
    await phone.connect('a', honest)
    expect(phone.graph.tip.id).toBe(chain.tip.node.id)
  })

  it('charges a status of another network or none', async () => {
    const phone = await createPhone(chain, honest)
    const other = createHonestNode({ chain: new ChainBuilder({ name: 'other' }) })
    const foreign: Answer = async (_, __) => (await other(PROTOCOLS.status.id, new Uint8Array())) as Uint8Array
    await phone.connect('refusing', foreign)
    await phone.connect('liar', async () => Uint8Array.of(0))
    expect(phone.offences()).toEqual(['liar: bad-status'])
  })

  it('turns from a peer that is slow or gone to the next, without a charge', async () => {
    const phone = await createPhone(chain, honest)
    let silent = false
    const boast = boaster(honest)
    await phone.connect('slow', async (protocol, request) => {
      if (protocol === PROTOCOLS.headers.id) silent = true
      return protocol === PROTOCOLS.headers.id ? 'reject' : await boast(protocol, request)
    })
    expect(silent).toBe(true)
    await phone.connect('mute', 'silent')
    await phone.connect('a', slow)
    expect(phone.graph.tip.id).toBe(chain.tip.node.id)
    await phone.tick(20_000)
    await phone.leave('a')
    const next = await chain.mine()
    phone.now = next.block.header.time
    await phone.connect('b', honest)
    await phone.tick(20_000)
    expect(phone.graph.tip.id).toBe(next.node.id)
    expect(phone.offences()).toEqual([])
  })

  it('follows a heavier branch that takes several answers to become so', async () => {
    const fork = new ChainBuilder({ keepers: 2, name: 'forked' })
    await fork.mineMany(3, { seat: 0 })
    const root = fork.tip
    const ours = await fork.mineMany(40, { seat: 0 })
    const phone = await createPhone(fork, createHonestNode({ chain: fork }))
    await phone.connect('a', createHonestNode({ chain: fork }))
    expect(phone.graph.tip.id).toBe(ours.node.id)
    await phone.leave('a')
    const first = await fork.mine({ on: root, seat: 0, time: root.block.header.time + 500 })
    fork.tip = await fork.mineMany(60, { on: first, seat: 0 })
    await phone.connect('b', inSteps(createHonestNode({ chain: fork }), 8))
    phone.now = fork.tip.block.header.time
    await phone.tick()
    expect(phone.graph.tip.id).toBe(fork.tip.node.id)
    const moved = phone.seen.findLast((action) => action.type === 'chain' && action.outcome.kind === 'reorganization')
    expect(moved).toMatchObject({ outcome: { leftSettled: false } })
    expect(phone.offences()).toEqual([])
  })

  it('asks nobody where it stands who passes new headers on, and asks again when none come', async () => {
    const own = new ChainBuilder({ keepers: 3, name: 'gossiping' })
    await own.mineMany(3)
    const phone = await createPhone(own, createHonestNode({ chain: own }))
    await phone.connect('a', createHonestNode({ chain: own }))
    const statuses = () => phone.requests.filter(({ protocol }) => protocol === 'status').length
    const before = statuses()
    for (let i = 0; i < 30; i++) {
      await phone.gossip('a', await own.mine())
      await phone.tick(1_000)
    }
    expect(phone.graph.tip.id).toBe(own.tip.node.id)
    expect(statuses()).toBe(before)
    for (let i = 0; i < 12; i++) await phone.tick(1_000)
    expect(statuses()).toBeGreaterThan(before)
    expect(phone.offences()).toEqual([])
  })

  it('asks who was behind what is settled until it is not, however many headers it passes on', async () => {
    const own = new ChainBuilder({ keepers: 3, name: 'restarted' })
    await own.mineMany(8)
    const phone = await createPhone(own, createHonestNode({ chain: own }), { now: own.tip.block.header.time })
    await phone.connect('ahead', createHonestNode({ chain: own }))
    let answer = createHonestNode({ chain: own, tip: own.at(1) })
    await phone.connect('restarted', (protocol, request) => answer(protocol, request))
    answer = createHonestNode({ chain: own })
    const passOn = async (count: number) => {
      for (let i = 0; i < count; i++) {
        await phone.gossip('restarted', await own.mine())
        await phone.tick(own.parameters.spacingMs)
      }
    }
    await passOn(12)
    expect(phone.sync.statusOf('restarted')?.tip.height).toBeGreaterThan(8)
    const { length } = phone.requests
    await passOn(12)
    expect(phone.requests.slice(length).filter(({ peer }) => peer === 'restarted')).toEqual([])
  })

  it('does not keep more peers than it says, and asks none without end', async () => {
    const phone = await createPhone(chain, honest)
    for (let i = 0; i < MAX_SYNC_PEERS + 10; i++) await phone.connect(`p${i}`, honest)
    for (let i = 0; i < 60; i++) await phone.tick()
    expect(new Set(phone.requests.map(({ peer }) => peer)).size).toBe(MAX_SYNC_PEERS)
    expect(phone.requests.length).toBeLessThan(MAX_SYNC_PEERS * 20)
    expect(MAX_HEADERS_PER_ANSWER).toBeGreaterThan(100)
  })
})
