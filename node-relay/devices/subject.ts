import { equalBytes, fromHex } from '../../shared/bytes.ts'
import { accept, type Result, reject } from '../../shared/errors.ts'
import { networkTagOf, parseDeviceId } from '../../shared/identity/device-id.ts'

const HEX_32 = /^[0-9a-f]{64}$/i

/** Exactly 32 bytes in hex, or undefined. */
export function bytes32(text: string): Uint8Array | undefined {
  return HEX_32.test(text) ? fromHex(text) : undefined
}

/** A device ID of this network as text, DID or 64 hex digits: a sensor need not know bech32m. @returns 32 bytes */
export function parseSubject(
  networkId: Uint8Array,
  text: string,
): Result<Uint8Array, 'malformed-id' | 'unknown-network'> {
  const bytes = bytes32(text)
  if (bytes !== undefined) return accept(bytes)
  const parsed = parseDeviceId(text)
  if (!parsed.ok) return parsed
  if (!equalBytes(parsed.value.networkTag, networkTagOf(networkId)))
    return reject('unknown-network', 'This ID is of another network.')
  return accept(parsed.value.deviceId)
}
