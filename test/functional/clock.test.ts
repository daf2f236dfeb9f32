/**
 * Shows what a whole relay does when its clock is set or it sleeps: years ahead or back it stops mining, says so in a
 * sentence, dates no block wrongly, and goes on when the clock is put right; after a night's sleep it goes on at once and
 * does not race to catch up.
 * How: a real relay that mines at the test preset (a block a second), in a process whose clocks the test moves.
 * The long run, simulated, is in test/node-relay/mining.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { RelayStatus } from '../../node-relay/facade.ts'
import { PRESETS } from '../../shared/params.ts'
import { type ClockRelay, startClockRelay } from '../framework/clock-relay.ts'
import { eventually } from '../framework/network.ts'

const YEAR_MS = 365 * 86_400_000
const SLEEP_MS = 8 * 3_600_000
const RIGHT = { wall: 0, steady: 0 }
const { spacingMs } = PRESETS.test
/** Long enough for several blocks, were there any. */
const WATCH_MS = 4 * spacingMs
const RATE_MS = 20 * spacingMs

let dataDir: string
let relay: ClockRelay

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'lares-clock-'))
  relay = await startClockRelay({ dataDir, mineShare: 0.3 })
  await grows(3)
}, 60_000)
afterAll(async () => {
  await relay?.stop()
  await rm(dataDir, { recursive: true, force: true })
}, 30_000)

const pass = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** Resolves when that many blocks have come on top. */
async function grows(blocks: number): Promise<RelayStatus> {
  const { tip } = await relay.status()
  return eventually(`${blocks} more blocks`, async () => {
    const status = await relay.status()
    return status.tip.height >= tip.height + blocks ? status : undefined
  })
}

describe('a relay whose clock is set', () => {
  it.each([
    ['three years ahead', 3 * YEAR_MS, 'clock-stepped-forward', /it jumped ahead by 1095 days/],
    ['three years back', -3 * YEAR_MS, 'clock-before-genesis', /but the network began on/],
  ])(
    '%s stops mining in a sentence, and goes on when it is put right',
    { timeout: 90_000 },
    async (_, wall, code, why) => {
      await relay.setClocks({ wall, steady: 0 })
      const stopped = await eventually('mining stops', async () => {
        const status = await relay.status()
        return status.mining.state === 'stopped' ? status : undefined
      })
      expect(stopped.mining.sentence).toMatch(/^Mining is stopped because of this computer's clock: .+\.$/)
      expect(stopped.mining.sentence).toMatch(why)
      expect(stopped.incidents.map((incident) => incident.code)).toContain(code)
      // No event tells that nothing happens.
      await pass(WATCH_MS)
      const later = await relay.status()
      expect(later.tip).toEqual(stopped.tip)
      expect(Math.abs(later.tip.time - Date.now())).toBeLessThan(60_000)

      await relay.setClocks(RIGHT)
      const right = await grows(2)
      expect(right.mining.state).toBe('mining')
      expect(right.tip.time).toBeLessThan(Date.now() + 5_000)
    },
  )
})

describe('a relay that slept for eight hours', () => {
  it('goes on at once, and does not race to catch up', { timeout: 120_000 }, async () => {
    const before = await relay.status()
    await pass(RATE_MS)
    const normal = (await relay.status()).tip.height - before.tip.height
    const asleep = await relay.setClocks({ wall: SLEEP_MS, steady: SLEEP_MS })
    const woken = Date.now()
    const first = await grows(1)
    const firstMs = Date.now() - woken
    expect(first.mining.state).toBe('mining')
    // Told from a clock set by hand: no alarm.
    const atThatTime = ({ at }: { at: number }) => Math.abs(at - (woken + SLEEP_MS)) < SLEEP_MS / 2
    expect(first.incidents.filter(atThatTime)).toEqual([])
    expect(first.tip.time - asleep.tip.time).toBeGreaterThan(SLEEP_MS - 60_000)
    await pass(RATE_MS - firstMs)
    const after = (await relay.status()).tip.height - asleep.tip.height
    console.log(
      `blocks in ${RATE_MS / 1_000} s: ${normal} before the sleep, ${after} after it, the first in ${firstMs} ms`,
    )
    expect(firstMs).toBeLessThan(10 * spacingMs)
    expect(normal).toBeGreaterThan(0)
    expect(after).toBeLessThanOrEqual(2 * Math.max(normal, RATE_MS / spacingMs))
  })
})
