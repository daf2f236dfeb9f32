/**
 * The page's network code in a real Chromium against a relay process: WebRTC-direct with the printed address, requests,
 * gossip both ways, WebSockets as the fallback, and two pages that met through a relay and go on without it.
 * How: `web/network/` is bundled as the product does and put on an empty page; the relay runs in a process of its own.
 */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { resolve } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, type Page, test } from '@playwright/test'
import { build, type Rollup } from 'vite'
import type { PeerSnapshot } from '../../shared/protocol/transport.ts'
import type { BrowserNetwork } from '../../web/network/browser-network.ts'
import { addressOf, type RelayProcess, spawnRelayProcess } from '../framework/network.ts'
import { ECHO, type RelayProcessInit, TEST_TOPIC } from '../framework/network-messages.ts'

/**
 * Browsers hide their local addresses from each other behind mDNS names, which need multicast, and leave loopback out:
 * both are missing or needed where tests run. At home nothing of this is set.
 */
test.use({
  launchOptions: async ({ launchOptions }, use) =>
    use({
      ...launchOptions,
      args: [
        ...(launchOptions.args ?? []),
        '--disable-features=WebRtcHideLocalIpsWithMdns',
        '--allow-loopback-in-peer-connection',
      ],
    }),
})

/** Of the 260 kB that the whole page may load first. */
const NETWORK_GZIP_LIMIT = 170_000

/** What the page keeps for the test. */
interface TestPage {
  network: BrowserNetwork
  heard: { from: string; text: string }[]
  events: string[]
}

const BROWSER_NETWORK = resolve(import.meta.dirname, '../../web/network/browser-network.ts')

let server: Server
let origin = ''
let relay: RelayProcess
let bundleSize = 0

async function bundle(): Promise<string> {
  const { output } = (await build({
    configFile: false,
    logLevel: 'warn',
    build: {
      write: false,
      minify: true,
      target: 'es2023',
      // Not lib mode, which leaves white space in: the size is measured, too.
      rollupOptions: { input: BROWSER_NETWORK, preserveEntrySignatures: 'strict' },
    },
  })) as Rollup.RollupOutput
  return output[0].code
}

