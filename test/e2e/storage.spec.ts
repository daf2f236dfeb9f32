/**
 * What a phone has stored, and everything that can happen to it: the browser is killed again and again in the middle of a
 * sync, each kind of record is damaged in three ways, the database is deleted while it is open and while it is not, and
 * the quota runs out. On return the page is consistent, says what happened, fetches the headers that are missing and no
 * others, and has its ID, or gets it back by its words.
 * How: a browser with a profile on disk and a relay with a long chain that it gives away slowly (test/framework); the last
 * test brings an ID back at a real relay process. The moments are random, by a seed that is printed.
 */
import { fileURLToPath } from 'node:url'
import { type BrowserContext, expect, type Page, test } from '@playwright/test'
import { type LongRelay, startLongRelay } from '../framework/long-relay.ts'
import { type OwnBrowser, startOwnBrowser } from '../framework/own-browser.ts'
import {
  auditId,
  heightRises,
  incidentsOf,
  joinWithVoucher,
  openView,
  phaseIs,
  settledId,
  tipOf,
} from '../framework/phone-page.ts'
import { newVoucher, removeDataDir, startRelayProcess } from '../framework/relay-process.ts'
import { type ServedFolder, serveFolder } from '../framework/serve-folder.ts'

const BUILT = process.env['LARES_WEB_ROOT'] ?? fileURLToPath(new URL('../../dist/web', import.meta.url))
const SEED = Number(process.env['LARES_SEED'] ?? Math.floor(Math.random() * 2 ** 31))
/** LARES_CLOSINGS=50 is the long form. */
const CLOSINGS = Number(process.env['LARES_CLOSINGS'] ?? 12)
/** Every so often the whole browser is killed, otherwise its pages. */
const WHOLE_BROWSER_EVERY = 10
/** After the first header of a visit, ms. */
const LONGEST_VISIT_MS = 400
/** Two chunks, and some recent headers. */
const BLOCKS = 500
/** Headers of a chunk: web/client/header-log.ts. */
const CHUNK = 192

let site: ServedFolder
let relay: LongRelay
let browser: OwnBrowser
test.beforeAll(async ({ launchOptions }) => {
  test.setTimeout(300_000)
  site = await serveFolder(BUILT)
  site.replace('api/aside', 'nothing runs here')
  relay = await startLongRelay({ blocks: BLOCKS, headersPerAnswer: 20, answerDelayMs: 60 })
  browser = await startOwnBrowser(launchOptions)
})
test.afterAll(async () => {
  await browser.close()
  await relay.stop()
  await site.stop()
})

async function open(context: BrowserContext, fragment = ''): Promise<Page> {
  const page = await context.newPage()
  await page.goto(site.url + fragment)
  return page
}

/** A number on the status view; 0 until it is shown. */
async function numberOf(page: Page, testId: string): Promise<number> {
  return Number((await page.getByTestId(testId).getAttribute('data-value', { timeout: 20_000 })) ?? 0)
}

/** All stored headers are checked: those of the whole chain, or from a height on. */
async function isWhole(page: Page, from = 1): Promise<void> {
  await phaseIs(page, 'following')
  await expect(async () => {
    const { height } = await tipOf(page)
    expect(height).toBeGreaterThanOrEqual(BLOCKS)
    expect(await numberOf(page, 'headers-stored')).toBe(height - from + 1)
  }).toPass({ timeout: 30_000 })
}

/** A page of the same origin without a worker, so that the database is not in use. */
async function aside(page: Page): Promise<void> {
  await page.goto(`${site.url}api/aside`)
}

async function forgetEverything(page: Page): Promise<void> {
  await aside(page)
  await page.evaluate(async () => {
    localStorage.clear()
    await new Promise((resolve) => Object.assign(indexedDB.deleteDatabase('lares'), { onsuccess: resolve }))
  })
}

