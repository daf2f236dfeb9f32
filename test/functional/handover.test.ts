/**
 * Three full nodes serve real browsers that ask without a pause; the one that serves is killed. No question may be lost, and
 * who serves next must stand soon. LARES_HANDOVER=all: twenty kills under four browsers, with the figures; else one of each.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type AuditingBrowser, openAuditingBrowser } from '../framework/auditing-browser.ts'
import { createMachines, eventually, killRounds, LATE_SHARE, printFigures, quantile } from '../framework/kill-rounds.ts'
import { lares, laresWith, newVoucher, ownerWords } from '../framework/relay-process.ts'

const IS_LONG = process.env['LARES_HANDOVER'] === 'all'
const KILLS = IS_LONG ? 20 : 1
const BROWSERS = IS_LONG ? 4 : 1
const RELAYS = 3
const CALM_MS = IS_LONG ? 20_000 : 3_000
const LATE_MS = 1_000
const TEST_MS = 600_000 + KILLS * 60_000

const machines = createMachines()
const browsers: AuditingBrowser[] = []

function printed({ code, stdout, stderr }: Awaited<ReturnType<typeof lares>>): string {
  expect(code, stderr).toBe(0)
  return /^ {2}([\w-]{80,})$/m.exec(stdout)?.[1] ?? ''
}

beforeAll(async () => {
  const first = await machines.start()
  const words = ownerWords(first.process)
  for (let i = 1; i < RELAYS; i++) {
    const other = await machines.start('--join', first.process.joinUrl)
    const { text } = await newVoucher(first.dataDir)
    const motion = printed(await lares(other.dataDir, 'roster', 'propose', '--voucher', text))
    printed(await laresWith(words, first.dataDir, 'roster', 'submit', motion, '--yes'))
    await eventually('it has its seat', async () => {
      const status = JSON.parse((await lares(first.dataDir, 'status', '--json')).stdout) as { keepers: unknown[] }
      return status.keepers.length > i || undefined
    })
  }
  const status = JSON.parse((await lares(first.dataDir, 'status', '--json')).stdout) as { networkId: string }
  const networkId = Uint8Array.from(Buffer.from(status.networkId, 'hex'))
  for (let i = 0; i < BROWSERS; i++) browsers.push(await openAuditingBrowser(first.process.joinUrl, networkId))
}, TEST_MS)

afterAll(async () => {
  for (const browser of browsers) await browser.close()
  await machines.end()
})

test(
  'no question is lost when the server that is asked dies',
  async () => {
    const figures = await killRounds({
      ...{ machines: machines.all, browsers, kills: KILLS, calmMs: CALM_MS, verdict: 'not-in-ledger' },
    })
    printFigures(figures, KILLS)
    expect(figures.moves.length).toBeGreaterThanOrEqual(KILLS)
    // A timed line of the issue itself; a short run has too few questions for it.
    if (IS_LONG) expect(quantile(figures.disturbed, LATE_SHARE)).toBeLessThanOrEqual(LATE_MS)
  },
  TEST_MS,
)
