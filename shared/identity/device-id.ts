import { bech32m } from '@scure/base'
import { concatBytes, HASH_LENGTH } from '../bytes.ts'
import { accept, type Result, reject } from '../errors.ts'
import { TAGS, taggedHash } from '../hash.ts'

/** Bytes of the network ID that an ID's text carries, so that a foreign label is known at sight. */
export const NETWORK_TAG_LENGTH = 4
const PREFIX = 'lares'
/** 5 + 1 + 58 + 6 characters. */
export const DEVICE_ID_TEXT_LENGTH = 70
const DID_PREFIX = 'did:lares:'
/** Longest text looked at: a DID, with room for white space around a pasted one. */
const MAX_INPUT_LENGTH = 128

export interface DeviceIdText {
  /** First 4 bytes of the network ID. */
  readonly networkTag: Uint8Array
  readonly deviceId: Uint8Array
}

/** Wallet ID: hash of an Ed25519 public key. 32 bytes. */
export function walletIdOf(walletKey: Uint8Array): Uint8Array {
  return taggedHash(TAGS.walletId, walletKey)
}

/** Device ID: H(tag, network ID, first wallet key, anchor). 32 bytes; it stays when keys rotate. */
export function deviceIdOf(networkId: Uint8Array, firstWalletKey: Uint8Array, anchor: Uint8Array): Uint8Array {
  return taggedHash(TAGS.deviceId, networkId, firstWalletKey, anchor)
}

export function networkTagOf(networkId: Uint8Array): Uint8Array {
  return networkId.slice(0, NETWORK_TAG_LENGTH)
}

/**
 * Text of a device ID: upper-case bech32m (BIP 350) of network tag and ID with the prefix LARES. 70 characters, all in
 * QR's alphanumeric set.
 */
export function formatDeviceId(networkId: Uint8Array, deviceId: Uint8Array): string {
  return bech32m.encode(PREFIX, bech32m.toWords(concatBytes(networkTagOf(networkId), deviceId))).toUpperCase()
}

/** The same ID as a DID: `did:lares:` and the lower-case bech32m text. */
export function formatDid(networkId: Uint8Array, deviceId: Uint8Array): string {
  return DID_PREFIX + formatDeviceId(networkId, deviceId).toLowerCase()
}

/** Reads a device ID as people paste it: bech32m in either case or as a DID, white space around it ignored. */
export function parseDeviceId(text: string): Result<DeviceIdText, 'malformed-id'> {
  const wrong = reject('malformed-id', 'This is not a Lares device ID. It starts with LARES1 and has 70 characters.')
  if (text.length > MAX_INPUT_LENGTH) return wrong
  const trimmed = text.trim()
  const body = trimmed.toLowerCase().startsWith(DID_PREFIX) ? trimmed.slice(DID_PREFIX.length) : trimmed
  const decoded = bech32m.decodeUnsafe(body, DEVICE_ID_TEXT_LENGTH)
  if (decoded === undefined || decoded.prefix !== PREFIX) return wrong
  const bytes = bech32m.fromWordsUnsafe(decoded.words)
  if (!(bytes instanceof Uint8Array) || bytes.length !== NETWORK_TAG_LENGTH + HASH_LENGTH) return wrong
  return accept({ networkTag: bytes.slice(0, NETWORK_TAG_LENGTH), deviceId: bytes.slice(NETWORK_TAG_LENGTH) })
}
