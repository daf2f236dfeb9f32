import type { Ratio } from './figure.ts'
import type { Machine } from './machine.ts'
import type { MeasuredFigure } from './run.ts'

export interface Report {
  /** ISO 8601. */
  readonly date: string
  readonly quick: boolean
  readonly machine: Machine
  readonly figures: readonly MeasuredFigure[]
}

const NUMBER = new Intl.NumberFormat('en-US', { maximumSignificantDigits: 4 })

function verdictOf({ value, target }: Ratio): string {
  if (target === undefined) return ''
  return value >= target ? `target ${NUMBER.format(target)}: met` : `target ${NUMBER.format(target)}: MISSED`
}

export function asText({ date, machine, figures }: Report): string {
  const lines = [`${date}  ${machine.processor}, ${machine.cores} cores, ${machine.node}`]
  for (const { name, question, measures, ratios, load } of figures) {
    lines.push('', `${name}: ${question}`)
    for (const { name: what, value, unit } of measures)
      lines.push(`  ${what.padEnd(60)} ${NUMBER.format(value)} ${unit}`)
    for (const ratio of ratios)
      lines.push(`  ${ratio.name.padEnd(60)} × ${NUMBER.format(ratio.value)}  ${verdictOf(ratio)}`.trimEnd())
    lines.push(`  load of the machine ${load.join(' → ')}`)
  }
  return `${lines.join('\n')}\n`
}

/** docs/BENCHMARKS.md. */
export function asMarkdown(
  { date, machine, figures }: Report,
  { command, title }: { readonly command: string; readonly title: string },
): string {
  const lines = [
    `# ${title}`,
    '',
    `Written by \`npm run bench -- ${command} --write\`. Each figure stands beside a limit or a rival that was measured in the same`,
    'run, in alternating rounds; values are medians. What they say of another machine are the ratios.',
    '',
    `Measured on ${date.slice(0, 10)}: ${machine.processor}, ${machine.cores} cores, ${machine.memoryGib} GiB, ${machine.system}, Node ${machine.node}.`,
    'The load is how many processes wanted to run, mean of a minute, before and after; above the number of cores the rates',
    'are lower than an idle machine would show.',
  ]
  for (const { name, question, rounds, measures, ratios, notes, plots = [], load, seconds } of figures) {
    lines.push('', `## ${name}`, '', question, '', '| what | value |', '|---|---|')
    for (const { name: what, value, unit } of measures) lines.push(`| ${what} | ${NUMBER.format(value)} ${unit} |`)
    if (ratios.length > 0) {
      lines.push('', '| ratio | value | |', '|---|---|---|')
      for (const ratio of ratios) lines.push(`| ${ratio.name} | ${NUMBER.format(ratio.value)} | ${verdictOf(ratio)} |`)
    }
    for (const { caption, file } of plots) lines.push('', `![${caption}](${file})`)
    lines.push('', ...notes.map((note) => `- ${note}`), `- ${rounds} rounds, ${seconds} s, load ${load.join(' → ')}.`)
  }
  return `${lines.join('\n')}\n`
}
