import { CONNECTION, POWER } from './hardware.ts'

/** Whole epochs that an applicant stays what it was and is examined. The epoch in which it applied does not count. */
export const PROBATION_EPOCHS = 2
/** Storage challenges of an epoch, at least: one in which fewer were made says nothing. */
export const LEAST_CHALLENGES = 4
/** Share of them that it must pass, thousandths: a restart may fall among them. */
export const LEAST_PASSED = 750
/** Different full nodes that must vouch for it, and that must reach it; in a smaller network all. */
export const LEAST_WITNESSES = 2
/** Small requests that it must answer in a second: what a light node with its checks asks, ten times. */
export const LEAST_CAPACITY = 32

/** Steps of an admission, in the order in which a person reads them; the numbers are those of the wire. */
export const ADMISSION_STEPS = ['vouches', 'hardware', 'reachability', 'capacity', 'storage', 'probation'] as const

export type AdmissionStepName = (typeof ADMISSION_STEPS)[number]

/** Units: vouches and reachability full nodes; hardware MiB; capacity requests a second; storage thousandths; probation epochs. */
export interface AdmissionStep {
  readonly step: AdmissionStepName
  readonly have: number
  readonly need: number
  readonly isMet: boolean
}

/** What one examiner knows of an applicant: what it measured itself, and what other full nodes have signed. */
export interface AdmissionFacts {
  /** It came in by a manufacturer's certificate (A2): nobody needs to vouch for it. */
  readonly isCertified: boolean
  /** Different seats whose operators vouch for it. */
  readonly vouches: number
  /** Different seats that opened a connection to it, this one counted where it did. */
  readonly reachedBy: number
  /** Whether this one did. */
  readonly isReached: boolean
  /** Requests that it answered in a second. */
  readonly capacity: number
  /** Of the epoch under way and the one before. */
  readonly challenges: { readonly asked: number; readonly passed: number }
  /** Whole epochs that it passed, in a row. */
  readonly goodEpochs: number
  /** By its own word. Only what nobody can measure is read. */
  readonly profile: { readonly storageMiB: number; readonly power: number; readonly connection: number }
  readonly seats: number
  /** Of the policy. */
  readonly fullStorageMiB: number
}

export interface AdmissionVerdict {
  /** All of them, whether met or not. */
  readonly steps: readonly AdmissionStep[]
  readonly isAdmissible: boolean
}

/** Whether a full node votes for an applicant, and what is missing. What is measured counts, whatever the profile claims. */
export function judgeAdmission(facts: AdmissionFacts): AdmissionVerdict {
  const { profile, challenges, seats } = facts
  const witnesses = Math.min(LEAST_WITNESSES, seats)
  const atLeast = (step: AdmissionStepName, have: number, need: number, isFit = true): AdmissionStep => ({
    ...{ step, have, need, isMet: have >= need && isFit },
  })
  // Many machines do not say what feeds them: only a battery, and a line that is paid for by the byte, stand in the way.
  const isFit = profile.power !== POWER.battery && profile.connection !== CONNECTION.metered
  const share = challenges.asked === 0 ? 0 : Math.floor((1_000 * challenges.passed) / challenges.asked)
  const steps = [
    atLeast('vouches', facts.vouches, facts.isCertified ? 0 : witnesses),
    atLeast('hardware', profile.storageMiB, facts.fullStorageMiB, isFit),
    // Each voter has reached it itself, and is not the only one.
    atLeast('reachability', facts.reachedBy, witnesses, facts.isReached),
    atLeast('capacity', facts.capacity, LEAST_CAPACITY),
    atLeast('storage', share, LEAST_PASSED),
    atLeast('probation', facts.goodEpochs, PROBATION_EPOCHS),
  ]
  return { steps, isAdmissible: steps.every(({ isMet }) => isMet) }
}

/** An applicant's epochs at one examiner. Whole numbers. */
export interface Probation {
  /** The epoch under way, and its challenges so far. */
  readonly epoch: number
  readonly asked: number
  readonly passed: number
  /** It has been examined from its beginning on. */
  readonly isWhole: boolean
  readonly goodEpochs: number
}

/** From now on: the epoch under way is not whole. */
export function beginProbation(epoch: number): Probation {
  return { epoch, asked: 0, passed: 0, isWhole: false, goodEpochs: 0 }
}

/**
 * The probation as of an epoch: one that is over counts when enough was asked and passed, and ends all before when it was
 * failed. One in which the examiner itself was away says nothing.
 */
export function probationAt(probation: Probation, epoch: number): Probation {
  const { asked, passed, isWhole, goodEpochs } = probation
  if (epoch === probation.epoch) return probation
  // A branch that was left had turned the epoch earlier.
  if (epoch < probation.epoch) return { ...probation, epoch }
  const fresh = { epoch, asked: 0, passed: 0, isWhole: true }
  if (asked < LEAST_CHALLENGES) return { ...fresh, goodEpochs }
  if (1_000 * passed < LEAST_PASSED * asked) return { ...fresh, goodEpochs: 0 }
  return { ...fresh, goodEpochs: isWhole ? Math.min(goodEpochs + 1, PROBATION_EPOCHS) : goodEpochs }
}

export function noteChallenge(probation: Probation, hasPassed: boolean): Probation {
  return { ...probation, asked: probation.asked + 1, passed: probation.passed + (hasPassed ? 1 : 0) }
}
