import { parse } from 'csv-parse/sync'
import { accept, type Result, reject } from '../../shared/errors.ts'
import type { RawRow } from '../../shared/fleet/check-rows.ts'
import { FLEET_COLUMNS, type FleetColumn } from '../../shared/fleet/row.ts'

/** What spreadsheets put between fields, by language. */
const DELIMITERS = [',', ';', '\t'] as const
const LINE_FEED = 0x0a
const utf8 = new TextDecoder('utf-8', { fatal: true })

/**
 * Rows of a CSV file (RFC 4180) whose first line names the columns. Each line is read by itself: no field of a fleet
 * holds a line break, and so a forgotten quote spoils its own line and none of those after it. Ends one row after `maxRows`.
 */
export function readCsv(bytes: Uint8Array, maxRows: number): Result<RawRow[], 'not-a-fleet-file'> {
  let columns: readonly FleetColumn[] | undefined
  let delimiter: string = DELIMITERS[0]
  const rows: RawRow[] = []
  for (const { line, content } of linesOf(bytes)) {
    if (rows.length > maxRows) break
    const text = decode(content)
    if (columns === undefined) {
      delimiter = DELIMITERS.find((one) => text?.includes(one)) ?? DELIMITERS[0]
      const header = readHeader(text, delimiter)
      if (!header.ok) return header
      columns = header.value
    } else rows.push(readLine(line, text, columns, delimiter))
  }
  return accept(rows)
}

function* linesOf(bytes: Uint8Array): Generator<{ line: number; content: Uint8Array }> {
  let line = 1
  for (let start = 0; start < bytes.length; line++) {
    const found = bytes.indexOf(LINE_FEED, start)
    const end = found === -1 ? bytes.length : found
    const content = bytes.subarray(start, end)
    start = end + 1
    if (content.some((byte) => byte > 0x20)) yield { line, content }
  }
}

function readHeader(text: string | undefined, delimiter: string): Result<FleetColumn[], 'not-a-fleet-file'> {
  const wrong = (detail: string) => reject('not-a-fleet-file' as const, detail)
  const columns = `The first line must name the columns: ${FLEET_COLUMNS.join(', ')}, in any order`
  const fields = text === undefined ? undefined : split(text, delimiter)
  if (fields === undefined) return wrong(`${columns}. It cannot be read as CSV in UTF-8.`)
  const names = fields.map((field) => FLEET_COLUMNS.find((name) => name.toLowerCase() === plain(field)))
  const unknown = names.indexOf(undefined)
  if (unknown !== -1) return wrong(`${columns}. "${(fields[unknown] ?? '').slice(0, 30)}" is none of them.`)
  const known = names.filter((name) => name !== undefined)
  const twice = known.find((name, i) => known.indexOf(name) !== i)
  if (twice !== undefined) return wrong(`The column ${twice} stands in the first line twice.`)
  const missing = (['name', 'serial'] as const).find((name) => !known.includes(name))
  if (missing !== undefined) return wrong(`The column ${missing} is missing in the first line.`)
  return accept(known)
}

/** `Public key`, `public_key` and `publicKey` are one column. */
function plain(field: string): string {
  return field.toLowerCase().replace(/[\s_-]/g, '')
}

function readLine(line: number, text: string | undefined, columns: readonly FleetColumn[], delimiter: string): RawRow {
  if (text === undefined)
    return { line, code: 'bad-utf8', detail: 'the line is not UTF-8; save the file as "CSV UTF-8"' }
  const fields = split(text, delimiter)
  if (fields === undefined)
    return { line, code: 'bad-quotes', detail: 'a quote is not closed, or stands inside a field' }
  // Spreadsheets end each line with the fields that any line has; empty ones say nothing.
  const last = fields.findLastIndex((field) => field.trim() !== '') + 1
  if (last > columns.length)
    return { line, code: 'too-many-fields', detail: `${last} fields, but the first line names ${columns.length}` }
  if (fields.length < columns.length)
    return { line, code: 'too-few-fields', detail: `${fields.length} of ${columns.length} fields` }
  return { line, fields: Object.fromEntries(columns.map((column, i) => [column, fields[i] ?? ''])) }
}

/** The fields of one line; undefined when its quotes do not match. */
function split(text: string, delimiter: string): string[] | undefined {
  try {
    return parse(text, { delimiter, relax_column_count: true })[0] as string[] | undefined
  } catch {
    return undefined
  }
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes).replace(/\r$/, '')
  } catch {
    return undefined
  }
}