test(`closed at ${CLOSINGS} random moments of a sync`, async () => {
  test.setTimeout(300_000)
  console.log(`LARES_SEED=${SEED}`)
  const random = randomFrom(SEED)
  let page = await open(browser.context, relay.join)
  let syncs = 0
  let kept = 0
  const lost: number[] = []
  for (let closing = 1; closing <= CLOSINGS; closing++) {
    // Something came in this visit, and some more will before the end.
    const before = await numberOf(page, 'headers-stored')
    await expect.poll(() => numberOf(page, 'headers-fetched'), { timeout: 30_000, intervals: [20] }).toBeGreaterThan(0)
    await new Promise((resolve) => setTimeout(resolve, random() * LONGEST_VISIT_MS))
    const stored = await numberOf(page, 'headers-stored')
    expect(stored).toBeGreaterThanOrEqual(before)

    if (closing % WHOLE_BROWSER_EVERY === 0) await browser.killAll()
    else {
      const crashed = page.waitForEvent('crash')
      await browser.killPages()
      await crashed
      await page.close()
    }
    page = await open(browser.context)
    await expect(page.getByTestId('tip-height')).toHaveAttribute('data-value', /\d/, { timeout: 30_000 })
    // All of it that was stored holds, and it is some of the chain.
    await expect(incidentsOf(page, 'storage-repaired')).toHaveCount(0)
    const { height, hash } = await tipOf(page)
    expect((await relay.hashes())[height]).toBe(hash)
    const now = await numberOf(page, 'headers-stored')
    if (now < stored) lost.push(stored - now)
    kept = Math.max(kept, now)
    if (stored < BLOCKS) continue
    // At the end of the chain: once more, from nothing.
    await isWhole(page)
    syncs++
    await forgetEverything(page)
    await page.goto(site.url + relay.join)
  }
  await isWhole(page)
  const { height, hash } = await tipOf(page)
  expect((await relay.hashes())[height]).toBe(hash)
  await expect(page.getByTestId('incident')).toHaveCount(0)
  // A visit that came to nothing would show nothing: most of what was verified had been stored when the end came.
  console.log(`${syncs} whole syncs in ${CLOSINGS} visits; fetched again after a closing: ${lost.join(' ')}`)
  expect(kept).toBeGreaterThan(CHUNK)
  await forgetEverything(page)
  await page.close()
})

interface Damage {
  readonly store: string
  readonly way: 'flipped' | 'type' | 'deleted'
  /** Chunks are named by their first height. */
  readonly first?: number
}

/** Copies the database; damages one record of it. Runs on a page without a worker. */
async function onDatabase(page: Page, what: 'backup' | 'restore' | Damage): Promise<void> {
  await aside(page)
  await page.evaluate(async (task) => {
    const done = <Value>(request: IDBRequest<Value>): Promise<Value> =>
      new Promise((resolve, reject) => {
        request.onsuccess = () => resolve(request.result)
        request.onerror = () => reject(request.error)
      })
    const openAt = (name: string, stores: string[] = []) => {
      const request = indexedDB.open(name, name === 'backup' ? 1 : undefined)
      request.onupgradeneeded = () => {
        for (const store of stores) request.result.createObjectStore(store)
      }
      return done(request)
    }
    const live = await openAt('lares')
    const stores = [...live.objectStoreNames]
    const copy = await openAt('backup', stores)
    if (typeof task === 'string') {
      const [from, to] = task === 'backup' ? [live, copy] : [copy, live]
      for (const store of stores) {
        const read = from.transaction(store).objectStore(store)
        const [keys, values] = await Promise.all([done(read.getAllKeys()), done(read.getAll())])
        const write = to.transaction(store, 'readwrite').objectStore(store)
        await done(write.clear())
        for (const [i, key] of keys.entries()) await done(write.put(values[i], key))
      }
    } else {
      const records = live.transaction(task.store, 'readwrite').objectStore(task.store)
      const keys = await done(records.getAllKeys())
      const key = keys.find((one) => task.first === undefined || (one as unknown[])[1] === task.first)
      if (key === undefined) throw new Error(`nothing to damage in ${task.store}`)
      if (task.way === 'deleted') await done(records.delete(key))
      else if (task.way === 'type') await done(records.put('nonsense', key))
      else {
        const value = await done(records.get(key))
        const flip = (one: unknown): unknown => {
          if (one instanceof Uint8Array) return one.map((byte, i) => (i === one.length >> 1 ? byte ^ 1 : byte))
          if (Array.isArray(one)) return one.map(flip)
          if (typeof one === 'number') return one + 1
          if (typeof one !== 'object' || one === null || one instanceof CryptoKey) return one
          return Object.fromEntries(Object.entries(one).map(([name, field]) => [name, flip(field)]))
        }
        if (task.store !== 'wallets') await done(records.put(flip(value), key))
        else {
          // A key has no bytes to flip: it is another one.
          live.close()
          const other = await crypto.subtle.generateKey('Ed25519', false, ['sign', 'verify'])
          const again = await openAt('lares')
          await done(again.transaction('wallets', 'readwrite').objectStore('wallets').put(other, key))
          again.close()
        }
      }
    }
    live.close()
    copy.close()
  }, what)
}

