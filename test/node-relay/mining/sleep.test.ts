import { describe, expect, test } from 'vitest'
import { initialTargetFor } from '../../../node-relay/mining/calibrate.ts'
import { nextTarget } from '../../../shared/chain/difficulty.ts'
import { expandTarget, workOfTarget } from '../../../shared/chain/target.ts'
import { type NetworkParameters, PRESETS } from '../../../shared/params.ts'
import { seededRandom } from './seeded-random.ts'

/**
 * A network of one PC sleeps for eight hours. Shows that its first hour awake has at most twice the normal number of
 * blocks: the block times of a fixed hash rate are drawn at random, the difficulty is the real one.
 */
const HOUR = 3_600_000
const HASHES_PER_SECOND = 6_000

interface Mined {
  readonly time: number
  readonly target: number
}

class SleepyMiner {
  readonly #parameters: NetworkParameters
  readonly #random: () => number
  blocks: Mined[]

  constructor(preset: NetworkParameters, seed: number) {
    this.#parameters = { ...preset, initialTarget: initialTargetFor(HASHES_PER_SECOND, preset) }
    this.#random = seededRandom(seed)
    this.blocks = [{ time: 0, target: this.#parameters.initialTarget }]
  }

  /** Mines until the clock says so, awake all the time from `from`. */
  mine(from: number, until: number): void {
    let now = from
    for (;;) {
      const parent = this.blocks.at(-1) as Mined
      const target = nextTarget(this.#parameters, parent, this.blocks.at(-2))
      const work = Number(workOfTarget(expandTarget(target) as bigint))
      now += (-Math.log(1 - this.#random()) * work * 1000) / HASHES_PER_SECOND
      if (now > until) return
      this.blocks.push({ time: Math.max(Math.round(now), parent.time + 1), target })
    }
  }

  count(from: number, until: number): number {
    return this.blocks.filter(({ time }) => time > from && time <= until).length
  }
}

describe.each([
  ['home', PRESETS.home, 12],
  ['test', PRESETS.test, 3],
] as const)('%s network', (_, preset, seeds) => {
  test.each(Array.from({ length: seeds }, (__, i) => i + 1))(
    'no catch-up burst after eight hours of sleep, seed %i',
    (seed) => {
      const normal = HOUR / preset.spacingMs
      const miner = new SleepyMiner(preset, seed)
      const evening = 4 * HOUR
      miner.mine(0, evening)
      const before = miner.count(evening - HOUR, evening)
      const morning = evening + 8 * HOUR
      miner.mine(morning, morning + HOUR)
      const after = miner.count(morning, morning + HOUR)
      expect(before).toBeGreaterThan(normal / 2)
      expect(after).toBeLessThanOrEqual(2 * normal)
      // It goes on, too.
      expect(after).toBeGreaterThan(normal / 2)
    },
  )
})
