import { describe, expect, test } from 'vitest'
import {
  CLAIM_DELAY_MS,
  DUEL_MS,
  MAX_PRESENCE_LEASES,
  PRESENCE_MS,
  PresenceTable,
  RENEWAL_MS,
} from '../../../shared/coordination/lease.ts'

const NOW = 1_000_000
const OWN = { deviceId: 'device', holder: 'own', seat: 1 }
const COPY = { deviceId: 'device', holder: 'copy', seat: 2 }

function held(): PresenceTable {
  const table = new PresenceTable()
  table.claim(OWN, NOW)
  return table
}

describe('a presence lease', () => {
  test('is granted, and ends at its time', () => {
    const table = new PresenceTable()
    expect(table.claim(OWN, NOW)).toEqual({ type: 'granted', until: NOW + PRESENCE_MS })
    expect(table.leaseOf('device', NOW + PRESENCE_MS - 1)).toMatchObject({ holder: 'own', seat: 1, grantedAt: NOW })
    expect(table.leaseOf('device', NOW + PRESENCE_MS)).toBeUndefined()
    expect(table.leaseOf('another', NOW)).toBeUndefined()
  })

  test('renewed at half the time lives on, even when one renewal is lost', () => {
    const table = held()
    expect(RENEWAL_MS * 2).toBe(PRESENCE_MS)
    expect(table.claim(OWN, NOW + RENEWAL_MS)).toEqual({ type: 'renewed', until: NOW + RENEWAL_MS + PRESENCE_MS })
    expect(table.claim(OWN, NOW + 3 * RENEWAL_MS - 1).type).toBe('renewed')
  })

  test('that ran out is granted anew, to anyone', () => {
    expect(held().claim(OWN, NOW + PRESENCE_MS).type).toBe('granted')
    expect(held().claim(COPY, NOW + PRESENCE_MS).type).toBe('granted')
  })

  test('moves at once with its holder to the backup', () => {
    const table = held()
    expect(table.claim({ ...OWN, seat: 7 }, NOW + 1)).toEqual({ type: 'moved', until: NOW + 1 + PRESENCE_MS })
    expect(table.leaseOf('device', NOW + 2)).toMatchObject({ seat: 7, grantedAt: NOW })
  })
})

describe('a second claim', () => {
  test('makes the holder prove itself; who does keeps the other out until after the lease', () => {
    const table = held()
    expect(table.claim(COPY, NOW + 5)).toEqual({ type: 'prove', deadline: NOW + 5 + DUEL_MS })
    expect(table.leaseOf('device', NOW + 6)?.duel).toEqual({ claimant: 'copy', deadline: NOW + 5 + DUEL_MS })
    expect(table.prove('device', 'own', NOW + 10)).toEqual({ ok: true })
    const end = NOW + 10 + PRESENCE_MS
    expect(table.claim(COPY, NOW + 11)).toEqual({ type: 'wait', until: end + CLAIM_DELAY_MS })
    expect(table.claim(COPY, end)).toEqual({ type: 'wait', until: end + CLAIM_DELAY_MS })
    expect(table.claim(COPY, end + CLAIM_DELAY_MS).type).toBe('granted')
  })

  test('stays out for as long as the holder renews', () => {
    const table = held()
    table.claim(COPY, NOW)
    table.prove('device', 'own', NOW)
    table.claim(OWN, NOW + RENEWAL_MS)
    const until = NOW + RENEWAL_MS + PRESENCE_MS + CLAIM_DELAY_MS
    expect(table.claim(COPY, NOW + PRESENCE_MS)).toEqual({ type: 'wait', until })
  })

  test('is let in a stated time after a holder that does not prove itself', () => {
    const table = held()
    table.claim(COPY, NOW)
    expect(table.leaseOf('device', NOW + DUEL_MS - 1)).toBeDefined()
    expect(table.leaseOf('device', NOW + DUEL_MS)).toBeUndefined()
    expect(table.claim(COPY, NOW + DUEL_MS).type).toBe('wait')
    expect(table.claim(COPY, NOW + DUEL_MS + CLAIM_DELAY_MS).type).toBe('granted')
  })

  test('a renewal is no proof, and repeated claims move no deadline', () => {
    const table = held()
    table.claim(COPY, NOW)
    expect(table.claim(OWN, NOW + 1)).toEqual({ type: 'renewed', until: NOW + PRESENCE_MS })
    expect(table.claim({ ...COPY, holder: 'third' }, NOW + 2).type).toBe('wait')
    expect(table.leaseOf('device', NOW + DUEL_MS)).toBeUndefined()
    // The holder itself is let back in at once: it is the one that was there.
    expect(table.claim(OWN, NOW + DUEL_MS).type).toBe('granted')
  })

  test('a holder that moves during a duel is still to prove itself', () => {
    const table = held()
    table.claim(COPY, NOW)
    expect(table.claim({ ...OWN, seat: 9 }, NOW + 1).type).toBe('moved')
    expect(table.leaseOf('device', NOW + 2)?.duel?.claimant).toBe('copy')
  })

  test('a proof counts only from the holder, in time and once', () => {
    const table = held()
    expect(table.prove('device', 'own', NOW)).toMatchObject({ code: 'no-duel' })
    expect(table.prove('nobody', 'own', NOW)).toMatchObject({ code: 'no-duel' })
    table.claim(COPY, NOW)
    expect(table.prove('device', 'copy', NOW)).toMatchObject({ code: 'not-the-holder' })
    expect(table.prove('device', 'own', NOW + DUEL_MS)).toMatchObject({ code: 'too-late' })
    expect(table.prove('device', 'own', NOW + DUEL_MS - 1)).toEqual({ ok: true })
    expect(table.prove('device', 'own', NOW + DUEL_MS - 1)).toMatchObject({ code: 'no-duel' })
  })
})

describe('the table', () => {
  test('full, it drops what has run out, and otherwise refuses newcomers but no one it knows', () => {
    const table = new PresenceTable(2)
    table.claim(OWN, NOW)
    table.claim({ ...OWN, deviceId: 'second' }, NOW + 10)
    expect(table.claim({ ...OWN, deviceId: 'third' }, NOW + 11)).toEqual({ type: 'full' })
    expect(table.claim(OWN, NOW + 12).type).toBe('renewed')
    expect(table.claim({ ...OWN, deviceId: 'third' }, NOW + 10 + PRESENCE_MS).type).toBe('granted')
    expect(table.size).toBe(2)
    expect(MAX_PRESENCE_LEASES).toBe(16_384)
  })

  test('keeps what has run out while somebody is to wait for it', () => {
    const table = held()
    table.claim(COPY, NOW)
    expect(table.prune(NOW + DUEL_MS)).toBe(0)
    expect(table.prune(NOW + DUEL_MS + CLAIM_DELAY_MS)).toBe(1)
    expect(table.size).toBe(0)
  })
})