test.beforeAll(async () => {
  const code = await bundle()
  bundleSize = gzipSync(code, { level: 9 }).length
  const files: Record<string, [type: string, body: string]> = {
    '/': ['text/html', '<!doctype html><title>network</title>'],
    '/network.js': ['text/javascript', code],
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

test.beforeEach(async () => {
  relay = await spawnRelayProcess()
})

test.afterEach(async () => {
  await relay.kill()
})

/** Opens a page with a started network that listens to the topic. */
async function openPage(page: Page): Promise<string> {
  page.on('pageerror', (error) => console.log('page error:', error.message))
  await page.goto(origin)
  return page.evaluate(async (topic) => {
    const { createBrowserNetwork } = (await import(
      /* @vite-ignore */ `${location.origin}/network.js`
    )) as typeof import('../../web/network/browser-network.ts')
    const network = await createBrowserNetwork()
    const state: TestPage = { network, heard: [], events: [] }
    Object.assign(window, { state })
    for (const event of ['connected', 'changed', 'disconnected'] as const)
      network.on(event, ({ peerId, transport }) => state.events.push(`${event} ${transport} ${peerId}`))
    network.subscribe(topic, 1_024, async (from, bytes) => {
      state.heard.push({ from, text: new TextDecoder().decode(bytes) })
      return 'accept'
    })
    return network.peerId
  }, TEST_TOPIC)
}

const dial = (page: Page, address: string) =>
  page.evaluate(async (to) => {
    const started = performance.now()
    const connection = await (window as unknown as { state: TestPage }).state.network.dial(to)
    return { ...connection, ms: Math.round(performance.now() - started) }
  }, address)

const peersOf = (page: Page): Promise<PeerSnapshot[]> =>
  page.evaluate(() => (window as unknown as { state: TestPage }).state.network.peers())

const heardBy = (page: Page) => page.evaluate(() => (window as unknown as { state: TestPage }).state.heard)

/** Publishes until a neighbour takes it: right after connecting nobody is subscribed yet. */
const publish = (page: Page, text: string): Promise<number> =>
  page.evaluate(
    async ([topic, message]) =>
      (window as unknown as { state: TestPage }).state.network.publish(topic, new TextEncoder().encode(message)),
    [TEST_TOPIC, text] as const,
  )

/** Both hear each other: gossip has found its neighbours. Each try is a message of its own. */
async function untilHeard(publishFrom: (text: string) => unknown, hearing: () => Promise<string[]>, what: string) {
  let tries = 0
  await expect(async () => {
    const text = `${what} ${tries++}`
    await publishFrom(text)
    await expect.poll(hearing, { timeout: 1_500 }).toContain(text)
  }).toPass({ timeout: 20_000 })
}

const texts = async (page: Page) => (await heardBy(page)).map(({ text }) => text)

test('the bundle of the network leaves room for the rest of the page', () => {
  console.log(`network bundle: ${bundleSize} bytes gzip`)
  expect(bundleSize).toBeGreaterThan(50_000)
  expect(bundleSize).toBeLessThan(NETWORK_GZIP_LIMIT)
})

for (const transport of ['webrtc-direct', 'websocket'] as const) {
  test(`a page asks and gossips with a relay over ${transport}`, async ({ page }) => {
    const heardByRelay: string[] = []
    relay.onGossip((text) => heardByRelay.push(text))
    await openPage(page)
    const connection = await dial(page, addressOf(relay.addresses, transport))
    console.log(`${transport} dial: ${connection.ms} ms`)
    expect(connection).toMatchObject({ transport, direction: 'outbound', peerId: relay.peerId })

    const echoed = await page.evaluate(
      async ([peerId, spec]) => {
        const request = new Uint8Array(spec.maxRequest).map((_, i) => i)
        const { network } = (window as unknown as { state: TestPage }).state
        const response = await network.request(peerId, spec, request)
        const refused = await network.request(peerId, { ...spec, id: '/none/1' }, request).catch(({ code }) => code)
        return [response.length, response.every((byte, i) => byte === i % 256), refused]
      },
      [relay.peerId, ECHO] as const,
    )
    expect(echoed).toEqual([ECHO.maxRequest, true, 'unsupported'])

    await untilHeard(
      (text) => relay.publish(text),
      () => texts(page),
      'from relay',
    )
    await untilHeard(
      (text) => publish(page, text),
      async () => heardByRelay,
      'from page',
    )
    expect((await heardBy(page)).every(({ from }) => from === relay.peerId)).toBe(true)
    await expect.poll(async () => (await peersOf(page))[0]?.roundTripMs, { timeout: 10_000 }).toBeLessThan(1_000)
  })
}

test('a page finds its relay again after the relay was killed, at the printed address', async ({ page }) => {
  test.setTimeout(120_000)
  await openPage(page)
  const events = () => page.evaluate(() => (window as unknown as { state: TestPage }).state.events)
  const keep = (state: RelayProcess) =>
    page.evaluate(
      ([peerId, addresses]) =>
        (window as unknown as { state: TestPage }).state.network.keepConnected(peerId, addresses),
      [state.peerId, [addressOf(state.addresses, 'webrtc-direct'), addressOf(state.addresses, 'websocket')]] satisfies [
        string,
        string[],
      ] as [string, string[]],
    )
  const init = await relayIdentity()
  await restartRelay(init)
  await keep(relay)
  await expect.poll(events).toEqual([`connected webrtc-direct ${relay.peerId}`])
  await relay.kill()
  await expect.poll(events, { timeout: 60_000 }).toContain(`disconnected webrtc-direct ${relay.peerId}`)
  relay = await spawnRelayProcess({ ...init, udpPort: portOf(relay, 'udp'), wsPort: portOf(relay, 'tcp') })
  await page.evaluate(() => (window as unknown as { state: TestPage }).state.network.poke())
  await expect
    .poll(async () => (await peersOf(page)).map(({ peerId }) => peerId), { timeout: 40_000 })
    .toEqual([relay.peerId])
  await untilHeard(
    (text) => relay.publish(text),
    () => texts(page),
    'from the relay that came back',
  )
})

for (const unlimitedCircuits of [false, true])
  test(`gossip between two pages survives the relay they met through${unlimitedCircuits ? ', even one that relays without limits' : ''}`, async ({
    page,
    browser,
  }) => {
    test.setTimeout(120_000)
    // On relayed connections without limits gossipsub would open its streams, and stay there.
    await restartRelay({ unlimitedCircuits })
    const other = await (await browser.newContext()).newPage()
    const [a, b] = [await openPage(page), await openPage(other)]
    await dial(page, addressOf(relay.addresses, 'webrtc-direct'))
    await dial(other, addressOf(relay.addresses, 'webrtc-direct'))

    const meeting = await expect
      .poll(() => other.evaluate(() => (window as unknown as { state: TestPage }).state.network.browserAddresses()), {
        timeout: 20_000,
      })
      .not.toEqual([])
      .then(() => other.evaluate(() => (window as unknown as { state: TestPage }).state.network.browserAddresses()[0]))
    const connection = await dial(page, meeting as string)
    console.log(`browser to browser: ${connection.ms} ms`)
    expect(connection).toMatchObject({ peerId: b, transport: 'webrtc' })
    await expect.poll(async () => (await peersOf(other)).find(({ peerId }) => peerId === a)?.transport).toBe('webrtc')
    await untilHeard(
      (text) => relay.publish(text),
      () => texts(page),
      'from relay',
    )
    await untilHeard(
      (text) => relay.publish(text),
      () => texts(other),
      'from relay',
    )

    await relay.kill()
    // At once, while the pages still believe in the relay …
    await untilHeard(
      (text) => publish(page, text),
      () => texts(other),
      'a to b right after',
    )
    await untilHeard(
      (text) => publish(other, text),
      () => texts(page),
      'b to a right after',
    )
    // … and when they have lost it.
    for (const each of [page, other])
      await expect
        .poll(async () => (await peersOf(each)).map(({ transport }) => transport), { timeout: 60_000 })
        .toEqual(['webrtc'])
    await untilHeard(
      (text) => publish(page, text),
      () => texts(other),
      'a to b later',
    )
    await untilHeard(
      (text) => publish(other, text),
      () => texts(page),
      'b to a later',
    )
    await other.context().close()
  })

async function restartRelay(init: RelayProcessInit): Promise<void> {
  await relay.kill()
  relay = await spawnRelayProcess(init)
}

function portOf({ addresses }: RelayProcess, protocol: 'udp' | 'tcp'): number {
  return Number(new RegExp(`/${protocol}/(\\d+)/`).exec(addresses.join())?.[1])
}

async function relayIdentity() {
  const { createNodeKey } = await import('../../node-relay/network/relay-network.ts')
  const { createWebRtcCertificate } = await import('../../node-relay/network/webrtc-certificate.ts')
  return {
    privateKey: Buffer.from(await createNodeKey()).toString('hex'),
    certificate: await createWebRtcCertificate(),
  }
}
