import encodeQR from 'qr'

/** Light modules around the code that a reader needs (ISO/IEC 18004 says 4; 2 does on a screen). */
const BORDER = 2
const WHITE_ON_BLACK = '\u001b[97;40m'
const RESET = '\u001b[0m'

/**
 * A QR code as lines of text, two modules to a character. With colours it is light on dark whatever the terminal's own
 * are; without, it counts on a dark background (readers take the other too).
 * @returns undefined when it is wider than `columns`, or the text too long for any code
 */
export function qrLines(
  text: string,
  { columns, colours }: { columns: number | undefined; colours: boolean },
): readonly string[] | undefined {
  const modules = encode(text)
  if (modules === undefined || (columns !== undefined && modules.length > columns)) return undefined
  const lines: string[] = []
  for (let row = 0; row < modules.length; row += 2) {
    const upper = modules[row] ?? []
    const lower = modules[row + 1]
    const line = upper.map((dark, column) => halfBlock(!dark, !(lower?.[column] ?? false))).join('')
    lines.push(colours ? `${WHITE_ON_BLACK}${line}${RESET}` : line)
  }
  return lines
}

function encode(text: string): boolean[][] | undefined {
  try {
    return encodeQR(text, 'raw', { ecc: 'low', border: BORDER })
  } catch {
    return undefined
  }
}

function halfBlock(upperLight: boolean, lowerLight: boolean): string {
  if (upperLight) return lowerLight ? '█' : '▀'
  return lowerLight ? '▄' : ' '
}
