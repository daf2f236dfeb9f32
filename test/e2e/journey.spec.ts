/**
 * The whole path, in a real browser against a real relay: a phone joins with a voucher, proves devices, survives a reload;
 * two phones follow the same blocks.
 */
import { expect, type Page, test } from '@playwright/test'
import { bech32m } from '@scure/base'
import { formatDeviceId } from '../../shared/identity/device-id.ts'
import { auditId, heightRises, joinWithVoucher, openView, phaseIs, settledId, tipOf } from '../framework/phone-page.ts'
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
  await open(page)
  await heightRises(page, 4)
  await expect(page.getByTestId('peer').first()).toHaveAttribute('data-transport', 'webrtc-direct')
  expect(await count(page, 'headers-verified')).toBeGreaterThan(0)
  // What this browser is, by its own measure and the thresholds that the relay proves.
  await page.getByTestId('label-why').click()
  const reasons = page.getByTestId('label-reasons')
  await expect(reasons).toHaveAttribute('data-label', 'lightweight')
  await expect(reasons.locator('[data-requirement="full compute"]')).toContainText(/: [1-9][\d,]+/)
  await expect(reasons.locator('[data-requirement="full lifetime"]')).toHaveAttribute('data-met', 'false')
})

test('a phone joins with a voucher: pending, then settled; audits; a reload keeps everything', async ({ page }) => {
  const voucher = await newVoucher(relay.dataDir)
  await open(page)
  // Pending lasts two blocks at this preset, too short to be sure to see it: its time is noted in the page.
  await page.evaluate(() => {
    const seen = new Set<string>()
    Object.assign(globalThis, { identityStates: seen })
    new MutationObserver(() => {
      const state = document.querySelector('[data-testid=identity-state]')?.getAttribute('data-value')
      if (state) seen.add(state)
    }).observe(document.body, { subtree: true, childList: true, attributes: true })
  })
  await joinWithVoucher(page, voucher.text)
  const own = await settledId(page)
  const states = await page.evaluate(() => [
    ...(globalThis as unknown as { identityStates: Set<string> }).identityStates,
  ])
  expect(states.slice(-2)).toEqual(['pending', 'settled'])

  expect(await auditId(page, own)).toBe('registered')
  await expect(page.getByTestId('audit-proof-bytes')).toContainText(/\d/)
  const { deviceId } = JSON.parse((await lares(relay.dataDir, 'status', '--json')).stdout) as { deviceId: string }
  expect(await auditId(page, deviceId)).toBe('registered')
  expect(await auditId(page, madeUp(own))).toBe('not-in-ledger')
  await expect(page.getByTestId('audit-checked')).toContainText(/proof/)
  const foreign = formatDeviceId(new Uint8Array(32).fill(7), new Uint8Array(32).fill(9))
  expect(await auditId(page, foreign)).toBe('unknown-network')
  expect(await auditId(page, 'hello')).toBe('malformed')

  await openView(page, 'Status')
  const { height } = await tipOf(page)
  await page.reload()
  await phaseIs(page, 'following')
  expect(await settledId(page)).toBe(own)
  expect((await tipOf(page)).height).toBeGreaterThanOrEqual(height)
  expect(await count(page, 'headers-stored')).toBeGreaterThan(0)
})

test('the device itself answers who asks, and a copied label does not', async ({ browser }) => {
  const device = await (await browser.newContext()).newPage()
  const thief = await (await browser.newContext()).newPage()
  const technician = await (await browser.newContext()).newPage()
  const ids: string[] = []
  for (const page of [device, thief]) {
    await open(page)
    await joinWithVoucher(page, (await newVoucher(relay.dataDir)).text)
    ids.push(await settledId(page))
  }
  await open(technician)
  const [id = ''] = ids
  expect(await auditId(technician, id)).toBe('registered')
  await technician.getByTestId('challenge-open').click()
  const question = (await technician.getByTestId('challenge-text').textContent()) ?? ''
  /** What a phone shows when it is asked. */
  const answerOf = async (page: Page) => {
    await openView(page, 'My ID')
    await page.getByTestId('prove-question').fill(question)
    await page.getByTestId('prove').click()
    return (await page.getByTestId('prove-answer').textContent()) ?? ''
  }
  const check = async (answer: string) => {
    await technician.getByTestId('challenge-answer').fill(answer)
    await technician.getByTestId('challenge-check').click()
  }
  const verdict = technician.getByTestId('audit-verdict')
  await check(await answerOf(thief))
  await expect(technician.getByTestId('challenge-failure')).toHaveAttribute('data-code', 'answer-of-other-device')
  await expect(verdict).toHaveAttribute('data-verdict', 'registered')
  await check(await answerOf(device))
  await expect(verdict).toHaveAttribute('data-verdict', 'genuine')
  // The other phone is not near: its server puts the question to it.
  const [, other = ''] = ids
  expect(await auditId(technician, other)).toBe('registered')
  await technician.getByTestId('challenge-open').click()
  await technician.getByTestId('ask-device').click()
  await expect(verdict).toHaveAttribute('data-verdict', 'genuine', { timeout: 60_000 })
  for (const page of [device, thief, technician]) await page.context().close()
})

test('a used voucher is refused in one sentence', async ({ page, browser }) => {
  const voucher = await newVoucher(relay.dataDir)
  await open(page)
  await joinWithVoucher(page, voucher.text)
  await settledId(page)
  const other = await (await browser.newContext()).newPage()
  await open(other)
  await openView(other, 'My ID')
  await other.getByTestId('join-voucher').fill(voucher.text)
  await other.getByTestId('join-start').click()
  await expect(other.getByText(/voucher (has|was|is)[^.]*used/i).first()).toBeVisible({ timeout: 30_000 })
  await other.context().close()
})

test('two browsers follow the same blocks', async ({ page, browser }) => {
  const other = await (await browser.newContext()).newPage()
  await Promise.all([open(page), open(other)])
  const same = async () => {
    const [a, b] = await Promise.all([tipOf(page), tipOf(other)])
    return a.hash !== '' && a.hash === b.hash ? a.height : 0
  }
  await expect.poll(same, { timeout: 30_000 }).toBeGreaterThan(0)
  const first = await same()
  await expect.poll(same, { timeout: 30_000 }).toBeGreaterThan(first)
  await other.context().close()
})

/** The page of this PC, with the printed link: loopback counts as secure. */
async function open(page: Page): Promise<void> {
  await page.goto(relay.localUrl + new URL(relay.joinUrl).hash)
  await phaseIs(page, 'following')
}

async function count(page: Page, testId: string): Promise<number> {
  return Number(await page.getByTestId(testId).first().getAttribute('data-value'))
}

/** An ID of the same network that nobody has. */
function madeUp(id: string): string {
  const { prefix, bytes } = bech32m.decodeToBytes(id)
  const altered = bytes.map((byte, i) => (i === 35 ? byte ^ 1 : byte))
  return bech32m.encode(prefix, bech32m.toWords(Uint8Array.from(altered))).toUpperCase()
}
