/** A line chart as a small SVG text: axes from zero, one mark a point. */
export interface LineChart {
  readonly title: string
  readonly x: string
  readonly y: string
  readonly lines: readonly { readonly name: string; readonly points: readonly (readonly [x: number, y: number])[] }[]
}

const WIDTH = 640
const HEIGHT = 360
const LEFT = 70
const RIGHT = 20
/** The last number under the axis is centred on its tick. */
const EDGE = 12
const TOP = 40
const BOTTOM = 60
const TICKS = 4
const COLOURS = ['#1f6feb', '#d1242f', '#1a7f37', '#8250df']
const SHORT = new Intl.NumberFormat('en-US', { maximumSignificantDigits: 3 })

export function drawLineChart({ title, x, y, lines }: LineChart): string {
  const points = lines.flatMap((line) => line.points)
  const maxX = niceCeiling(Math.max(...points.map(([value]) => value)))
  const maxY = niceCeiling(Math.max(...points.map(([, value]) => value)))
  const atX = (value: number) => round(LEFT + (value / maxX) * (WIDTH - LEFT - RIGHT))
  const atY = (value: number) => round(HEIGHT - BOTTOM - (value / maxY) * (HEIGHT - TOP - BOTTOM))
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH + EDGE} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH + EDGE}" height="${HEIGHT}" fill="#fff"/>`,
    text(WIDTH / 2, 22, title, 'middle', 'font-size="14"'),
  ]
  for (let tick = 0; tick <= TICKS; tick++) {
    const [valueX, valueY] = [(maxX * tick) / TICKS, (maxY * tick) / TICKS]
    parts.push(
      `<path d="M${LEFT} ${atY(valueY)}H${WIDTH - RIGHT}" stroke="#ddd"/>`,
      text(LEFT - 8, atY(valueY) + 4, SHORT.format(valueY), 'end'),
      text(atX(valueX), HEIGHT - BOTTOM + 18, SHORT.format(valueX), 'middle'),
    )
  }
  parts.push(
    text(WIDTH / 2, HEIGHT - BOTTOM + 36, x, 'middle'),
    `<text transform="translate(16 ${HEIGHT / 2}) rotate(-90)" text-anchor="middle">${escaped(y)}</text>`,
  )
  for (const [i, { name, points: own }] of lines.entries()) {
    const colour = COLOURS[i % COLOURS.length]
    parts.push(
      `<polyline fill="none" stroke="${colour}" stroke-width="2" points="${own.map(([px, py]) => `${atX(px)},${atY(py)}`).join(' ')}"/>`,
      ...own.map(([px, py]) => `<circle cx="${atX(px)}" cy="${atY(py)}" r="3" fill="${colour}"/>`),
      text(LEFT + 10 + i * 180, HEIGHT - 8, name, 'start', `fill="${colour}"`),
    )
  }
  return `${[...parts, '</svg>'].join('\n')}\n`
}

function text(x: number, y: number, content: string, anchor: string, more = ''): string {
  return `<text x="${x}" y="${y}" text-anchor="${anchor}" ${more}>${escaped(content)}</text>`.replace(' >', '>')
}

function escaped(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}

/** 1, 2 or 5 times a power of ten, at least the value. */
function niceCeiling(value: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, Number.MIN_VALUE)))
  return ([1, 2, 5, 10].find((factor) => factor * power >= value) ?? 10) * power
}
