/** The longer things that a person does on the page; the short ones are in phone-page.ts. */
import { expect, type Page } from '@playwright/test'
import { openView, tipOf } from './phone-page.ts'

/** Waits for more blocks, which only gossip brings. */
export async function heightRises(page: Page, blocks: number): Promise<void> {
  const { height } = await tipOf(page)
  await expect.poll(async () => (await tipOf(page)).height, { timeout: 30_000 }).toBeGreaterThanOrEqual(height + blocks)
}

/** Types a voucher, notes the recovery words and repeats those asked for; ends on the status view. */
export async function joinWithVoucher(page: Page, voucher: string): Promise<void> {
  await openView(page, 'My ID')
  await page.getByTestId('join-voucher').fill(voucher)
  await page.getByTestId('join-start').click()
  const list = page.getByTestId('words').locator('li')
  await expect(list).toHaveCount(12)
  const words = await list.allTextContents()
  await page.getByTestId('words-written').click()
  for (const answer of await page.getByTestId('word-answer').all()) {
    const position = Number(await answer.getAttribute('data-position'))
    await answer.fill((words[position] ?? '').replace(/[^a-z]/g, ''))
  }
  await page.getByTestId('join-confirm').click()
  await openView(page, 'Status')
}

/** Waits until the own ID is settled, and reads it. */
export async function settledId(page: Page): Promise<string> {
  await expect(page.getByTestId('identity-state')).toHaveAttribute('data-value', 'settled', { timeout: 60_000 })
  return (await page.getByTestId('device-id').first().getAttribute('data-value')) ?? ''
}
