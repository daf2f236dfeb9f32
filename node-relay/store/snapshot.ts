import { type HeaderItem, headerItemCoder } from '../../shared/chain/header-item.ts'
import type { LaresError } from '../../shared/errors.ts'
import { hashHeader } from '../../shared/header/header.ts'
import { contentOf, type Level, plain } from './checked-level.ts'
import { damaged, storageError } from './damage.ts'
import { describeKey, KEYS } from './key-table.ts'

/** Bytes that LevelDB hands over at once: little, so that nothing else waits long for the event loop. */
const BATCH_BYTES = 32 * 1024

export interface HeaderPlace {
  readonly height: number
  readonly hash: Uint8Array
  /** ms since the Unix epoch */
  readonly time: number
}

/** The whole database as it was at one instant, while it goes on being written. */
export interface ChainSnapshot {
  readonly networkId: Uint8Array
  readonly tip: HeaderPlace
  readonly settled: HeaderPlace
  /** Every record as it is stored, the checksums included, which have been checked. @throws {LaresError} `database-damaged` */
  records(): AsyncGenerator<{ readonly key: Uint8Array; readonly value: Uint8Array }>
  /** Nothing that was read is freed by LevelDB before this. */
  close(): Promise<void>
}

/** The places in a record, as the store reads them. */
interface SnapshotPlaces {
  tip(bytes: Uint8Array): { readonly height: number; readonly hash: Uint8Array }
  settled(bytes: Uint8Array): { readonly height: number }
}

/**
 * Tip and records of one instant: a batch that is written meanwhile is wholly in it, or not at all.
 * @throws {LaresError} `database-damaged`, `database-busy`
 */
export async function takeSnapshot(level: Level, places: SnapshotPlaces): Promise<ChainSnapshot> {
  const snapshot = level.snapshot()
  const get = (key: Uint8Array) => {
    const value = level.getSync(key, { snapshot })
    const content = value && contentOf(key, plain(value))
    if (value !== undefined && content === undefined) throw damaged(`${describeKey(key)}: the checksum does not fit`)
    return content
  }
  const place = (height: number): HeaderPlace => {
    const item = get(KEYS.header(height))
    if (item === undefined) throw damaged(`header ${height} is missing`)
    const { header } = (headerItemCoder.decode(item) as HeaderItem).sealed
    return { height, hash: hashHeader(header), time: header.time }
  }
  try {
    const tip = get(KEYS.meta('tip'))
    const settled = get(KEYS.meta('settled'))
    if (tip === undefined) throw damaged('the tip record is missing')
    return {
      networkId: place(0).hash,
      tip: place(places.tip(tip).height),
      settled: place(settled === undefined ? 0 : places.settled(settled).height),
      async *records() {
        try {
          const iterator = level.iterator({ snapshot, fillCache: false, highWaterMarkBytes: BATCH_BYTES })
          for await (const [k, v] of iterator) {
            const key = plain(k)
            const value = plain(v)
            // The mark of the format has a form of its own, and was read when the database was opened.
            if (contentOf(key, value) === undefined && Buffer.compare(key, KEYS.meta('format')) !== 0)
              throw damaged(`${describeKey(key)}: the checksum does not fit`)
            yield { key, value }
          }
        } catch (error) {
          throw storageError(error)
        }
      },
      close: () => snapshot.close(),
    }
  } catch (error) {
    await snapshot.close()
    throw asDamage(error)
  }
}

/** A coder that does not understand a record throws an error of its own. */
function asDamage(error: unknown): LaresError {
  const { name, message } = error as Error
  return name === 'LaresError' || 'code' in (error as object) ? storageError(error) : damaged(message, error)
}
