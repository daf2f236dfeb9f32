import { appendFileSync, readFileSync } from 'node:fs'
import * as P from 'micro-packed'
import { concatBytes, equalBytes, uintToBytes } from '../../shared/bytes.ts'
import { checked, createCodec, hash32 } from '../../shared/codec.ts'
import { sha256 } from '../../shared/hash.ts'
import { PRIVATE_FILE_MODE, writeFileAtomic } from '../atomic-file.ts'

const LENGTH_BYTES = 4
/** Tells what was written whole from what a power cut has left. Bytes. */
const CHECKSUM_LENGTH = 4
const MAX_HEAD_LENGTH = 128 * 1024

const headCoder = P.struct({
  version: checked(P.U8, (value) => (value === 1 ? undefined : `unknown version ${value}`)),
  networkId: hash32,
  /** Encoded. */
  genesis: P.bytes(P.U16BE),
  /** Encoded start point of the header that the items stand on. */
  start: P.bytes(P.U32BE),
  /** What was settled when this was written. */
  settled: P.struct({ height: P.U32BE, keepersSeen: P.U16BE, keepers: P.U16BE }),
})

export type ChainHead = Omit<P.UnwrapCoder<typeof headCoder>, 'version'>

const headCodec = createCodec('light chain', MAX_HEAD_LENGTH, headCoder)

export interface StoredChain {
  readonly head: ChainHead
  /** Encoded header items, in the order in which they were followed. */
  readonly items: readonly Uint8Array[]
  /** Something at the end was cut off. */
  readonly torn: boolean
}

/**
 * The chain as a light node follows it, in one file: `u32 length || content || first 4 bytes of SHA-256(content)`, again and
 * again; first the head, then each header as it was followed. Headers are appended, so that a memory card wears little; what
 * a kill or a power cut has torn off at the end is fetched again.
 */
export interface ChainFile {
  /** undefined: there is none, or its head cannot be read. */
  read(): StoredChain | undefined
  /** Begins anew, in one step. @throws the file system's error */
  begin(head: ChainHead, items: readonly Uint8Array[]): void
  /** @throws the file system's error: then nothing more is appended before {@link begin} */
  append(items: readonly Uint8Array[]): void
}

export function openChainFile(path: string): ChainFile {
  return {
    read() {
      const records = readRecords(path)
      const [first, ...items] = records.whole
      const head = first && headCodec.decode(first)
      return head?.ok ? { head: head.value, items, torn: records.torn } : undefined
    },
    begin(head, items) {
      const first = headCodec.encode({ version: 1, ...head })
      writeFileAtomic(path, concatBytes(...[first, ...items].map(record)))
    },
    append: (items) => appendFileSync(path, concatBytes(...items.map(record)), { mode: PRIVATE_FILE_MODE }),
  }
}

function record(content: Uint8Array): Uint8Array {
  return concatBytes(uintToBytes(content.length, LENGTH_BYTES), content, checksum(content))
}

function checksum(content: Uint8Array): Uint8Array {
  return sha256(content).subarray(0, CHECKSUM_LENGTH)
}

function readRecords(path: string): { readonly whole: Uint8Array[]; readonly torn: boolean } {
  const whole: Uint8Array[] = []
  let bytes: Uint8Array
  try {
    bytes = new Uint8Array(readFileSync(path))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    return { whole, torn: false }
  }
  const view = new DataView(bytes.buffer)
  let at = 0
  while (at + LENGTH_BYTES <= bytes.length) {
    const from = at + LENGTH_BYTES
    const end = from + view.getUint32(at)
    const content = bytes.subarray(from, end)
    if (end + CHECKSUM_LENGTH > bytes.length) break
    if (!equalBytes(checksum(content), bytes.subarray(end, end + CHECKSUM_LENGTH))) break
    whole.push(content)
    at = end + CHECKSUM_LENGTH
  }
  return { whole, torn: at < bytes.length }
}
