/** What a benchmark says, and how rounds are run: alternately, so that a busy moment of the machine strikes all alike. */

export interface Measure {
  readonly name: string
  readonly value: number
  readonly unit: string
}

export interface Ratio {
  /** What is divided by what. */
  readonly name: string
  readonly value: number
  /** At least this; absent: no target, just said. */
  readonly target?: number
}

export interface Figure {
  readonly name: string
  /** What was measured, and against which limit or rival. */
  readonly question: string
  readonly rounds: number
  readonly measures: readonly Measure[]
  readonly ratios: readonly Ratio[]
  /** What each side does, and what the numbers do not say. */
  readonly notes: readonly string[]
  readonly plots?: readonly Plot[]
}

/** A picture in docs/. */
export interface Plot {
  readonly file: string
  readonly caption: string
  readonly svg: string
}

export interface BenchOptions {
  /** A few seconds for all: shows that the benchmarks run, not how fast anything is. */
  readonly quick: boolean
  /** Progress for a person; never on standard output. */
  say(line: string): void
}

export type Bench = (options: BenchOptions) => Promise<Figure>

/** @throws RangeError on no values */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  if (sorted.length === 0) throw new RangeError('the median of nothing')
  const middle = sorted.length >> 1
  const upper = sorted[middle] as number
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] as number) + upper) / 2
}

/** Runs each side once a round, the other way round in every second one, and returns the median of each. */
export async function alternate<Name extends string>(
  rounds: number,
  sides: Readonly<Record<Name, (round: number) => number | Promise<number>>>,
): Promise<Record<Name, number>> {
  const names = Object.keys(sides) as Name[]
  const values = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>
  for (let round = 0; round < rounds; round++)
    for (const name of round % 2 === 0 ? names : names.toReversed()) values[name].push(await sides[name](round))
  return Object.fromEntries(names.map((name) => [name, median(values[name])])) as Record<Name, number>
}

/** Seconds that a task took. */
export async function seconds(task: () => unknown): Promise<number> {
  const start = performance.now()
  await task()
  return (performance.now() - start) / 1_000
}

/** Three digits that count: more would claim a precision that no run has. */
export function rounded(value: number): number {
  return Number(value.toPrecision(3))
}
