import * as P from 'micro-packed'
import { MAX_BLOCK_LENGTH } from '../../shared/block/block.ts'
import { asciiBytes } from '../../shared/bytes.ts'
import { createCodec, hash32, text8, u48 } from '../../shared/codec.ts'

/**
 * A backup: one file with all that a relay is. All numbers are big endian.
 *
 *     magic      8   "LARES-BK"
 *     version    1   1
 *     protection 1   0: none; 1: by a passphrase, and then
 *       salt    16
 *       nonce   12
 *       check   16   tells a wrong passphrase from a damaged file
 *     body           gzip (RFC 1952) of the content; encrypted by AES-256-GCM with protection 1,
 *                    with all of the above as additional data
 *     tag        16  of AES-256-GCM, with protection 1
 *     hash       32  SHA-256 of everything before
 *
 * Passphrase: NFKC, UTF-8; scrypt (RFC 7914) with N = 2^17, r = 8, p = 1 gives 48 bytes, the key and the check.
 *
 * Content, in this order:
 *
 *     "M" u16 length, manifest           once, see {@link manifestCodec}
 *     "F" u16 length, path in UTF-8      a file of the data folder; "/" between names
 *         u32 length, content
 *     "R" u8 length, key                 a record of the chain database, as it is stored (node-relay/store/key-table.ts),
 *         u32 length, value              with its checksum
 *     "E" u32 files, u48 records         the end: how many there were
 *
 * The records are those of one instant. What of the data folder is left out, names.ts says.
 */
export const MAGIC = asciiBytes('LARES-BK')
export const BACKUP_VERSION = 1
export const PREFIX_LENGTH = MAGIC.length + 2
export const SALT_LENGTH = 16
export const NONCE_LENGTH = 12
export const CHECK_LENGTH = 16
export const TAG_LENGTH = 16
export const FILE_HASH_LENGTH = 32
export const PROTECTION = { none: 0, passphrase: 1 } as const

export const FRAME = { manifest: 0x4d, file: 0x46, record: 0x52, end: 0x45 } as const

/** Bytes. A directory of the largest fleet has half of it. */
export const MAX_BACKUP_FILE_BYTES = 64 * 1024 * 1024
export const MAX_BACKUP_FILES = 1_000
/** Bytes; a block with its checksum, and room. */
export const MAX_BACKUP_RECORD_BYTES = MAX_BLOCK_LENGTH + 64 * 1024
/** The longest key has a table, a height and a hash: 37 bytes. */
export const MAX_BACKUP_KEY_BYTES = 64
export const MAX_BACKUP_PATH_BYTES = 1_024
const MAX_MANIFEST_BYTES = 1_024

const place = P.struct({ height: P.U32BE, hash: hash32, time: u48 })

export const manifestCodec = createCodec(
  'manifest',
  MAX_MANIFEST_BYTES,
  P.struct({
    /** ms since the Unix epoch */
    createdAt: u48,
    networkId: hash32,
    tip: place,
    settled: place,
    /** Of Lares. */
    version: text8,
  }),
)

/** What a backup says of itself. */
export type Manifest = typeof manifestCodec extends { encode(value: infer Value): Uint8Array } ? Value : never

export const endCoder = P.struct({ files: P.U32BE, records: u48 })
