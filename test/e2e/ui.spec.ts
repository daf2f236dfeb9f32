/**
 * The views over sample data, in a real browser: what each shows and what a person's taps do. The chain behind them is
 * not real here; other specs run the whole path.
 */
import { fileURLToPath } from 'node:url'
import { expect, type Page, test } from '@playwright/test'
import encodeQR from 'qr'
import { build } from 'vite'
import { type ServedFolder, serveFolder } from '../framework/serve-folder.ts'

const CONFIG = fileURLToPath(new URL('../web/ui/vite.config.ts', import.meta.url))
const BUILT = fileURLToPath(new URL('../../.cache/ui-sample', import.meta.url))
const PHONE = { width: 390, height: 844 }
const DESK = { width: 1280, height: 800 }

let host: ServedFolder
test.beforeAll(async () => {
  await build({ configFile: CONFIG, logLevel: 'warn' })
  host = await serveFolder(BUILT)
})
test.afterAll(() => host.stop())

async function open(page: Page, query: string): Promise<void> {
  await page.goto(`${host.url}sample.html${query}`)
  await page.locator('main .card').first().waitFor()
}

test('status: heights, keepers, headers, peers and over which transport', async ({ page }) => {
  await open(page, '?sample=following#/status')
  await expect(page.getByTestId('phase')).toHaveAttribute('data-value', 'following')
  await expect(page.getByTestId('tip-height')).toHaveText('48,213')
  await expect(page.getByTestId('settled-height')).toHaveText('48,207')
  await expect(page.getByTestId('keepers-seen')).toHaveText('3 of 3 keepers seen')
  await expect(page.getByTestId('headers-verified')).toHaveAttribute('data-value', '1313')
  await expect(page.getByTestId('headers-stored')).toHaveAttribute('data-value', '1313')
  const transports = await page.getByTestId('peer').evaluateAll((rows) => rows.map((row) => row.dataset['transport']))
  expect(transports).toEqual(['webrtc-direct', 'webrtc', 'websocket', 'circuit'])
  await expect(page.getByTestId('peer').nth(2)).toContainText('20 penalty points')
  const asleep = await page.getByTestId('keeper').evaluateAll((rows) => rows.map((row) => row.dataset['asleep']))
  expect(asleep).toEqual(['true', 'false', 'false'])
  await expect(page.getByTestId('keeper').first()).toContainText('its turn passes to others')
  await expect(page.getByTestId('incident').first()).toHaveAttribute('data-severity', 'alarm')
  await expect(page.getByTestId('single-keeper')).toHaveCount(0)
})

test('status: the QR code of the own ID reads as that ID', async ({ page }) => {
  await open(page, '?sample=following#/status')
  const id = (await page.getByTestId('device-id').getAttribute('data-value')) ?? ''
  expect(id).toMatch(/^LARES1[A-Z0-9]{64}$/)
  await expect(page.getByTestId('device-id')).toHaveText(id.replace(/\s/g, ''))
  const dark = encodeQR(id, 'raw', { ecc: 'medium', border: 4 }).flat().filter(Boolean).length
  await expect(page.locator('svg.qr path')).toHaveAttribute('d', new RegExp(`^(M\\d+ \\d+h1v1h-1z){${dark}}$`))
})

test('status: which label fits this device, and what it lacks for more, when a person asks', async ({ page }) => {
  await open(page, '?sample=following#/status')
  await expect(page.getByTestId('label-reasons')).toHaveCount(0)
  await page.getByTestId('label-why').click()
  const reasons = page.getByTestId('label-reasons')
  await expect(reasons).toHaveAttribute('data-label', 'lightweight')
  await expect(reasons.locator('[data-requirement="full lifetime"]')).toHaveText('lifetime: 3 hours, needs 7 days')
  await expect(reasons.locator('[data-requirement="full compute"]')).toHaveAttribute('data-met', 'true')
  await expect(reasons.locator('[data-requirement="coordination power"]')).toHaveText('power: battery, needs mains')
})

test('status: who serves this device, and why, where there is a choice', async ({ page }) => {
  await open(page, '?sample=following#/status')
  const duties = page.getByTestId('peer').getByTestId('duty')
  await expect(duties).toHaveText(['primary', 'standby'])
  await page.getByTestId('serving-why').click()
  const states = () => page.getByTestId('assigned').evaluateAll((rows) => rows.map((row) => row.dataset['state']))
  await expect.poll(states).toEqual(['primary', 'standby', 'away'])
  await expect(page.getByTestId('serving-reasons')).toContainText('Everybody works out the same one')
  await expect(page.getByTestId('assigned').nth(2)).toHaveText('Seat 2not reached now: passed over, and tried again')

  await open(page, '?sample=single#/status')
  await expect(page.getByTestId('serving-why')).toHaveCount(0)
})

