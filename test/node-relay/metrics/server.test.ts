import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createDirectoryMeasure } from '../../../node-relay/metrics/directory-bytes.ts'
import { createMeter } from '../../../node-relay/metrics/meter.ts'
import { type MetricsServer, openMetrics } from '../../../node-relay/metrics/server.ts'
import { holdTcpPort } from '../cli/context.ts'

let server: MetricsServer
beforeEach(async () => {
  server = await openMetrics({ host: '127.0.0.1', port: 0, meter: createMeter() })
})
afterEach(() => server.close())

function statusFor(host: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    request(server.url, { headers: { host } }, (response) => {
      response.resume()
      resolve(response.statusCode)
    })
      .on('error', reject)
      .end()
  })
}

test('GET /metrics in the Prometheus text format, and nothing else', async () => {
  const answer = await fetch(server.url)
  expect(answer.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/)
  expect(answer.headers.get('access-control-allow-origin')).toBeNull()
  expect(await answer.text()).toContain('# TYPE lares_tip_height gauge')
  expect((await fetch(server.url, { method: 'POST' })).status).toBe(405)
  expect((await fetch(server.url.replace('/metrics', '/'))).status).toBe(404)
})

test('a page whose own name was pointed here reads nothing', async () => {
  expect(await statusFor('metrics.example:4674')).toBe(403)
  expect(await statusFor('localhost:4674')).toBe(200)
  expect(await statusFor('[::1]:4674')).toBe(200)
})

test('a measurement that fails is an answer, too', async () => {
  const meter = createMeter()
  meter.watch({
    status() {
      throw new Error('broken')
    },
    hashes: () => 0,
    storeBytes: async () => 0,
  })
  const broken = await openMetrics({ host: '127.0.0.1', port: 0, meter })
  expect((await fetch(broken.url)).status).toBe(500)
  expect((await fetch(broken.url)).status).toBe(500)
  await broken.close()
})

test('a taken port, and an address of another machine: a sentence', async () => {
  const held = await holdTcpPort()
  const meter = createMeter()
  await expect(openMetrics({ host: '127.0.0.1', port: held.port, meter })).rejects.toMatchObject({
    code: 'port-busy',
    message: expect.stringContaining('--metrics-listen'),
  })
  await held.release()
  await expect(openMetrics({ host: '192.0.2.1', port: 0, meter })).rejects.toMatchObject({ code: 'cannot-listen' })
})

test('the size of a directory, measured at most every ten seconds', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'lares-size-'))
  let now = 0
  const measure = createDirectoryMeasure(directory, () => now)
  writeFileSync(join(directory, 'a'), 'x'.repeat(1_000))
  expect(await measure()).toBe(1_000)
  writeFileSync(join(directory, 'b'), 'x'.repeat(500))
  now = 9_999
  expect(await measure()).toBe(1_000)
  now = 10_000
  expect(await measure()).toBe(1_500)
  rmSync(directory, { recursive: true })
  now = 20_000
  expect(await measure()).toBe(0)
})
