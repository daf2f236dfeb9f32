import { hash } from 'node:crypto'

/** SHA-256 by OpenSSL: several times faster than the portable one. 32 bytes. */
export function nativeSha256(bytes: Uint8Array): Uint8Array {
  return hash('sha256', bytes, 'buffer')
}
