/**
 * A relay and four real Chromium pages for a real hour, or for a day and a night of a home network whose clock is hurried.
 * Memory after the warm-up must not grow, nothing may be thrown or rejected unseen, nobody may dial in a loop.
 * Flags: --minutes 60 | --fake-hours 24 [--speed 48], --sample-seconds 30, --series FILE for every reading, as JSON.
 * LARES_WEB_ROOT: another built page.
 */
import { writeFileSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { dayPlan, type GrowthBounds, hourPlan, Soak } from '../framework/soak-browsers.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    'fake-hours': { type: 'string' },
    speed: { type: 'string', default: '48' },
    'sample-seconds': { type: 'string', default: '30' },
    series: { type: 'string' },
  },
})

/** Flat: what would take a relay days to fill a hundred megabytes, at thirty times a home's number of blocks. */
const BOUNDS: GrowthBounds = {
  relayHeap: 1,
  relayRss: 4,
  pageHeap: 0.5,
  workerHeap: 1,
  workerPerBlock: 3_500,
  browserRss: 10,
  relayHandles: 1,
  storedPerBlock: 2_000,
}

/** Blocks of a real hour at the test preset, in hours of a home: the bounds are for that many in an hour. */
const HOME_HOURS = 30

/** The same for a clock that hurries more than that: as much for each home hour. */
function boundsAt(speed: number): GrowthBounds {
  const scaled = Object.entries(BOUNDS).map(([name, bound]) => {
    const isPerTime = name !== 'workerPerBlock' && name !== 'storedPerBlock' && name !== 'relayHandles'
    return [name, isPerTime ? (bound * Math.max(speed, HOME_HOURS)) / HOME_HOURS : bound] as const
  })
  return Object.fromEntries(scaled) as unknown as GrowthBounds
}

const MINUTE_MS = 60_000
const fakeHours = values['fake-hours'] === undefined ? undefined : Number(values['fake-hours'])
const speed = Number(values.speed)
const clock = fakeHours === undefined ? undefined : { origin: Date.now(), speed }
const minutes = fakeHours === undefined ? Number(values.minutes) : (fakeHours * 60) / speed
const webRoot = process.env['LARES_WEB_ROOT'] ?? fileURLToPath(new URL('../../dist/web', import.meta.url))

const what =
  fakeHours === undefined ? `${minutes} minutes` : `${fakeHours} hours of a clock at ${speed} times its speed`
console.log(`${what}, node ${process.version}, ${availableParallelism()} cores, ${cpus()[0]?.model}`)
const soak = await Soak.start({
  webRoot,
  preset: clock === undefined ? 'test' : 'home',
  clock,
  executablePath: process.env['LARES_CHROMIUM'],
})
const progress = setInterval(() => {
  const last = (name: string) => soak.series.get(name)?.at(-1)?.value
  const mb = (name: string) => ((last(name) ?? 0) / 1e6).toFixed(1)
  const pages = soak.pages.map(
    ({ name, dials }) => `${name} ${mb(`${name} heap`)}+${mb(`${name} worker`)} MB ${dials} dials`,
  )
  const relay = `relay ${mb('relay heap')} of ${mb('relay rss')} MB (${mb('relay mapped')} of files) ${last('relay handles')} handles`
  console.log(
    `${new Date().toISOString()} block ${last('relay height')} | ${relay} | browser ${mb('browser rss')} MB | ${pages.join(' | ')}`,
  )
}, MINUTE_MS)

await soak.run(
  clock === undefined ? hourPlan() : dayPlan(clock),
  minutes * MINUTE_MS,
  Number(values['sample-seconds']) * 1_000,
)
clearInterval(progress)
const { figures, faults, failed } = soak.judge(clock === undefined ? BOUNDS : boundsAt(speed))
if (values.series !== undefined) writeFileSync(values.series, JSON.stringify(Object.fromEntries(soak.series)))
const audits = soak.pages.reduce((sum, page) => sum + page.audits, 0)
const blocks =
  (soak.series.get('relay height')?.at(-1)?.value ?? 0) - (soak.series.get('relay height')?.[0]?.value ?? 0)
await soak.stop()
for (const { name, value, bound, unit } of figures)
  console.log(
    `${failed.includes(name) ? 'FAILED' : 'ok    '} ${name}: ${value?.toFixed(2) ?? 'too few samples'} ${unit} (at most ${bound})`,
  )
for (const fault of faults) console.log(`fault: ${fault}`)
console.log(`${blocks} blocks, ${audits} audits, ${faults.length} faults`)
console.log(failed.length === 0 ? 'Flat, and nothing went wrong.' : `FAILED: ${failed.join(', ')}`)
process.exit(failed.length === 0 ? 0 : 1)
