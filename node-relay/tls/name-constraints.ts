import 'reflect-metadata'
import { Extension } from '@peculiar/x509'
import { concatBytes } from '../../shared/bytes.ts'

/** id-ce-nameConstraints (RFC 5280 section 4.2.1.10). */
const NAME_CONSTRAINTS_OID = '2.5.29.30'

/** What a home may be called: a phone that trusts the home CA trusts it for these names and nothing else. */
export const PERMITTED_DOMAINS = ['local', 'localhost', 'home.arpa'] as const

/** Address ranges of homes and of this PC (RFC 1918, 1122, 3927, 6598, 4193, 4291), as address/mask bytes. */
const PERMITTED_RANGES: readonly { readonly address: readonly number[]; readonly prefixLength: number }[] = [
  { address: [10, 0, 0, 0], prefixLength: 8 },
  { address: [172, 16, 0, 0], prefixLength: 12 },
  { address: [192, 168, 0, 0], prefixLength: 16 },
  { address: [169, 254, 0, 0], prefixLength: 16 },
  { address: [100, 64, 0, 0], prefixLength: 10 },
  { address: [127, 0, 0, 0], prefixLength: 8 },
  { address: [0xfc, ...zeros(15)], prefixLength: 7 },
  { address: [0xfe, 0x80, ...zeros(14)], prefixLength: 10 },
  { address: [...zeros(15), 1], prefixLength: 128 },
]

/** Critical name constraints extension: permitted subtrees only. */
export function createNameConstraints(): Extension {
  const subtrees = [
    ...PERMITTED_DOMAINS.map((domain) => der(0x30, der(0x82, Buffer.from(domain)))),
    ...PERMITTED_RANGES.map(({ address, prefixLength }) =>
      der(0x30, der(0x87, Uint8Array.from([...address, ...maskOf(prefixLength, address.length)]))),
    ),
  ]
  return new Extension(NAME_CONSTRAINTS_OID, true, der(0x30, der(0xa0, concatBytes(...subtrees))))
}

/** Whether the home CA may speak for an IP address; given as bytes, 4 or 16. */
export function isPermittedAddress(bytes: Uint8Array): boolean {
  return PERMITTED_RANGES.some(({ address, prefixLength }) => {
    if (address.length !== bytes.length) return false
    const mask = maskOf(prefixLength, address.length)
    return address.every((byte, index) => ((bytes[index] ?? 0) & (mask[index] ?? 0)) === byte)
  })
}

export function isPermittedDomain(name: string): boolean {
  return PERMITTED_DOMAINS.some((domain) => name === domain || name.endsWith(`.${domain}`))
}

function maskOf(prefixLength: number, length: number): number[] {
  return Array.from({ length }, (_, index) => {
    const bits = Math.min(8, Math.max(0, prefixLength - 8 * index))
    return (0xff00 >> bits) & 0xff
  })
}

function zeros(count: number): number[] {
  return Array.from({ length: count }, () => 0)
}

/** One tag, length and value (X.690 section 8.1); lengths up to 65,535. */
function der(tag: number, value: Uint8Array): Uint8Array<ArrayBuffer> {
  const length = value.length
  const header = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return concatBytes(Uint8Array.of(tag, ...header), value)
}
