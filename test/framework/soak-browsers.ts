/**
 * Four browsers on one relay for a long time, each with habits of its own: `anna` joined with a voucher and audits, `bert`
 * is reloaded, `carl` is frozen or offline for a while, `dora` is a browser of her own that is closed and opened again.
 */
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BrowserContext, chromium } from '@playwright/test'
import { KEPT_BELOW_SETTLED } from '../../shared/chain/fork-graph.ts'
import { type FastClock, hurryWorker } from './fast-clock.ts'
import { fixedPortFlags } from './free-ports.ts'
import { joinWithVoucher, settledId } from './phone-page.ts'
import { lares, makeDataDir, newVoucher, removeDataDir } from './relay-process.ts'
import { SoakPage } from './soak-page.ts'
import { type SoakRelay, startSoakRelay } from './soak-relay.ts'
import { afterWarmUp, growthPerTenMinutes, type Point } from './trend.ts'

const MB = 1_000_000
const SECOND_MS = 1_000
const MINUTE_MS = 60_000
/** A new network's relay mines with this share; the founding of a hurried one is that much slower, see `found`. */
const MINE_SHARE = 0.1
/** Headers that both sides keep below the settled one, and as many again as are not settled or not yet let go of. */
const HEADERS_IN_MEMORY = KEPT_BELOW_SETTLED + 100
/** A page that goes on has at most so many blocks less than the relay. */
const BLOCKS_BEHIND = 10
/**
 * Connections that a page may begin in all (the relay renews one after some hundred requests), and more for each reason to
 * dial: it was opened, woken up, lost the relay.
 */
const DIALS_ALLOWED = 40
const DIALS_FOR_A_REASON = 30

