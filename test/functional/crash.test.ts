/**
 * Shows that a relay killed with SIGKILL at any moment, in its start too, comes back at a block boundary, keeps every
 * transaction that it said is in a block, and never seals two headers on one parent.
 * How: a real relay that mines while devices register over HTTP, a few kills at random moments; the 200 are
 * `npm run soak -- crashes`.
 */
import { describe, expect, it } from 'vitest'
import { runCrashes } from '../framework/crash-run.ts'
import { seededRandom } from '../node-relay/mining/seeded-random.ts'

const KILLS = 6
const DEVICES = 20

describe('a relay killed while it mines and devices register', () => {
  it('loses nothing that it said, and seals nothing twice', { timeout: 300_000 }, async () => {
    const seed = Number(process.env['LARES_SEED'] ?? Date.now() % 2 ** 31)
    console.log(`seed ${seed}`)
    const result = await runCrashes({ kills: KILLS, devices: DEVICES, random: seededRandom(seed), verifyEvery: KILLS })
    console.log(JSON.stringify(result))
    expect(result.faults).toEqual([])
    expect(result.included).toBe(DEVICES)
    expect(result.sealedHeaders).toBeGreaterThanOrEqual(result.height)
    expect(result.databaseChecks).toBe(2)
  })
})
