import { toHex } from '../bytes.ts'
import { type FieldCode, type FleetRow, readFleetRow } from './row.ts'

/** A row as a reader found it: its fields, or why they could not be read. */
export type RawRow =
  | { readonly line: number; readonly fields: Readonly<Record<string, unknown>> }
  | { readonly line: number; readonly code: string; readonly detail: string }

export interface GoodRow {
  /** Line of the file that it begins in, from 1. */
  readonly line: number
  readonly row: FleetRow
}

export interface BadRow {
  readonly line: number
  /** {@link FieldCode}, `duplicate-serial`, `duplicate-mac`, `duplicate-key`, or the reader's own. */
  readonly code: FieldCode | 'duplicate-serial' | 'duplicate-mac' | 'duplicate-key' | (string & {})
  readonly detail: string
}

/** Sorts the rows of a file: of two rows with one serial, MAC or key the first stands, whatever becomes of it later. */
export function createRowCheck(): { check(raw: RawRow): GoodRow | BadRow } {
  const lines = { serial: new Map<string, number>(), mac: new Map<string, number>(), key: new Map<string, number>() }
  return {
    check(raw) {
      if ('code' in raw) return raw
      const { line } = raw
      const read = readFleetRow(raw.fields)
      if (!read.ok) return { line, code: read.code, detail: read.detail }
      const row = read.value
      const marks = [
        ['serial', row.serial],
        ['mac', row.mac && toHex(row.mac)],
        ['key', row.publicKey && toHex(row.publicKey)],
      ] as const
      for (const [kind, mark] of marks) {
        const first = mark === undefined ? undefined : lines[kind].get(mark)
        if (first !== undefined)
          return { line, code: `duplicate-${kind}`, detail: `the same ${WORDS[kind]} stands in line ${first}` }
      }
      for (const [kind, mark] of marks) if (mark !== undefined) lines[kind].set(mark, line)
      return { line, row }
    },
  }
}

const WORDS = { serial: 'serial', mac: 'MAC address', key: 'public key' } as const
