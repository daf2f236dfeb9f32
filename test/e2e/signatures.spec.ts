/**
 * One signature verdict everywhere, the browser's part: a real page and a real worker of it judge the crafted
 * signatures with WebCrypto, and a sample with the fallback; node:crypto's verdicts are what they must equal.
 */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { resolve } from 'node:path'
import { expect, test } from '@playwright/test'
import { base64 } from '@scure/base'
import { build, type Rollup } from 'vite'
import { createNodeVerifier } from '../../node-relay/crypto/node-verifier.ts'
import { type CraftedSignature, craftSignatures, SIGNATURE_CLASSES, signatureSeed } from '../framework/signatures.ts'

const SEED = signatureSeed()
const PER_CLASS = 1000
/** Every n-th signature also goes through the fallback, which is some twenty times slower. */
const FALLBACK_STEP = 20

/** Runs in page and worker: fetches the cases, returns verdicts. */
const JUDGE = `
import { createWebVerifier } from '/verifier.js'
export async function judge() {
  const cases = await (await fetch('/cases.json')).json()
  const bytes = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
  const checks = cases.map(([a, m, s]) => ({ publicKey: bytes(a), message: bytes(m), signature: bytes(s) }))
  const native = await createWebVerifier()
  const fallback = await createWebVerifier({ subtle: undefined })
  const start = performance.now()
  const verdicts = await native.verifyBatch(checks)
  const perSecond = Math.round(checks.length / ((performance.now() - start) / 1000))
  const sample = checks.filter((_, i) => i % ${FALLBACK_STEP} === 0)
  return { engines: [native.engine, fallback.engine], verdicts, sample: await fallback.verifyBatch(sample), perSecond }
}`
const WORKER = `import { judge } from '/judge.js'
judge().then((value) => postMessage({ value }), (error) => postMessage({ error: String(error) }))`

interface Judged {
  engines: string[]
  verdicts: boolean[]
  sample: boolean[]
  perSecond: number
}

/** With what it loads when it is needed, by path. */
async function bundleVerifier(): Promise<Record<string, [type: string, body: string]>> {
  const output = (await build({
    configFile: false,
    logLevel: 'warn',
    build: {
      write: false,
      lib: { entry: resolve(import.meta.dirname, '../../web/crypto/web-verifier.ts'), formats: ['es'] },
    },
  })) as Rollup.RollupOutput[]
  const chunks = (output[0]?.output ?? []).flatMap((one) => (one.type === 'chunk' ? [one] : []))
  return Object.fromEntries(
    chunks.map(({ fileName, isEntry, code }) => [isEntry ? '/verifier.js' : `/${fileName}`, ['text/javascript', code]]),
  )
}

let crafted: CraftedSignature[] = []
let server: Server
let origin = ''

test.beforeAll(async () => {
  crafted = craftSignatures(SEED, PER_CLASS)
  const cases = crafted.map((c) => [c.publicKey, c.message, c.signature].map((bytes) => base64.encode(bytes)))
  const files: Record<string, [type: string, body: string]> = {
    '/': ['text/html', '<!doctype html><title>signatures</title>'],
    ...(await bundleVerifier()),
    '/judge.js': ['text/javascript', JUDGE],
    '/worker.js': ['text/javascript', WORKER],
    '/cases.json': ['application/json', JSON.stringify(cases)],
  }
  server = createServer((request, response) => {
    const [type, body] = files[request.url ?? ''] ?? []
    response.writeHead(body === undefined ? 404 : 200, { 'content-type': type ?? 'text/plain' }).end(body)
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  origin = `http://localhost:${(server.address() as AddressInfo).port}`
})

test.afterAll(() => {
  server.close()
})

for (const place of ['page', 'worker'] as const) {
  test(`crafted signatures get the same verdicts in a ${place} as from node:crypto`, async ({ page }) => {
    test.setTimeout(180_000)
    console.log(`LARES_TEST_SEED=${SEED}`)
    await page.goto(origin)
    const judged = await page.evaluate<Judged, string>(async (where) => {
      if (where === 'page') return (await import(/* @vite-ignore */ `${location.origin}/judge.js`)).judge()
      return new Promise((done, fail) => {
        const worker = new Worker('/worker.js', { type: 'module' })
        worker.onerror = (event) => fail(new Error(event.message))
        worker.onmessage = ({ data }) => (data.error === undefined ? done(data.value) : fail(new Error(data.error)))
      })
    }, place)

    expect(judged.engines).toEqual(['webcrypto', 'noble'])
    expect(judged.verdicts).toHaveLength(PER_CLASS * SIGNATURE_CLASSES.length)
    const node = createNodeVerifier()
    expect(node.engine).toBe('node')
    const fromNode = await node.verifyBatch(crafted)
    const differing = crafted.filter((_, i) => judged.verdicts[i] !== fromNode[i]).map((check) => check.class)
    expect(differing, 'WebCrypto against node:crypto').toEqual([])
    expect(judged.sample, 'fallback against node:crypto').toEqual(fromNode.filter((_, i) => i % FALLBACK_STEP === 0))
    expect(fromNode, 'node:crypto against construction').toEqual(crafted.map((check) => check.expected))
    console.log(`${place}: ${judged.perSecond} verifications/s with WebCrypto`)
  })
}
