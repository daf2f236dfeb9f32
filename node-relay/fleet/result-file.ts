import { existsSync, readFileSync } from 'node:fs'
import { LaresError } from '../../shared/errors.ts'
import { writeFileAtomic } from '../atomic-file.ts'
import type { RowOutcome } from './door.ts'

const HEADER = 'line,name,serial,status,device_id,voucher,voucher_expires,reason'

/** What became of one row of the file. */
export interface ResultRow extends RowOutcome {
  readonly line: number
  /** Empty where the row could not be read. */
  readonly name: string
  readonly serial: string
}

/**
 * Refuses to write over anything but an earlier result.
 * @throws {LaresError} `file-in-the-way`
 */
export function assertResultFile(path: string): void {
  if (!existsSync(path)) return
  const begin = readFileSync(path, { encoding: 'utf8' }).slice(0, HEADER.length)
  if (begin !== HEADER)
    throw new LaresError(
      'file-in-the-way',
      `${path} is there already and no result of an enrolment; name another file with --out.`,
    )
}

/** Writes the result as CSV that only its owner may read: vouchers are keys. */
export function writeResultFile(path: string, rows: readonly ResultRow[]): void {
  const lines = rows.map((row) =>
    [
      String(row.line),
      textCell(row.name),
      textCell(row.serial),
      row.status,
      row.deviceId ?? '',
      row.voucher ?? '',
      row.expires === undefined ? '' : new Date(row.expires).toISOString(),
      textCell(row.code === undefined ? '' : `${row.code}: ${row.detail ?? ''}`),
    ].join(','),
  )
  writeFileAtomic(path, `${[HEADER, ...lines].join('\r\n')}\r\n`)
}

/** A cell in quotes. One that a spreadsheet would take for a formula gets an apostrophe in front. */
function textCell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
  return safe === '' ? '' : `"${safe.replaceAll('"', '""')}"`
}
