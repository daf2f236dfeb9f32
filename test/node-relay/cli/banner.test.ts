import decodeQR from 'qr/decode.js'
import { expect, test } from 'vitest'
import { qrLines } from '../../../node-relay/cli/qr.ts'

/** Draws the lines as a camera would see them: one module to a square of pixels. */
function picture(lines: readonly string[], scale = 4) {
  const width = (lines[0]?.length ?? 0) * scale
  const height = lines.length * 2 * scale
  const data = new Uint8Array(width * height * 4)
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const row = Math.floor(y / scale)
      const character = lines[row >> 1]?.[Math.floor(x / scale)] ?? ' '
      const light = character === '█' || character === (row % 2 === 0 ? '▀' : '▄')
      data.fill(light ? 255 : 0, (y * width + x) * 4, (y * width + x) * 4 + 3)
      data[(y * width + x) * 4 + 3] = 255
    }
  return { width, height, data }
}

test.each([30, 300, 900])('a link of %i characters can be read from the terminal', (length) => {
  const text = `https://lares.local:4670/#join=${'aZ0_-'.repeat(200).slice(0, length)}`
  const lines = qrLines(text, { columns: undefined, colours: false })
  expect(decodeQR(picture(lines ?? []))).toBe(text)
})

test('too wide for the window, too long for any code: none', () => {
  expect(qrLines('x'.repeat(300), { columns: 40, colours: false })).toBeUndefined()
  expect(qrLines('x'.repeat(3_000), { columns: undefined, colours: false })).toBeUndefined()
  const [first = ''] = qrLines('x', { columns: 40, colours: true }) ?? []
  expect(first.replaceAll('█', '')).toBe('\u001b[97;40m\u001b[0m')
})
