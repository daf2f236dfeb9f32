import { accept, type Result, reject } from '../shared/errors.ts'
import { type NetworkParameters, PRESETS, type PresetName } from '../shared/params.ts'
import type { NetworkChoice } from './config.ts'

/** Smallest and largest value of what a network file may set. Targets are in compact form. */
const BOUNDS: Readonly<Record<keyof NetworkParameters, readonly [number, number]>> = {
  spacingMs: [100, 3_600_000],
  settleDepth: [1, 1_000],
  settleSeconds: [0, 86_400],
  epochSeconds: [1, 31_536_000],
  targetLimit: [0x0100_0001, 0x20ff_ffff],
  initialTarget: [0x0100_0001, 0x20ff_ffff],
  difficultyWindow: [2, 65_535],
}

/**
 * Parameters for founding a network: those of a preset, or of a file that names a preset to begin with and what differs
 * (`{ "preset": "home", "spacingMs": 10000 }`). Only the founding relay reads it; the genesis keeps them.
 */
export function parametersOf(choice: NetworkChoice): Result<NetworkParameters, 'unknown-network-file'> {
  if (choice.kind === 'preset') return accept(PRESETS[choice.preset])
  const wrong = (what: string) =>
    reject(
      'unknown-network-file' as const,
      `The network file ${choice.path} ${what}; correct it, or use --network home.`,
    )
  const { preset = 'home', ...changes } = choice.content
  if (typeof preset !== 'string' || !Object.hasOwn(PRESETS, preset)) return wrong('names a preset that does not exist')
  const parameters: Record<keyof NetworkParameters, number> = { ...PRESETS[preset as PresetName] }
  for (const [name, value] of Object.entries(changes)) {
    const bounds = Object.hasOwn(BOUNDS, name) ? BOUNDS[name as keyof NetworkParameters] : undefined
    if (bounds === undefined) return wrong(`has a setting "${name}" that does not exist`)
    const [least, most] = bounds
    if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most)
      return wrong(`needs a whole number from ${least} to ${most} for "${name}"`)
    parameters[name as keyof NetworkParameters] = value
  }
  return accept(parameters)
}
