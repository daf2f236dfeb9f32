/**
 * The hash rate of a home jumps up and down by 100: a strong PC joins, the only strong one is switched off. Block times are
 * drawn at random, the difficulty is the real one. Shows how long it takes until the expected spacing is back within a
 * factor of two, and that it stays there. A fall takes long, about a day at home: one gap counts as four spacings at most,
 * so that sleep does not make mining easy, and the first gaps are a hundred spacings long.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type NetworkParameters, PRESETS } from '../../../shared/params.ts'
import { PROPERTY_TIMEOUT_MS, propertyRuns } from '../../framework/property-runs.ts'
import { expectedMs, SimulatedChain, targetFor } from '../../framework/simulated-mining.ts'
import { seededRandom } from './seeded-random.ts'

const RATE = 30_000
const JUMP = 100
const MEASURED = 60

interface Bounds {
  /** Blocks until the expected spacing is within a factor of two again. */
  readonly blocks: number
  /** The same in spacings. */
  readonly spacings: number
}
/** Some 5 standard deviations above what is usual, see the medians below. */
const BOUNDS: Readonly<
  Record<'home' | 'test', { readonly up: Bounds; readonly down: Bounds; readonly steady: number }>
> = {
  home: { up: { blocks: 380, spacings: 100 }, down: { blocks: 200, spacings: 4_800 }, steady: 2 },
  test: { up: { blocks: 150, spacings: 50 }, down: { blocks: 100, spacings: 3_000 }, steady: 3 },
}

function chainAt(parameters: NetworkParameters, rate: number, seed: number): SimulatedChain {
  const chain = new SimulatedChain(parameters, targetFor(rate, parameters), seededRandom(seed))
  chain.mine(6 * parameters.difficultyWindow, [{ rate }])
  return chain
}

/** Mines at a new rate until the expected spacing is within a factor of two, and some time on. */
function jump(chain: SimulatedChain, rate: number, parameters: NetworkParameters, until: number) {
  const at = chain.tip.foundAt
  const spacings = chain
    .mine(until + 300, [{ rate }])
    .map(({ target, foundAt }) => ({ expected: expectedMs(target, rate) / parameters.spacingMs, foundAt }))
  const back = spacings.findIndex(({ expected }) => expected >= 0.5 && expected <= 2)
  return {
    blocks: back,
    spacings: ((spacings[back]?.foundAt ?? Number.NaN) - at) / parameters.spacingMs,
    later: spacings.slice(back + parameters.difficultyWindow).map(({ expected }) => expected),
    all: spacings.map(({ expected }) => expected),
  }
}

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1] as number

describe.each(['home', 'test'] as const)('%s network', (name) => {
  const parameters = PRESETS[name]
  const { up, down, steady } = BOUNDS[name]

  test('up and down again by any factor up to 100 it comes back within bounds, and stays', {
    timeout: PROPERTY_TIMEOUT_MS,
  }, () => {
    fc.assert(
      fc.property(fc.nat(), fc.double({ min: 1, max: JUMP, noNaN: true }), (seed, factor) => {
        const chain = chainAt(parameters, RATE, seed)
        for (const [rate, bounds] of [
          [RATE * factor, up],
          [RATE, down],
        ] as const) {
          const jumped = jump(chain, rate, parameters, bounds.blocks)
          expect(jumped.blocks).toBeGreaterThanOrEqual(0)
          expect(jumped.blocks).toBeLessThanOrEqual(bounds.blocks)
          expect(jumped.spacings).toBeLessThanOrEqual(bounds.spacings)
          expect(Math.max(...jumped.later)).toBeLessThan(steady)
          expect(Math.min(...jumped.later)).toBeGreaterThan(1 / steady)
          // It never gets worse than the jump itself, give or take its luck before.
          expect(Math.max(...jumped.all)).toBeLessThan(JUMP * steady)
          expect(Math.min(...jumped.all)).toBeGreaterThan(1 / JUMP / steady)
        }
      }),
      propertyRuns(25),
    )
  })

  test('what 100 times up and down usually takes', () => {
    const jumps = Array.from({ length: MEASURED }, (_, seed) => {
      const chain = chainAt(parameters, RATE, seed)
      const rise = jump(chain, JUMP * RATE, parameters, up.blocks)
      return { rise, fall: jump(chain, RATE, parameters, down.blocks) }
    })
    const figures = {
      riseBlocks: median(jumps.map(({ rise }) => rise.blocks)),
      riseSpacings: median(jumps.map(({ rise }) => rise.spacings)),
      fallBlocks: median(jumps.map(({ fall }) => fall.blocks)),
      fallSpacings: median(jumps.map(({ fall }) => fall.spacings)),
    }
    const hours = (figures.fallSpacings * parameters.spacingMs) / 3_600_000
    console.log(`${name}: ${JSON.stringify(figures)}; the fall takes ${hours.toFixed(1)} h`)
    const usual = name === 'home' ? [327, 49, 144, 2_750] : [107, 16, 50, 980]
    for (const [i, figure] of Object.values(figures).entries()) {
      expect(figure).toBeGreaterThan((usual[i] as number) * 0.8)
      expect(figure).toBeLessThan((usual[i] as number) * 1.2)
    }
  })
})
