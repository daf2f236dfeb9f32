/**
 * The long soak (npm run soak -- browsers) can fail: a quiet run of seconds passes its own judgement, and with a leak in the
 * relay, a leak and a rejection in a worker, one in a page and a page that dials in a loop each is named.
 * How: the very relay, browsers and judge of the soak, with bounds for seconds instead of an hour.
 */
import { fileURLToPath } from 'node:url'
import { expect, test } from '@playwright/test'
import { Soak } from '../framework/soak-browsers.ts'
import { PLANTED_BYTES } from '../framework/soak-page.ts'

/** MB per ten minutes: half a megabyte a second passes for warming up. */
const WIDE = 300
/** Resident memory of seconds says nothing: it grows as fast as the machine is. */
const ANY = Number.POSITIVE_INFINITY
const BOUNDS = {
  relayHeap: WIDE,
  relayRss: ANY,
  pageHeap: WIDE,
  workerHeap: WIDE,
  workerPerBlock: 1_000_000,
  browserRss: ANY,
  relayHandles: 1_000,
  storedPerBlock: 1_000_000,
}
const READINGS = 12

/** However slow the machine is: a reading waits for all pages, and what leaks leaks before each. */
async function read(soak: Soak, leak = false): Promise<void> {
  const heights = () => (soak.series.get('relay height') ?? []).map(({ value }) => value)
  // Blocks come by chance, so it goes on until one has.
  for (let reading = 0; reading < READINGS || new Set(heights()).size < 2; reading++) {
    if (leak) soak.relay.plantLeak(PLANTED_BYTES)
    if (leak) await soak.page('carl').plant('worker-leak')
    await soak.sample()
  }
}

test('the judge of the soak passes a quiet run and names what is planted', async () => {
  // Four browsers that start take half a minute, and several on a machine with other work.
  test.slow()
  const soak = await Soak.start({
    webRoot: process.env['LARES_WEB_ROOT'] ?? fileURLToPath(new URL('../../dist/web', import.meta.url)),
    preset: 'test',
    executablePath: process.env['LARES_CHROMIUM'],
  })
  try {
    await read(soak)
    expect(soak.judge(BOUNDS).failed).toEqual([])

    soak.series.clear()
    soak.relay.plantRejection()
    await soak.page('anna').plant('worker-rejection')
    await soak.page('bert').plant('page-rejection')
    await soak.page('dora').plant('dials')
    await read(soak, true)
    const { failed, faults } = soak.judge(BOUNDS)
    expect(failed).toEqual(['relay heap', 'carl worker', 'dora dials', 'faults'])
    expect(faults.map((fault) => /(\w+)[:,] .*planted in the (\w+)/.exec(fault)?.slice(1).join(' ')).sort()).toEqual([
      'anna worker',
      'bert page',
      'relay relay',
    ])
  } finally {
    await soak.stop()
  }
})
