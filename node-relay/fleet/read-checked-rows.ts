import { readFileSync } from 'node:fs'
import { toHex } from '../../shared/bytes.ts'
import { LaresError } from '../../shared/errors.ts'
import { type BadRow, createRowCheck } from '../../shared/fleet/check-rows.ts'
import { formatMac } from '../../shared/fleet/fields.ts'
import type { EnrolRow } from './door.ts'
import { readFleetFile } from './read-rows.ts'
import { loadVendors } from './vendor.ts'

/** Rows between two reports of progress. */
const PROGRESS_EVERY = 1_000

export interface CheckedRows {
  /** Those that may be enrolled, with their lines. */
  readonly good: readonly { readonly line: number; readonly row: EnrolRow }[]
  readonly bad: readonly BadRow[]
}

/**
 * Reads a fleet file and checks each of its rows.
 * @throws {LaresError} whose message is a sentence: the file cannot be read, or is none
 */
export async function readCheckedRows(
  path: string,
  onProgress: (done: number, all: number) => void = () => {},
): Promise<CheckedRows> {
  const raw = readFleetFile(readBytes(path))
  if (!raw.ok) throw new LaresError(raw.code, raw.detail)
  const vendorOf = await loadVendors()
  const { check } = createRowCheck()
  const good: { line: number; row: EnrolRow }[] = []
  const bad: BadRow[] = []
  for (const [i, one] of raw.value.entries()) {
    const checked = check(one)
    if ('row' in checked) {
      const { name, model, serial, mac, publicKey, recoveryKey } = checked.row
      const row: EnrolRow = {
        name,
        model,
        serial,
        mac: mac === undefined ? '' : formatMac(mac),
        publicKey: publicKey === undefined ? '' : toHex(publicKey),
        recoveryKey: recoveryKey === undefined ? '' : toHex(recoveryKey),
        vendor: mac === undefined ? '' : vendorOf(mac),
      }
      good.push({ line: checked.line, row })
    } else bad.push(checked)
    if ((i + 1) % PROGRESS_EVERY === 0) onProgress(i + 1, raw.value.length)
  }
  return { good, bad }
}

function readBytes(path: string): Uint8Array {
  try {
    return Uint8Array.from(readFileSync(path))
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new LaresError(
      'file-unreadable',
      `${path} cannot be read (${code === 'ENOENT' ? 'there is no such file' : code}).`,
    )
  }
}
