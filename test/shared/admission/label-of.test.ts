import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CONNECTION, POWER, REACHABILITY, WHOLE } from '../../../shared/admission/hardware.ts'
import { LEAST_AVAILABILITY, labelOf } from '../../../shared/admission/label-of.ts'
import { labelSentence } from '../../../shared/admission/label-words.ts'
import { type DeviceProfile, profileOf, UNKNOWN_PROFILE } from '../../../shared/admission/profile.ts'
import { LABEL } from '../../../shared/identity/label.ts'
import { DEFAULT_POLICY } from '../../../shared/policy/policy.ts'

const THRESHOLDS = DEFAULT_POLICY.label
const HOME_PC: DeviceProfile = profileOf({
  lifetimeSeconds: THRESHOLDS.fullLifetimeSeconds,
  availability: LEAST_AVAILABILITY,
  computeScore: THRESHOLDS.fullComputeScore,
  storageMiB: THRESHOLDS.fullStorageMiB,
  reachability: REACHABILITY.localNetwork,
  power: POWER.mains,
  connection: CONNECTION.unmetered,
})
/** A router, or a camera: it lives as long, and has next to nothing. */
const ROUTER: DeviceProfile = { ...HOME_PC, computeScore: 900, storageMiB: 8 }

describe('the label of a device', () => {
  it('is both roles for a home PC, coordination for a weak one that lives long, lightweight for a phone', () => {
    expect(labelOf(HOME_PC, THRESHOLDS).label).toBe(LABEL.full | LABEL.coordination)
    expect(labelOf(ROUTER, THRESHOLDS).label).toBe(LABEL.coordination)
    expect(labelOf({ ...HOME_PC, power: POWER.battery }, THRESHOLDS).label).toBe(LABEL.lightweight)
    expect(labelOf(UNKNOWN_PROFILE, THRESHOLDS).label).toBe(LABEL.lightweight)
  })

  it('can be full alone where coordination asks for a longer life', () => {
    const thresholds = { ...THRESHOLDS, coordinationLifetimeSeconds: THRESHOLDS.fullLifetimeSeconds + 1 }
    expect(labelOf(HOME_PC, thresholds).label).toBe(LABEL.full)
  })

  it.each([
    ['lifetime', { lifetimeSeconds: THRESHOLDS.fullLifetimeSeconds - 1 }, ['full', 'coordination']],
    ['availability', { availability: LEAST_AVAILABILITY - 1 }, ['full', 'coordination']],
    ['compute', { computeScore: THRESHOLDS.fullComputeScore - 1 }, ['full']],
    ['storage', { storageMiB: THRESHOLDS.fullStorageMiB - 1 }, ['full']],
    ['reachability', { reachability: REACHABILITY.nobody }, ['full', 'coordination']],
    ['power', { power: POWER.battery }, ['full', 'coordination']],
    ['connection', { connection: CONNECTION.metered }, ['full', 'coordination']],
  ] as const)('gives %s as the one reason against', (requirement, change, roles) => {
    const { reasons } = labelOf({ ...HOME_PC, ...change }, THRESHOLDS)
    const against = reasons.filter(({ isMet }) => !isMet)
    expect(against.map((reason) => reason.requirement)).toEqual(roles.map(() => requirement))
    expect(against.map(({ role }) => role)).toEqual([...roles])
  })

  it('takes what a machine does not say of its power and its line for no obstacle', () => {
    const silent = { ...HOME_PC, power: POWER.unknown, connection: CONNECTION.unknown }
    expect(labelOf(silent, THRESHOLDS).label).toBe(LABEL.full | LABEL.coordination)
  })

  it('never falls when a device lives longer, or gets stronger', () => {
    const number = fc.nat({ max: 2 ** 32 - 1 })
    const profile = fc.record({
      lifetimeSeconds: number,
      availability: fc.nat({ max: WHOLE }),
      computeScore: number,
      cores: fc.nat({ max: 255 }),
      storageMiB: number,
      memoryMiB: number,
      reachability: fc.constantFrom(0, 1, 2, 3),
      power: fc.constantFrom(0, 1, 2),
      connection: fc.constantFrom(0, 1, 2),
    }) as fc.Arbitrary<DeviceProfile>
    fc.assert(
      fc.property(
        profile,
        fc.constantFrom('lifetimeSeconds', 'computeScore', 'storageMiB'),
        number,
        (one, field, more) => {
          const rank = (label: number) => (label === LABEL.lightweight ? 0 : label)
          const before = rank(labelOf(one, THRESHOLDS).label)
          const after = rank(labelOf({ ...one, [field]: one[field] + more }, THRESHOLDS).label)
          expect(after & before).toBe(before)
        },
      ),
    )
  })
})

describe('the sentence', () => {
  it('says what is lacking, how much there is and how much is needed', () => {
    const phone = profileOf({
      lifetimeSeconds: 3 * 3_600 + 59,
      availability: 985,
      computeScore: 150_000,
      storageMiB: 1_536,
      reachability: REACHABILITY.nobody,
      power: POWER.battery,
      connection: CONNECTION.metered,
    })
    expect(labelSentence(labelOf(phone, THRESHOLDS))).toBe(
      'lightweight, because for full it lacks lifetime 3 hours (needs 7 days), reachable by nobody (needs the local network), ' +
        'power battery (needs mains), line metered (needs not metered), free storage 1.5 GiB (needs 2 GiB); ' +
        'for coordination it lacks lifetime 3 hours (needs 7 days), reachable by nobody (needs the local network), ' +
        'power battery (needs mains), line metered (needs not metered)',
    )
  })

  it('says what it has where nothing is lacking', () => {
    expect(labelSentence(labelOf(HOME_PC, THRESHOLDS))).toBe(
      'full and coordination, because for full it has lifetime 7 days, presence 90 %, reachable by the local network, ' +
        'power mains, line not metered, header hashes a second 50,000, free storage 2 GiB; ' +
        'for coordination it has lifetime 7 days, presence 90 %, reachable by the local network, power mains, line not metered',
    )
  })
})
