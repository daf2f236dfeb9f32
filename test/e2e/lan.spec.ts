/**
 * A home network: the browser and the relay are two machines, and a static page lies on a third address.
 * How: two network namespaces and a cable between them. The relay listens as it does by default; Chromium runs on the
 * other side, and trusts the relay's certificate authority by a machine policy, as a phone does after the one-time step.
 * The static page's host is declared public (`--ip-address-space-overrides`), and WebRTC is put under the local-network
 * permission, as Chromium is about to do for all.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  type Browser,
  type BrowserContext,
  chromium,
  expect,
  type LaunchOptions,
  type Page,
  test,
} from '@playwright/test'
import { formatDeviceId, parseDeviceId } from '../../shared/identity/device-id.ts'
import { createLan, type Lan, lanObstacle, RELAY_ADDRESS, WEB_HOST_ADDRESS, WEB_HOST_NAME } from '../framework/lan.ts'
import { type LanWebHost, startLanWebHost } from '../framework/lan-web-host.ts'
import {
  addLink,
  auditId,
  heightRises,
  joinWithVoucher,
  openView,
  phaseIs,
  settledId,
  tipOf,
} from '../framework/phone-page.ts'
import { lares, newVoucher, type RelayProcess, removeDataDir, startRelayProcess } from '../framework/relay-process.ts'

const STATIC_PAGE = process.env['LARES_STATIC_PAGE'] ?? fileURLToPath(new URL('../../dist/static', import.meta.url))
const PERMISSION = 'local-network-access'
/** Leads to loopback, but a browser takes only `localhost` for that. */
const PLAIN_NAME = 'plain.home.arpa'
const GUARD_WEBRTC = '--enable-features=LocalNetworkAccessChecksWebRTC'

let lan: Lan
let relay: RelayProcess
let webHost: LanWebHost
let browser: Browser | undefined

test.beforeAll(async () => {
  const obstacle = lanObstacle()
  if (obstacle !== undefined) console.log(`Not run: ${obstacle}`)
  test.skip(obstacle !== undefined, obstacle)
  lan = createLan()
  relay = await startRelayProcess({ prefix: lan.relayPrefix, listen: '0.0.0.0,::' })
  webHost = await startLanWebHost(lan.browserPrefix, STATIC_PAGE, WEB_HOST_ADDRESS, WEB_HOST_NAME)
  lan.name(PLAIN_NAME, '127.0.0.1')
  lan.name(new URL(relay.joinUrl).hostname, RELAY_ADDRESS)
})

test.afterEach(async () => {
  await browser?.close()
  browser = undefined
})

test.afterAll(async () => {
  await webHost?.stop()
  await relay?.stop()
  lan?.remove()
  if (relay !== undefined) await removeDataDir(relay.dataDir)
})

test('plain HTTP says in one sentence what to do, and its link leads to the page', async ({ launchOptions }) => {
  const context = await start(launchOptions)
  const page = await context.newPage()
  const response = await page.goto(`http://${RELAY_ADDRESS}:${httpsPort()}/`)
  expect(response?.status()).toBe(426)
  const secure = `https://${RELAY_ADDRESS}:${httpsPort()}/`
  await expect(page.locator('body')).toHaveText(
    `Lares needs a secure connection: open ${secure} instead, and accept the relay's certificate once.`,
  )
  await expect(page.locator('script, #app')).toHaveCount(0)
  expect(await page.evaluate(() => isSecureContext)).toBe(false)
  await page.getByRole('link', { name: secure }).click()
  await phaseIs(page, 'following')
  expect(await page.evaluate(() => isSecureContext)).toBe(true)
})

test('a browser that was not told to trust the relay asks the person first', async ({ launchOptions }) => {
  const context = await start(launchOptions, { trusting: false })
  const page = await context.newPage()
  await expect(page.goto(relayPage())).rejects.toThrow('ERR_CERT_AUTHORITY_INVALID')
})