const BROWSER_ARGS = [
  '--no-sandbox',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** Growth allowed after the warm-up. What a relay and a page keep for each block on disk is not memory. */
export interface GrowthBounds {
  /** All in MB per ten minutes; heaps after a garbage collection. */
  readonly relayHeap: number
  readonly relayRss: number
  readonly pageHeap: number
  readonly workerHeap: number
  /** Of a worker that fills its memory with headers, bytes for each block. */
  readonly workerPerBlock: number
  /** Of the processes of anna, bert and carl together: the native part of WebRTC too. */
  readonly browserRss: number
  /** Per ten minutes. */
  readonly relayHandles: number
  /** Bytes of IndexedDB for each block of the run, at most. */
  readonly storedPerBlock: number
}

export interface SoakEvent {
  /** ms after the start; repeated every `everyMs` where that is given. */
  readonly atMs: number
  readonly everyMs?: number
  readonly run: (soak: Soak) => Promise<void>
}

export interface SoakInit {
  readonly webRoot: string
  readonly preset: 'home' | 'test'
  readonly clock?: FastClock | undefined
  readonly executablePath?: string | undefined
}

/** The line of a result: what was measured, what was allowed. */
export interface Figure {
  readonly name: string
  readonly value: number | undefined
  readonly bound: number
  readonly unit: string
}

export interface SoakResult {
  readonly figures: readonly Figure[]
  readonly faults: readonly string[]
  readonly failed: readonly string[]
}

/** A fault that repeats for an hour must not fill the memory. */
const FAULTS_KEPT = 1_000

export class Soak {
  readonly pages: readonly SoakPage[]
  readonly faults: string[] = []
  readonly series = new Map<string, Point[]>()
  readonly #init: SoakInit
  readonly #flags: readonly string[]
  readonly #folders: readonly string[]
  readonly #shared: Awaited<ReturnType<typeof chromium.launch>>
  #relay: SoakRelay | undefined
  #relayStarts = 0
  /** While the relay is started again. */
  #away: Promise<void> = Promise.resolve()
  /** Of the relay, registered. */
  relayId = ''
  annaId = ''

  private constructor(
    init: SoakInit,
    flags: readonly string[],
    folders: readonly string[],
    shared: Awaited<ReturnType<typeof chromium.launch>>,
  ) {
    this.#init = init
    this.#flags = flags
    this.#folders = folders
    this.#shared = shared
    this.pages = []
  }

  /** Founds a network, starts relay and browsers, joins anna. */
  static async start(init: SoakInit): Promise<Soak> {
    const dataDir = await makeDataDir()
    const root = await mkdtemp(join(tmpdir(), 'lares-soak-'))
    const webRoot = join(root, 'web')
    await cp(init.webRoot, webRoot, { recursive: true })
    if (init.clock !== undefined) await hurryWorker(webRoot, init.clock)
    const ports = await fixedPortFlags()
    const flags = ['start', '--data-dir', dataDir, '--network', init.preset, '--listen', '127.0.0.1', ...ports]
    const options = { args: BROWSER_ARGS, ...(init.executablePath && { executablePath: init.executablePath }) }
    const soak = new Soak({ ...init, webRoot }, flags, [dataDir, root], await chromium.launch(options))
    await soak.#found()
    await soak.startRelay()
    const { pageUrl } = soak.relay
    const shared = () => soak.#shared.newContext()
    const own = () => chromium.launchPersistentContext(join(root, 'dora'), options)
    const page = (name: string, openContext: () => Promise<BrowserContext>) =>
      new SoakPage({ name, url: pageUrl, openContext, onFault: (text) => soak.fault(text) })
    ;(soak.pages as SoakPage[]).push(
      page('anna', shared),
      page('bert', shared),
      page('carl', shared),
      page('dora', own),
    )
    // One after the other: four browsers that start at once are slow on two cores.
    for (const one of soak.pages) await one.open()
    const { deviceId } = JSON.parse((await lares(dataDir, 'status', '--json')).stdout) as { deviceId: string }
    soak.relayId = deviceId
    const voucher = await newVoucher(dataDir)
    await soak.page('anna').run('join', async (phone) => {
      await joinWithVoucher(phone, voucher.text)
      soak.annaId = await settledId(phone)
    })
    if (soak.faults.length === 0) return soak
    await soak.stop()
    throw new Error('it did not even start')
  }

  get relay(): SoakRelay {
    return this.#relay as SoakRelay
  }

  page(name: string): SoakPage {
    return this.pages.find((one) => one.name === name) as SoakPage
  }

  fault(text: string): void {
    const line = `${new Date().toISOString()} ${text}`
    console.error(`FAULT ${line}`)
    if (this.faults.length < FAULTS_KEPT) this.faults.push(line)
  }

  async startRelay(mineShare = MINE_SHARE): Promise<void> {
    const { webRoot, clock } = this.#init
    const args = [...this.#flags, '--log-level', 'info', '--mine-share', String(mineShare)]
    this.#relay = await startSoakRelay({ args, webRoot, clock }, (text) => this.fault(`relay: ${text}`))
    this.#relayStarts++
  }

  /** Meanwhile nobody is asked anything: until the relay answers, and the pages that are awake have found it again. */
  restartRelay(): Promise<void> {
    this.#away = (async () => {
      await this.relay.stop()
      await this.startRelay()
      await Promise.all(this.pages.filter((page) => page.isAwake).map((page) => page.findsRelay()))
    })()
    return this.#away
  }

  /** A question of a page about an ID, unless the page is asleep. */
  async audit(name: string): Promise<void> {
    await this.#away
    const page = this.page(name)
    if (page.isAwake) await page.audit(name === 'anna' ? this.annaId : this.relayId, 'registered')
  }

  /**
   * A relay measures its hashes in real seconds and would make a hurried network too hard by the clock's speed: it is
   * founded with a share that is smaller by as much.
   */
  async #found(): Promise<void> {
    const { clock } = this.#init
    if (clock === undefined) return
    await this.startRelay(MINE_SHARE / clock.speed)
    await this.relay.stop()
  }

  /** One reading of everything that is awake. */
  async sample(): Promise<void> {
    await this.#away
    const at = Date.now()
    const note = (name: string, value: number) => {
      const points = this.series.get(name) ?? []
      points.push({ at, value })
      this.series.set(name, points)
    }
    const relay = await this.relay.sample()
    note('relay heap', relay.heap)
    note('relay rss', relay.rss)
    note('relay anonymous', relay.anonymous)
    note('relay mapped', relay.mapped)
    note('relay handles', relay.handles)
    note('relay height', relay.height)
    note('browser rss', await this.#browserRss())
    await Promise.all(
      this.pages
        .filter((page) => page.isAwake)
        .map(async (page) => {
          const sample = await page.sample()
          if (sample === undefined) return
          note(`${page.name} heap`, sample.heap)
          note(`${page.name} worker`, sample.workerHeap)
          note(`${page.name} stored`, sample.indexedDb)
          note(`${page.name} height`, sample.height)
        }),
    )
  }

  /** Resident memory of all processes of the shared browser, bytes (Linux; elsewhere 0). */
  async #browserRss(): Promise<number> {
    const session = await this.#shared.newBrowserCDPSession()
    const { processInfo } = await session.send('SystemInfo.getProcessInfo')
    await session.detach()
    const sizes = await Promise.all(
      processInfo.map(async ({ id }) => {
        const status = await readFile(`/proc/${id}/status`, 'utf8').catch(() => '')
        return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024
      }),
    )
    return sizes.reduce((sum, size) => sum + size, 0)
  }

  /** Carries out the plan for so long; a reading every `sampleMs`. */
  async run(plan: readonly SoakEvent[], durationMs: number, sampleMs: number): Promise<void> {
    const started = Date.now()
    const due = [{ atMs: 0, everyMs: sampleMs, run: () => this.sample() }, ...plan].map((event) => ({
      event: event as SoakEvent,
      next: started + event.atMs,
      underway: false,
    }))
    while (Date.now() < started + durationMs) {
      for (const entry of due) {
        if (entry.underway || entry.next > Date.now()) continue
        entry.underway = true
        void entry.event
          .run(this)
          .catch((error: unknown) => this.fault(`harness: ${(error as Error).message}`))
          .finally(() => {
            entry.underway = false
            entry.next = entry.event.everyMs === undefined ? Number.POSITIVE_INFINITY : entry.next + entry.event.everyMs
          })
      }
      await new Promise((resolve) => setTimeout(resolve, SECOND_MS / 5))
    }
    while (due.some(({ underway }) => underway)) await new Promise((resolve) => setTimeout(resolve, SECOND_MS / 5))
    await Promise.all(this.pages.map((page) => page.wake(async () => (await this.relay.sample()).height)))
    await this.sample()
  }

  /** What grew, by how much, and whether that is allowed. */
  judge(bounds: GrowthBounds): SoakResult {
    const times = [...this.series.values()].flatMap((points) => points.map(({ at }) => at))
    const start = Math.min(...times)
    const end = Math.max(...times)
    const heights = this.series.get('relay height') ?? []
    const blocks = rangeOf(heights)
    // Both sides keep so many headers in memory, and grow until they have them: a run that is long enough is judged from
    // there on.
    const full = heights.find(({ value }) => value >= (heights[0]?.value ?? 0) + HEADERS_IN_MEMORY)?.at ?? start
    const isLong = growthPerTenMinutes(heights.filter(({ at }) => at >= full)) !== undefined
    const growth = (name: string) => {
      const points = afterWarmUp(this.series.get(name) ?? [], start, end)
      return growthPerTenMinutes(points.filter(({ at }) => !isLong || at >= full))
    }
    const inMb = (name: string, bound: number): Figure => {
      const value = growth(name)
      return { name, value: value === undefined ? undefined : value / MB, bound, unit: 'MB / 10 min' }
    }
    const figures: Figure[] = [
      inMb('relay heap', bounds.relayHeap),
      inMb('relay rss', bounds.relayRss),
      { name: 'relay handles', value: growth('relay handles'), bound: bounds.relayHandles, unit: '/ 10 min' },
      inMb('browser rss', bounds.browserRss),
    ]
    const tip = heights.at(-1)?.value ?? 0
    for (const page of this.pages) {
      figures.push(inMb(`${page.name} heap`, bounds.pageHeap))
      // A worker that began anew, after a reload, grows by what a header takes until it has as many as the others.
      const perBlock = (growth(`${page.name} worker`) ?? Number.NaN) / (growth('relay height') ?? 0)
      figures.push(
        page.workers === 1
          ? inMb(`${page.name} worker`, bounds.workerHeap)
          : { name: `${page.name} worker`, value: perBlock, bound: bounds.workerPerBlock, unit: 'B / block' },
      )
      const stored = rangeOf(this.series.get(`${page.name} stored`)) / Math.max(1, blocks)
      figures.push({ name: `${page.name} stored`, value: stored, bound: bounds.storedPerBlock, unit: 'B / block' })
      const behind = tip - (this.series.get(`${page.name} height`)?.at(-1)?.value ?? 0)
      figures.push({ name: `${page.name} behind`, value: behind, bound: BLOCKS_BEHIND, unit: 'blocks' })
      // Restarts of the relay are a reason for each page that was there.
      const allowed = DIALS_ALLOWED + DIALS_FOR_A_REASON * (page.starts - 1 + this.#relayStarts - 1)
      figures.push({ name: `${page.name} dials`, value: page.dials, bound: allowed, unit: 'connections begun' })
    }
    const failed = figures
      .filter(({ value, bound }) => value === undefined || Number.isNaN(value) || value > bound)
      .map(({ name }) => name)
    if (blocks === 0) failed.push('no blocks')
    if (this.faults.length > 0) failed.push('faults')
    return { figures, faults: this.faults, failed }
  }

  async stop(): Promise<void> {
    await Promise.all(this.pages.map((page) => page.close()))
    await this.#shared.close()
    await this.#relay?.stop()
    await Promise.all(
      this.#folders.map((folder) =>
        folder.includes('lares-relay-') ? removeDataDir(folder) : rm(folder, { recursive: true, force: true }),
      ),
    )
  }
}

