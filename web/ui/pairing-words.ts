import type { PairingView } from '../worker/api.ts'

export const PAIRING_STEPS = [
  { name: 'price', word: 'Price asked for' },
  { name: 'puzzle', word: 'Puzzle solved' },
  { name: 'approval', word: 'Approved by the operator of a relay' },
  { name: 'endorsement', word: 'Relay vouched for this browser' },
  { name: 'submitted', word: 'Registration sent' },
  { name: 'in-block', word: 'In a block' },
  { name: 'settled', word: 'Settled' },
] as const

type PairingStepName = (typeof PAIRING_STEPS)[number]['name']

/** What is done, under way and still to come; nothing is under way after a failure. */
export function pairingLooks({ step, failure }: PairingView): Record<PairingStepName, 'done' | 'now' | 'open'> {
  const current = PAIRING_STEPS.findIndex(({ name }) => name === step)
  const looks = PAIRING_STEPS.map(({ name }, i) => {
    const state = i < current ? 'done' : i === current && failure === undefined ? 'now' : 'open'
    return [name, state] as const
  })
  return Object.fromEntries(looks) as Record<PairingStepName, 'done' | 'now' | 'open'>
}

/** How the price came about. */
export function priceSentence({ base, pressure, faults, iterations }: NonNullable<PairingView['price']>): string {
  const tries = iterations === 1 ? 'one try' : `${iterations} tries`
  const parts = [`base price ${base}`]
  if (pressure > 1) parts.push(`${pressure} since many have come in this way today`)
  if (faults > 1) parts.push(`${faults} for proven faults`)
  const how = parts.length === 1 ? '' : `: ${parts.join(' × ')}`
  return `The price is a puzzle of ${tries} on average${how}. It keeps crowds of made-up devices out.`
}

/** The chance that the puzzle would be solved after so many tries: whether it is, is luck. 0 to 1 */
export function puzzleProgress(tries: number, iterations: number): number {
  return 1 - (1 - 1 / iterations) ** tries
}

/** However long it has taken: each try is as likely as the one before. */
export function restSentence({ tries, tryMs, price }: PairingView): string {
  if (price === undefined || tryMs === undefined) return 'The first try is under way.'
  const seconds = Math.ceil((tryMs * price.iterations) / 1_000)
  const rest = seconds < 90 ? `${seconds} s` : `${Math.ceil(seconds / 60)} minutes`
  return `${tries} ${tries === 1 ? 'try' : 'tries'} so far; some ${rest} more on average, with luck less.`
}
