import { isIP, isIPv4, SocketAddress } from 'node:net'
import { networkInterfaces } from 'node:os'

export interface LanAddress {
  readonly address: string
  readonly family: 4 | 6
  readonly interfaceName: string
}

type Interfaces = ReturnType<typeof networkInterfaces>

/**
 * Addresses under which others can reach this PC, IPv4 first. Without loopback, and without link-local IPv6, which no
 * browser can open (its URL cannot name the interface).
 */
export function lanAddresses(interfaces: Interfaces = networkInterfaces()): readonly LanAddress[] {
  const found: LanAddress[] = []
  for (const [interfaceName, entries] of Object.entries(interfaces))
    for (const { address, family, internal, scopeid } of entries ?? []) {
      if (internal || (scopeid !== undefined && scopeid !== 0)) continue
      found.push({ address, family: family === 'IPv4' ? 4 : 6, interfaceName })
    }
  return found.sort((a, b) => a.family - b.family || a.address.localeCompare(b.address))
}

/** Those of the machine's addresses that are reached through the addresses listened on. */
export function reachableAddresses(listen: readonly string[], interfaces?: Interfaces): readonly LanAddress[] {
  return lanAddresses(interfaces).filter(
    ({ address, family }) => listen.includes(address) || listen.includes(family === 4 ? '0.0.0.0' : '::'),
  )
}

/** 4 or 16 bytes; undefined for what is no IP address. */
export function addressBytes(text: string): Uint8Array | undefined {
  if (isIPv4(text)) return Uint8Array.from(text.split('.'), Number)
  if (isIP(text) === 0 || text.includes('%')) return undefined
  const normal = new SocketAddress({ address: text, family: 'ipv6' }).address
  const [head = '', tail] = withoutDottedQuad(normal).split('::')
  const groups = (part: string) => (part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16)))
  const first = groups(head)
  const last = tail === undefined ? [] : groups(tail)
  const all = tail === undefined ? first : [...first, ...Array(8 - first.length - last.length).fill(0), ...last]
  return Uint8Array.from(all.flatMap((group: number) => [group >> 8, group & 0xff]))
}

/** `::ffff:1.2.3.4` → `::ffff:102:304` */
function withoutDottedQuad(text: string): string {
  return text.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, a, b, c, d) =>
    [(Number(a) << 8) | Number(b), (Number(c) << 8) | Number(d)].map((group) => group.toString(16)).join(':'),
  )
}

/** An address as it stands in a URL. */
export function urlHost(address: string): string {
  return address.includes(':') ? `[${address}]` : address
}

/** Loopback in every spelling a socket reports. */
export function isLoopback(address: string | undefined): boolean {
  return address === '::1' || /^(?:::ffff:)?127\./.test(address ?? '')
}
