import { describe, expect, it } from 'vitest'
import { chainCells } from '../../../web/ui/chain-cells.ts'

/** `S` settled, `|` the line after it, `o` open, `(n)` gap, `T` tip. */
function draw(tip: number | undefined, settled: number | undefined, cells = 11): string {
  return chainCells(tip, settled, cells)
    .map((cell) => {
      const body = cell.kind === 'gap' ? `(${cell.count})` : cell.isTip ? 'T' : cell.kind === 'settled' ? 'S' : 'o'
      return cell.isLine ? `${body}|` : body
    })
    .join('')
}

describe('chain strip', () => {
  it.each([
    ['nothing', undefined, undefined, ''],
    ['genesis alone, unsettled', 0, undefined, 'T'],
    ['genesis alone, settled', 0, 0, 'T|'],
    ['a short chain', 4, 1, 'SS|ooT'],
    ['the usual depth', 100, 94, 'SSSSS|oooooT'],
    ['as many open ones as fit', 100, 92, 'SSS|oooooooT'],
    ['more open ones than fit', 100, 80, 'SSS|o(13)oooooT'],
    ['nothing settled in a long chain', 40, undefined, 'o(31)ooooooooT'],
  ])('draws %s', (_what, tip, settled, drawing) => expect(draw(tip, settled)).toBe(drawing))

  it('never has more cells than asked for, nor loses a block', () => {
    const wrong: string[] = []
    for (let tip = 0; tip < 60; tip += 1)
      for (let settled = -1; settled <= tip; settled += 1) {
        const cells = chainCells(tip, settled < 0 ? undefined : settled, 11)
        const heights = cells.flatMap((cell) => Array.from({ length: cell.count }, (_, index) => cell.height + index))
        const gapless = heights.every((height, index) => height === tip - heights.length + 1 + index)
        if (cells.length > 11 || !gapless || heights.length === 0) wrong.push(`${tip} over ${settled}`)
      }
    expect(wrong).toEqual([])
  })

  it('does not draw a line beyond the tip', () => {
    expect(draw(5, 9)).toBe('SSSSST|')
  })
})
