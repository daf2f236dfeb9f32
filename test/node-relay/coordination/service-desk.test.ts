/** Full nodes say where they serve, pass on what others say, and believe the key of the seat alone. */
import { beforeEach, describe, expect, it } from 'vitest'
import {
  createServiceDesk,
  SERVICE_RECORD_MS,
  type ServiceDesk,
} from '../../../node-relay/coordination/service-desk.ts'
import { createNodeVerifier } from '../../../node-relay/crypto/node-verifier.ts'
import type { ServiceRecord } from '../../../shared/coordination/service-record.ts'
import type { Signer } from '../../../shared/crypto/signer.ts'
import { MAX_ASKED_SEATS, serversCodec, serversRequestCodec } from '../../../shared/protocol/service-messages.ts'
import { foundRelay, removeKeeper, rotateSeat, sayService, serviceAddress } from '../../framework/chain-actions.ts'
import { ChainBuilder, namedSigner } from '../../framework/chain-builder.ts'

const KEEPERS = 40
const CAPACITY = 100

let chain: ChainBuilder
let now: number
let connections: number
let sealing: Signer
let addresses: string[]
/** What each peer says; undefined: it does not answer. */
let said: Map<string, ServiceRecord[] | undefined>
let asked: { peer: string; seats: number[] }[]
let gone: (peer: { peerId: string }) => void
let desk: ServiceDesk

beforeEach(async () => {
  chain = new ChainBuilder({ keepers: KEEPERS })
  now = chain.tip.block.header.time
  connections = 10
  sealing = chain.keeper(0)
  addresses = [serviceAddress('Own')]
  said = new Map()
  asked = []
  desk = createServiceDesk({
    network: {
      peers: () => Array.from({ length: connections }) as never,
      on(event, listener) {
        if (event === 'disconnected') gone = listener as never
        return () => {}
      },
      async request(peer, _spec, bytes) {
        const request = serversRequestCodec.decode(bytes)
        if (!request.ok) throw new Error(request.detail)
        const { seats } = request.value
        asked.push({ peer, seats })
        const records = said.get(peer)
        if (records === undefined) throw new Error('no answer')
        return serversCodec.encode({ records: records.filter(({ seat }) => seats.includes(seat)) })
      },
    },
    chain: {
      rules: chain.rules,
      get tip() {
        return chain.tip.node
      },
    },
    verifier: createNodeVerifier(),
    sealing: () => sealing,
    addresses: () => addresses,
    capacity: CAPACITY,
    now: () => now,
  })
})

const say = (seat: number, more: Partial<ServiceRecord> = {}, key: Signer = chain.keeper(seat)) =>
  sayService(chain, key, { seat, issuedAt: now, ...more })

async function hearFrom(peer: string, records: ServiceRecord[]): Promise<void> {
  said.set(peer, records)
  desk.foundFullNode(peer)
  // The whole roster is asked for in so many rounds.
  for (let round = 0; round < KEEPERS / (MAX_ASKED_SEATS / 2); round++) await desk.look()
}

describe('its own word', () => {
  it('is said as soon as it has a seat and an address, and anew when it changes or grows old', async () => {
    addresses = []
    await desk.look()
    expect(desk.records([0])).toEqual([])
    addresses = [serviceAddress('Own')]
    await desk.look()
    const [first] = desk.records([0, 1])
    expect(first).toMatchObject({ seat: 0, isBusy: false, addresses, issuedAt: now })
    now += 60_000
    await desk.look()
    expect(desk.records([0])).toEqual([first])
    addresses = [serviceAddress('Own').replace('.20/', '.21/')]
    await desk.look()
    expect(desk.records([0])).toMatchObject([{ addresses, issuedAt: now }])
    now += SERVICE_RECORD_MS / 4
    await desk.look()
    expect(desk.records([0])).toMatchObject([{ issuedAt: now }])
  })

  it('is never older than the one before, though the clock was set back', async () => {
    await desk.look()
    const before = now
    now -= 3_600_000
    addresses = [serviceAddress('Own').replace('.20/', '.21/')]
    await desk.look()
    expect(desk.records([0])).toMatchObject([{ addresses, issuedAt: before + 1 }])
  })

  it('says from nine tenths of its connections on that it is at its limit, and until three quarters are left', async () => {
    const isBusyWith = async (count: number) => {
      connections = count
      await desk.look()
      return desk.records([0])[0]?.isBusy
    }
    expect(await isBusyWith(89)).toBe(false)
    expect(await isBusyWith(90)).toBe(true)
    expect(await isBusyWith(76)).toBe(true)
    expect(await isBusyWith(74)).toBe(false)
    expect(await isBusyWith(89)).toBe(false)
  })

  it('is not said without a seat', async () => {
    sealing = namedSigner('nobody')
    await desk.look()
    expect(desk.records(Array.from({ length: KEEPERS }, (_, seat) => seat))).toEqual([])
  })
})

