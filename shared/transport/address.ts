import type { TransportKind } from '../protocol/transport.ts'

/**
 * Which transport a connection really runs over, from the remote multiaddr as text. Read from the end, since a
 * browser-to-browser address begins with the relay's: `…/webrtc-direct/…/p2p-circuit/webrtc/p2p/Qm…` is `webrtc`.
 */
export function transportOf(address: string): TransportKind {
  const parts = address.split('/')
  for (let i = parts.length - 1; i >= 0; i--) {
    switch (parts[i]) {
      case 'webrtc':
        return 'webrtc'
      case 'p2p-circuit':
        return 'circuit'
      case 'webrtc-direct':
        return 'webrtc-direct'
      case 'ws':
      case 'wss':
        return 'websocket'
    }
  }
  return 'tcp'
}

/**
 * The network address behind a multiaddr, for limits and bans: an IPv4 address, or the /64 of an IPv6 address
 * (a home gets a whole /64, so single addresses in it are free). Undefined when the peer is not met at an address
 * of its own: relayed and browser-to-browser connections, names.
 */
export function hostOf(address: string): string | undefined {
  const kind = transportOf(address)
  if (kind === 'circuit' || kind === 'webrtc') return undefined
  const [, family, host] = address.split('/')
  if (host === undefined) return undefined
  if (family === 'ip4') return host
  if (family !== 'ip6') return undefined
  const groups = ipv6Groups(host)
  if (groups === undefined) return undefined
  const [a, b, c, d, e, f, g, h] = groups as [number, number, number, number, number, number, number, number]
  if ((a | b | c | d | e) === 0 && f === 0xffff) return [g >> 8, g & 0xff, h >> 8, h & 0xff].join('.')
  if ((a | b | c | d | e | f | g) === 0 && h === 1) return '::1'
  return `${[a, b, c, d].map((group) => group.toString(16)).join(':')}::/64`
}

/**
 * True for addresses that many honest peers share or that mean nothing outside: loopback, private (RFC 1918, RFC 4193),
 * link-local, carrier-grade NAT (RFC 6598). Nobody is banned by such an address, only by peer ID: one bad tab must not
 * silence the household.
 */
export function isSharedHost(host: string): boolean {
  if (host.includes(':')) return host === '::1' || /^(f[cd]|fe[89ab])/.test(host)
  const [a = 0, b = 0] = host.split('.').map(Number)
  return (
    a === 127 ||
    a === 10 ||
    a === 0 ||
    (a === 192 && b === 168) ||
    (a === 172 && b >= 16 && b < 32) ||
    (a === 169 && b === 254) ||
    (a === 100 && b >= 64 && b < 128)
  )
}

function ipv6Groups(text: string): number[] | undefined {
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(text.split('%')[0] ?? '')
  const hexadecimal = dotted
    ? `${dotted[1]}${((Number(dotted[2]) << 8) | Number(dotted[3])).toString(16)}:${((Number(dotted[4]) << 8) | Number(dotted[5])).toString(16)}`
    : (text.split('%')[0] ?? '')
  const [head = '', tail, extra] = hexadecimal.split('::')
  if (extra !== undefined) return undefined
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const missing = 8 - left.length - right.length
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined
  const groups = [...left, ...new Array<string>(missing).fill('0'), ...right].map((group) => Number.parseInt(group, 16))
  return groups.every((group) => group >= 0 && group <= 0xffff) ? groups : undefined
}
