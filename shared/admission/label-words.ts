import { labelNames } from '../identity/label.ts'
import { WHOLE } from './hardware.ts'
import type { LabelDecision, LabelReason, Requirement, Role } from './label-of.ts'

const ROLES: readonly Role[] = ['full', 'coordination']

/** What is measured, for people. */
export const REQUIREMENT_WORDS: Readonly<Record<Requirement, string>> = {
  lifetime: 'lifetime',
  availability: 'presence',
  compute: 'header hashes a second',
  storage: 'free storage',
  reachability: 'reachable by',
  power: 'power',
  connection: 'line',
}

const REACHED_BY = ['unknown', 'nobody', 'the local network', 'everybody'] as const
const FED_BY = ['unknown', 'battery', 'mains'] as const
const LINES = ['unknown', 'metered', 'not metered'] as const

/** `lightweight, because for full it lacks lifetime 3 hours (needs 7 days); for coordination it lacks …` */
export function labelSentence({ label, reasons }: LabelDecision): string {
  const names = labelNames(label)
  const parts = ROLES.map((role) => {
    const ofRole = reasons.filter((reason) => reason.role === role)
    const missing = ofRole.filter(({ isMet }) => !isMet)
    const shown = (missing.length === 0 ? ofRole : missing).map(reasonWords).join(', ')
    return missing.length === 0 ? `for ${role} it has ${shown}` : `for ${role} it lacks ${shown}`
  })
  return `${names.join(' and ')}, because ${parts.join('; ')}`
}

function reasonWords(reason: LabelReason): string {
  const { have, need } = reasonValues(reason)
  const name = REQUIREMENT_WORDS[reason.requirement]
  return reason.isMet ? `${name} ${have}` : `${name} ${have} (needs ${need})`
}

/** What there is and what is needed, each with its unit. */
export function reasonValues({ requirement, have, need }: LabelReason): {
  readonly have: string
  readonly need: string
} {
  const words = WORDS[requirement]
  return { have: words(have), need: words(need) }
}

const named = (names: readonly string[]) => (value: number) => names[value] ?? 'unknown'

const WORDS: Readonly<Record<Requirement, (value: number) => string>> = {
  lifetime: durationWords,
  availability: (value) => `${Math.floor((100 * value) / WHOLE)} %`,
  compute: (value) => String(value).replace(/\B(?=(\d{3})+$)/g, ','),
  storage: (value) => (value < 1024 ? `${value} MiB` : `${Math.floor((10 * value) / 1024) / 10} GiB`),
  reachability: named(REACHED_BY),
  power: named(FED_BY),
  connection: named(LINES),
}

/** The largest unit that fits, rounded down: what is not lived yet is not said. */
function durationWords(seconds: number): string {
  const units = [
    [86_400, 'day'],
    [3_600, 'hour'],
    [60, 'minute'],
    [1, 'second'],
  ] as const
  const [length, name] = units.find(([length]) => seconds >= length) ?? [1, 'second']
  const count = Math.floor(seconds / length)
  return `${count} ${name}${count === 1 ? '' : 's'}`
}
