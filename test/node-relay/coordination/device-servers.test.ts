/** A relay works out where a device may be present, and with whom it has to speak of that. */
import { beforeEach, expect, it } from 'vitest'
import { createDeviceServers, MAX_PRESENCE_SERVERS } from '../../../node-relay/coordination/device-servers.ts'
import { serversInOrder } from '../../../shared/coordination/assignment.ts'
import type { ServiceRecord } from '../../../shared/coordination/service-record.ts'
import { sayService } from '../../framework/chain-actions.ts'
import { ChainBuilder } from '../../framework/chain-builder.ts'

const KEEPERS = 10
const deviceId = new Uint8Array(32).fill(5)
let chain: ChainBuilder
let order: number[]
let known: Map<number, ServiceRecord>
let connected: string[]
let ownSeat: number | undefined

beforeEach(async () => {
  chain = new ChainBuilder({ keepers: KEEPERS })
  await chain.mineMany(3)
  const { hash } = chain.at(2).node
  order = serversInOrder({ deviceId, blockHash: hash }, chain.tip.node.roster.members).map(({ seat }) => seat)
  known = new Map()
  for (let seat = 0; seat < KEEPERS; seat++)
    known.set(seat, await sayService(chain, chain.keeper(seat), { seat, issuedAt: 1 }))
  connected = order.map((seat) => `Seat${seat}`)
  ownSeat = order[0]
})

const servers = () =>
  createDeviceServers({
    chain: { graph: { settled: { node: chain.tip.node } } as never },
    store: { headerItem: (height) => (height > chain.tip.node.height ? undefined : chain.at(height).item) },
    services: { records: (seats) => seats.flatMap((seat) => known.get(seat) ?? []) },
    network: { peers: () => connected.map((peerId) => ({ peerId })) as never },
    ownSeat: () => ownSeat,
  })
const others = () => servers().othersOf({ deviceId, registeredHeight: 2 })
const peersOf = (seats: readonly number[]) => seats.map((seat) => `Seat${seat}`)

it('asks the first eight in the order of the device, but for itself', () => {
  expect(others()).toEqual({ peers: peersOf(order.slice(1, MAX_PRESENCE_SERVERS)), away: 0 })
  ownSeat = order[3]
  expect(others()).toEqual({ peers: peersOf(order.slice(0, 8).filter((seat) => seat !== ownSeat)), away: 0 })
})

it('says how many of them it cannot ask: not connected, or not heard of', () => {
  connected = connected.filter((peer) => peer !== `Seat${order[1]}`)
  known.delete(order[2] as number)
  expect(others()).toEqual({ peers: peersOf(order.slice(3, 8)), away: 2 })
})

it('is none of them beyond those, without a seat, or where the block of the device is not there', () => {
  ownSeat = order[8]
  expect(others()).toBeUndefined()
  ownSeat = undefined
  expect(others()).toBeUndefined()
  ownSeat = order[0]
  expect(servers().othersOf({ deviceId, registeredHeight: 99 })).toBeUndefined()
})

it('knows the peers of seats by their own word alone', () => {
  expect(servers().isKeeper(`Seat${order[9]}`)).toBe(true)
  expect(servers().isKeeper('a page')).toBe(false)
  known.delete(order[9] as number)
  expect(servers().isKeeper(`Seat${order[9]}`)).toBe(false)
})
