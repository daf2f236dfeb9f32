/** Backup files as somebody might forge them: the outer hash fits, the content is anybody's. */
import { createHash } from 'node:crypto'
import { gunzipSync, gzipSync } from 'node:zlib'
import {
  endCoder,
  FILE_HASH_LENGTH,
  FRAME,
  MAGIC,
  type Manifest,
  manifestCodec,
  PREFIX_LENGTH,
} from '../../../node-relay/backup/format.ts'

/** The last bytes made right again. */
export function rehash(file: Uint8Array): Buffer {
  const body = file.subarray(0, -FILE_HASH_LENGTH)
  return Buffer.concat([body, createHash('sha256').update(body).digest()])
}

export function forgeFile(content: Uint8Array, version = 1, protection = 0): Buffer {
  return rehash(Buffer.concat([MAGIC, Uint8Array.of(version, protection), gzipSync(content), Buffer.alloc(32)]))
}

/** Content of a file without a passphrase. */
export function contentOf(file: Uint8Array): Buffer {
  return gunzipSync(file.subarray(PREFIX_LENGTH, -FILE_HASH_LENGTH))
}

export const manifestFrame = (manifest: Manifest) => {
  const bytes = manifestCodec.encode(manifest)
  return Buffer.concat([Uint8Array.of(FRAME.manifest, 0, bytes.length), bytes])
}

export function fileFrame(path: string, content: string, length = Buffer.byteLength(content)): Buffer {
  const head = Buffer.alloc(7 + Buffer.byteLength(path))
  head[0] = FRAME.file
  head.writeUInt16BE(Buffer.byteLength(path), 1)
  head.write(path, 3)
  head.writeUInt32BE(length, 3 + Buffer.byteLength(path))
  return Buffer.concat([head, Buffer.from(content)])
}

export const endFrame = (files: number, records: number) =>
  Buffer.concat([Uint8Array.of(FRAME.end), endCoder.encode({ files, records })])
