/**
 * The storage of a browser is copied, and with it the key of its device. While the first browser lives, the second is told
 * that the device is in use elsewhere and does nothing in its name, and the first goes on and is warned; once the first is
 * gone, the second is let in by itself after the stated time.
 * How: a real relay, two browsers with profiles on disk, the second profile a copy of the first.
 */
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BrowserContext, chromium, expect, type Page, test } from '@playwright/test'
import { presenceTimes } from '../../shared/coordination/lease.ts'
import { PRESETS } from '../../shared/params.ts'
import { auditId, incidentsOf, joinWithVoucher, openView, phaseIs, settledId } from '../framework/phone-page.ts'
import { lares, newVoucher, type RelayProcess, removeDataDir, startRelayProcess } from '../framework/relay-process.ts'

const TIMES = presenceTimes(PRESETS.test)
/** A machine under load. */
const PATIENCE_MS = 20_000

let relay: RelayProcess
let folder: string
const open = new Set<BrowserContext>()
test.beforeAll(async () => {
  relay = await startRelayProcess()
  folder = await mkdtemp(join(tmpdir(), 'lares-copied-'))
})
test.afterAll(async () => {
  for (const context of open) await context.close()
  await relay.stop()
  await removeDataDir(relay.dataDir)
  await rm(folder, { recursive: true, force: true })
})

interface Audited {
  readonly contested: boolean
  readonly trust: number
}

const presence = (page: Page, state: string) => page.getByTestId(`presence-${state}`)

test('a copied wallet is refused while the first lives, and let in when it is gone', async ({ launchOptions }) => {
  test.setTimeout(180_000)
  async function start(profile: string, fragment = ''): Promise<Page> {
    const context = await chromium.launchPersistentContext(join(folder, profile), launchOptions)
    open.add(context)
    const page = await context.newPage()
    await page.goto(relay.localUrl + fragment)
    await phaseIs(page, 'following')
    return page
  }
  async function close(page: Page): Promise<void> {
    open.delete(page.context())
    await page.context().close()
  }

  let first = await start('first', new URL(relay.joinUrl).hash)
  await joinWithVoucher(first, (await newVoucher(relay.dataDir)).text)
  const id = await settledId(first)
  await expect(presence(first, 'present')).toBeVisible({ timeout: PATIENCE_MS })
  await close(first)
  await cp(join(folder, 'first'), join(folder, 'second'), { recursive: true })

  // A browser that was closed and opened again is a new session: the one before does not answer, and its lease ends.
  first = await start('first')
  const entry = TIMES.duel + TIMES.claimDelay + PATIENCE_MS
  await expect(presence(first, 'present')).toBeVisible({ timeout: entry })
  await expect(incidentsOf(first, 'key-copied')).toHaveCount(0)

  const before = JSON.parse((await lares(relay.dataDir, 'audit', id, '--json')).stdout) as Audited
  expect(before.contested).toBe(false)

  const second = await start('second')
  expect(await settledId(second)).toBe(id)
  await expect(presence(second, 'in-use')).toContainText('in use elsewhere', { timeout: PATIENCE_MS })
  await expect(presence(second, 'in-use')).toContainText(/again by itself at .*\d/)
  await openView(second, 'My ID')
  await second.getByTestId('prove-question').fill(await question(first, id))
  await second.getByTestId('prove').click()
  await expect(second.getByTestId('prove-failure')).toHaveAttribute('data-code', 'in-use-elsewhere')

  // The first was warned, once, and works.
  await openView(first, 'Status')
  await expect(incidentsOf(first, 'key-copied')).toHaveCount(1)
  await expect(presence(first, 'present')).toBeVisible()
  expect(await auditId(first, id)).toBe('registered')
  await openView(first, 'My ID')
  await first.getByTestId('prove-question').fill(await question(second, id))
  await first.getByTestId('prove').click()
  await expect(first.getByTestId('prove-answer')).toHaveText(/^LARESA1/)
  expect((await lares(relay.dataDir, 'status', '--json')).stdout).toContain('device-copied')

  // It is on chain: the device keeps its trust, and is to be verified anew.
  const audited = async () => JSON.parse((await lares(relay.dataDir, 'audit', id, '--json')).stdout) as Audited
  await expect.poll(async () => (await audited()).contested, { timeout: PATIENCE_MS }).toBe(true)
  expect(await audited()).toMatchObject({ verdict: 'registered', trust: before.trust })
  expect(await auditId(first, id)).toBe('registered')
  await expect(first.getByTestId('audit-contested')).toBeVisible()

  // Longer than a lease: the first has renewed it, and the second has asked again.
  await openView(second, 'Status')
  await openView(first, 'Status')
  await second.waitForTimeout(TIMES.lease + TIMES.claimDelay)
  await expect(presence(second, 'in-use')).toBeVisible()
  await expect(presence(first, 'present')).toBeVisible()
  await expect(incidentsOf(first, 'key-copied')).toHaveCount(1)

  await close(first)
  const closedAt = Date.now()
  await expect(presence(second, 'present')).toBeVisible({ timeout: TIMES.lease + TIMES.claimDelay + PATIENCE_MS })
  const afterMs = Date.now() - closedAt
  console.log(
    `let in ${afterMs} ms after the first was closed; a lease has ${TIMES.lease} ms, the delay ${TIMES.claimDelay} ms`,
  )
  expect(afterMs).toBeGreaterThan(TIMES.lease - TIMES.renewal)
  expect(await auditId(second, id)).toBe('registered')
  await close(second)
})

/** What somebody who checks a device shows it. */
async function question(page: Page, id: string): Promise<string> {
  expect(await auditId(page, id)).toBe('registered')
  await page.getByTestId('challenge-open').click()
  const text = page.getByTestId('challenge-text')
  await expect(text).toHaveText(/^LARESC1/)
  return (await text.textContent()) ?? ''
}
