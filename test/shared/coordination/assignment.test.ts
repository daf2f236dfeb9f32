import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { toHex, uintToBytes } from '../../../shared/bytes.ts'
import { type AssignedDevice, assign, BACKUPS, serversInOrder } from '../../../shared/coordination/assignment.ts'
import { sha256 } from '../../../shared/hash.ts'
import { propertyRuns } from '../../framework/property-runs.ts'

const member = (seat: number) => ({ seat })
const seatsOf = (members: readonly { seat: number }[]) => members.map(({ seat }) => seat)
const device = (number: number): AssignedDevice => ({
  blockHash: sha256(uintToBytes(Math.floor(number / 100), 4)),
  deviceId: sha256(uintToBytes(number, 5)),
})
const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 })
/** For devices 0, 1 and 100. */
const GOLDEN = [
  [2, 4, 0, 65535, 5, 3, 1, 6],
  [6, 4, 2, 5, 1, 3, 65535, 0],
  [6, 65535, 4, 3, 1, 2, 0, 5],
]
const anyDevice = fc.record({ blockHash: bytes32, deviceId: bytes32 })
const anySeats = fc.uniqueArray(fc.integer({ min: 0, max: 0xffff }), { maxLength: 24 })

describe('the order of servers', () => {
  test('golden vectors', () => {
    const members = [0, 1, 2, 3, 4, 5, 6, 0xffff].map(member)
    expect([0, 1, 100].map((number) => seatsOf(serversInOrder(device(number), members)))).toEqual(GOLDEN)
  })

  test('is that of the hashes, written out by hand', () => {
    const one = device(7)
    const tag = 'lares/assignment/1'
    const weight = (seat: number) => {
      const bytes = [tag.length, ...Buffer.from(tag), ...one.blockHash, ...one.deviceId, seat >> 8, seat & 0xff]
      return toHex(sha256(Uint8Array.from(bytes)))
    }
    const seats = [3, 258, 9, 77]
    const byHand = [...seats].sort((a, b) => (weight(a) < weight(b) ? 1 : -1))
    expect(seatsOf(serversInOrder(one, seats.map(member)))).toEqual(byHand)
  })

  test('does not depend on how the roster lists them, and is the same each time', () => {
    fc.assert(
      fc.property(anyDevice, anySeats, (one, seats) => {
        const order = serversInOrder(one, seats.map(member))
        expect(serversInOrder(one, [...seats].reverse().map(member))).toEqual(order)
        expect(serversInOrder(one, [...seats].sort((a, b) => a - b).map(member))).toEqual(order)
        expect(new Set(seatsOf(order))).toEqual(new Set(seats))
      }),
      propertyRuns(300),
    )
  })

  test('one that comes or leaves changes the place of nobody else', () => {
    fc.assert(
      fc.property(anyDevice, anySeats, fc.integer({ min: 0, max: 0xffff }), (one, seats, other) => {
        const before = seats.filter((seat) => seat !== other)
        const after = serversInOrder(one, [...before, other].map(member))
        expect(seatsOf(after).filter((seat) => seat !== other)).toEqual(
          seatsOf(serversInOrder(one, before.map(member))),
        )
      }),
      propertyRuns(300),
    )
  })

  test('equal weights, as of one seat listed twice, keep both and stay in order', () => {
    expect(seatsOf(serversInOrder(device(1), [member(5), member(5)]))).toEqual([5, 5])
  })

  test('another block or another device has another order', () => {
    const members = Array.from({ length: 32 }, (_, seat) => member(seat))
    const order = serversInOrder(device(1), members)
    expect(serversInOrder({ ...device(1), blockHash: device(500).blockHash }, members)).not.toEqual(order)
    expect(serversInOrder({ ...device(1), deviceId: device(2).deviceId }, members)).not.toEqual(order)
  })
})

describe('who serves', () => {
  test('nobody of an empty roster, and the only one without backups', () => {
    expect(assign(device(1), [])).toEqual({ primary: undefined, backups: [] })
    expect(assign(device(1), [member(4)])).toEqual({ primary: member(4), backups: [] })
  })

  test('the first, and the next two as backups', () => {
    const members = [1, 2, 3, 4, 5].map(member)
    const [first, ...rest] = serversInOrder(device(3), members)
    expect(assign(device(3), members)).toEqual({ primary: first, backups: rest.slice(0, BACKUPS) })
    expect(BACKUPS).toBe(2)
  })

  test('who is busy is passed over, and nobody when all are', () => {
    const members = [1, 2, 3, 4, 5].map(member)
    const order = serversInOrder(device(3), members)
    const isBusy = (one: { seat: number }) => one.seat === order[0]?.seat || one.seat === order[2]?.seat
    expect(assign(device(3), members, isBusy)).toEqual({ primary: order[1], backups: [order[3], order[4]] })
    expect(assign(device(3), members, () => true)).toEqual({ primary: undefined, backups: [] })
  })

  test('16 servers share 5,000 devices evenly', () => {
    const members = Array.from({ length: 16 }, (_, seat) => member(seat))
    const loads = new Array<number>(16).fill(0)
    for (let i = 0; i < 5_000; i++) {
      const seat = assign(device(i), members).primary?.seat ?? -1
      loads[seat] = (loads[seat] ?? 0) + 1
    }
    expect(Math.max(...loads) / (5_000 / 16)).toBeLessThanOrEqual(1.25)
  })
})