function rangeOf(points: readonly Point[] | undefined): number {
  const first = points?.[0]
  const last = points?.at(-1)
  return first === undefined || last === undefined ? 0 : last.value - first.value
}

/** One real hour of a network with a block a second, or a part of it. */
export function hourPlan(): readonly SoakEvent[] {
  const audit = (name: string) => (soak: Soak) => soak.audit(name)
  return [
    { atMs: 20 * SECOND_MS, everyMs: MINUTE_MS, run: audit('anna') },
    { atMs: 50 * SECOND_MS, everyMs: 2 * MINUTE_MS, run: audit('bert') },
    { atMs: 70 * SECOND_MS, everyMs: 2 * MINUTE_MS, run: audit('carl') },
    { atMs: 80 * SECOND_MS, everyMs: 2 * MINUTE_MS, run: audit('dora') },
    { atMs: 5 * MINUTE_MS, everyMs: 5 * MINUTE_MS, run: (soak) => soak.page('bert').reload() },
    { atMs: 3 * MINUTE_MS, everyMs: 10 * MINUTE_MS, run: (soak) => soak.page('carl').freeze() },
    { atMs: 4 * MINUTE_MS, everyMs: 10 * MINUTE_MS, run: (soak) => soak.page('carl').thaw() },
    { atMs: 8 * MINUTE_MS, everyMs: 10 * MINUTE_MS, run: (soak) => soak.page('carl').setOffline(true) },
    { atMs: 9 * MINUTE_MS, everyMs: 10 * MINUTE_MS, run: (soak) => soak.page('carl').setOffline(false) },
    { atMs: 13 * MINUTE_MS, everyMs: 15 * MINUTE_MS, run: (soak) => soak.page('dora').close() },
    { atMs: 15 * MINUTE_MS, everyMs: 15 * MINUTE_MS, run: (soak) => soak.page('dora').open() },
  ]
}

