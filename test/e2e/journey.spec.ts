/**
 * The whole path, in a real browser against a real relay: a phone joins with a voucher, proves devices, survives a reload;
 * two phones follow the same blocks.
 */
import { expect, type Page, test } from '@playwright/test'
import { bech32m } from '@scure/base'
import { formatDeviceId } from '../../shared/identity/device-id.ts'
import { lares, newVoucher, type RelayProcess, removeDataDir, startRelayProcess } from '../framework/relay-process.ts'

let relay: RelayProcess

test.beforeAll(async () => {
  relay = await startRelayProcess()
})

test.afterAll(async () => {
  await relay.stop()
  await removeDataDir(relay.dataDir)
})

test('header count rises by gossip over WebRTC-direct', async ({ page }) => {
  await page.goto(localJoin())
  await following(page)
  const before = await number(page, 'tip-height')
  await expect.poll(() => number(page, 'tip-height'), { timeout: 30_000 }).toBeGreaterThan(before + 3)
  await expect(page.getByTestId('peer').first()).toHaveAttribute('data-transport', 'webrtc-direct')
  expect(await number(page, 'headers-verified')).toBeGreaterThan(0)
})

test('a phone joins with a voucher: pending, then settled; and audits', async ({ page }) => {
  const voucher = await newVoucher(relay.dataDir)
  await page.goto(localJoin())
  await following(page)
  await joinWith(page, voucher.text)
  await expect(page.getByTestId('identity-state')).toHaveAttribute('data-value', /pending|settled/, { timeout: 30_000 })
  await expect(page.getByTestId('identity-state')).toHaveAttribute('data-value', 'settled', { timeout: 30_000 })
  const own = (await page.getByTestId('device-id').first().getAttribute('data-value')) ?? ''

  await audit(page, own, 'registered')
  await expect(page.getByTestId('audit-proof-bytes')).toContainText(/\d/)
  await audit(page, relayId(await lares(relay.dataDir, 'status', '--json')), 'registered')
  await audit(page, madeUp(own), 'not-in-ledger')
  await audit(page, formatDeviceId(new Uint8Array(32).fill(7), new Uint8Array(32).fill(9)), 'unknown-network')
  await audit(page, 'hello', 'malformed')

  await view(page, 'Status').click()
  const verified = await number(page, 'tip-height')
  await page.reload()
  await following(page)
  await expect(page.getByTestId('identity-state')).toHaveAttribute('data-value', 'settled', { timeout: 30_000 })
  await expect(page.getByTestId('device-id').first()).toHaveAttribute('data-value', own)
  expect(await number(page, 'tip-height')).toBeGreaterThanOrEqual(verified)
  expect(await number(page, 'headers-stored')).toBeGreaterThan(0)
})

test('a used voucher is refused in one sentence', async ({ page, browser }) => {
  const voucher = await newVoucher(relay.dataDir)
  await page.goto(localJoin())
  await following(page)
  await joinWith(page, voucher.text)
  await expect(page.getByTestId('identity-state')).toHaveAttribute('data-value', 'settled', { timeout: 40_000 })
  const other = await (await browser.newContext()).newPage()
  await other.goto(localJoin())
  await following(other)
  await view(other, 'My ID').click()
  await other.getByTestId('join-voucher').fill(voucher.text)
  await other.getByTestId('join-start').click()
  await expect(other.getByText(/voucher (has|was|is)[^.]*used/i).first()).toBeVisible({ timeout: 30_000 })
  await other.context().close()
})

test('two browsers follow the same blocks', async ({ page, browser }) => {
  const other = await (await browser.newContext()).newPage()
  await Promise.all([page.goto(localJoin()), other.goto(localJoin())])
  await Promise.all([following(page), following(other)])
  const hash = (one: Page) => one.getByTestId('tip-height').getAttribute('data-hash')
  await expect
    .poll(
      async () => {
        const [a, b] = await Promise.all([hash(page), hash(other)])
        return a !== null && a === b
      },
      { timeout: 30_000 },
    )
    .toBe(true)
  await other.context().close()
})

/** The page of this PC, with the printed link: loopback counts as secure. */
function localJoin(): string {
  return relay.localUrl + new URL(relay.joinUrl).hash
}

async function following(page: Page): Promise<void> {
  await expect(page.getByTestId('phase')).toHaveAttribute('data-value', 'following', { timeout: 60_000 })
}

function view(page: Page, name: 'Status' | 'Check' | 'My ID') {
  return page.getByRole('navigation', { name: 'Views' }).getByRole('link', { name })
}

async function number(page: Page, testId: string): Promise<number> {
  return Number(await page.getByTestId(testId).first().getAttribute('data-value'))
}

async function joinWith(page: Page, voucher: string): Promise<void> {
  await view(page, 'My ID').click()
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
  await view(page, 'Status').click()
}

async function audit(page: Page, id: string, verdict: string): Promise<void> {
  await view(page, 'Check').click()
  await page.getByTestId('audit-input').fill(id)
  await page.getByTestId('audit-submit').click()
  await expect(page.getByTestId('audit-verdict')).toHaveAttribute('data-verdict', verdict, { timeout: 20_000 })
}

function relayId(status: { stdout: string }): string {
  return (JSON.parse(status.stdout) as { deviceId: string }).deviceId
}

/** An ID of the same network that nobody has. */
function madeUp(id: string): string {
  const { prefix, bytes } = bech32m.decodeToBytes(id)
  const altered = bytes.map((byte, i) => (i === 35 ? byte ^ 1 : byte))
  return bech32m.encode(prefix, bech32m.toWords(Uint8Array.from(altered))).toUpperCase()
}
