/** What a person does on the page, and reads off it. */
import { type Browser, expect, type Page } from '@playwright/test'

export type PageView = 'Status' | 'Check' | 'My ID' | 'Networks'

export async function openView(page: Page, name: PageView): Promise<void> {
  await page.getByRole('navigation', { name: 'Views' }).getByRole('link', { name }).click()
}

/** Waits for a phase of the status view. */
export async function phaseIs(page: Page, phase: string, timeout = 60_000): Promise<void> {
  await expect(page.getByTestId('phase')).toHaveAttribute('data-value', phase, { timeout })
}

/** Asks about an ID; resolves with the verdict's name. */
export async function auditId(page: Page, id: string, timeout = 50_000): Promise<string> {
  // Coming from another view, so that an older verdict is gone.
  await openView(page, 'Status')
  await openView(page, 'Check')
  await page.getByTestId('audit-input').fill(id)
  await page.getByTestId('audit-submit').click()
  const verdict = page.getByTestId('audit-verdict')
  await expect(verdict).toHaveAttribute('data-verdict', /./, { timeout })
  return (await verdict.getAttribute('data-verdict')) ?? ''
}

export interface TipOnPage {
  readonly height: number
  readonly hash: string
}

/** The newest block on the status view. */
export async function tipOf(page: Page): Promise<TipOnPage> {
  // Both at once: a new block may come between two readings.
  return page.getByTestId('tip-height').evaluate((element) => ({
    height: Number(element.getAttribute('data-value')),
    hash: element.getAttribute('data-hash') ?? '',
  }))
}

/** The incidents of the status view with that code. */
export function incidentsOf(page: Page, code: string) {
  return page.locator(`[data-testid=incident][data-code=${code}]`)
}

/** Pastes another join link of a network, as for a newer list of its servers. */
export async function addLink(page: Page, link: string): Promise<void> {
  await openView(page, 'Networks')
  await page.getByTestId('network-link').fill(link)
  await page.getByTestId('add-network').click()
  // Once it is added, the page shows the network.
  await expect(page.getByTestId('phase')).toBeVisible()
}

/** Waits for more blocks, which only gossip brings. */
export async function heightRises(page: Page, blocks: number): Promise<void> {
  const { height } = await tipOf(page)
  await expect.poll(async () => (await tipOf(page)).height, { timeout: 30_000 }).toBeGreaterThanOrEqual(height + blocks)
}

/** Types a voucher, notes the recovery words and repeats those asked for; ends on the status view, with the words. */
export async function joinWithVoucher(page: Page, voucher: string): Promise<string> {
  await openView(page, 'My ID')
  await page.getByTestId('join-voucher').fill(voucher)
  await page.getByTestId('join-start').click()
  const words = await confirmWords(page)
  await openView(page, 'Status')
  return words
}

/** Asks the operator of a relay, up to the code that is to be typed there. */
export async function askToBeLetIn(page: Page): Promise<string> {
  await openView(page, 'My ID')
  await page.getByTestId('pair-open').click()
  await page.getByTestId('pair-start').click()
  await confirmWords(page)
  return ((await page.getByTestId('pair-code').textContent({ timeout: 60_000 })) ?? '').trim()
}

/** The recovery words are written down, and answered. */
async function confirmWords(page: Page): Promise<string> {
  const list = page.getByTestId('words').locator('li')
  // Servers prove first that the voucher is good.
  await expect(list).toHaveCount(12, { timeout: 30_000 })
  const words = (await list.allTextContents()).map((word) => word.replace(/[^a-z]/g, ''))
  await page.getByTestId('words-written').click()
  for (const answer of await page.getByTestId('word-answer').all()) {
    const position = Number(await answer.getAttribute('data-position'))
    await answer.fill(words[position] ?? '')
  }
  await page.getByTestId('join-confirm').click()
  return words.join(' ')
}

/** Waits until the own ID is settled, and reads it. */
export async function settledId(page: Page): Promise<string> {
  await expect(page.getByTestId('identity-state')).toHaveAttribute('data-value', 'settled', { timeout: 60_000 })
  return (await page.getByTestId('device-id').first().getAttribute('data-value')) ?? ''
}

/** Pages of a browser that tests share go on, and ask for what is gone, until somebody closes them. */
export async function closePages(browser: Browser): Promise<void> {
  for (const context of browser.contexts()) await context.close()
}