test('the printed link opens as it is printed', async ({ launchOptions }) => {
  const context = await start(launchOptions)
  const page = await context.newPage()
  expect(relay.joinUrl).toMatch(/^https:\/\/[a-z0-9-]+\.local:\d+\/#join=/)
  await page.goto(relay.joinUrl)
  await phaseIs(page, 'following')
})

test('the whole path over HTTPS with the relay’s certificate', async ({ launchOptions }) => {
  const voucher = await newVoucher(relay.dataDir)
  const context = await start(launchOptions)
  const page = await context.newPage()
  await page.goto(relayPage())
  await phaseIs(page, 'following')
  await overWebRtc(page)
  await heightRises(page, 3)
  expect(await page.evaluate(async () => (await navigator.serviceWorker.ready).active !== null)).toBe(true)

  await joinWithVoucher(page, voucher.text)
  const own = await settledId(page)
  expect(await auditId(page, own)).toBe('registered')
  await expect(page.getByTestId('code-origin')).toHaveAttribute('data-audited', 'true')
  expect(await auditId(page, await relayId())).toBe('registered')
  expect(await auditId(page, madeUp(own))).toBe('not-in-ledger')
  expect(await auditId(page, formatDeviceId(new Uint8Array(32).fill(7), new Uint8Array(32).fill(9)))).toBe(
    'unknown-network',
  )

  await openView(page, 'Status')
  const { height } = await tipOf(page)
  await page.reload()
  await phaseIs(page, 'following')
  expect(await settledId(page)).toBe(own)
  expect((await tipOf(page)).height).toBeGreaterThanOrEqual(height)
  expect(Number(await page.getByTestId('headers-stored').getAttribute('data-value'))).toBeGreaterThan(0)
  expect(await auditId(page, own)).toBe('registered')
})

test.describe('the static page of another origin', () => {
  test('with the permission it reaches the relay, and says where its code came from', async ({ launchOptions }) => {
    const context = await start(launchOptions, { args: [publicHost(), GUARD_WEBRTC] })
    await context.grantPermissions([PERMISSION], { origin: staticOrigin() })
    const page = await openStatic(context)
    await phaseIs(page, 'following')
    await overWebRtc(page)
    await heightRises(page, 2)
    expect(await dialsOf(page)).toBeGreaterThan(0)
    await expect(page.getByTestId('local-network')).toHaveCount(0)
    expect(await auditId(page, await relayId())).toBe('registered')
    await expect(page.getByTestId('code-origin')).toHaveAttribute('data-audited', 'false')
    await expect(page.getByTestId('code-origin')).toContainText(staticOrigin())
    expect(await auditId(page, madeUp(await relayId()))).toBe('not-in-ledger')
  })

  test('denied, it says in one sentence what to do, and goes on once allowed', async ({ launchOptions }) => {
    const context = await start(launchOptions, { args: [publicHost(), GUARD_WEBRTC] })
    // An empty list denies everything that is not in it.
    await context.grantPermissions([], { origin: staticOrigin() })
    const page = await openStatic(context)
    const bar = page.getByTestId('local-network')
    await expect(bar).toHaveAttribute('data-state', 'denied')
    await expect(bar).toHaveText(/^[^.]*: allow "Local network access" for it in the browser's site settings[^.]*\.$/)
    expect(await dialsOf(page)).toBe(0)
    await expect(page.getByTestId('tip-height')).toHaveText('–')

    await context.grantPermissions([PERMISSION], { origin: staticOrigin() })
    await page.reload()
    await phaseIs(page, 'following')
    await expect(bar).toHaveCount(0)
  })

  test('unasked, it explains first, and dials nothing before the tap', async ({ launchOptions }) => {
    const context = await start(launchOptions, { args: [publicHost(), GUARD_WEBRTC] })
    const asked: string[] = []
    context.on('request', (request) => asked.push(request.url()))
    const page = await openStatic(context)
    const bar = page.getByTestId('local-network')
    await expect(bar).toHaveAttribute('data-state', 'prompt')
    await expect(bar).toContainText('The browser will now ask')
    expect(asked.filter((url) => !url.startsWith(staticOrigin()))).toEqual([])
    expect(await dialsOf(page)).toBe(0)
    // A headless browser answers every prompt with no.
    await page.getByTestId('local-network-ask').click()
    await expect(bar).toHaveAttribute('data-state', 'denied')
    await expect(page.getByTestId('peer')).toHaveCount(0)
  })

  test('on a host of the home network it needs no permission, whatever its name', async ({ launchOptions }) => {
    const context = await start(launchOptions, { args: [GUARD_WEBRTC, addressSpace('local')] })
    const page = await openStatic(context)
    // The name does not tell: the page offers to ask, and finds that there is nothing to ask for.
    await page.getByTestId('local-network-ask').click()
    await phaseIs(page, 'following')
    await overWebRtc(page)
    await expect(page.getByTestId('local-network')).toHaveCount(0)
  })

  test('over plain HTTP it says in one sentence what to do', async ({ launchOptions }) => {
    const context = await start(launchOptions)
    const page = await context.newPage()
    await page.goto(`http://${PLAIN_NAME}:${webHost.plainPort}/`)
    const obstacle = page.getByTestId('obstacle')
    await expect(obstacle).toHaveAttribute('data-code', 'insecure-origin')
    await expect(obstacle).toHaveText(/^[^.]*: open the https:\/\/ address[^.]*\.$/)
    await expect(page.getByRole('navigation')).toHaveCount(0)
  })

  test('it is the browser that denies: a page that does not ask reaches nobody', async ({ launchOptions }) => {
    const context = await start(launchOptions, { args: [publicHost(), GUARD_WEBRTC] })
    await context.grantPermissions([], { origin: staticOrigin() })
    await context.addInitScript(() => {
      navigator.permissions.query = async () =>
        Object.assign(new EventTarget(), { state: 'granted' }) as PermissionStatus
    })
    const blocked: string[] = []
    context.on('console', (message) => blocked.push(message.text()))
    const page = await openStatic(context)
    await expect.poll(() => blocked.join('\n'), { timeout: 30_000 }).toContain('ERR_BLOCKED_BY_LOCAL_NETWORK_ACCESS')
    await phaseIs(page, 'offline')
    await expect(page.getByTestId('peer')).toHaveCount(0)
  })
})

interface StartInit {
  readonly args?: readonly string[]
  readonly trusting?: boolean
}

/** A browser on its own machine, with a fresh profile. */
async function start(
  launchOptions: LaunchOptions,
  { args = [], trusting = true }: StartInit = {},
): Promise<BrowserContext> {
  const home = await readFile(join(relay.dataDir, 'tls', 'ca.crt'), 'utf8')
  lan.trust(...(trusting ? [home, webHost.authority] : []))
  browser = await chromium.launch({
    ...launchOptions,
    executablePath: lan.chromium,
    args: [...(launchOptions.args ?? []), ...args],
  })
  return await browser.newContext()
}

function httpsPort(): string {
  return new URL(relay.joinUrl).port
}

/** The join link with the bare address in place of the name. */
function relayPage(): string {
  return `https://${RELAY_ADDRESS}:${httpsPort()}/${new URL(relay.joinUrl).hash}`
}

function staticOrigin(): string {
  return `https://${WEB_HOST_NAME}:${webHost.port}`
}

function addressSpace(space: 'public' | 'local'): string {
  return `--ip-address-space-overrides=${WEB_HOST_ADDRESS}:${webHost.port}=${space}`
}

function publicHost(): string {
  return addressSpace('public')
}

/** Opens the static page and pastes the relay's join link. */
async function openStatic(context: BrowserContext): Promise<Page> {
  const page = await context.newPage()
  await page.addInitScript(countDials)
  await page.goto(`${staticOrigin()}/`)
  expect(await page.evaluate(() => isSecureContext)).toBe(true)
  await addLink(page, relay.joinUrl)
  return page
}

/** Runs in the page before its own code. */
function countDials(): void {
  const counted = Object.assign(globalThis, { dials: 0 })
  for (const name of ['RTCPeerConnection', 'WebSocket'] as const) {
    const real = globalThis[name] as new (...args: unknown[]) => object
    const proxy = new Proxy(real, {
      construct(dial, args) {
        counted.dials += 1
        return new dial(...args)
      },
    })
    Object.assign(globalThis, { [name]: proxy })
  }
}

/** Connections that the page has begun since it was loaded. */
function dialsOf(page: Page): Promise<number> {
  return page.evaluate(() => (globalThis as unknown as { dials: number }).dials)
}

async function overWebRtc(page: Page): Promise<void> {
  const peer = page.getByTestId('peer').first()
  await expect(peer).toHaveAttribute('data-transport', 'webrtc-direct')
  await expect(peer).toHaveAttribute('data-address', new RegExp(`^/ip4/${RELAY_ADDRESS}/udp/\\d+/webrtc-direct/`))
}

async function relayId(): Promise<string> {
  const { stdout } = await lares(relay.dataDir, 'status', '--json')
  return (JSON.parse(stdout) as { deviceId: string }).deviceId
}

/** An ID of the same network that nobody has. */
function madeUp(id: string): string {
  const parsed = parseDeviceId(id)
  if (!parsed.ok) throw new Error(parsed.detail)
  const { networkTag, deviceId } = parsed.value
  return formatDeviceId(
    networkTag,
    deviceId.map((byte, index) => (index === 31 ? byte ^ 1 : byte)),
  )
}
