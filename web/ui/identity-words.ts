import type { IdentityView, JoinStepName } from '../worker/api.ts'
import type { Tone } from './tone.ts'

export const IDENTITY_WORDS: Readonly<Record<IdentityView['state'], string>> = {
  none: 'No ID yet',
  joining: 'Joining',
  pending: 'Pending',
  settled: 'Registered',
  retired: 'Retired',
}

export const IDENTITY_TONES: Readonly<Record<IdentityView['state'], Tone>> = {
  none: 'idle',
  joining: 'calm',
  pending: 'calm',
  settled: 'good',
  retired: 'warn',
}

export const IDENTITY_SENTENCES: Readonly<Record<IdentityView['state'], string>> = {
  none: 'This browser can check devices without an ID. To be one of them, it needs a voucher.',
  joining: 'This browser is asking for its ID.',
  pending: 'The ID is in a block that is not settled yet. It counts from then on.',
  settled: 'The ID is in a settled block: others can check this browser.',
  retired: 'This ID is retired and cannot come back. A new voucher gives a new ID.',
}

export const LOST_SENTENCE =
  'The key of this ID is not in this browser any more. Its recovery words bring it back, here or in another browser.'

/** How firmly the browser keeps the identity; undefined where it does not say. */
export function keepingSentence(isPersisted: boolean | undefined): string | undefined {
  if (isPersisted === undefined) return undefined
  return isPersisted
    ? 'The browser has promised not to clear this ID by itself.'
    : 'The browser may clear this ID when it runs short of space: keep the recovery words, and add this page to the home screen.'
}

const STEP_WORDS: Readonly<Record<JoinStepName, string>> = {
  approval: 'Approved by the operator of a relay',
  'verify-voucher': 'Voucher checked; it waives the price',
  endorsement: 'Relay vouched for this browser',
  submitted: 'Registration sent',
  'in-block': 'In a block',
  settled: 'Settled',
}

export interface StepLook {
  readonly name: JoinStepName
  readonly word: string
  readonly state: 'done' | 'now' | 'open'
}

/** Each step with its word; the first that is not done is the one under way. */
export function stepLooks(steps: IdentityView['steps'], failed: boolean): StepLook[] {
  const current = failed ? -1 : steps.findIndex((step) => !step.done)
  return steps.map(({ name, done }, index) => ({
    name,
    word: STEP_WORDS[name],
    state: done ? 'done' : index === current ? 'now' : 'open',
  }))
}

/** Recovery words as typed: any case, spaces around do not matter. */
export function cleanWord(text: string): string {
  return text.trim().toLowerCase()
}
