import { hash } from 'node:crypto'

/** SHA-256 by OpenSSL: several times faster than the portable one. 32 bytes, no Buffer, whose slice() is no copy. */
export function nativeSha256(bytes: Uint8Array): Uint8Array {
  const digest = hash('sha256', bytes, 'buffer')
  return new Uint8Array(digest.buffer, digest.byteOffset, digest.length)
}
