import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { type Browser, chromium, type Page } from '@playwright/test'
import { build, type Rollup } from 'vite'
import { ensureChromium } from '../../../scripts/setup/chromium.mjs'

/** The page of the benchmarks, our worker as the product has it, and the worker of limits and rivals. */
const ENTRIES = {
  page: fileURLToPath(new URL('../browser/page.ts', import.meta.url)),
  worker: fileURLToPath(new URL('../../../web/worker/main.ts', import.meta.url)),
  rivals: fileURLToPath(new URL('../browser/rivals-worker.ts', import.meta.url)),
} as const

/** As in the browser tests: nothing calls home, and pages may reach a relay on loopback. */
const ARGS = [
  '--no-sandbox',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-features=WebRtcHideLocalIpsWithMdns',
  '--allow-loopback-in-peer-connection',
]

const PATIENCE_MS = 10 * 60_000

export interface BenchBrowser {
  readonly version: string
  /** A page in a context of its own: an empty database. @throws when the task takes longer than that, ten minutes unless told */
  withPage<Value>(task: (page: Page) => Promise<Value>, patienceMs?: number): Promise<Value>
  close(): Promise<void>
}

/**
 * A real Chromium, and an origin that serves the bundles and files to it.
 * @param files by path, beside `/page.js`, `/worker.js` and `/rivals.js`
 */
export async function openBrowser(files: Readonly<Record<string, Uint8Array>> = {}): Promise<BenchBrowser> {
  const served = new Map<string, { readonly type: string; readonly body: string | Uint8Array }>([
    ['/', { type: 'text/html', body: '<!doctype html><title>benchmark</title>' }],
    ...Object.entries(files).map(([path, body]) => [path, { type: 'application/octet-stream', body }] as const),
  ])
  for (const [name, input] of Object.entries(ENTRIES))
    for (const { fileName, code } of await bundle(name, input))
      served.set(`/${fileName}`, { type: 'text/javascript', body: code })
  const server = createServer((request, response) => {
    const file = served.get(request.url ?? '')
    response.writeHead(file === undefined ? 404 : 200, { 'content-type': file?.type ?? 'text/plain' }).end(file?.body)
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const origin = `http://localhost:${(server.address() as AddressInfo).port}`
  const executablePath = await ensureChromium(process.execPath)
  const browser: Browser = await chromium.launch({ executablePath, args: ARGS })
  return {
    version: browser.version(),
    async withPage(task, patienceMs = PATIENCE_MS) {
      const context = await browser.newContext()
      try {
        const page = await context.newPage()
        page.on('pageerror', (error) => process.stderr.write(`page: ${error.message}\n`))
        await page.goto(origin)
        const late = new Promise<never>((_, reject) => {
          setTimeout(() => reject(new Error('the page does not come to an end')), patienceMs).unref()
        })
        return await Promise.race([task(page), late])
      } finally {
        await context.close()
      }
    },
    async close() {
      await browser.close()
      server.close()
    },
  }
}

/** One by one: what a worker shares with the page in one build may ask for a document. */
async function bundle(name: string, input: string): Promise<{ fileName: string; code: string }[]> {
  const { output } = (await build({
    configFile: false,
    logLevel: 'silent',
    build: {
      write: false,
      minify: true,
      target: 'es2023',
      // What is loaded early is named in the document, and a worker has none.
      modulePreload: false,
      rollupOptions: {
        input: { [name]: input },
        preserveEntrySignatures: 'strict',
        output: { entryFileNames: '[name].js' },
      },
    },
  })) as Rollup.RollupOutput
  return output.flatMap((file) => (file.type === 'chunk' ? [{ fileName: file.fileName, code: file.code }] : []))
}
