import { describe, expect, it } from 'vitest'
import { POWER, REACHABILITY, WHOLE } from '../../../shared/admission/hardware.ts'
import { FORGIVEN_BREAK_MS, Lifetime } from '../../../shared/admission/lifetime.ts'
import { hashProfile, profileOf, UNKNOWN_PROFILE } from '../../../shared/admission/profile.ts'
import { fromHex, toHex } from '../../../shared/bytes.ts'
import { sha256 } from '../../../shared/hash.ts'

describe('a profile', () => {
  it('is hashed as PROTOCOL.md writes it', () => {
    const profile = profileOf({
      lifetimeSeconds: 0x01020304,
      availability: 900,
      computeScore: 50_000,
      cores: 4,
      storageMiB: 2_048,
      memoryMiB: 8_192,
      reachability: REACHABILITY.localNetwork,
      power: POWER.mains,
    })
    const bytes = fromHex(`02 01020304 0384 0000c350 04 00000800 00002000 02 02 00`.replaceAll(' ', ''))
    expect(bytes).toHaveLength(23)
    expect(toHex(hashProfile(profile))).toBe(toHex(sha256(bytes)))
  })

  it('keeps what was measured within its fields, and what is no number as unknown', () => {
    expect(
      profileOf({
        lifetimeSeconds: 1e12,
        availability: 5_000,
        computeScore: Number.NaN,
        cores: 999,
        storageMiB: Number.POSITIVE_INFINITY,
        memoryMiB: -1,
      }),
    ).toEqual({
      ...UNKNOWN_PROFILE,
      lifetimeSeconds: 2 ** 32 - 1,
      availability: WHOLE,
      cores: 255,
      storageMiB: 2 ** 32 - 1,
    })
    expect(profileOf({ computeScore: 1.9 }).computeScore).toBe(1)
    expect(() => hashProfile(profileOf({ storageMiB: 1e99 }))).not.toThrow()
  })
})

describe('a lifetime', () => {
  const MINUTE = 60_000
  const START = 1_700_000_000_000
  /** Looked at each minute, as by each block. */
  function live(lifetime: Lifetime, from: number, minutes: number, isConnected: boolean): number {
    for (let minute = 0; minute <= minutes; minute++) lifetime.note(isConnected, from + minute * MINUTE)
    return from + minutes * MINUTE
  }

  it('counts from the first connection', () => {
    const lifetime = new Lifetime()
    expect(lifetime.at(START)).toEqual({ lifetimeSeconds: 0, availability: 0 })
    const end = live(lifetime, START + 5_000, 60, true)
    expect(lifetime.at(end + 500)).toEqual({ lifetimeSeconds: 3_600, availability: WHOLE })
  })

  it('goes on over a short break, which costs availability', () => {
    const lifetime = new Lifetime()
    live(lifetime, START, 12, true)
    live(lifetime, START + 12 * MINUTE, 4, false)
    const end = live(lifetime, START + 16 * MINUTE, 4, true)
    expect(lifetime.at(end)).toEqual({ lifetimeSeconds: 20 * 60, availability: 800 })
  })

  it('ends with a longer one, and begins anew', () => {
    const lifetime = new Lifetime()
    const lost = live(lifetime, START, 60, true)
    lifetime.note(false, lost)
    expect(lifetime.at(lost + FORGIVEN_BREAK_MS)).toMatchObject({ lifetimeSeconds: 3_900 })
    expect(lifetime.at(lost + FORGIVEN_BREAK_MS + 1)).toEqual({ lifetimeSeconds: 0, availability: 0 })
    const end = live(lifetime, lost + 2 * FORGIVEN_BREAK_MS, 3, true)
    expect(lifetime.at(end)).toEqual({ lifetimeSeconds: 180, availability: WHOLE })
  })

  it('ends where nobody looked for long: the device may have slept', () => {
    const lifetime = new Lifetime()
    const asleep = live(lifetime, START, 60, true)
    expect(lifetime.at(asleep + 8 * 60 * MINUTE)).toEqual({ lifetimeSeconds: 0, availability: WHOLE })
  })

  it('ends when the clock is set back', () => {
    const lifetime = new Lifetime()
    const end = live(lifetime, START, 60, true)
    expect(lifetime.at(end - 10 * MINUTE)).toMatchObject({ lifetimeSeconds: 0 })
  })
})