test('status: a sleeping network is asleep, not lying', async ({ page }) => {
  await open(page, '?sample=asleep#/status')
  await expect(page.getByTestId('phase')).toHaveText('Asleep')
  await expect(page.locator('main')).not.toContainText(/\blying|\bliar/i)
})

test('status: one keeper is said to be one', async ({ page }) => {
  await open(page, '?sample=single#/status')
  await expect(page.getByTestId('single-keeper')).toHaveText('One relay keeps this network: its key is the trust.')
})

for (const [verdict, word] of [
  ['registered', 'Registered'],
  ['retired', 'Retired'],
  ['not-in-ledger', 'Not in the ledger'],
  ['unknown-network', 'Unknown network'],
  ['malformed', 'Not a device ID'],
  ['cannot-say', 'Cannot say'],
] as const)
  test(`audit: ${verdict}`, async ({ page }) => {
    await open(page, '?sample=single#/audit')
    await page.getByTestId('audit-input').fill(verdict)
    await page.getByTestId('audit-submit').click()
    const card = page.getByTestId('audit-verdict')
    await expect(card).toHaveAttribute('data-verdict', verdict)
    await expect(card.getByRole('heading', { level: 2 })).toHaveText(word)
    await expect(page.locator('[aria-live=assertive]')).toContainText(word)
    await expect(page.getByTestId('audit-not-asked')).toHaveText('The device itself was not asked.')
    await expect(page.getByTestId('code-origin')).toHaveAttribute('data-audited', 'true')
    const proven = ['registered', 'retired', 'not-in-ledger'].includes(verdict)
    await expect(page.getByTestId('audit-asof')).toHaveCount(proven ? 1 : 0)
    await expect(page.getByTestId('audit-proof-bytes')).toHaveCount(proven ? 1 : 0)
    await expect(page.getByTestId('audit-checked').getByRole('listitem')).toHaveCount(proven ? 4 : 0)
  })

test('audit: an ID on its way into the ledger is not shown as made up', async ({ page }) => {
  await open(page, '?sample=single#/audit')
  await page.getByTestId('audit-input').fill('pending')
  await page.getByTestId('audit-submit').click()
  const card = page.getByTestId('audit-verdict')
  await expect(card).toHaveAttribute('data-verdict', 'not-in-ledger')
  await expect(card).toHaveAttribute('data-pending', 'true')
  await expect(card.getByRole('heading', { level: 2 })).toHaveText('Not settled yet')
})

test('audit: a picture of a label is read', async ({ page }) => {
  await open(page, '?sample=following#/audit')
  const id = 'LARES1QQPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L'
  const svg = encodeQR(id, 'svg', { border: 4, scale: 8 })
  const picture = await page.evaluate(async (text) => {
    const image = new Image()
    image.src = `data:image/svg+xml,${encodeURIComponent(text)}`
    await image.decode()
    const canvas = document.createElement('canvas')
    canvas.width = canvas.height = 420
    canvas.getContext('2d')?.drawImage(image, 0, 0, 420, 420)
    return canvas.toDataURL('image/png').split(',')[1] ?? ''
  }, svg)
  await page.getByTestId('scan').click()
  await page
    .getByTestId('scan-picture')
    .setInputFiles({ name: 'label.png', mimeType: 'image/png', buffer: Buffer.from(picture, 'base64') })
  await expect(page.getByTestId('audit-verdict')).toBeVisible()
  await expect(page.getByTestId('audit-input')).toHaveValue(id)
})

test('audit: a camera that is not allowed is one sentence', async ({ page }) => {
  await page.addInitScript(() => {
    navigator.mediaDevices.getUserMedia = async () => {
      throw new DOMException('denied', 'NotAllowedError')
    }
  })
  await open(page, '?sample=following#/audit')
  await page.getByTestId('scan').click()
  await expect(page.getByTestId('scan-problem')).toContainText('This page may not use the camera')
})

