/**
 * What an operator's Prometheus sees of a real relay.
 *
 * A relay process on the test preset mines and answers over HTTP; its metrics are read twice from the address that
 * `lares status` names. Shown: they are there without being asked for, on loopback alone and not at the relay's own port;
 * they move; and no label names a device, a peer, an address or the network. A second relay that is told the same port
 * says so and ends.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { lares, type RelayProcess, removeDataDir, startRelayProcess } from '../framework/relay-process.ts'

interface Status {
  readonly networkId: string
  readonly deviceId?: string
  readonly tip: { readonly height: number }
  readonly doors: { readonly metricsUrl?: string }
}

let relay: RelayProcess
beforeAll(async () => {
  relay = await startRelayProcess({ flags: ['--mine-share', '0.3'] })
})
afterAll(async () => {
  await relay.stop()
  await removeDataDir(relay.dataDir)
})

const status = async () => JSON.parse((await lares(relay.dataDir, 'status', '--json')).stdout) as Status

/** Series and their values. */
async function scrape(url: string): Promise<Map<string, number>> {
  const answer = await fetch(url)
  expect(answer.status).toBe(200)
  return new Map(
    (await answer.text())
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
  )
}

test('a scrape moves with the relay and names nobody', async () => {
  const first = await status()
  const url = first.doors.metricsUrl as string
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/metrics$/)
  expect((await fetch(new URL('/metrics', relay.localUrl))).headers.get('content-type')).not.toMatch(/version=0\.0\.4/)

  await expect.poll(async () => (await status()).tip.height, { timeout: 60_000, interval: 500 }).toBeGreaterThan(2)
  await fetch(new URL('/api/v1/status', relay.localUrl))
  await fetch(new URL('/api/v1/devices/nonsense', relay.localUrl))
  const before = await scrape(url)
  for (const name of ['lares_tip_height', 'lares_blocks_total', 'lares_hashes_total', 'lares_store_bytes'])
    expect(before.get(name), name).toBeGreaterThan(0)
  expect(before.get('lares_http_requests_total{route="/api/v1/status",status="200"}')).toBe(1)
  expect([...before.keys()].filter((name) => name.includes('nonsense'))).toEqual([])
  expect(before.get('process_resident_memory_bytes')).toBeGreaterThan(50 * 1024 * 1024)
  expect([...before.keys()]).toContain('nodejs_eventloop_lag_p99_seconds')
  expect(before.get('lares_peers{transport="webrtc-direct"}')).toBe(0)

  const height = before.get('lares_tip_height') ?? 0
  await expect
    .poll(async () => (await scrape(url)).get('lares_tip_height'), { timeout: 60_000, interval: 500 })
    .toBeGreaterThan(height)
  const after = await scrape(url)
  expect(after.get('lares_blocks_total')).toBeGreaterThan(before.get('lares_blocks_total') ?? 0)
  expect(after.size).toBeLessThan(300)

  const { networkId, deviceId } = await status()
  const text = await (await fetch(url)).text()
  for (const secret of [networkId, networkId.slice(0, 16), deviceId as string, relay.dataDir, '127.0.0.1'])
    expect(text).not.toContain(secret)
})

test('the port that was asked for is taken: a sentence, and no half-started relay', async () => {
  const { port } = new URL((await status()).doors.metricsUrl as string)
  await expect(startRelayProcess({ flags: ['--metrics-listen', `127.0.0.1:${port}`] })).rejects.toThrow(
    /TCP port \d+ is used by another program; choose another by --metrics-listen\./,
  )
})
