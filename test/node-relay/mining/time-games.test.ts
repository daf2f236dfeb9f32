/**
 * A keeper with a third of the hash power dates its headers as it likes, as far ahead or behind as the rules allow. Shows
 * that it gains neither blocks nor an easier target: others go on at once on a block that is ahead of their clock. Block
 * times are drawn at random, difficulty and header rules are the real ones.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { maxAhead } from '../../../shared/chain/clock-rules.ts'
import { type NetworkParameters, PRESETS } from '../../../shared/params.ts'
import { PROPERTY_TIMEOUT_MS, propertyRuns } from '../../framework/property-runs.ts'
import { expectedMs, SimulatedChain, type SimulatedMiner, targetFor } from '../../framework/simulated-mining.ts'
import { seededRandom } from './seeded-random.ts'

const RATE = 30_000
const SHARE = 1 / 3
const BLOCKS = 3_000
/** 5 standard deviations of so many blocks above a third. */
const MOST_OF_THE_BLOCKS = 0.377
const HOUR = 3_600_000

/** The expected spacing, and the mean one, of all blocks, as multiples of the wanted one. */
const BOUNDS = {
  home: { hardest: 1.8, easiest: 0.6, mean: 1.25 },
  test: { hardest: 3.5, easiest: 0.4, mean: 1.6 },
} as const

/** How much of what the rules allow it dates ahead: on its own block and on one of others. */
interface Game {
  readonly onOwn: number
  readonly onOthers: number
  /** Only every so many blocks; honest otherwise. */
  readonly every: number
}

const edge = fc.constantFrom(0, 0.5, 1)
const ahead = fc.oneof(edge, fc.double({ min: 0, max: 1, noNaN: true }))
const anyGame: fc.Arbitrary<Game> = fc.record({
  onOwn: ahead,
  onOthers: ahead,
  every: fc.constantFrom(1, 1, 2, 3, 10),
})

function cheat(parameters: NetworkParameters, { onOwn, onOthers, every }: Game): SimulatedMiner {
  let found = 0
  return {
    rate: RATE * SHARE,
    time(now, parent) {
      if (found++ % every !== 0) return now
      const share = parent.miner === 1 ? onOwn : onOthers
      // From right after the parent to the latest time that nobody holds.
      return parent.time + 1 + share * (now + maxAhead(parameters) - parent.time - 1)
    },
  }
}

/** As the miner does: on a parent that is ahead of the clock too, as long as nobody has to hold the block. */
function honest(parameters: NetworkParameters): SimulatedMiner {
  return { rate: RATE * (1 - SHARE), mines: (now, parentTime) => parentTime + 1 - now <= maxAhead(parameters) }
}

function play(parameters: NetworkParameters, others: SimulatedMiner, game: Game, seed: number) {
  const chain = new SimulatedChain(parameters, targetFor(RATE, parameters), seededRandom(seed))
  const blocks = chain.mine(BLOCKS, [others, cheat(parameters, game)])
  const expected = blocks.map(({ target }) => expectedMs(target, RATE) / parameters.spacingMs)
  return {
    share: blocks.filter(({ miner }) => miner === 1).length / BLOCKS,
    hardest: Math.max(...expected),
    easiest: Math.min(...expected),
    mean: chain.tip.foundAt / BLOCKS / parameters.spacingMs,
    chain,
  }
}

describe.each(['home', 'test'] as const)('%s network', (name) => {
  const parameters = PRESETS[name]
  const bounds = BOUNDS[name]

  test('a third of the hash power has a third of the blocks, however it dates them', {
    timeout: PROPERTY_TIMEOUT_MS,
  }, () => {
    fc.assert(
      fc.property(anyGame, fc.nat(), (game, seed) => {
        const played = play(parameters, honest(parameters), game, seed)
        expect(played.share).toBeLessThan(MOST_OF_THE_BLOCKS)
        expect(played.hardest).toBeLessThan(bounds.hardest)
        expect(played.easiest).toBeGreaterThan(bounds.easiest)
        expect(played.mean).toBeLessThan(bounds.mean)
        expect(played.mean).toBeGreaterThan(0.9)
      }),
      propertyRuns(20),
    )
  })

  test('after it has played all evening and the home has slept, there is no burst', {
    timeout: PROPERTY_TIMEOUT_MS,
  }, () => {
    fc.assert(
      fc.property(anyGame, fc.nat(), (game, seed) => {
        const { chain } = play(parameters, honest(parameters), game, seed)
        const morning = chain.tip.foundAt + 8 * HOUR
        const hour = 100 * parameters.spacingMs
        const blocks = chain.mineUntil(morning + hour, [honest(parameters), cheat(parameters, game)], morning)
        expect(blocks.length).toBeLessThanOrEqual(200)
        expect(blocks.length).toBeGreaterThan(30)
      }),
      propertyRuns(8),
    )
  })

  test('were the others to wait for the clock, it would have most of them', () => {
    const waiting = { ...honest(parameters), mines: (now: number, parentTime: number) => parentTime <= now }
    const { share } = play(parameters, waiting, { onOwn: 1, onOthers: 1, every: 1 }, 1)
    expect(share).toBeGreaterThan(0.5)
  })
})
