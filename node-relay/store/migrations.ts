import * as P from 'micro-packed'
import { hash32 } from '../../shared/codec.ts'
import { contentOf, type Level, type Operation, plain, withChecksum } from './checked-level.ts'
import { damaged } from './damage.ts'
import { KEYS } from './key-table.ts'

/** Records moved in one atomic step. */
const STEP_RECORDS = 1_000

/** How far a migration has come. It is written in the same batch as the records, so each is moved once. */
const progressCoder = P.struct({ from: P.U16BE, to: P.U16BE, next: P.bytes(P.U16BE) })

/** From one format to the next. Each step is kept for good: a database of any age is led through all of them. */
interface Migration {
  readonly from: number
  /**
   * What becomes of one record. It is never given the records of this file: the format mark and the progress. Records are
   * taken in the order of their keys, so what it adds must sort before the record it is made from.
   */
  convert(record: { readonly key: Uint8Array; readonly value: Uint8Array }): readonly Operation[]
}

const lastSealed1 = P.struct({ previousHash: hash32, hash: hash32, height: P.U32BE })

const LAST_SEALED_LENGTH = 68

const MIGRATIONS: readonly Migration[] = [
  {
    // Format 2 has a checksum in every record, and remembers each header that this relay sealed by its parent.
    from: 1,
    convert({ key, value }) {
      const put = (to: Uint8Array, content: Uint8Array): Operation => ({
        type: 'put',
        key: to,
        value: withChecksum(to, content),
      })
      if (!sameBytes(key, KEYS.meta('last-sealed'))) return [put(key, value)]
      // One that cannot be read is moved as it is, and is found when it is read.
      if (value.length !== LAST_SEALED_LENGTH) return [put(key, value)]
      const { height, previousHash, hash } = lastSealed1.decode(value)
      return [put(key, value), put(KEYS.sealedOn(height, previousHash), hash)]
    },
  },
]

/**
 * Leads a database from the format it has to the one wanted, or on from where it was cut off. An older Lares refuses the
 * database from the first step on, since the mark is changed first.
 */
export async function continueMigration(
  level: Level,
  init: {
    readonly from: number
    readonly to: number
    readonly markOf: (format: number) => Uint8Array
    readonly stepRecords?: number | undefined
  },
): Promise<void> {
  const stepRecords = init.stepRecords ?? STEP_RECORDS
  const cutOff = readProgress(level)
  let from = cutOff?.from ?? init.from
  let next: Uint8Array | undefined = cutOff?.next
  while (from < init.to) {
    const migration = MIGRATIONS.find((one) => one.from === from)
    if (migration === undefined) throw damaged(`there is no way from format ${from}`)
    if (next === undefined) {
      next = new Uint8Array()
      const mark: Operation = { type: 'put', key: KEYS.meta('format'), value: init.markOf(from + 1) }
      await level.batch([mark, progress(from, next)], { sync: true })
    }
    while (next !== undefined) next = await step(level, migration, next, stepRecords)
    from++
  }
}

/** @returns the key to go on with; undefined when all are done */
async function step(
  level: Level,
  migration: Migration,
  next: Uint8Array,
  stepRecords: number,
): Promise<Uint8Array | undefined> {
  const records = await level.iterator({ gte: next, limit: stepRecords + 1 }).all()
  const following = records[stepRecords]?.[0]
  const operations: Operation[] = []
  for (const [key, value] of records.slice(0, stepRecords)) {
    if (sameBytes(key, KEYS.meta('format')) || sameBytes(key, KEYS.meta('migration'))) continue
    operations.push(...migration.convert({ key: plain(key), value: plain(value) }))
  }
  const rest = following && new Uint8Array(following)
  operations.push(rest === undefined ? { type: 'del', key: KEYS.meta('migration') } : progress(migration.from, rest))
  await level.batch(operations, { sync: true })
  return rest
}

function progress(from: number, next: Uint8Array): Operation {
  const key = KEYS.meta('migration')
  return { type: 'put', key, value: withChecksum(key, progressCoder.encode({ from, to: from + 1, next })) }
}

function readProgress(level: Level): { from: number; next: Uint8Array } | undefined {
  const key = KEYS.meta('migration')
  const value = level.getSync(key)
  if (value === undefined) return undefined
  const content = contentOf(key, plain(value))
  if (content === undefined) throw damaged('the progress of an update of its format cannot be read')
  return progressCoder.decode(content)
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}
