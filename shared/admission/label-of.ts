import { LABEL } from '../identity/label.ts'
import type { Policy } from '../policy/policy.ts'
import { CONNECTION, POWER, REACHABILITY } from './hardware.ts'
import type { DeviceProfile } from './profile.ts'

/** A role needs this share of its lifetime connected, thousandths: who is assigned to it must find it. */
export const LEAST_AVAILABILITY = 900

export type Role = 'full' | 'coordination'
export type Requirement = 'lifetime' | 'availability' | 'compute' | 'storage' | 'reachability' | 'power' | 'connection'

/** One requirement of one role. `have` and `need` are in the units of {@link DeviceProfile}. */
export interface LabelReason {
  readonly role: Role
  readonly requirement: Requirement
  readonly have: number
  readonly need: number
  readonly isMet: boolean
}

export interface LabelDecision {
  /** Flags of {@link LABEL}. */
  readonly label: number
  /** Everything that was looked at, whether met or not. */
  readonly reasons: readonly LabelReason[]
}

/**
 * The label that a device fits, by its lifetime and hardware; the same everywhere (DESIGN 4). It gives no right: a role is
 * earned by admission.
 *
 * @param thresholds of the network's policy
 */
export function labelOf(profile: DeviceProfile, thresholds: Policy['label']): LabelDecision {
  const reasons = [
    ...steady(profile, 'full', thresholds.fullLifetimeSeconds),
    atLeast('full', 'compute', profile.computeScore, thresholds.fullComputeScore),
    atLeast('full', 'storage', profile.storageMiB, thresholds.fullStorageMiB),
    // What is weak and lives long is just right to coordinate.
    ...steady(profile, 'coordination', thresholds.coordinationLifetimeSeconds),
  ]
  const fits = (role: Role) => reasons.every((reason) => reason.role !== role || reason.isMet)
  const label = (fits('full') ? LABEL.full : 0) | (fits('coordination') ? LABEL.coordination : 0)
  return { label: label === 0 ? LABEL.lightweight : label, reasons }
}

/** What both roles need: to be there, and to be found there. */
function steady(profile: DeviceProfile, role: Role, lifetimeSeconds: number): LabelReason[] {
  const { power, connection } = profile
  return [
    atLeast(role, 'lifetime', profile.lifetimeSeconds, lifetimeSeconds),
    atLeast(role, 'availability', profile.availability, LEAST_AVAILABILITY),
    atLeast(role, 'reachability', profile.reachability, REACHABILITY.localNetwork),
    // Many machines do not say what feeds them: only a battery, and a line that is paid for by the byte, stand in the way.
    { role, requirement: 'power', have: power, need: POWER.mains, isMet: power !== POWER.battery },
    {
      role,
      requirement: 'connection',
      have: connection,
      need: CONNECTION.unmetered,
      isMet: connection !== CONNECTION.metered,
    },
  ]
}

function atLeast(role: Role, requirement: Requirement, have: number, need: number): LabelReason {
  return { role, requirement, have, need, isMet: have >= need }
}
