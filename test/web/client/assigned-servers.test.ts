/** A page of a network with several full nodes finds those that are assigned to it, and moves when one of them dies. */
import { describe, expect, it } from 'vitest'
import { equalBytes, toHex } from '../../../shared/bytes.ts'
import { serversInOrder } from '../../../shared/coordination/assignment.ts'
import type { ServiceContent } from '../../../shared/coordination/service-record.ts'
import { formatDeviceId } from '../../../shared/identity/device-id.ts'
import { LABEL } from '../../../shared/identity/label.ts'
import { PROTOCOLS } from '../../../shared/protocol/ids.ts'
import { proofCodec, proofRequestCodec, statusCodec } from '../../../shared/protocol/messages.ts'
import { formatVoucher } from '../../../shared/protocol/voucher-text.ts'
import { KIND } from '../../../shared/transaction/kinds.ts'
import type { IdentityRecord } from '../../../web/store/local-store.ts'
import {
  foundRelay,
  makeVoucher,
  removeKeeper,
  rotateSeat,
  sayService,
  serviceAddress,
} from '../../framework/chain-actions.ts'
import { ChainBuilder, namedSigner } from '../../framework/chain-builder.ts'
import { ClientHarness } from '../../framework/client-harness.ts'
// The page loads it when it is needed; a test does not wait for the compiler.
import '../../../web/client/assigned-servers.ts'
import { type Answer, createHonestNode, NotServed } from '../../framework/honest-node.ts'

const KEEPERS = 6
const peerOf = (seat: number) => `Seat${seat}`
const seatOf = (peerId: string) => Number(peerId.slice(4))

/** Six full nodes, all but some of them alive, and a phone that has the address of one in its join link. */
async function scene(
  said: (seat: number) => Partial<ServiceContent> | undefined = () => ({}),
  isBehind: (seat: number) => boolean = () => false,
) {
  const chain = new ChainBuilder({ keepers: KEEPERS })
  const relay = await foundRelay(chain)
  await chain.mineMany(KEEPERS)
  const harness = new ClientHarness({ chain })
  const time = chain.tip.block.header.time
  const alive = new Set(Array.from({ length: KEEPERS }, (_, seat) => seat))
  const tell = async (seat: number, more: Partial<ServiceContent>) =>
    sayService(chain, chain.keeper(seat), { seat, issuedAt: time, ...more })
  const records = new Map(
    await Promise.all(
      [...alive].flatMap((seat) => {
        const more = said(seat)
        return more === undefined ? [] : [tell(seat, more).then((record) => [seat, record] as const)]
      }),
    ),
  )
  const honest = createHonestNode({
    chain,
    coordinator: relay,
    services: () => [...records.values()],
    now: () => harness.clock.now(),
  })
  const behind = createHonestNode({ chain, tip: chain.at(2), now: () => harness.clock.now() })
  const answerOf = (seat: number) => (isBehind(seat) ? behind : honest)
  /** The page does what the worker asked it to. */
  let done = 0
  async function page(): Promise<void> {
    for (let quiet = 0; quiet < 2; ) {
      await harness.idle()
      const calls = harness.calls.slice(done)
      done = harness.calls.length
      quiet = calls.length === 0 ? quiet + 1 : 0
      for (const call of calls) {
        const connected = harness.network.peers.map(({ peerId }) => peerId)
        if (call.call === 'hang-up' && connected.includes(call.peerId)) await harness.disconnect(call.peerId)
        if (call.call !== 'dial') continue
        const peerId = call.addresses[0]?.split('/p2p/')[1] as string
        if (alive.has(seatOf(peerId)) && !connected.includes(peerId))
          await harness.connect(peerId, answerOf(seatOf(peerId)))
      }
    }
  }
  for (const seat of alive) harness.dialled.set(serviceAddress(peerOf(seat)), peerOf(seat))
  async function kill(seat: number): Promise<void> {
    alive.delete(seat)
    harness.dialled.delete(serviceAddress(peerOf(seat)))
    await harness.disconnect(peerOf(seat))
    await page()
  }
  async function revive(seat: number): Promise<void> {
    alive.add(seat)
    harness.dialled.set(serviceAddress(peerOf(seat)), peerOf(seat))
    await harness.connect(peerOf(seat), honest)
    await page()
  }
  await harness.open(undefined, [serviceAddress(peerOf(0))])
  await harness.connect(peerOf(0), honest)
  await page()
  return { chain, relay, harness, honest, page, kill, revive, records, tell, time }
}

