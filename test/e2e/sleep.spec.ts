/**
 * A relay that answers but makes no block is asleep, and no liar: the page says so, gives no verdict about now, blames
 * nobody, and goes on by itself when blocks come again.
 * How: a real relay process is started again on the same data and ports, once without mining, once with it; a real
 * Chromium page stays open all the while.
 */
import { expect, test } from '@playwright/test'
import { fixedPortFlags } from '../framework/free-ports.ts'
import { auditId, incidentsOf, openView, phaseIs, tipOf } from '../framework/phone-page.ts'
import { lares, makeDataDir, type RelayProcess, removeDataDir, startRelayProcess } from '../framework/relay-process.ts'

let dataDir: string
let flags: string[]
let relay: RelayProcess

test.beforeAll(async () => {
  dataDir = await makeDataDir()
  flags = await fixedPortFlags()
  relay = await startRelayProcess({ dataDir, flags })
})
test.afterAll(async () => {
  await relay.stop()
  await removeDataDir(dataDir)
})

async function restart(...more: string[]): Promise<void> {
  await relay.stop()
  relay = await startRelayProcess({ dataDir, flags: [...flags, ...more] })
}

test('says asleep while no block comes, and follows again', async ({ page }) => {
  await page.goto(relay.localUrl + new URL(relay.joinUrl).hash)
  await phaseIs(page, 'following')
  const { stdout } = await lares(dataDir, 'status', '--json')
  const { deviceId } = JSON.parse(stdout) as { deviceId: string }
  await expect.poll(() => auditId(page, deviceId), { timeout: 30_000 }).toBe('registered')
  await openView(page, 'Status')

  await restart('--mine-share', '0')
  // The page finds the relay again, which answers, before half a minute without a block is over.
  await expect(page.getByTestId('peer')).toHaveCount(1, { timeout: 40_000 })
  const stopped = await tipOf(page)
  await phaseIs(page, 'asleep')
  await expect(page.getByTestId('peer')).toHaveCount(1, { timeout: 40_000 })
  await expect(page.getByText(/No new block for .+ slept/).first()).toBeVisible()
  await expect(incidentsOf(page, 'asleep')).toHaveCount(1)
  expect(await auditId(page, deviceId)).toBe('cannot-say')
  await expect(page.getByTestId('audit-sentence')).toContainText('the network has made no block for long')
  await openView(page, 'Status')
  await expect(incidentsOf(page, 'server-lied')).toHaveCount(0)

  await restart()
  await phaseIs(page, 'following')
  await expect.poll(async () => (await tipOf(page)).height, { timeout: 30_000 }).toBeGreaterThan(stopped.height)
  expect(await auditId(page, deviceId)).toBe('registered')
  await openView(page, 'Status')
  await expect(incidentsOf(page, 'server-lied')).toHaveCount(0)
  await expect(incidentsOf(page, 'conflict')).toHaveCount(0)
})
