import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { MAX_TRANSACTION_LENGTH } from '../../shared/transaction/transaction.ts'
import { PRIVATE_FILE_MODE, writeFileAtomic } from '../atomic-file.ts'
import { MAX_MEMPOOL_BYTES, type Mempool } from './mempool.ts'

const JOURNAL_FILE = 'waiting.journal'
/** `u32 length || u32 CRC-32 of the bytes` stand before each transaction. */
const HEAD_LENGTH = 8
/** The journal is written anew when it is twice as long as what waits, and longer than this, bytes. */
const SHORTEST_REWRITTEN = 1024 * 1024
/** No journal of ours is longer. */
export const MAX_JOURNAL_BYTES = 3 * MAX_MEMPOOL_BYTES

/**
 * The waiting transactions in a file, so that what a relay has taken is not lost when it is killed before others have heard of
 * it. Not synced: after a power cut the senders offer theirs again, as they do when a relay forgets them.
 */
export interface MempoolJournal {
  /** Offers what waited before the last end to the mempool again, until {@link close}. */
  restore(): Promise<void>
  /** Has just begun to wait. */
  note(transaction: Uint8Array): void
  /** Resolves when nothing is offered any more. */
  close(): Promise<void>
}

export function openMempoolJournal(
  dataDir: string,
  mempool: Pick<Mempool, 'add' | 'candidates' | 'byteLength'>,
): MempoolJournal {
  const path = join(dataDir, JOURNAL_FILE)
  let length = 0
  let isClosed = false
  let restoring = Promise.resolve()

  async function offerAgain(): Promise<void> {
    for (const bytes of readRecords(path)) {
      // What is not offered yet stays in the file.
      if (isClosed) return
      await mempool.add(bytes)
    }
    attempt(rewrite)
  }

  function rewrite(): void {
    const records = mempool.candidates().map(recordOf)
    writeFileAtomic(path, Buffer.concat(records))
    length = records.reduce((sum, record) => sum + record.length, 0)
  }

  return {
    restore() {
      restoring = offerAgain()
      return restoring
    },
    note(transaction) {
      attempt(() => {
        const record = recordOf(transaction)
        const file = openSync(path, 'a', PRIVATE_FILE_MODE)
        try {
          writeSync(file, record)
        } finally {
          closeSync(file)
        }
        length += record.length
        if (length > SHORTEST_REWRITTEN && length > 2 * mempool.byteLength) rewrite()
      })
    },
    async close() {
      isClosed = true
      await restoring
    },
  }
}

/** A disk that takes nothing keeps nobody from waiting in memory. */
function attempt(write: () => void): void {
  try {
    write()
  } catch {
    // Said by the database, which needs the same disk.
  }
}

function recordOf(transaction: Uint8Array): Uint8Array {
  const record = new Uint8Array(HEAD_LENGTH + transaction.length)
  const view = new DataView(record.buffer)
  view.setUint32(0, transaction.length)
  view.setUint32(4, crc32(transaction))
  record.set(transaction, HEAD_LENGTH)
  return record
}

/** Up to the first that is not whole: the end may be torn. */
function readRecords(path: string): Uint8Array[] {
  let bytes: Uint8Array
  try {
    bytes = new Uint8Array(readFileSync(path)).subarray(0, MAX_JOURNAL_BYTES)
  } catch {
    return []
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const records: Uint8Array[] = []
  for (let at = 0; at + HEAD_LENGTH <= bytes.length; ) {
    const length = view.getUint32(at)
    const end = at + HEAD_LENGTH + length
    if (length > MAX_TRANSACTION_LENGTH || end > bytes.length) break
    const transaction = bytes.slice(at + HEAD_LENGTH, end)
    if (crc32(transaction) !== view.getUint32(at + 4)) break
    records.push(transaction)
    at = end
  }
  return records
}
