/**
 * Mutated inputs into every decoder, every protocol's handler, every gossip validator and every HTTP route: nothing may be
 * thrown through, hang, or eat memory; what decodes is written in the same bytes again.
 * Flags: --inputs 1000000, --seed N (printed; the same seed makes the same inputs), --only TEXT for targets whose name holds it.
 */
import { availableParallelism, cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { runFuzz } from '../framework/fuzz/run.ts'
import { openAllTargets } from '../framework/fuzz/targets.ts'

const { values } = parseArgs({
  options: {
    inputs: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    only: { type: 'string', default: '' },
  },
})
const seed = Number(values.seed)
console.log(`seed ${seed}, node ${process.version}, ${availableParallelism()} cores, ${cpus()[0]?.model}`)
const all = await openAllTargets()
const started = performance.now()
const mb = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`
const { figures, findings, peakRss } = await runFuzz({
  targets: all.targets.filter(({ name }) => name.includes(values.only)),
  inputs: Number(values.inputs),
  seed,
  onTarget: ({ name, inputs, seconds, maxMs, maxAllocated, grown }) =>
    console.log(
      `${name}: ${inputs} inputs, ${Math.round(inputs / seconds)}/s, slowest ${maxMs.toFixed(1)} ms, at most ${mb(maxAllocated)} for one, ${mb(grown)} kept`,
    ),
})
const errors = all.errors()
await all.close()
for (const { target, index, message, input } of findings)
  console.log(`FINDING in ${target}, input ${index}: ${message}\n  ${input}`)
for (const line of errors.slice(0, 10)) console.log(`LOGGED ${line}`)
const inputs = figures.reduce((sum, one) => sum + one.inputs, 0)
const seconds = (performance.now() - started) / 1_000
console.log(
  `${inputs} inputs into ${figures.length} targets in ${seconds.toFixed(0)} s, peak memory ${mb(peakRss)}, ${findings.length} findings`,
)
process.exit(findings.length === 0 && errors.length === 0 ? 0 : 1)
