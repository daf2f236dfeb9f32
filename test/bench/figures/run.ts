import { audit } from './audit.ts'
import type { Bench, BenchOptions, Figure } from './figure.ts'
import { growth } from './growth.ts'
import { headers } from './headers.ts'
import { loadAverage } from './machine.ts'
import { miner } from './miner.ts'
import { proofs } from './proofs.ts'
import { stateTree } from './state-tree.ts'

export const BENCHES = { headers, proofs, 'state-tree': stateTree, miner, growth, audit } as const satisfies Record<
  string,
  Bench
>

export interface MeasuredFigure extends Figure {
  /** Load of the machine before and after. */
  readonly load: readonly [number, number]
  readonly seconds: number
}

/** One after another: two at once would measure each other. */
export async function runBenches(
  benches: Readonly<Record<string, Bench>>,
  names: readonly string[],
  options: BenchOptions,
): Promise<MeasuredFigure[]> {
  const figures: MeasuredFigure[] = []
  for (const name of names) {
    const bench = benches[name] as Bench
    const before = loadAverage()
    const start = performance.now()
    const figure = await bench(options)
    figures.push({
      ...figure,
      load: [before, loadAverage()],
      seconds: Math.round((performance.now() - start) / 1_000),
    })
  }
  return figures
}