describe('the words of others', () => {
  it('are passed on as they were signed; the later one counts', async () => {
    const first = await say(3)
    await hearFrom('A', [first])
    expect(desk.records([3])).toEqual([first])
    const later = await say(3, { issuedAt: now + 5, isBusy: true })
    await hearFrom('A', [later])
    await hearFrom('A', [first])
    expect(desk.records([3])).toEqual([later])
  })

  it('count only when the key of the seat has signed them', async () => {
    const good = await say(3)
    const forged = await say(4, {}, chain.keeper(5))
    const altered = { ...(await say(5)), addresses: [serviceAddress('Elsewhere')] }
    const nobody = await say(KEEPERS, {}, namedSigner('nobody'))
    const foreign = await sayService(new ChainBuilder({ name: 'other' }), chain.keeper(6), { seat: 6, issuedAt: now })
    await hearFrom('A', [good, forged, altered, nobody, foreign])
    expect(desk.records([3, 4, 5, 6, KEEPERS])).toEqual([good])
  })

  it('end with the seat, with its key, and with their age', async () => {
    const relay = await foundRelay(chain)
    await hearFrom('A', [await say(3), await say(4), await say(5)])
    await removeKeeper(chain, new Uint8Array(32), 3)
    await chain.mine()
    expect(relay.deviceId).toHaveLength(32)
    expect(desk.records([3, 4, 5]).map(({ seat }) => seat)).toEqual([4, 5])
    const key = namedSigner('new key')
    await rotateSeat(chain, 4, key)
    await chain.mine()
    expect(desk.records([3, 4, 5]).map(({ seat }) => seat)).toEqual([5])
    // An earlier time by the new key counts: it is another's word.
    await hearFrom('A', [await say(4, { issuedAt: now - 1_000 }, key)])
    expect(desk.records([4])).toHaveLength(1)
    now += SERVICE_RECORD_MS - 1
    expect(desk.records([5])).toHaveLength(1)
    now += 1
    expect(desk.records([5])).toEqual([])
  })

  it('are asked for in turn, of one full node at a time', async () => {
    for (const peer of ['A', 'B']) said.set(peer, [await say(1), await say(2)])
    desk.foundFullNode('A')
    desk.foundFullNode('B')
    await desk.look()
    await desk.look()
    expect(asked.map(({ peer }) => peer)).toEqual(['A', 'B'])
    expect(asked[0]?.seats).toEqual(Array.from({ length: MAX_ASKED_SEATS }, (_, i) => i + 1))
    for (let round = 0; round < 2 * KEEPERS; round++) await desk.look()
    // Nobody is forgotten for all those that do not answer, and they are asked for more often than in turn.
    for (let seat = 1; seat < KEEPERS; seat++) {
      const times = asked.filter(({ seats }) => seats.includes(seat)).length
      expect(times, `seat ${seat}`).toBeGreaterThan(10)
    }
    expect(asked.every(({ seats }) => seats.length === MAX_ASKED_SEATS && !seats.includes(0))).toBe(true)
  })

  it('are not asked of whoever is gone, and silence harms nobody', async () => {
    said.set('A', undefined)
    desk.foundFullNode('A')
    await desk.look()
    expect(asked).toHaveLength(1)
    gone({ peerId: 'A' })
    await desk.look()
    expect(asked).toHaveLength(1)
    expect(desk.records([0])).toHaveLength(1)
  })
})
