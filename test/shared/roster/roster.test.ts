import { describe, expect, test } from 'vitest'
import { toHex } from '../../../shared/bytes.ts'
import {
  MAX_OWNERS,
  MAX_SEATS,
  type Member,
  memberAt,
  type Roster,
  rosterCodec,
  rosterRoot,
  twoThirds,
} from '../../../shared/roster/roster.ts'

const filled = (byte: number) => new Uint8Array(32).fill(byte)
const member = (seat: number): Member => ({
  seat,
  walletId: filled(seat),
  sealingKey: filled(seat),
  recoveryKey: filled(seat),
})
const ROSTER: Roster = {
  changeNumber: 3,
  previousRoot: filled(9),
  nextSeat: 8,
  recovered: 0,
  owners: { threshold: 2, keys: [filled(1), filled(2), filled(3)] },
  members: [member(0), member(4), member(7)],
}

describe('roster', () => {
  test('comes back, also when it is as large as it may be', () => {
    const members = Array.from({ length: MAX_SEATS }, (_, seat) => member(seat))
    const keys = Array.from({ length: MAX_OWNERS }, (_, i) => filled(i))
    for (const roster of [ROSTER, { ...ROSTER, members, owners: { threshold: MAX_OWNERS, keys } }])
      expect(rosterCodec.decode(rosterCodec.encode(roster))).toEqual({ ok: true, value: roster })
  })

  test('everything in it is in its root', () => {
    const others: Roster[] = [
      { ...ROSTER, changeNumber: 4 },
      { ...ROSTER, previousRoot: filled(8) },
      { ...ROSTER, nextSeat: 9 },
      { ...ROSTER, owners: { ...ROSTER.owners, threshold: 1 } },
      { ...ROSTER, members: [member(0), member(4)] },
      { ...ROSTER, members: [member(0), member(4), { ...member(7), sealingKey: filled(1) }] },
    ]
    expect(new Set([ROSTER, ...others].map((roster) => toHex(rosterRoot(roster)))).size).toBe(others.length + 1)
  })

  test.each<[string, Partial<Roster>]>([
    ['no members', { members: [] }],
    ['too many', { members: Array.from({ length: MAX_SEATS + 1 }, (_, seat) => member(seat)) }],
    ['members out of order', { members: [member(4), member(0)] }],
    ['a seat twice', { members: [member(4), member(4)] }],
    ['no owners', { owners: { threshold: 1, keys: [] } }],
    ['owners out of order', { owners: { threshold: 1, keys: [filled(2), filled(1)] } }],
    ['an owner twice', { owners: { threshold: 1, keys: [filled(1), filled(1)] } }],
    ['threshold 0', { owners: { threshold: 0, keys: [filled(1)] } }],
    ['a threshold above its owners', { owners: { threshold: 2, keys: [filled(1)] } }],
  ])('refuses %s', (_, change) => {
    expect(() => rosterCodec.encode({ ...ROSTER, ...change })).toThrow(expect.objectContaining({ code: 'unencodable' }))
  })

  test('finds members by seat', () => {
    expect(memberAt(ROSTER, 4)).toBe(ROSTER.members[1])
    expect(memberAt(ROSTER, 5)).toBeUndefined()
  })

  test('two thirds is rounded up', () => {
    expect([1, 2, 3, 4, 5, 6, 7, 9, 256].map(twoThirds)).toEqual([1, 2, 2, 3, 4, 4, 5, 6, 171])
  })
})
