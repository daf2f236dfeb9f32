import { base58 } from '@scure/base'
import { concatBytes, equalBytes, HASH_LENGTH } from '../bytes.ts'

/** Identity multihash of 36 bytes, which are a libp2p key: field 1 says Ed25519, field 2 has the 32 bytes (libp2p peer IDs). */
const PREFIX = Uint8Array.of(0x00, 0x24, 0x08, 0x01, 0x12, 0x20)
/** Such an ID has exactly so many characters, since its first bytes are always the same. */
const PEER_ID_LENGTH = 52

/** The raw Ed25519 public key that a libp2p peer ID names, 32 bytes; undefined for a peer with a key of another kind. */
export function peerKeyOf(peerId: string): Uint8Array | undefined {
  if (peerId.length !== PEER_ID_LENGTH) return undefined
  let bytes: Uint8Array
  try {
    bytes = base58.decode(peerId)
  } catch {
    return undefined
  }
  const isKey = bytes.length === PREFIX.length + HASH_LENGTH && equalBytes(bytes.subarray(0, PREFIX.length), PREFIX)
  return isKey ? bytes.slice(PREFIX.length) : undefined
}

/** The libp2p peer ID of a raw Ed25519 public key. */
export function peerIdOf(peerKey: Uint8Array): string {
  return base58.encode(concatBytes(PREFIX, peerKey))
}