test.describe('with an ID', () => {
  test.describe.configure({ mode: 'serial' })
  let page: Page
  let id: string
  let words: string

  test.beforeAll(async () => {
    test.setTimeout(180_000)
    page = await open(browser.context, relay.join)
    await isWhole(page)
    words = await joinWithVoucher(page, await relay.voucher())
    id = await settledId(page)
    // The browser was asked to keep it; headless it may say either.
    await expect(page.getByTestId('keeping')).toHaveAttribute('data-value', /true|false/)
  })

  async function recover(): Promise<void> {
    await openView(page, 'My ID')
    await expect(page.getByTestId('identity-lost')).toBeVisible()
    await expect(page.getByTestId('recover-id')).toHaveValue(id)
    await page.getByTestId('recover-words').fill(words)
    await page.getByTestId('recover-submit').click()
    await expect(page.getByTestId('join-step').first()).toBeVisible({ timeout: 30_000 })
    await openView(page, 'Status')
    expect(await settledId(page)).toBe(id)
    await expect(page.getByTestId('identity-lost')).toHaveCount(0)
  }

  test('each kind of record, damaged in each way', async () => {
    test.setTimeout(300_000)
    await onDatabase(page, 'backup')
    const kinds: (Omit<Damage, 'way'> & {
      /** Headers that have to be fetched at most; those since the backup come on top. */
      readonly fetched: number
      readonly loses?: boolean
    })[] = [
      { store: 'networks', fetched: 0 },
      { store: 'restarts', fetched: BLOCKS },
      { store: 'chunks', first: 1, fetched: CHUNK },
      { store: 'chunks', first: CHUNK + 1, fetched: CHUNK },
      { store: 'identities', fetched: 0 },
      { store: 'wallets', fetched: 0, loses: true },
    ]
    for (const { fetched, loses = false, ...kind } of kinds)
      for (const way of ['flipped', 'type', 'deleted'] as const) {
        const what = `${kind.store} ${kind.first ?? ''} ${way}`
        await onDatabase(page, 'restore')
        const storedTip = await newestStored(page)
        await onDatabase(page, { ...kind, way })
        await page.goto(site.url)
        await isWhole(page)
        const { height } = await tipOf(page)
        const count = await numberOf(page, 'headers-fetched')
        expect(count, what).toBeLessThanOrEqual(fetched + (await tipOf(page)).height - storedTip)
        if (fetched > 0) expect(count, what).toBeGreaterThan(height - storedTip)
        await expect(incidentsOf(page, 'server-lied'), what).toHaveCount(0)
        await expect(page.getByTestId('identity-lost'), what).toHaveCount(loses ? 1 : 0)
        expect(await page.getByTestId('device-id').first().getAttribute('data-value'), what).toBe(id)
        if (!loses) expect(await settledId(page), what).toBe(id)
      }
    // The last one has lost its key.
    await recover()
  })

  test('deleted while it is open, it is filled again from memory', async () => {
    await isWhole(page)
    await page.evaluate(
      () => new Promise((resolve) => Object.assign(indexedDB.deleteDatabase('lares'), { onsuccess: resolve })),
    )
    await expect(incidentsOf(page, 'storage-emptied')).toHaveCount(1)
    await heightRises(page, 1)
    await page.reload()
    await isWhole(page)
    expect(await settledId(page)).toBe(id)
    await expect(page.getByTestId('identity-lost')).toHaveCount(0)
    const { height } = await tipOf(page)
    expect(await numberOf(page, 'headers-fetched')).toBeLessThan(height / 2)
  })

  test('deleted while it is closed, the network comes back from a note, and the ID from its words', async () => {
    test.setTimeout(180_000)
    await aside(page)
    await page.evaluate(
      () => new Promise((resolve) => Object.assign(indexedDB.deleteDatabase('lares'), { onsuccess: resolve })),
    )
    await page.goto(site.url)
    await isWhole(page)
    await expect(incidentsOf(page, 'storage-lost')).toHaveCount(1)
    await recover()
    expect(await auditId(page, id)).toBe('registered')
    await openView(page, 'Status')
  })

  test('without room it goes on, says so, keeps the ID, and stores again when there is some', async () => {
    test.setTimeout(180_000)
    const session = await browser.context.newCDPSession(page)
    const origin = new URL(site.url).origin
    await session.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 1 })
    await expect(incidentsOf(page, 'storage-full')).toHaveCount(1, { timeout: 30_000 })
    await heightRises(page, 2)
    await phaseIs(page, 'following')
    expect(await auditId(page, id)).toBe('registered')
    await openView(page, 'Status')
    // A reload without room: the ID is there, the headers since then are fetched.
    await page.reload()
    await phaseIs(page, 'following')
    expect(await settledId(page)).toBe(id)
    await expect(page.getByTestId('identity-lost')).toHaveCount(0)
    await session.send('Storage.overrideQuotaForOrigin', { origin })
    await expect(incidentsOf(page, 'storage-recovered')).toHaveCount(1, { timeout: 30_000 })
    await page.reload()
    await phaseIs(page, 'following')
    expect(await settledId(page)).toBe(id)
    await page.close()
  })
})

