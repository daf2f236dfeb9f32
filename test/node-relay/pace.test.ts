import { describe, expect, it } from 'vitest'
import { Pace, SLICE_MS } from '../../node-relay/pace.ts'

/** A clock that goes on by `stepMs` with every look at it, and counts what is done between two pauses. */
function slowWork(stepMs: number) {
  let now = 0
  let done = 0
  const slices: number[] = []
  const pace = new Pace({
    now: () => {
      now += stepMs
      return now
    },
    async breathe() {
      slices.push(done)
      done = 0
    },
  })
  function* steps(count: number) {
    for (let i = 0; i < count; i++) {
      done++
      yield i
    }
    return 'end'
  }
  return { pace, slices, steps, work: () => void done++ }
}

describe('long work in slices', () => {
  it('pauses each time a slice is over, also across pieces of the work', async () => {
    const { pace, slices, steps, work } = slowWork(1)
    const parts: number[] = []
    expect(await pace.run(steps(95), (part) => parts.push(part))).toBe('end')
    expect(parts).toEqual(Array.from({ length: 95 }, (_, i) => i))
    await pace.map(Array.from({ length: 95 }), work)
    expect(slices.length).toBeGreaterThan((2 * 95) / (SLICE_MS + 1))
    expect(Math.max(...slices)).toBeLessThanOrEqual(SLICE_MS)
  })

  it('does not pause for work that is shorter', async () => {
    const { pace, slices, steps } = slowWork(1)
    await pace.run(steps(SLICE_MS - 2))
    expect(slices).toEqual([])
  })

  it('pauses after every step that takes longer than a slice', async () => {
    const { pace, slices, steps } = slowWork(3 * SLICE_MS)
    await pace.run(steps(7))
    expect(slices).toEqual([1, 1, 1, 1, 1, 1, 1])
  })
})
