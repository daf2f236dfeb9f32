import * as P from 'micro-packed'
import { HASH_LENGTH } from '../bytes.ts'
import { bytes64, createCodec } from '../codec.ts'
import { LaresError } from '../errors.ts'
import { sha256d } from '../hash.ts'

/** Version of the first rules: genesis has it. */
export const HEADER_VERSION = 1
/** Newest rules that this software knows. */
export const HIGHEST_VERSION = 1
export const HEADER_LENGTH = 182
export const SEAL_LENGTH = 64
export const SEALED_HEADER_LENGTH = HEADER_LENGTH + SEAL_LENGTH

/**
 * Block header, 182 bytes, big endian (fits three SHA-256 blocks with its padding):
 *
 *     offset size field
 *          0    2 version          u16, 1
 *          2    4 height           u32
 *          6    6 time             u48, ms since the Unix epoch
 *         12   32 previousHash     SHA-256d of the parent header; in genesis: hash of the genesis description
 *         44   32 transactionRoot  RFC 6962 tree over the transactions' bytes
 *         76   32 stateRoot        state tree after this block
 *        108   32 historyRoot      mountain range over all earlier headers
 *        140   32 rosterRoot       roster after this block
 *        172    4 target           compact
 *        176    2 seat             u16, the miner's seat in the parent's roster
 *        178    4 nonce            u32
 */
export interface Header {
  version: number
  height: number
  time: number
  previousHash: Uint8Array
  transactionRoot: Uint8Array
  stateRoot: Uint8Array
  historyRoot: Uint8Array
  rosterRoot: Uint8Array
  target: number
  seat: number
  nonce: number
}

const U16_LIMIT = 2 ** 16
const U32_LIMIT = 2 ** 32
const U48_LIMIT = 2 ** 48

/** Written by hand, as {@link readHeader}: a phone does it for every header. Of fixed length, so every form is canonical. */
function writeHeader(header: Header): Uint8Array {
  const out = new Uint8Array(HEADER_LENGTH)
  const view = new DataView(out.buffer)
  view.setUint16(0, inRange(header.version, U16_LIMIT))
  view.setUint32(2, inRange(header.height, U32_LIMIT))
  const time = inRange(header.time, U48_LIMIT)
  view.setUint16(6, Math.floor(time / U32_LIMIT))
  view.setUint32(8, time % U32_LIMIT)
  setHash(out, 12, header.previousHash)
  setHash(out, 44, header.transactionRoot)
  setHash(out, 76, header.stateRoot)
  setHash(out, 108, header.historyRoot)
  setHash(out, 140, header.rosterRoot)
  view.setUint32(172, inRange(header.target, U32_LIMIT))
  view.setUint16(176, inRange(header.seat, U16_LIMIT))
  view.setUint32(178, inRange(header.nonce, U32_LIMIT))
  return out
}

/** @param bytes {@link HEADER_LENGTH} of them; the hashes are copies */
function readHeader(bytes: Uint8Array): Header {
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER_LENGTH)
  return {
    version: view.getUint16(0),
    height: view.getUint32(2),
    time: view.getUint16(6) * U32_LIMIT + view.getUint32(8),
    previousHash: bytes.slice(12, 44),
    transactionRoot: bytes.slice(44, 76),
    stateRoot: bytes.slice(76, 108),
    historyRoot: bytes.slice(108, 140),
    rosterRoot: bytes.slice(140, 172),
    target: view.getUint32(172),
    seat: view.getUint16(176),
    nonce: view.getUint32(178),
  }
}

function inRange(value: number, limit: number): number {
  if (!Number.isInteger(value) || value < 0 || value >= limit)
    throw new LaresError('unencodable', `not a header: ${value} is not an integer below ${limit}`)
  return value
}

function setHash(out: Uint8Array, offset: number, hash: Uint8Array): void {
  if (hash.length !== HASH_LENGTH) throw new LaresError('unencodable', `not a header: a hash of ${hash.length} bytes`)
  out.set(hash, offset)
}

export const headerCoder: P.CoderType<Header> = P.wrap({
  size: HEADER_LENGTH,
  encodeStream: (writer, header) => writer.bytes(writeHeader(header)),
  decodeStream: (reader) => readHeader(reader.bytes(HEADER_LENGTH)),
})

/** Header and the miner's Ed25519 signature over its hash: 246 bytes. The genesis header has a seal of zeros. */
export const sealedHeaderCoder = P.struct({ header: headerCoder, seal: bytes64 })

export type SealedHeader = P.UnwrapCoder<typeof sealedHeaderCoder>

export const headerCodec = createCodec<Header>('header', HEADER_LENGTH, headerCoder)
export const sealedHeaderCodec = createCodec<SealedHeader>('sealed header', SEALED_HEADER_LENGTH, sealedHeaderCoder)

/** SHA-256d of the 182 header bytes. */
export function hashHeader(header: Header): Uint8Array {
  return sha256d(writeHeader(header))
}
