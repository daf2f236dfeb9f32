/** Labels: the code holds the device ID, and nothing from a file becomes markup. */
import decodeQR from 'qr/decode.js'
import { describe, expect, it } from 'vitest'
import { escapeHtml, labelSheet } from '../../../node-relay/fleet/label-sheet.ts'
import { formatDeviceId } from '../../../shared/identity/device-id.ts'

const ID = formatDeviceId(new Uint8Array(32).fill(1), new Uint8Array(32).fill(2))
const sheet = (name: string, serial = 'S') => labelSheet([{ deviceId: ID, name, serial }], 'Labels')

/** What a camera sees of the first code: its strokes as black pixels. */
function readCode(html: string): string {
  const size = Number(/viewBox="0 0 (\d+)/.exec(html)?.[1])
  const scale = 4
  const data = new Uint8ClampedArray((size * scale) ** 2 * 4).fill(255)
  for (const [, x, y, length] of html.matchAll(/M(\d+) (\d+)\.5h(\d+)/g))
    for (let dy = 0; dy < scale; dy++)
      for (let dx = 0; dx < Number(length) * scale; dx++) {
        const pixel = (Number(y) * scale + dy) * size * scale + Number(x) * scale + dx
        data.fill(0, pixel * 4, pixel * 4 + 3)
      }
  return decodeQR({ width: size * scale, height: size * scale, data })
}

describe('a sheet of labels', () => {
  it('carries the device ID as it is typed', () => {
    expect(readCode(sheet('Pump'))).toBe(ID)
  })

  it('escapes everything that comes from a file', () => {
    const html = sheet('<img src=x onerror=alert(1)>', `"'&</article>`)
    expect(html).not.toMatch(/<img|&<|"'/)
    expect(html).toContain('&#60;img src=x onerror=alert(1)&#62;')
    expect(html.match(/<\/article>/g)?.length).toBe(1)
    expect(labelSheet([], '<script>')).not.toContain('<script>')
    expect(escapeHtml(`a&<>"'b`)).toBe('a&#38;&#60;&#62;&#34;&#39;b')
  })

  it('begins a new sheet after 21 labels', () => {
    const many = (count: number) =>
      labelSheet(
        Array.from({ length: count }, () => ({ deviceId: ID, name: 'a', serial: 'b' })),
        '',
      )
    expect(many(21).match(/<section>/g)?.length).toBe(1)
    expect(many(22).match(/<section>/g)?.length).toBe(2)
  })
})
