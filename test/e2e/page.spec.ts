/**
 * The built static page on a host of its own, below a folder, without any relay: what it does with its address, with a
 * second tab, while its host is down, and when a newer version of it appears.
 */
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { type BrowserContext, expect, type Page, test } from '@playwright/test'
import { type ServedFolder, serveFolder } from '../framework/serve-folder.ts'

const BUILT = process.env['LARES_STATIC_PAGE'] ?? fileURLToPath(new URL('../../dist/static', import.meta.url))

let host: ServedFolder
test.beforeEach(async () => {
  host = await serveFolder(BUILT, '/some/where/')
})
test.afterEach(() => host.stop())

async function open(context: BrowserContext, hash = ''): Promise<Page> {
  const page = await context.newPage()
  await page.goto(host.url + hash)
  await expect(page.locator('main .card').first()).toBeVisible()
  return page
}

test('runs under its own content security policy, and asks its origin for no relay', async ({ context }) => {
  const complaints: string[] = []
  const asked: string[] = []
  context.on('console', (message) => {
    if (/Content Security Policy/i.test(message.text())) complaints.push(message.text())
  })
  context.on('request', (request) => asked.push(new URL(request.url()).pathname))
  const page = await open(context)
  const policy = await page.locator('meta[http-equiv="Content-Security-Policy"]').getAttribute('content')
  expect(policy).toContain("script-src 'self';")
  const blocked = await page.evaluate(() => {
    const script = document.createElement('script')
    script.textContent = 'globalThis.injected = true'
    document.head.append(script)
    return !('injected' in globalThis)
  })
  expect(blocked).toBe(true)
  expect(complaints.filter((text) => !text.includes('inline script'))).toEqual([])
  expect(asked.filter((path) => path.includes('/api/'))).toEqual([])
})

test('a voucher does not stay in the address bar', async ({ context }) => {
  const page = await open(context, '#voucher=secret')
  await expect(page.getByTestId('join-voucher')).toHaveValue('secret')
  expect(page.url()).not.toContain('secret')
  expect(await page.evaluate(() => history.length)).toBeLessThanOrEqual(3)
})

test('a join link that is none is refused with a sentence', async ({ context }) => {
  const page = await open(context, '#join=nonsense')
  await expect(page.getByTestId('networks-failure')).toBeVisible()
  expect(page.url()).not.toContain('nonsense')
})

test('a second tab attaches, and takes over when the first closes', async ({ context }) => {
  const first = await open(context)
  const second = await open(context)
  await expect(second.getByTestId('attached')).toBeVisible()
  await expect(first.getByTestId('attached')).toHaveCount(0)
  // Asked in the second tab, answered by the first.
  await second.goto(`${host.url}#/audit`)
  await second.getByTestId('audit-input').fill('nonsense')
  await second.getByTestId('audit-submit').click()
  await expect(second.getByTestId('audit-verdict')).toBeVisible()
  await first.close()
  await expect(second.getByTestId('attached')).toHaveCount(0)
  await second.getByTestId('audit-submit').click()
  await expect(second.getByTestId('audit-verdict')).toBeVisible()
})

test('opens while its host is down, and shows an update before it uses it', async ({ context }) => {
  const page = await open(context)
  await page.evaluate(() => navigator.serviceWorker.ready)
  host.setDown(true)
  await page.reload()
  await expect(page.locator('main .card').first()).toBeVisible()
  host.setDown(false)

  const worker = await readFile(`${BUILT}/sw.js`, 'utf8')
  host.replace('sw.js', `${worker}\n// newer`)
  await page.reload()
  await expect(page.getByTestId('update-bar')).toBeVisible()
  const reloaded = page.waitForEvent('load')
  await page.getByTestId('update-accept').click()
  await reloaded
  await expect(page.locator('main .card').first()).toBeVisible()
  await expect(page.getByTestId('update-bar')).toHaveCount(0)
})
