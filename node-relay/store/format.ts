import { crc32 } from 'node:zlib'
import { asciiBytes } from '../../shared/bytes.ts'
import { LaresError } from '../../shared/errors.ts'
import { contentOf, type Level, plain } from './checked-level.ts'
import { damaged } from './damage.ts'
import { KEYS } from './key-table.ts'
import { continueMigration } from './migrations.ts'

/** Layout of the database (key-table.ts). Another layout is another number, and a step in migrations.ts leads to it. */
export const FORMAT = 2

/** Records that show whether a database without a mark is ours: where one has our checksum, it is. */
const LOOKED_AT = 16

/**
 * Says what layout a database has, and leads an older one to this one. A new one gets its mark; what is not ours, or is
 * newer, is left as it is.
 * @param init.repair takes a mark that cannot be read for this format's: what it marks is judged record by record then
 * @throws {LaresError} `database-newer`, `database-foreign`, `database-damaged`
 */
export async function settleFormat(level: Level, init: { readonly repair?: boolean | undefined } = {}): Promise<void> {
  const mark = level.getSync(KEYS.meta('format'))
  if (mark === undefined) {
    const first = await level.iterator({ limit: LOOKED_AT }).all()
    if (first.length > 0 && init.repair !== true) {
      // Damage can take the mark and whatever was written with it, and leave the rest.
      if (first.some(([key, value]) => contentOf(plain(key), plain(value)) !== undefined))
        throw damaged('the format mark is missing')
      throw new LaresError('database-foreign', 'This is not a chain database of Lares; choose another data folder.')
    }
    await level.put(KEYS.meta('format'), formatMark(FORMAT), { sync: true })
    return
  }
  const format = readMark(plain(mark))
  if (format === undefined) {
    if (init.repair !== true) throw damaged('the format mark cannot be read')
    await level.put(KEYS.meta('format'), formatMark(FORMAT), { sync: true })
    return
  }
  if (format > FORMAT)
    throw new LaresError(
      'database-newer',
      `The chain database was made by a newer Lares (format ${format}, this one knows ${FORMAT}): update Lares, and start it again.`,
    )
  await continueMigration(level, { from: format, to: FORMAT, markOf: formatMark })
}

/**
 * `lares-chain-<number>`, and from format 2 on `#<CRC-32 in hex>` over that: a flipped byte is not to look like another
 * format. This record has this form in every format, newer ones too.
 */
export function formatMark(format: number): Uint8Array {
  const text = `lares-chain-${format}`
  return asciiBytes(format === 1 ? text : `${text}#${crc32(text).toString(16).padStart(8, '0')}`)
}

function readMark(mark: Uint8Array): number | undefined {
  const text = Buffer.from(mark).toString('latin1')
  const number = Number(/^lares-chain-(\d{1,9})(?:#|$)/.exec(text)?.[1])
  return Number.isSafeInteger(number) && text === Buffer.from(formatMark(number)).toString('latin1')
    ? number
    : undefined
}
