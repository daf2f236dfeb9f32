/** A page under watch: a real Chromium page whose faults are collected, whose memory is measured and whose dials are counted. */
import { type BrowserContext, type CDPSession, type ConsoleMessage, expect, type Page } from '@playwright/test'
import { auditId, openView, phaseIs, tipOf } from './phone-page.ts'

/**
 * Chromium says so of any request or dial that fails, which is no fault of the page when the relay is away or the page
 * offline; a page that dials too often is caught by its dials.
 */
const EXPECTED_CONSOLE = /Failed to load resource|net::ERR_|service ?worker|WebSocket connection to '[^']+' failed/i
const FOLLOWING_MS = 120_000
/** Of one planted leak. */
export const PLANTED_BYTES = 20_000_000
const WORKER_ANSWER_MS = 20_000

export interface SoakPageInit {
  readonly name: string
  /** Address with the join link. */
  readonly url: string
  /** A context that keeps what was stored in the one before. */
  readonly openContext: () => Promise<BrowserContext>
  readonly onFault: (text: string) => void
}

export interface PageSample {
  /** After a garbage collection, with what buffers hold, bytes. */
  readonly heap: number
  /** The same of the worker. */
  readonly workerHeap: number
  /** Bytes on disk. */
  readonly indexedDb: number
  readonly height: number
}

interface HeapUsage {
  readonly usedSize: number
  readonly embedderHeapUsedSize?: number
  readonly backingStorageSize?: number
}

/** One after the other: whatever is asked of a page waits for what is under way. */
export class SoakPage {
  readonly name: string
  readonly #init: SoakPageInit
  #context: BrowserContext | undefined
  #page: Page | undefined
  #cdp: CDPSession | undefined
  #worker: WorkerSession | undefined
  #queue: Promise<unknown> = Promise.resolve()
  #quiet = false
  /** Connections that the page has begun, WebRTC and WebSocket. */
  dials = 0
  /** How often it had a reason to dial: opened, reloaded, woken up, back online. */
  starts = 0
  audits = 0
  /** Workers that it has had: each begins with few headers in memory. */
  workers = 0

  constructor(init: SoakPageInit) {
    this.#init = init
    this.name = init.name
  }

  /** Whether it can be asked anything now: open, awake and online. */
  get isAwake(): boolean {
    return this.#page !== undefined && !this.#quiet
  }