test('join: words are shown, asked back, and the ID is pending', async ({ page }) => {
  await open(page, '?sample=no-id#/join')
  await page.getByTestId('join-voucher').fill('expired')
  await page.getByTestId('join-start').click()
  await expect(page.getByTestId('join-failure')).toHaveAttribute('data-code', 'voucher-expired')

  await page.getByTestId('join-voucher').fill('a good one')
  await page.getByTestId('join-start').click()
  const words = await page.getByTestId('words').getByRole('listitem').allTextContents()
  expect(words).toHaveLength(24)
  await page.getByTestId('words-written').click()
  await expect(page.getByTestId('words')).toHaveCount(0)

  const answers = page.getByTestId('word-answer')
  await expect(answers).toHaveCount(3)
  for (const answer of await answers.all()) await answer.fill('wrong')
  await page.getByTestId('join-confirm').click()
  await expect(page.getByTestId('join-failure')).toHaveAttribute('data-code', 'wrong-words')

  for (const answer of await answers.all())
    await answer.fill(` ${words[Number(await answer.getAttribute('data-position'))]?.toUpperCase()} `)
  await page.getByTestId('join-confirm').click()
  await expect(page.getByTestId('identity-state')).toHaveAttribute('data-value', 'pending')
  await expect(page.getByTestId('join-step').last()).toHaveAttribute('data-done', 'false')
})

test('join: who has no voucher sees the puzzle, then the code to be typed', async ({ page }) => {
  await open(page, '?sample=puzzle#/join')
  await expect(page.locator('[data-testid="pair-step"][data-step="puzzle"]')).toHaveAttribute('data-state', 'now')
  await expect(page.getByTestId('pair-progress')).toBeVisible()
  for (const size of [PHONE, DESK]) {
    await page.setViewportSize(size)
    await open(page, '?sample=pairing#/join')
    await expect(page.getByTestId('pair-code')).toHaveText('BCDF-GHJK')
    const tooWide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
    expect(tooWide, `at ${size.width}`).toBeLessThanOrEqual(0)
  }
})

test('networks: a bad link is refused, a good one added, removal asks first', async ({ page }) => {
  await open(page, '?sample=following#/networks')
  await page.getByTestId('network-link').fill('nonsense')
  await page.getByTestId('add-network').click()
  await expect(page.getByTestId('add-network-failure')).toHaveAttribute('data-code', 'malformed-link')

  await expect(page.getByTestId('network')).toHaveCount(2)
  await page.getByTestId('remove-network').nth(1).click()
  await expect(page.getByTestId('network')).toHaveCount(2)
  await page.getByTestId('remove-confirm').click()
  await expect(page.getByTestId('network')).toHaveCount(1)

  await page.getByTestId('network-link').fill('lares-link')
  await page.getByTestId('add-network').click()
  await expect(page.getByTestId('network-name')).toHaveText('New network')
})

test('bars: an update is accepted by hand, the local network is explained before it is asked for', async ({ page }) => {
  await open(page, '?sample=following&bars#/status')
  await expect(page.getByTestId('attached')).toBeVisible()
  await expect(page.getByTestId('local-network')).toContainText('The browser will now ask')
  await page.getByTestId('local-network-ask').click()
  await expect(page.getByTestId('local-network')).toContainText('may not reach devices in your network')
  await page.getByTestId('update-accept').click()
  await expect(page.getByTestId('update-bar')).toHaveCount(0)
})

for (const [missing, code] of [
  ['secure', 'insecure-origin'],
  ['webrtc', 'no-webrtc'],
  ['storage', 'no-storage'],
] as const)
  test(`obstacle: ${code} stops the page with one sentence`, async ({ page }) => {
    await open(page, `?missing=${missing}`)
    await expect(page.getByTestId('obstacle')).toHaveAttribute('data-code', code)
    await expect(page.getByRole('navigation')).toHaveCount(0)
  })

test('everything fits a phone and a desk, and can be used by keyboard', async ({ page }) => {
  for (const size of [PHONE, DESK]) {
    await page.setViewportSize(size)
    for (const name of ['status', 'audit', 'join', 'networks']) {
      await open(page, `?sample=following#/${name}`)
      const tooWide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
      expect(tooWide, `${name} at ${size.width}`).toBeLessThanOrEqual(0)
      for (const field of await page.locator('input, textarea').all()) await expect(field).toHaveAccessibleName(/.+/)
    }
  }
  await open(page, '?sample=following#/audit')
  await page.getByTestId('audit-input').focus()
  await page.keyboard.type('registered')
  await page.keyboard.press('Enter')
  await expect(page.getByTestId('audit-verdict')).toHaveAttribute('data-verdict', 'registered')
})