const duties = (harness: ClientHarness) =>
  Object.fromEntries(
    harness.network.peers.flatMap(({ peerId, duty }) => (duty === undefined ? [] : [[duty, seatOf(peerId)]])),
  )
const assignedSeats = (harness: ClientHarness) => harness.network.assigned.map(({ seat }) => seat)

describe('a page of a network with several full nodes', () => {
  it('keeps its primary and a warm standby connected, and leaves the one of the join link to others', async () => {
    const { harness } = await scene()
    const [first, second, third] = assignedSeats(harness)
    expect(new Set([first, second, third]).size).toBe(3)
    expect(duties(harness)).toEqual({ primary: first, standby: second })
    const connected = harness.network.peers.map(({ peerId }) => seatOf(peerId))
    expect(connected.sort()).toEqual([first, second].sort())
    expect(harness.network.assigned.map(({ state }) => state)).toEqual(['primary', 'standby', 'backup'])
    expect(harness.penalties).toEqual([])
  })

  it('moves to the standby when the primary dies, dials another, and goes back when it is there again', async () => {
    const { harness, kill, revive } = await scene()
    const [first, second, third] = assignedSeats(harness) as [number, number, number]
    await kill(first)
    expect(duties(harness)).toEqual({ primary: second, standby: third })
    expect(harness.network.assigned.map(({ state }) => state)).toEqual(['away', 'primary', 'standby'])
    await revive(first)
    expect(duties(harness)).toEqual({ primary: first, standby: second })
    expect(harness.network.peers.map(({ peerId }) => seatOf(peerId))).not.toContain(third)
  })

  it('waits for no dial before it connects to the next', async () => {
    const { harness } = await scene()
    const [first, , third] = assignedSeats(harness) as [number, number, number]
    harness.calls.length = 0
    await harness.disconnect(peerOf(first))
    const dialled = harness.calls.flatMap((call) => (call.call === 'dial' ? call.addresses : []))
    expect(dialled).toContain(serviceAddress(peerOf(third)))
  })

  it('puts its questions to the primary, and in silence to the standby, which then comes first', async () => {
    const { harness, honest, chain } = await scene()
    const [first, second] = assignedSeats(harness) as [number, number]
    const asked: number[] = []
    const note = (seat: number, answer: Answer): void =>
      harness.replace(peerOf(seat), (protocol, bytes) => {
        if (protocol === PROTOCOLS.proof.id) asked.push(seat)
        return answer(protocol, bytes)
      })
    note(first, honest)
    note(second, honest)
    const audit = { call: 'audit', text: formatDeviceId(chain.networkId, new Uint8Array(32).fill(9)) } as const
    expect((await harness.finish(audit)).verdict).toBe('not-in-ledger')
    expect(new Set(asked)).toEqual(new Set([first]))

    // It still holds the connection, and says nothing any more.
    asked.length = 0
    note(first, harness.hangIn(PROTOCOLS.proof.id, honest))
    const begun = harness.clock.now()
    const report = await harness.finish(audit)
    expect(report).toMatchObject({ verdict: 'not-in-ledger', answeredBy: peerOf(second) })
    expect(harness.clock.now() - begun).toBeLessThanOrEqual(500)
    expect(asked.slice(0, 2)).toEqual([first, second])
    // Only the first question of all waited for it.
    expect(asked.filter((seat) => seat === first)).toHaveLength(1)
    asked.length = 0
    await harness.finish(audit)
    expect(asked[0]).toBe(second)

    // As soon as it answers anything, it is the first again.
    note(first, honest)
    await harness.clock.advance(15_000)
    asked.length = 0
    await harness.finish(audit)
    expect(new Set(asked)).toEqual(new Set([first]))
  })

  it('is served by nobody who has not yet what it has settled', async () => {
    const all = await scene()
    const [first, second, third] = assignedSeats(all.harness) as [number, number, number]
    // It was started a moment ago, and is still fetching blocks.
    const { harness, honest, page } = await scene(undefined, (seat) => seat === first)
    expect(duties(harness)).toEqual({ primary: second, standby: third })
    expect(harness.network.peers.map(({ peerId }) => seatOf(peerId))).toContain(first)
    harness.replace(peerOf(first), honest)
    await harness.clock.advance(15_000)
    await page()
    expect(duties(harness)).toEqual({ primary: first, standby: second })
    expect(harness.network.peers.map(({ peerId }) => seatOf(peerId))).not.toContain(third)
  })

  it('waits no longer than half a second for what only a server that is gone may know', async () => {
    const { chain, harness, honest } = await scene()
    const [first, second] = assignedSeats(harness) as [number, number]
    const newest = await chain.mine()
    await harness.gossip(peerOf(first), newest)
    // The block came from the primary alone, which is silent since.
    harness.replace(peerOf(first), harness.hangIn(PROTOCOLS.proof.id, honest))
    harness.replace(peerOf(second), async (protocol, bytes) => {
      const asked = protocol === PROTOCOLS.proof.id ? proofRequestCodec.decode(bytes) : undefined
      const isNewest = asked?.ok && equalBytes(asked.value.headerHash, newest.node.hash)
      return isNewest ? proofCodec.encode({ proof: undefined }) : honest(protocol, bytes)
    })
    const begun = harness.clock.now()
    const text = formatDeviceId(chain.networkId, new Uint8Array(32).fill(9))
    expect(await harness.finish({ call: 'audit', text })).toMatchObject({ verdict: 'not-in-ledger', pending: false })
    expect(harness.clock.now() - begun).toBeLessThanOrEqual(1_000)
  })

  it('passes over who is at its limit, and whoever nobody can tell where it is', async () => {
    const all = await scene()
    const order = assignedSeats(all.harness) as [number, number, number]
    const busy = await scene((seat) => ({ isBusy: seat === order[0] }))
    expect(assignedSeats(busy.harness)).toEqual(order)
    expect(duties(busy.harness)).toEqual({ primary: order[1], standby: order[2] })
    expect(busy.harness.network.assigned[0]).toMatchObject({ seat: order[0], state: 'busy' })

    const unknown = await scene((seat) => (seat === order[1] ? undefined : {}))
    expect(duties(unknown.harness)).toEqual({ primary: order[0], standby: order[2] })
    expect(unknown.harness.network.assigned[1]).toEqual({ seat: order[1], peerId: undefined, state: 'away' })
  })

  it('believes no words that the key of the seat has not signed, nor words of long ago', async () => {
    const plain = await scene()
    const [first, second, third] = assignedSeats(plain.harness) as [number, number, number]
    const { chain, harness, records, tell, time, page } = await scene((seat) => (seat === second ? undefined : {}))
    const elsewhere = { addresses: [serviceAddress('Seat5x')] }
    const forged = await sayService(chain, namedSigner('stranger'), { seat: second, issuedAt: time + 9, ...elsewhere })
    records.set(second, forged)
    await harness.clock.advance(120_000)
    await page()
    expect(harness.network.assigned[1]?.peerId).toBeUndefined()
    expect(duties(harness)).toEqual({ primary: first, standby: third })
    records.set(second, await tell(second, { issuedAt: time - 3 * 3_600_000 }))
    await harness.clock.advance(120_000)
    await page()
    expect(duties(harness)).toEqual({ primary: first, standby: third })
    records.set(second, await tell(second, { issuedAt: time + 1 }))
    await harness.clock.advance(120_000)
    await page()
    expect(duties(harness)).toEqual({ primary: first, standby: second })
  })

  it('takes words from a node without blocks, which can pass them on and not choose', async () => {
    const plain = await scene()
    const [first, second, third] = assignedSeats(plain.harness) as [number, number, number]
    const { chain, harness, tell, time, page } = await scene((seat) => (seat === second ? undefined : {}))
    // It would rather have the page at another server: the words of that one, under the seat that is assigned.
    let words = [{ ...(await tell(third, { issuedAt: time + 5 })), seat: second }]
    const told = createHonestNode({ chain, services: () => words, now: () => harness.clock.now() })
    const served: readonly string[] = [PROTOCOLS.status.id, PROTOCOLS.servers.id, PROTOCOLS.peers.id]
    await harness.connect('Board', async (protocol, bytes) => {
      if (!served.includes(protocol)) throw new NotServed()
      const answer = await told(protocol, bytes)
      const status = protocol === PROTOCOLS.status.id && answer !== 'reject' ? statusCodec.decode(answer) : undefined
      return status?.ok ? statusCodec.encode({ ...status.value, label: LABEL.coordination }) : answer
    })
    await harness.clock.advance(120_000)
    await page()
    expect(assignedSeats(harness)).toEqual([first, second, third])
    expect(duties(harness)).toEqual({ primary: first, standby: third })
    words = [await tell(second, { issuedAt: time + 6 })]
    await harness.clock.advance(120_000)
    await page()
    expect(duties(harness)).toEqual({ primary: first, standby: second })
    expect(harness.penalties).toEqual([])
  })

  it('follows the roster: whoever loses the seat serves no longer, and nobody else moves', async () => {
    const { chain, harness, page } = await scene()
    const [first, second, third] = assignedSeats(harness) as [number, number, number]
    const seat = first === 0 ? second : first
    // Keepers of genesis but the first have never registered.
    await removeKeeper(chain, new Uint8Array(32), seat)
    const server = harness.network.peers[0]?.peerId as string
    for (let i = 0; i < KEEPERS + 2; i++) await harness.gossip(server, await chain.mine())
    await page()
    expect(assignedSeats(harness).slice(0, 2)).toEqual([first, second, third].filter((one) => one !== seat))
    const [primary, standby] = assignedSeats(harness)
    expect(duties(harness)).toEqual({ primary, standby })
  })

  it('takes words of a key that took the place of another', async () => {
    const { chain, harness, records, page, time } = await scene()
    const [first] = assignedSeats(harness) as [number]
    const key = namedSigner('new key')
    await rotateSeat(chain, first, key)
    const server = harness.network.peers[0]?.peerId as string
    for (let i = 0; i < KEEPERS + 2; i++) await harness.gossip(server, await chain.mine())
    records.set(first, await sayService(chain, key, { seat: first, issuedAt: time + 60_000, isBusy: true }))
    await harness.clock.advance(120_000)
    await page()
    expect(harness.network.assigned[0]?.seat).toBe(first)
    // Whom it serves it goes on serving.
    expect(duties(harness)).toMatchObject({ primary: first })
  })

  it('has the servers of its ID once that is settled, also after it was closed', async () => {
    const { chain, relay, harness, page } = await scene()
    const secret = await makeVoucher(chain, relay)
    const prepared = await harness.finish({ call: 'prepare-join', voucher: formatVoucher(secret) })
    if (!prepared.ok) throw new Error(prepared.sentence)
    const { words, asked } = prepared.value
    await harness.finish({ call: 'confirm-join', answers: asked.map((place) => words[place] as string) })
    const server = () => harness.network.peers[0]?.peerId as string
    for (let i = 0; i < KEEPERS + 3; i++) {
      await harness.gossip(server(), await chain.mine())
      await harness.clock.advance(1_000)
      await page()
    }
    expect(harness.network.identity.state).toBe('settled')
    const stored = await harness.store.readIdentity(harness.network.networkId)
    const [blockHash, deviceId] = [stored?.block, stored?.deviceId]
    if (blockHash === undefined || deviceId === undefined) throw new Error('no block is stored')
    const record = chain.blocks.get(toHex(blockHash))
    expect(record?.block.transactions.map((bytes) => bytes[0])).toContain(KIND.register)
    const order = serversInOrder({ deviceId, blockHash }, chain.tip.node.roster.members).map(({ seat }) => seat)
    expect(assignedSeats(harness)).toEqual(order.slice(0, 3))
    expect(duties(harness)).toEqual({ primary: order[0], standby: order[1] })

    const { networkId } = harness.network
    const open = async () => {
      const again = new ClientHarness({ chain, store: harness.store })
      await again.open(undefined, [])
      await again.connect(peerOf(order[5] as number), createHonestNode({ chain }))
      await again.gossip(peerOf(order[5] as number), await chain.mine())
      return assignedSeats(again)
    }
    expect(await open()).toEqual(order.slice(0, 3))

    // As a page of before has stored it: the block is looked up again.
    await harness.store.writeIdentity(networkId, { ...(stored as IdentityRecord), block: undefined })
    expect(await open()).toEqual(order.slice(0, 3))
    expect((await harness.store.readIdentity(networkId))?.block).toEqual(blockHash)
  })
})
