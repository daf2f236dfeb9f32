/** The blocks of the chain strip: the last settled ones, the line, and what lies on top of it. */
export interface ChainCell {
  readonly kind: 'settled' | 'open' | 'gap'
  /** Of a gap: how many blocks it stands for. */
  readonly count: number
  readonly height: number
  readonly isTip: boolean
  /** The newest settled block: the line is drawn after it. */
  readonly isLine: boolean
}

/** Settled blocks shown left of the line. */
const SETTLED_CELLS = 3

/**
 * @param cells - most cells that fit; the middle of a long unsettled stretch becomes one gap
 * @returns oldest first; empty when there is no tip
 */
export function chainCells(tip: number | undefined, settled: number | undefined, cells: number): ChainCell[] {
  if (tip === undefined) return []
  const line = settled === undefined ? -1 : Math.min(settled, tip)
  const cell = (height: number): ChainCell => ({
    kind: height <= line ? 'settled' : 'open',
    count: 1,
    height,
    isTip: height === tip,
    isLine: height === line,
  })
  const range = (from: number, to: number) =>
    Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => cell(from + index))

  const open = tip - line
  const settledShown = Math.min(line + 1, Math.max(SETTLED_CELLS, cells - open))
  const before = range(line - settledShown + 1, line)
  const room = cells - before.length
  if (open <= room) return [...before, ...range(line + 1, tip)]
  // first open block, gap, newest ones
  const newest = Math.max(1, room - 2)
  const hidden = open - 1 - newest
  const gap: ChainCell = { kind: 'gap', count: hidden, height: line + 2, isTip: false, isLine: false }
  return [...before, ...range(line + 1, line + 1), gap, ...range(tip - newest + 1, tip)]
}
