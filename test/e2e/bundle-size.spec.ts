/**
 * How much JavaScript a first visit loads: what index.html names, all that this imports, the worker, and whatever is
 * loaded on the way to a page that follows its network. Told in two ways that must agree: by reading the built files, and
 * by watching a real browser visit a real relay.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { expect, test } from '@playwright/test'
import { type RelayProcess, removeDataDir, startRelayProcess } from '../framework/relay-process.ts'

/** Bytes, as gzip sends them. */
const LIMIT = 260_000
const BUILT = process.env['LARES_WEB_ROOT'] ?? fileURLToPath(new URL('../../dist/web', import.meta.url))
/**
 * Loaded for what a person may do later: showing a code, scanning one, checking a device, joining, seeing why a label fits, an owner's directory; and
 * where several full nodes share the work.
 */
const LATER =
  /^assets\/(?:qr|qr-code|scanner|decode|recovery-wordlist|audit-view|join-view|networks-view|paste-field|label-reasons|genuine|challenge-card|prove-card|directory-card|assigned-servers|serving-reasons|presence|join|pairing|pairing-card|web-scrypt|recover-identity|signer|noble-verifier|ed25519)-/

test('a first visit loads at most 260 kB of JavaScript', async ({ browser }) => {
  const relay = await startRelayProcess()
  try {
    const seen = await visit(relay)
    const read = firstLoad()
    const sizes = read.map((file) => [file, gzipSync(readFileSync(join(BUILT, file)), { level: 9 }).length] as const)
    const total = sizes.reduce((sum, [, size]) => sum + size, 0)
    console.log([...sizes, ['first load', total] as const].map(([file, size]) => `${size} ${file}`).join('\n'))
    expect(total).toBeLessThanOrEqual(LIMIT)
    // Nothing that a browser loads may be missing from the sum.
    expect([...seen].filter((file) => !read.includes(file))).toEqual([])
    expect(read.length).toBeGreaterThan(2)
  } finally {
    await relay.stop()
    await removeDataDir(relay.dataDir)
  }

  async function visit(relay: RelayProcess): Promise<Set<string>> {
    // Without the service worker, which fetches everything for later use, after the page is there.
    const context = await browser.newContext({ serviceWorkers: 'block' })
    const seen = new Set<string>()
    context.on('request', (request) => {
      const { pathname } = new URL(request.url())
      if (pathname.endsWith('.js')) seen.add(pathname.slice(1))
    })
    const page = await context.newPage()
    await page.goto(relay.localUrl + new URL(relay.joinUrl).hash)
    await expect(page.getByTestId('phase')).toHaveAttribute('data-value', 'following', { timeout: 60_000 })
    await context.close()
    expect(seen.size).toBeGreaterThan(0)
    return seen
  }
})

/** Follows names of built scripts from index.html through every script, but for what is loaded later. */
function firstLoad(): string[] {
  expect(existsSync(join(BUILT, 'index.html')), 'build the page first').toBe(true)
  const scripts = readdirSync(join(BUILT, 'assets')).filter((name) => name.endsWith('.js'))
  const found: string[] = []
  const waiting = [readFileSync(join(BUILT, 'index.html'), 'utf8')]
  for (let text = waiting.pop(); text !== undefined; text = waiting.pop())
    for (const name of scripts) {
      const file = `assets/${name}`
      if (!text.includes(name) || found.includes(file) || LATER.test(file)) continue
      found.push(file)
      waiting.push(readFileSync(join(BUILT, file), 'utf8'))
    }
  return found
}