  /** What goes wrong in the task is a fault of the run. */
  run(what: string, task: (page: Page) => Promise<void>): Promise<void> {
    const next = this.#queue.then(async () => {
      try {
        await task(this.#page as Page)
      } catch (error) {
        this.#init.onFault(`${this.name}, ${what}: ${(error as Error).message.split('\n')[0]}`)
      }
    })
    this.#queue = next
    return next
  }

  open(): Promise<void> {
    return this.run('open', async () => {
      const context = await this.#init.openContext()
      this.#context = context
      await context.exposeBinding('soakDial', () => {
        this.dials++
      })
      await context.addInitScript(countDials)
      const page = context.pages()[0] ?? (await context.newPage())
      page.on('pageerror', (error) => this.#init.onFault(`${this.name}, page error: ${error.stack ?? error.message}`))
      page.on('crash', () => this.#init.onFault(`${this.name}, the page crashed`))
      page.on('console', (message) => this.#onConsole(message))
      this.#page = page
      this.starts++
      await page.goto(this.#init.url)
      await this.#attach()
      await phaseIs(page, 'following', FOLLOWING_MS)
    })
  }

  close(): Promise<void> {
    return this.run('close', async () => {
      await this.#context?.close()
      this.#context = this.#page = this.#cdp = this.#worker = undefined
    })
  }

  reload(): Promise<void> {
    return this.run('reload', async (page) => {
      this.starts++
      await page.reload()
      await this.#attach()
      await phaseIs(page, 'following', FOLLOWING_MS)
    })
  }

  /** As a phone does with a page in the background: its timers and tasks stand still. */
  freeze(): Promise<void> {
    return this.run('freeze', async (page) => {
      await openView(page, 'Status')
      this.#quiet = true
      await this.#cdp?.send('Page.setWebLifecycleState', { state: 'frozen' })
    })
  }

  thaw(): Promise<void> {
    return this.run('thaw', async (page) => {
      this.starts++
      await this.#cdp?.send('Page.setWebLifecycleState', { state: 'active' })
      await phaseIs(page, 'following', FOLLOWING_MS)
      this.#quiet = false
    })
  }

  setOffline(offline: boolean): Promise<void> {
    return this.run(offline ? 'offline' : 'online', async (page) => {
      await openView(page, 'Status')
      this.#quiet = offline
      if (!offline) this.starts++
      await this.#context?.setOffline(offline)
      if (!offline) await phaseIs(page, 'following', FOLLOWING_MS)
    })
  }

  /** Whatever it is: open, awake, online, and on the newest block again. */
  async wake(height: () => Promise<number>): Promise<void> {
    if (this.#page === undefined) await this.open()
    else if (this.#quiet) {
      await this.setOffline(false)
      await this.thaw()
    }
    await this.run('catch up', async (page) => {
      await openView(page, 'Status')
      await expect
        .poll(async () => (await tipOf(page)).height, { timeout: FOLLOWING_MS })
        .toBeGreaterThanOrEqual(await height())
    })
  }

  /** The relay is connected again. */
  findsRelay(): Promise<void> {
    return this.run('find the relay again', async (page) => {
      await openView(page, 'Status')
      await expect(page.getByTestId('peer')).not.toHaveCount(0, { timeout: FOLLOWING_MS })
      await phaseIs(page, 'following', FOLLOWING_MS)
    })
  }

  audit(deviceId: string, wanted: string): Promise<void> {
    return this.run('audit', async (page) => {
      if (!this.isAwake) return
      const verdict = await auditId(page, deviceId)
      this.audits++
      await openView(page, 'Status')
      if (verdict !== wanted) this.#init.onFault(`${this.name}, audit: ${verdict} instead of ${wanted}`)
    })
  }

  async sample(): Promise<PageSample | undefined> {
    let sample: PageSample | undefined
    await this.run('sample', async (page) => {
      // It was closed or put to sleep while this waited for its turn.
      if (!this.isAwake) return
      const cdp = this.#cdp as CDPSession
      await openView(page, 'Status')
      await cdp.send('HeapProfiler.collectGarbage')
      const heap = bytesOf((await cdp.send('Runtime.getHeapUsage')) as HeapUsage)
      const worker = this.#worker as WorkerSession
      await worker.send('HeapProfiler.collectGarbage')
      const workerHeap = bytesOf((await worker.send('Runtime.getHeapUsage')) as HeapUsage)
      const indexedDb = await page.evaluate(async () => {
        const estimate = (await navigator.storage.estimate()) as { usageDetails?: { indexedDB?: number } }
        return estimate.usageDetails?.indexedDB ?? 0
      })
      sample = { heap, workerHeap, indexedDb, height: (await tipOf(page)).height }
    })
    return sample
  }

  /** For the harness's own test: faults that it must notice. */
  plant(fault: 'worker-rejection' | 'page-rejection' | 'worker-leak' | 'dials'): Promise<void> {
    return this.run(`plant ${fault}`, async (page) => {
      if (fault === 'page-rejection')
        await page.evaluate(() => void setTimeout(() => void Promise.reject(new Error('planted in the page')), 0))
      if (fault === 'dials')
        await page.evaluate(() => {
          for (let count = 0; count < 100; count++) new RTCPeerConnection().close()
        })
      const worker = page.workers()[0]
      if (fault === 'worker-rejection')
        await worker?.evaluate(() => void setTimeout(() => void Promise.reject(new Error('planted in the worker')), 0))
      if (fault === 'worker-leak')
        await worker?.evaluate((bytes) => {
          const scope = globalThis as unknown as { leaked?: unknown[] }
          scope.leaked = [...(scope.leaked ?? []), new Uint8Array(bytes).fill(1)]
        }, PLANTED_BYTES)
    })
  }

  #onConsole(message: ConsoleMessage): void {
    if (message.type() !== 'error' || EXPECTED_CONSOLE.test(message.text())) return
    this.#init.onFault(`${this.name}, console: ${message.text()}`)
  }

  /** A reload makes a new worker. */
  async #attach(): Promise<void> {
    const page = this.#page as Page
    await this.#cdp?.detach().catch(() => undefined)
    const cdp = await page.context().newCDPSession(page)
    this.#cdp = cdp
    await cdp.send('Page.enable')
    await page.waitForFunction(() => document.querySelector('[data-testid=phase]') !== null)
    this.#worker = await attachWorker(cdp)
    this.workers++
  }
}

function bytesOf({ usedSize, embedderHeapUsedSize = 0, backingStorageSize = 0 }: HeapUsage): number {
  return usedSize + embedderHeapUsedSize + backingStorageSize
}

interface WorkerSession {
  send(method: string): Promise<unknown>
}

/** A session with the page's worker: what it answers comes as events of the page's session. */
async function attachWorker(cdp: CDPSession): Promise<WorkerSession> {
  let lastId = 0
  const waiting = new Map<number, (result: unknown) => void>()
  const sessionId = new Promise<string>((resolve) => {
    cdp.on('Target.attachedToTarget', (event) => {
      if (event.targetInfo.type === 'worker') resolve(event.sessionId)
    })
  })
  cdp.on('Target.receivedMessageFromTarget', ({ message }) => {
    const { id, result } = JSON.parse(message) as { id?: number; result?: unknown }
    if (id === undefined) return
    waiting.get(id)?.(result)
    waiting.delete(id)
  })
  await cdp.send('Target.setAutoAttach', { autoAttach: true, waitForDebuggerOnStart: false, flatten: false })
  const session = await sessionId
  return {
    send: (method) =>
      new Promise((resolve, reject) => {
        const id = ++lastId
        const timer = setTimeout(() => reject(new Error(`the worker does not answer ${method}`)), WORKER_ANSWER_MS)
        waiting.set(id, (result) => {
          clearTimeout(timer)
          resolve(result)
        })
        cdp
          .send('Target.sendMessageToTarget', { sessionId: session, message: JSON.stringify({ id, method }) })
          .catch((error: unknown) => {
            clearTimeout(timer)
            reject(error as Error)
          })
      }),
  }
}

/** Runs in the page before its scripts. */
function countDials(): void {
  const note = () => (globalThis as unknown as { soakDial?: () => void }).soakDial?.()
  for (const name of ['RTCPeerConnection', 'WebSocket'] as const) {
    const Real = globalThis[name] as unknown as new (...init: unknown[]) => object
    Object.assign(globalThis, {
      [name]: class extends Real {
        constructor(...init: unknown[]) {
          super(...init)
          note()
        }
      },
    })
  }
}