test('at a real relay, an ID comes back in another browser, and is the same', async ({ browser: others }) => {
  test.setTimeout(180_000)
  const home = await startRelayProcess()
  try {
    const link = new URL(home.joinUrl).hash
    const first = await (await others.newContext()).newPage()
    await first.goto(home.localUrl + link)
    await phaseIs(first, 'following')
    const words = await joinWithVoucher(first, (await newVoucher(home.dataDir)).text)
    const id = await settledId(first)
    await first.context().close()

    const second = await (await others.newContext()).newPage()
    await second.goto(home.localUrl + link)
    await phaseIs(second, 'following')
    await openView(second, 'My ID')
    await second.getByTestId('recover-open').click()
    await second.getByTestId('recover-id').fill(id)
    await second.getByTestId('recover-words').fill(words.split(' ').toReversed().join(' '))
    await second.getByTestId('recover-submit').click()
    await expect(second.getByTestId('recover-failure')).toBeVisible()
    await second.getByTestId('recover-words').fill(words)
    await second.getByTestId('recover-submit').click()
    await expect(second.getByTestId('join-step').first()).toBeVisible({ timeout: 30_000 })
    await openView(second, 'Status')
    expect(await settledId(second)).toBe(id)
    expect(await auditId(second, id)).toBe('registered')
    await second.context().close()
  } finally {
    await home.stop()
    await removeDataDir(home.dataDir)
  }
})

/** Height of the newest header in the database. */
async function newestStored(page: Page): Promise<number> {
  return page.evaluate(
    () =>
      new Promise<number>((resolve, reject) => {
        const request = indexedDB.open('lares')
        request.onerror = () => reject(request.error)
        request.onsuccess = () => {
          const read = request.result.transaction('restarts').objectStore('restarts').getAll()
          read.onsuccess = () => {
            request.result.close()
            resolve((read.result[0] as { height: number }).height)
          }
        }
      }),
  )
}

/** Mulberry32: 0 ≤ number < 1. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