/** A day and a night at home: eight hours in which carl's page is frozen, dora's browser closed, the relay started again. */
export function dayPlan({ speed }: FastClock): readonly SoakEvent[] {
  const hour = (60 * MINUTE_MS) / speed
  const audit = (name: string) => (soak: Soak) => soak.audit(name)
  return [
    { atMs: 0.2 * hour, everyMs: hour / 3, run: audit('anna') },
    { atMs: 0.3 * hour, everyMs: hour / 2, run: audit('bert') },
    { atMs: 0.4 * hour, everyMs: hour, run: audit('carl') },
    { atMs: 0.5 * hour, everyMs: hour, run: audit('dora') },
    { atMs: 2.4 * hour, everyMs: 2 * hour, run: (soak) => soak.page('bert').reload() },
    // The night.
    { atMs: hour, run: (soak) => soak.page('carl').freeze() },
    { atMs: hour, run: (soak) => soak.page('dora').close() },
    { atMs: 6 * hour, run: (soak) => soak.restartRelay() },
    { atMs: 9 * hour, run: (soak) => soak.page('carl').thaw() },
    { atMs: 9 * hour, run: (soak) => soak.page('dora').open() },
    // And an errand without a network.
    { atMs: 15.1 * hour, run: (soak) => soak.page('carl').setOffline(true) },
    { atMs: 16 * hour, run: (soak) => soak.page('carl').setOffline(false) },
  ]
}
