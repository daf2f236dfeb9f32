import { describe, expect, it } from 'vitest'
import {
  BAN_MS,
  BANS_PER_ADDRESS,
  MAX_BANS,
  MAX_PENALISED_PEERS,
  PENALTY_FORGIVEN_PER_MINUTE,
  PENALTY_LIMIT,
} from '../../../shared/protocol/transport.ts'
import { createPenaltyBook } from '../../../shared/transport/penalties.ts'

const PUBLIC = '203.0.113.9'
const HOME = '192.168.1.7'

function setUp() {
  const clock = { time: 1_000_000 }
  return { clock, book: createPenaltyBook(() => clock.time) }
}

describe('the penalty book', () => {
  it('bans at the limit and not one point before, and lifts the ban when it ends', () => {
    const { clock, book } = setUp()
    expect(book.add('peer', HOME, PENALTY_LIMIT - 1)).toBe(false)
    expect(book.isBanned('peer')).toBe(false)
    expect(book.add('peer', HOME, 1)).toBe(true)
    expect(book.isBanned('peer')).toBe(true)
    clock.time += BAN_MS - 1
    expect(book.isBanned('peer')).toBe(true)
    clock.time += 1
    expect(book.isBanned('peer')).toBe(false)
    expect(book.points('peer')).toBe(0)
  })

  it('forgives with time, so rare slips never add up', () => {
    const { clock, book } = setUp()
    book.add('peer', HOME, 50)
    clock.time += 4 * 60_000
    expect(book.points('peer')).toBe(50 - 4 * PENALTY_FORGIVEN_PER_MINUTE)
    for (let i = 0; i < 100; i++) {
      clock.time += 10 * 60_000
      expect(book.add('peer', HOME, 50)).toBe(false)
    }
  })

  it('cannot be talked down by negative points or a clock that runs back', () => {
    const { clock, book } = setUp()
    book.add('peer', HOME, 60)
    clock.time -= 3_600_000
    expect(book.points('peer')).toBe(60)
    book.add('peer', HOME, -60)
    expect(book.points('peer')).toBe(60)
  })

  it('bans a public address after several banned peers, never a private one', () => {
    const { clock, book } = setUp()
    for (let i = 0; i < BANS_PER_ADDRESS; i++) {
      expect(book.isHostBanned(PUBLIC)).toBe(false)
      book.add(`public-${i}`, PUBLIC, PENALTY_LIMIT)
      book.add(`home-${i}`, HOME, PENALTY_LIMIT)
    }
    expect(book.isHostBanned(PUBLIC)).toBe(true)
    expect(book.isHostBanned(HOME)).toBe(false)
    clock.time += BAN_MS
    expect(book.isHostBanned(PUBLIC)).toBe(false)
  })

  it('stays bounded, and forgets those with the fewest points first', () => {
    const { book } = setUp()
    book.add('worst', HOME, PENALTY_LIMIT - 1)
    for (let i = 0; i < MAX_PENALISED_PEERS * 2; i++) book.add(`peer-${i}`, HOME, 1 + (i % 3))
    expect(book.points('worst')).toBe(PENALTY_LIMIT - 1)
    let remembered = 0
    for (let i = 0; i < MAX_PENALISED_PEERS * 2; i++) if (book.points(`peer-${i}`) > 0) remembered++
    expect(remembered).toBe(MAX_PENALISED_PEERS - 1)
  })

  it('keeps at most so many bans and lifts the one that ends first', () => {
    const { clock, book } = setUp()
    for (let i = 0; i <= MAX_BANS; i++) {
      clock.time += 1
      book.add(`peer-${i}`, undefined, PENALTY_LIMIT)
    }
    expect(book.isBanned('peer-0')).toBe(false)
    expect(book.isBanned('peer-1')).toBe(true)
    expect(book.isBanned(`peer-${MAX_BANS}`)).toBe(true)
  })
})
