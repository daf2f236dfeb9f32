/**
 * 100,000 light nodes and 64 full nodes that come, go and fail, on a virtual clock, with the product's own assignment,
 * leases, labels and prices. Same seed, same figures on every machine.
 * Flags: --devices 100000, --servers 64, --days 10, --seed N, --write (docs/SIMULATION.md and its plots).
 */
import { hash as nativeHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { installSha256 } from '../../shared/hash.ts'
import { drawLineChart } from '../bench/figures/plot.ts'
import { joinCosts } from '../framework/churn/join-cost.ts'
import { runChurn } from '../framework/churn/world.ts'

const { values } = parseArgs({
  options: {
    devices: { type: 'string', default: '100000' },
    servers: { type: 'string', default: '64' },
    days: { type: 'string', default: '10' },
    seed: { type: 'string', default: '20261123' },
    write: { type: 'boolean', default: false },
  },
})
const [devices, servers, days, seed] = [values.devices, values.servers, values.days, values.seed].map(Number) as [
  number,
  number,
  number,
  number,
]
const JOINS = 400
const POINTS = 60

installSha256((bytes) => Uint8Array.from(nativeHash('sha256', bytes, 'buffer')))
const what = `${devices} devices, ${servers} full nodes, ${days} days, seed ${seed}`
console.error(what)
const result = runChurn({ devices, servers, days, seed, say: (line) => console.error(line) })
const costs = joinCosts(JOINS)

const count = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 })
const exact = new Intl.NumberFormat('en-US', { maximumFractionDigits: 4 })
const share = (value: number) => `${exact.format(100 * value)} %`
const sumTo = (series: readonly (readonly [number, number])[], n: number) =>
  series.slice(0, n).reduce((sum, [, iterations]) => sum + iterations, 0)
const ratio = result.moves / result.unavoidable

interface Row {
  readonly name: string
  readonly value: string
  readonly target?: string
  readonly isMet?: boolean
}
const rows: Row[] = [
  {
    name: 'time served, outside of outages of the own region',
    value: share(result.servedShare),
    target: 'at least 99.9 %',
    isMet: result.servedShare >= 0.999,
  },
  {
    name: 'moves against the unavoidable ones',
    value: `${exact.format(ratio)} (${count.format(result.moves)} of ${count.format(result.unavoidable)})`,
    target: 'at most 1.1',
    isMet: ratio <= 1.1,
  },
  {
    name: 'load, highest over mean, worst half hour',
    value: exact.format(result.worstLoad),
    target: 'at most 1.25',
    isMet: result.worstLoad <= 1.25,
  },
  { name: 'load, highest over mean, mean of all half hours', value: exact.format(result.meanLoad) },
  { name: 'leases of a connected device', value: `${count.format(result.leaseBytesPerHour)} bytes an hour` },
  {
    name: 'copies of a key let in while the device is there',
    value: `${result.copies.letInWhileAlive} of ${count.format(result.copies.tried)} tries`,
    target: 'none',
    isMet: result.copies.letInWhileAlive === 0,
  },
  { name: 'copies let in once the device was gone', value: count.format(result.copies.letInAfter) },
  {
    name: 'failures of full nodes, seats changed, outages of regions',
    value: [result.serverFailures, result.seatChanges, result.outages].join(', '),
  },
  {
    name: 'labels of those connected at the end',
    value: `${count.format(result.labels.lightweight)} lightweight, ${result.labels.coordination} fit for coordination, ${result.labels.full} for full`,
  },
  ...[1, 8, 10, 100, JOINS].map((n) => ({
    name: `the ${n}. false ID of one group in an epoch, and all so far`,
    value: `${count.format(costs.noticed[n - 1]?.[1] ?? 0)} (${count.format(sumTo(costs.noticed, n))}) iterations; never noticed ${count.format(costs.unnoticed[n - 1]?.[1] ?? 0)} (${count.format(sumTo(costs.unnoticed, n))})`,
  })),
  { name: 'an honest newcomer of another group meanwhile', value: `${costs.honestElsewhere} iterations, as ever` },
  {
    name: 'an honest newcomer of the attacked group, after all of them',
    value: `${costs.honestInTheGroup} iterations; nobody ever pays more than ${count.format(costs.most)}`,
  },
]
for (const { name, value, target, isMet } of rows)
  console.log(
    `${isMet === undefined ? '      ' : isMet ? 'met   ' : 'MISSED'} ${name}: ${value}${target === undefined ? '' : ` (${target})`}`,
  )

