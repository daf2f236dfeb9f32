/** The benchmarks run: a few seconds of them, which say nothing about speed. Those in a browser are left out. */
import { expect, test } from 'vitest'
import { alternate, median, rounded } from '../bench/figures/figure.ts'
import { drawLineChart } from '../bench/figures/plot.ts'
import { asMarkdown, asText, type Report } from '../bench/figures/report.ts'
import { BENCHES, runBenches } from '../bench/figures/run.ts'

test('medians, and rounds that take turns', async () => {
  expect([median([3, 1, 2]), median([4, 1, 3, 2]), rounded(12_345.6)]).toEqual([2, 2.5, 12_300])
  expect(() => median([])).toThrow(RangeError)
  const order: string[] = []
  const side = (name: string, values: readonly number[]) => (round: number) => {
    order.push(`${name}${round}`)
    return values[round] as number
  }
  const result = await alternate(3, { a: side('a', [1, 100, 2]), b: side('b', [5, 6, 7]) })
  expect(result).toEqual({ a: 2, b: 6 })
  expect(order).toEqual(['a0', 'b0', 'b1', 'a1', 'a2', 'b2'])
})

test('proofs, state tree and miner give figures that can be reported', async () => {
  const figures = await runBenches(BENCHES, ['proofs', 'state-tree', 'miner'], { quick: true, say: () => undefined })
  for (const { measures, ratios, notes } of figures) {
    expect(measures.length).toBeGreaterThan(1)
    expect([...measures, ...ratios].filter(({ value }) => !(value > 0))).toEqual([])
    expect(notes.length).toBeGreaterThan(0)
  }
  const machine = { processor: 'P', cores: 2, memoryGib: 4, system: 'S', node: 'v1' }
  const report: Report = { date: '2026-01-02T03:04:05.000Z', quick: true, machine, figures }
  expect(asMarkdown(report, { command: 'core', title: 'Benchmarks' })).toContain('Measured on 2026-01-02: P, 2 cores')
  expect(asText(report)).toMatch(/inserts: ours \/ urkel +× [\d.,]+ {2}target 1: (met|MISSED)/)
}, 60_000)

test('a chart has its points in place, and its texts as texts', () => {
  const svg = drawLineChart({
    title: 'a < b & c',
    x: 'blocks',
    y: 'MiB',
    lines: [
      {
        name: 'disk',
        points: [
          [0, 0],
          [50, 10],
          [100, 20],
        ],
      },
    ],
  })
  expect(svg).toContain('a &lt; b &amp; c')
  expect(svg).toContain('points="70,300 345,170 620,40"')
  expect(svg.match(/<circle/g)).toHaveLength(3)
  expect(svg.length).toBeLessThan(4_000)
})
