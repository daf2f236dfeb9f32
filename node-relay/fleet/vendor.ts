import { toHex } from '../../shared/bytes.ts'
import { MAX_FLEET_TEXT, wrongText } from '../../shared/fleet/fields.ts'

/** Digits of the IEEE's assignments, the longest first: MA-S and MA-M divide blocks of MA-L. */
const ASSIGNMENT_DIGITS = [9, 7, 6]
/** Bit of the first byte that says: made up by software, no vendor's. */
const LOCALLY_ADMINISTERED = 2

export type VendorOf = (mac: Uint8Array) => string

/**
 * Who made the interface with a MAC address, by the registry of the IEEE; empty when nobody is registered. The registry
 * has 6 MB, so it is loaded here, by the short-lived command line alone, and neither the relay nor a page needs it.
 */
export async function loadVendors(): Promise<VendorOf> {
  const { default: registry } = await import('oui-data', { with: { type: 'json' } })
  const names = registry as Readonly<Record<string, string>>
  return (mac) => {
    if (((mac[0] ?? 0) & LOCALLY_ADMINISTERED) !== 0) return ''
    const digits = toHex(mac).toUpperCase()
    const found = ASSIGNMENT_DIGITS.map((count) => digits.slice(0, count)).find((prefix) =>
      Object.hasOwn(names, prefix),
    )
    // The lines after the first are the vendor's address.
    const name = found === undefined ? '' : ((names[found] ?? '').split('\n')[0] ?? '').trim().normalize('NFC')
    const short = [...name].slice(0, MAX_FLEET_TEXT).join('').trimEnd()
    return wrongText(short) === undefined ? short : ''
  }
}
