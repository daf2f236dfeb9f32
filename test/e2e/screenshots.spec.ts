/**
 * Status, audit and join as a person sees them, in a real browser on a real relay, at the size of a phone and of a desk.
 * Checks that nothing runs over the side; with LARES_SCREENSHOTS=1 it also writes the pictures of docs/screenshots.
 */
import { fileURLToPath } from 'node:url'
import { expect, type Page, test } from '@playwright/test'
import { joinWithVoucher, openView } from '../framework/phone-page.ts'
import { lares, newVoucher, type RelayProcess, removeDataDir, startRelayProcess } from '../framework/relay-process.ts'

const SIZES = [
  { name: 'phone', width: 390, height: 844 },
  { name: 'desktop', width: 1280, height: 800 },
] as const
const FOLDER = fileURLToPath(new URL('../../docs/screenshots/', import.meta.url))
const WRITES = process.env['LARES_SCREENSHOTS'] === '1'
/** The pictures show a chain that has lived a little. */
const PICTURED_HEIGHT = 40

let relay: RelayProcess

test.beforeAll(async () => {
  relay = await startRelayProcess()
})

test.afterAll(async () => {
  await relay.stop()
  await removeDataDir(relay.dataDir)
})

for (const { name, width, height } of SIZES)
  test(`status, audit and join on a ${name}`, async ({ browser }) => {
    const context = await browser.newContext({
      viewport: { width, height },
      deviceScaleFactor: name === 'phone' ? 2 : 1,
      colorScheme: 'light',
      reducedMotion: 'reduce',
    })
    const page = await context.newPage()
    await page.goto(relay.localUrl + new URL(relay.joinUrl).hash)
    await expect(page.getByTestId('phase')).toHaveAttribute('data-value', 'following', { timeout: 60_000 })

    await joinWithVoucher(page, (await newVoucher(relay.dataDir)).text)
    await expect(page.getByTestId('identity-state')).toHaveAttribute('data-value', 'settled', { timeout: 60_000 })
    await look(page, `join-${name}`)

    const { stdout } = await lares(relay.dataDir, 'status', '--json')
    const { deviceId } = JSON.parse(stdout) as { deviceId: string }
    await openView(page, 'Check')
    await page.getByTestId('audit-input').fill(deviceId)
    await page.getByTestId('audit-submit').click()
    await expect(page.getByTestId('audit-verdict')).toHaveAttribute('data-verdict', 'registered', { timeout: 30_000 })
    await look(page, `audit-${name}`)

    await openView(page, 'Status')
    if (WRITES)
      await expect
        .poll(async () => Number(await page.getByTestId('tip-height').getAttribute('data-value')), { timeout: 60_000 })
        .toBeGreaterThan(PICTURED_HEIGHT)
    await look(page, `status-${name}`)
    await context.close()
  })

/** What the view is wider than its window by, and the picture of it where one is wanted. */
async function look(page: Page, picture: string): Promise<void> {
  const overflow = await page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement
    const wide = [...document.querySelectorAll<HTMLElement>('main *')].filter((element) => {
      const { right, width } = element.getBoundingClientRect()
      return width > 0 && right > clientWidth + 1 && !element.closest('.visually-hidden, svg')
    })
    return { page: scrollWidth - clientWidth, elements: wide.map((element) => element.outerHTML.slice(0, 80)) }
  })
  expect(overflow, picture).toEqual({ page: 0, elements: [] })
  // Settled marks and codes are drawn late.
  await expect(page.locator('.qr-frame:not(:has(svg))')).toHaveCount(0)
  if (WRITES) await page.screenshot({ path: `${FOLDER}${picture}.png`, animations: 'disabled', caret: 'hide' })
}
