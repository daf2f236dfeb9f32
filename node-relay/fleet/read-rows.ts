import { accept, type Result, reject } from '../../shared/errors.ts'
import type { RawRow } from '../../shared/fleet/check-rows.ts'
import { readCsv } from './read-csv.ts'
import { readJson } from './read-json.ts'

/** A fleet file. Bytes. */
export const MAX_FLEET_FILE = 8 * 1024 * 1024
/** Rows of one file, good and bad. */
export const MAX_FLEET_ROWS = 20_000

export type FleetFileCode = 'file-too-large' | 'not-a-fleet-file' | 'too-many-rows'

/** Byte order marks of UTF-16, which spreadsheets call "Unicode text". */
const UTF16_MARKS = [
  [0xff, 0xfe],
  [0xfe, 0xff],
]
const UTF8_MARK = [0xef, 0xbb, 0xbf]

/**
 * Reads a fleet file: CSV with a header line, or a JSON array of objects. What is wrong with one row is said of that row;
 * refused as a whole is only what is no fleet file. Details are sentences for a person.
 */
export function readFleetFile(bytes: Uint8Array): Result<RawRow[], FleetFileCode> {
  if (bytes.length > MAX_FLEET_FILE)
    return reject('file-too-large', `The file has more than ${MAX_FLEET_FILE / 1024 / 1024} MiB; split it.`)
  const startsWith = (mark: readonly number[]) => mark.every((byte, i) => bytes[i] === byte)
  if (UTF16_MARKS.some(startsWith))
    return reject('not-a-fleet-file', 'The file is UTF-16; save it as "CSV UTF-8" and try again.')
  const content = startsWith(UTF8_MARK) ? bytes.subarray(UTF8_MARK.length) : bytes
  const first = content.find((byte) => byte > 0x20)
  if (first === undefined) return reject('not-a-fleet-file', 'The file is empty.')
  const rows = first === 0x5b || first === 0x7b ? readJson(content) : readCsv(content, MAX_FLEET_ROWS)
  if (!rows.ok) return rows
  if (rows.value.length > MAX_FLEET_ROWS)
    return reject('too-many-rows', `The file has more than ${MAX_FLEET_ROWS} rows; split it.`)
  return accept(rows.value)
}
