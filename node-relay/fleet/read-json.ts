import { accept, type Result, reject } from '../../shared/errors.ts'
import type { RawRow } from '../../shared/fleet/check-rows.ts'

/** Rows of a JSON array of objects, each with the line that it begins in. */
export function readJson(bytes: Uint8Array): Result<RawRow[], 'not-a-fleet-file'> {
  let text: string
  let rows: unknown
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    rows = JSON.parse(text)
  } catch (error) {
    return reject('not-a-fleet-file', `The file cannot be read as JSON in UTF-8: ${(error as Error).message}.`)
  }
  if (!Array.isArray(rows))
    return reject('not-a-fleet-file', 'The file must be a JSON array with an object per device.')
  const lines = linesOfElements(text)
  return accept(
    rows.map((row: unknown, i): RawRow => {
      const line = lines[i] ?? 0
      return isObject(row)
        ? { line, fields: row }
        : { line, code: 'not-an-object', detail: 'this is no object with name and serial' }
    }),
  )
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Where the elements of the outermost array begin, as lines from 1. The text is valid JSON. */
function linesOfElements(text: string): number[] {
  const lines: number[] = []
  let line = 1
  let depth = 0
  let awaited = true
  for (let i = 0; i < text.length; i++) {
    const character = text[i] as string
    if (character === '\n') line++
    if (/\s/.test(character)) continue
    if (depth === 1 && awaited && character !== ']') {
      lines.push(line)
      awaited = false
    }
    if (character === '"') {
      while (text[++i] !== '"') if (text[i] === '\\') i++
    } else if (character === '[' || character === '{') depth++
    else if (character === ']' || character === '}') depth--
    else if (character === ',' && depth === 1) awaited = true
  }
  return lines
}
