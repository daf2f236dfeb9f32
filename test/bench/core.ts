/**
 * npm run bench -- core [--json] [--write] [--quick] [--only NAME[,NAME]]
 *
 * The figures of docs/BENCHMARKS.md, each with a limit or a rival measured in the same run. `--json` prints one JSON
 * document on standard output; progress goes to standard error. `--write` writes docs/BENCHMARKS.md from it.
 */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { describeMachine } from './figures/machine.ts'
import { asMarkdown, asText } from './figures/report.ts'
import { BENCHES, runBenches } from './figures/run.ts'

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
  },
})

const only = values.only?.split(',')
const unknown = only?.find((name) => !Object.hasOwn(BENCHES, name))
if (unknown !== undefined) {
  process.stderr.write(`There is no figure "${unknown}"; there are: ${Object.keys(BENCHES).join(', ')}.\n`)
  process.exit(2)
}
const say = (line: string) => process.stderr.write(`${line}\n`)
const figures = await runBenches(only ?? Object.keys(BENCHES), { quick: values.quick, say })
const report = { date: new Date().toISOString(), quick: values.quick, machine: describeMachine(), figures }
process.stdout.write(values.json ? `${JSON.stringify(report, undefined, 2)}\n` : asText(report))
if (values.write) writeFileSync(new URL('../../docs/BENCHMARKS.md', import.meta.url), asMarkdown(report))
process.exit(0)
