/** A phone without a voucher asks a real relay, pays with its puzzle, and comes in when the operator types its code. */
import { type Browser, expect, type Page, test } from '@playwright/test'
import { askToBeLetIn, auditId, closePages, openView, phaseIs, settledId } from '../framework/phone-page.ts'
import { lares, type RelayProcess, removeDataDir, startRelayProcess } from '../framework/relay-process.ts'

test.setTimeout(180_000)

let relay: RelayProcess
test.beforeAll(async () => {
  relay = await startRelayProcess({})
})
test.afterAll(async ({ browser }) => {
  await closePages(browser)
  await relay?.stop()
  if (relay !== undefined) await removeDataDir(relay.dataDir)
})

async function openPhone(browser: Browser): Promise<Page> {
  const page = await (await browser.newContext()).newPage()
  await page.goto(relay.localUrl + new URL(relay.joinUrl).hash)
  await phaseIs(page, 'following')
  return page
}

test('the operator lets one phone in by its code, and refuses the other', async ({ browser }) => {
  const [anna, bert] = [await openPhone(browser), await openPhone(browser)]
  const code = await askToBeLetIn(anna)
  expect(code).toMatch(/^[A-Z]{4}-[A-Z]{4}$/)
  const other = await askToBeLetIn(bert)
  const list = await lares(relay.dataDir, 'pair')
  expect(list.stdout).toContain(code)
  expect(list.stdout).toContain(other)

  expect(await lares(relay.dataDir, 'pair', other, '--refuse')).toMatchObject({ code: 0 })
  await expect(bert.getByTestId('pair-failure')).toHaveAttribute('data-code', 'not-approved')
  const approved = await lares(relay.dataDir, 'pair', code.toLowerCase(), '--yes')
  expect(approved, approved.stderr).toMatchObject({ code: 0 })

  await openView(anna, 'Status')
  const id = await settledId(anna)
  expect(approved.stdout).toContain(id)
  expect(await auditId(anna, id)).toBe('registered')

  await bert.getByTestId('pair-cancel').click()
  await expect(bert.getByTestId('join-voucher')).toBeVisible()
})
