import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import type { Bench } from './figure.ts'
import { describeMachine } from './machine.ts'
import { asMarkdown, asText } from './report.ts'
import { runBenches } from './run.ts'

export interface BenchCommand {
  /** As in `npm run bench -- <command>`. */
  readonly command: string
  readonly title: string
  /** In docs/. */
  readonly file: string
  readonly benches: Readonly<Record<string, Bench>>
}

/** Reads the flags, runs the benches, prints and writes what they say. Ends the process. */
export async function runCommand({ command, title, file, benches }: BenchCommand): Promise<never> {
  const { values } = parseArgs({
    options: {
      json: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
    },
  })
  const only = values.only?.split(',')
  const unknown = only?.find((name) => !Object.hasOwn(benches, name))
  if (unknown !== undefined) {
    process.stderr.write(`There is no figure "${unknown}"; there are: ${Object.keys(benches).join(', ')}.\n`)
    process.exit(2)
  }
  const say = (line: string) => process.stderr.write(`${line}\n`)
  const figures = await runBenches(benches, only ?? Object.keys(benches), { quick: values.quick, say })
  const report = { date: new Date().toISOString(), quick: values.quick, machine: describeMachine(), figures }
  process.stdout.write(values.json ? `${JSON.stringify(report, undefined, 2)}\n` : asText(report))
  if (values.write) {
    const docs = new URL('../../../docs/', import.meta.url)
    writeFileSync(new URL(file, docs), asMarkdown(report, { command, title }))
    for (const { plots = [] } of figures) for (const plot of plots) writeFileSync(new URL(plot.file, docs), plot.svg)
  }
  process.exit(0)
}
