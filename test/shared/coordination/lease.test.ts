import { describe, expect, test } from 'vitest'
import {
  CLAIM_DELAY_MS,
  DUEL_MS,
  MAX_PRESENCE_LEASES,
  PRESENCE_MS,
  PresenceTable,
  presenceTimes,
  RENEWAL_MS,
} from '../../../shared/coordination/lease.ts'
import { PRESETS } from '../../../shared/params.ts'

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

describe('a lease elsewhere', () => {
  test('is known here as long as it lives or keeps somebody out', () => {
    const table = held()
    expect(table.knows('device', NOW + PRESENCE_MS - 1)).toBe(true)
    expect(table.knows('device', NOW + PRESENCE_MS)).toBe(false)
    expect(table.knows('another', NOW)).toBe(false)
    table.claim(COPY, NOW)
    expect(table.knows('device', NOW + DUEL_MS + CLAIM_DELAY_MS - 1)).toBe(true)
    expect(table.knows('device', NOW + DUEL_MS + CLAIM_DELAY_MS)).toBe(false)
  })

  test('is let go of here for its holder alone', () => {
    const table = held()
    expect(table.release('device', 'copy')).toBe(false)
    expect(table.size).toBe(1)
    expect(table.release('device', 'own')).toBe(true)
    expect(table.release('device', 'own')).toBe(false)
    expect(table.size).toBe(0)
  })
})

describe('the times of a network', () => {
  test('are those of a home at home and where blocks come slower, and shorter in a test', () => {
    const home = { lease: PRESENCE_MS, renewal: RENEWAL_MS, duel: DUEL_MS, claimDelay: CLAIM_DELAY_MS }
    expect(presenceTimes(PRESETS.home)).toEqual(home)
    expect(presenceTimes({ spacingMs: 600_000 })).toEqual(home)
    expect(presenceTimes(PRESETS.test)).toEqual({ lease: 20_000, renewal: 10_000, duel: 5_000, claimDelay: 2_000 })
  })

  test('are those of its table', () => {
    const times = presenceTimes(PRESETS.test)
    const table = new PresenceTable(8, times)
    expect(table.claim(OWN, NOW)).toEqual({ type: 'granted', until: NOW + times.lease })
    expect(table.claim(COPY, NOW)).toEqual({ type: 'prove', deadline: NOW + times.duel })
    expect(table.claim(COPY, NOW + times.duel)).toEqual({ type: 'wait', until: NOW + times.duel + times.claimDelay })
    table.prove('device', 'own', NOW)
    expect(table.claim(COPY, NOW)).toEqual({ type: 'wait', until: NOW + times.lease + times.claimDelay })
  })
})