if (values.write) {
  const docs = new URL('../../docs/', import.meta.url)
  const every = Math.max(1, Math.ceil(result.loads.length / POINTS))
  const sparse = <Value>(list: readonly Value[], step: number) => list.filter((_, i) => i % step === 0)
  writeFileSync(
    new URL('sim-churn-load.svg', docs),
    drawLineChart({
      title: `Load of ${servers} full nodes under churn (seed ${seed})`,
      x: 'hours',
      y: 'highest over mean',
      lines: [{ name: 'devices served', points: sparse(result.loads, every) }],
    }),
  )
  writeFileSync(
    new URL('sim-churn-cost.svg', docs),
    drawLineChart({
      title: 'What the n-th false ID of one group costs in an epoch',
      x: 'n',
      y: 'iterations of the puzzle',
      lines: [
        { name: 'every tenth found out', points: sparse(costs.noticed, JOINS / 50) },
        { name: 'none found out', points: sparse(costs.unnoticed, JOINS / 50) },
      ],
    }),
  )
  writeFileSync(new URL('SIMULATION.md', docs), page())
}

function page(): string {
  const table = rows.map(
    ({ name, value, target = '', isMet }) =>
      `| ${name} | ${value} | ${target}${isMet === undefined ? '' : isMet ? ': met' : ': MISSED'} |`,
  )
  return `${[
    '# Churn, simulated',
    '',
    'Written by `npm run sim -- churn --write`. A network on a virtual clock, with the code of `shared/coordination` and',
    '`shared/admission` as it is; the same seed gives the same figures on every machine.',
    '',
    `${what}. The first 15 % of the time fill the network and are not counted.`,
    '',
    '| what | value | target |',
    '|---|---|---|',
    ...table,
    '',
    '![load](sim-churn-load.svg)',
    '![cost of a false ID](sim-churn-cost.svg)',
    '',
    '## What is modelled',
    '- **Devices** are connected for a Pareto time (20 minutes at least, shape 1.2) and away for another (3 minutes, 1.1). 50',
    '  are registered in a block.',
    '- **Full nodes** run for a Pareto time (12 hours, 1.5) and fail without a word; they are back after 1 minute to 8 hours. Now',
    '  and then a seat goes for good and another comes: only then does anybody move who need not.',
    '- **Eight regions** fall out now and then, for 5 minutes to 3 hours. Full nodes of the region are cut off from the others;',
    '  its own devices are in a total outage, which is not counted.',
    '- **A device whose server fails** notices in 5 to 10 seconds by the heartbeat, and is served by its warm standby at once; each',
    '  further server that does not answer costs it 3 seconds. It stays there until that one goes or it reconnects. Late requests',
    '  are hedged in practice: what is counted as not served here is the time in which each request takes longer.',
    '- **A full node** says that it is busy at 1.2 times the mean, and who comes is passed on to the next in order.',
    '- **Leases** are carried out one by one for 1,000 devices, with copies of their keys about that claim their place once a day.',
    '  The bytes are those of encoded leases alone, without the transport below them.',
    '- **Unavoidable moves** are those off a server that went away, and for each seat that came an even share.',
    '- **Labels** are those of the label function by the time that a device has been connected. A break of more than 5 minutes ends',
    '  a lifetime, and here each region has an outage a day: nobody reaches the seven days that a role needs.',
    '- **An attacker with many keys** comes through one sponsor and issuer in one epoch. The puzzle has no unit of time yet.',
    '',
    '## What is not',
    '- Digests among coordination nodes, and the traffic of requests.',
    '- Clocks that differ, messages that are lost, and servers that lie.',
  ].join('\n')}\n`
}
