import * as P from 'micro-packed'
import { fromHex, toHex } from '../bytes.ts'
import { checked, text8 } from '../codec.ts'
import { accept, type Result, reject } from '../errors.ts'

/** Characters (code points) of a name, model, serial or vendor: with four bytes each they fit a text8. */
export const MAX_FLEET_TEXT = 60

/**
 * What no name may hold: control characters, halves of surrogate pairs, line separators, and marks that turn the
 * direction of writing round, which would let one device be read as another.
 */
const FORBIDDEN = /[\p{Cc}\p{Cs}\u2028\u2029\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\ufeff]/u

const MAC_LENGTH = 6
const HEX_MAC = /^[0-9a-f]{12}$/i
const PAIRS = /^[0-9a-f]{2}([:-])[0-9a-f]{2}(?:\1[0-9a-f]{2}){4}$/i
const QUADS = /^[0-9a-f]{4}\.[0-9a-f]{4}\.[0-9a-f]{4}$/i

/** What is wrong with a text of a directory, or nothing. */
export function wrongText(text: string): 'too-long' | 'control-character' | undefined {
  // UTF-16 units first: a text of a megabyte is not spread into characters.
  if (text.length > 2 * MAX_FLEET_TEXT || [...text].length > MAX_FLEET_TEXT) return 'too-long'
  return FORBIDDEN.test(text) ? 'control-character' : undefined
}

/** A text of a directory on the wire: bounded, and nothing in it that is not to be shown. */
export const fleetTextCoder = checked(text8, (text) => wrongText(text) && 'a text that no directory holds')

/** Not all zeros, and of one device: the lowest bit of the first byte marks groups (IEEE 802). */
export const macCoder = checked(P.bytes(MAC_LENGTH), (mac) =>
  isUnicast(mac) ? undefined : 'not the MAC address of a device',
)

/** `aa:bb:cc:dd:ee:ff`, with dashes, as `aabb.ccdd.eeff` or plain, in either case. 6 bytes. */
export function parseMac(text: string): Result<Uint8Array, 'bad-mac'> {
  if (!HEX_MAC.test(text) && !PAIRS.test(text) && !QUADS.test(text))
    return reject('bad-mac', 'a MAC address has twelve hexadecimal digits, as in 00:1b:63:84:45:e6')
  const mac = fromHex(text.replace(/[:.-]/g, ''))
  return isUnicast(mac)
    ? accept(mac)
    : reject('bad-mac', "this is no device's MAC address: it is all zeros, or that of a group")
}

/** `AA:BB:CC:DD:EE:FF` */
export function formatMac(mac: Uint8Array): string {
  return (toHex(mac).toUpperCase().match(/../g) ?? []).join(':')
}

function isUnicast(mac: Uint8Array): boolean {
  return ((mac[0] ?? 1) & 1) === 0 && mac.some((byte) => byte !== 0)
}
