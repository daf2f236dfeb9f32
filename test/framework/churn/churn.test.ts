/** The simulation in small: the same by the same seed, within the bounds of the large one, and no copy of a key gets in. */
import { expect, it } from 'vitest'
import { joinCosts } from './join-cost.ts'
import { type ChurnInit, runChurn } from './world.ts'

const SMALL: ChurnInit = { devices: 1_500, servers: 12, days: 1, seed: 41 }

it('serves, balances, moves nobody without need, and keeps copies out', { timeout: 60_000 }, () => {
  const first = runChurn(SMALL)
  expect(first.servedShare).toBeGreaterThan(0.999)
  expect(first.servedShare).toBeLessThan(1)
  expect(first.moves / first.unavoidable).toBeLessThan(1.1)
  expect(first.moves).toBeGreaterThan(100)
  expect(first.worstLoad).toBeLessThan(1.6)
  expect(first.copies.tried).toBeGreaterThan(100)
  expect(first.copies.letInWhileAlive).toBe(0)
  expect(first.copies.letInAfter).toBeGreaterThan(0)
  expect(runChurn(SMALL)).toEqual(first)
  expect(runChurn({ ...SMALL, seed: 42 }).moves).not.toBe(first.moves)
})

it('a false ID costs more each time, and others pay nothing for it', () => {
  const { unnoticed, noticed, honestElsewhere, most } = joinCosts(200)
  for (const series of [unnoticed, noticed])
    for (const [i, [, iterations]] of series.entries())
      expect(iterations).toBeGreaterThanOrEqual(series[i - 1]?.[1] ?? 0)
  expect(unnoticed[199]?.[1]).toBe(25)
  expect(noticed[199]?.[1]).toBe(most)
  expect(honestElsewhere).toBe(unnoticed[0]?.[1])
})
