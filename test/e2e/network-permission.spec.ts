/**
 * Local-network permission in a real Chromium: what the page reads before asking, and after yes and no.
 * How: the page's own origin is declared public (`--ip-address-space-overrides`), the relay stays on loopback. A headless
 * browser answers every prompt with no.
 */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { resolve } from 'node:path'
import { chromium, expect, test } from '@playwright/test'
import { build, type Rollup } from 'vite'

const LOCAL_NETWORK = resolve(import.meta.dirname, '../../web/network/local-network.ts')

async function serve(files: Record<string, [type: string, body: string]>): Promise<[Server, number]> {
  const server = createServer((request, response) => {
    const [type, body] = files[request.url ?? ''] ?? []
    response
      .writeHead(body === undefined ? 404 : 200, {
        'content-type': type ?? 'text/plain',
        'access-control-allow-origin': '*',
      })
      .end(body)
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return [server, (server.address() as AddressInfo).port]
}

test('the page reads the permission, asks for it, and reaches the relay only with it', async ({ launchOptions }) => {
  const { output } = (await build({
    configFile: false,
    logLevel: 'warn',
    build: {
      write: false,
      target: 'es2023',
      rollupOptions: { input: LOCAL_NETWORK, preserveEntrySignatures: 'strict' },
    },
  })) as Rollup.RollupOutput
  const [site, sitePort] = await serve({
    '/': ['text/html', '<!doctype html><title>permission</title>'],
    '/local-network.js': ['text/javascript', output[0].code],
  })
  const [relay, relayPort] = await serve({ '/healthz': ['text/plain', 'ok'] })
  const browser = await chromium.launch({
    ...launchOptions,
    args: [...(launchOptions?.args ?? []), `--ip-address-space-overrides=127.0.0.1:${sitePort}=public`],
  })
  const origin = `http://localhost:${sitePort}`

  async function tryFrom(permissions?: string[]) {
    const context = await browser.newContext()
    // An empty list denies everything that is not in it; without one the browser would ask.
    if (permissions !== undefined) await context.grantPermissions(permissions, { origin })
    const page = await context.newPage()
    await page.goto(origin)
    const seen = await page.evaluate(async (url) => {
      const { queryLocalNetworkPermission, requestLocalNetworkAccess, explainLocalNetworkNeed } = (await import(
        /* @vite-ignore */ `${location.origin}/local-network.js`
      )) as typeof import('../../web/network/local-network.ts')
      const before = await queryLocalNetworkPermission('loopback')
      const answer = await requestLocalNetworkAccess(url)
      const reached = await fetch(url).then(
        (response) => response.text(),
        () => 'blocked',
      )
      return { before, answer, reached, explained: explainLocalNetworkNeed(answer) !== undefined }
    }, `http://127.0.0.1:${relayPort}/healthz`)
    await context.close()
    return seen
  }

  try {
    const denied = { answer: 'denied', reached: 'blocked', explained: true }
    expect(await tryFrom()).toEqual({ before: 'prompt', ...denied })
    expect(await tryFrom([])).toEqual({ before: 'denied', ...denied })
    const granted = { before: 'granted', answer: 'granted', reached: 'ok', explained: false }
    expect(await tryFrom(['local-network-access'])).toEqual(granted)
  } finally {
    await browser.close()
    site.close()
    relay.close()
  }
})
