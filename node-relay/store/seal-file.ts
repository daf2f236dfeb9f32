import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import * as P from 'micro-packed'
import { MAX_BLOCK_LENGTH } from '../../shared/block/block.ts'
import { hash32 } from '../../shared/codec.ts'
import { writeFileAtomic } from '../atomic-file.ts'
import { storageError } from './damage.ts'

const SEAL_FILE = 'SEALED'
const GENESIS_FILE = 'GENESIS'

/** `u32 CRC-32 of the rest, u32 height, parent hash 32, hash 32, u32 length, encoded block` */
const sealedCoder = P.struct({ height: P.U32BE, previousHash: hash32, hash: hash32, block: P.bytes(P.U32BE) })

/** The block that this relay sealed last. */
export type SealedBlock = P.UnwrapCoder<typeof sealedCoder>

/**
 * What must outlive the end of LevelDB's log, in files of their own beside it.
 *
 * Last sealed block: LevelDB drops what it cannot read at the end of its log and opens, which is right after a crash. But
 * when that end was on the disk already and sent to others (a flipped byte, a disk that lies), the relay would seal a
 * second header on the same parent. So the block is written here first.
 *
 * Genesis: the one record that no other follows from.
 */
export function writeSealedBlock(location: string, sealed: SealedBlock): void {
  write(join(location, SEAL_FILE), sealedCoder.encode(sealed))
}

/** undefined when there is none, or it cannot be read: then the database has to know. */
export function readSealedBlock(location: string): SealedBlock | undefined {
  const content = read(join(location, SEAL_FILE))
  if (content === undefined || content.length > MAX_BLOCK_LENGTH + 1_024) return undefined
  return sealedCoder.decode(content)
}

export function writeGenesisCopy(location: string, genesis: Uint8Array): void {
  write(join(location, GENESIS_FILE), genesis)
}

export function readGenesisCopy(location: string): Uint8Array | undefined {
  return read(join(location, GENESIS_FILE))
}

function write(path: string, content: Uint8Array): void {
  const bytes = Buffer.alloc(4 + content.length)
  bytes.writeUInt32BE(crc32(content))
  bytes.set(content, 4)
  try {
    writeFileAtomic(path, bytes)
  } catch (error) {
    throw storageError(error)
  }
}

function read(path: string): Uint8Array | undefined {
  let bytes: Buffer
  try {
    bytes = readFileSync(path)
  } catch {
    return undefined
  }
  const content = new Uint8Array(bytes.subarray(4))
  return bytes.length >= 4 && bytes.readUInt32BE(0) === crc32(content) ? content : undefined
}
