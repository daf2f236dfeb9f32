import * as P from 'micro-packed'
import { bytes64, createCodec, hash32, u48 } from '../codec.ts'
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
export const headerCoder = P.struct({
  version: P.U16BE,
  height: P.U32BE,
  time: u48,
  previousHash: hash32,
  transactionRoot: hash32,
  stateRoot: hash32,
  historyRoot: hash32,
  rosterRoot: hash32,
  target: P.U32BE,
  seat: P.U16BE,
  nonce: P.U32BE,
})

export type Header = P.UnwrapCoder<typeof headerCoder>

/** Header and the miner's Ed25519 signature over its hash: 246 bytes. The genesis header has a seal of zeros. */
export const sealedHeaderCoder = P.struct({ header: headerCoder, seal: bytes64 })

export type SealedHeader = P.UnwrapCoder<typeof sealedHeaderCoder>

export const headerCodec = createCodec<Header>('header', HEADER_LENGTH, headerCoder)
export const sealedHeaderCodec = createCodec<SealedHeader>('sealed header', SEALED_HEADER_LENGTH, sealedHeaderCoder)

/** SHA-256d of the 182 header bytes. */
export function hashHeader(header: Header): Uint8Array {
  return sha256d(headerCodec.encode(header))
}
