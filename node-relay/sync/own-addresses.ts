import { MAX_SERVICE_ADDRESSES } from '../../shared/coordination/service-record.ts'
import { MAX_ADDRESSES } from '../../shared/identity/record.ts'
import { transportOf } from '../../shared/transport/address.ts'
import { peerOf } from './address-book.ts'

/** A record's addresses are texts with one byte of length. */
const MAX_ADDRESS_BYTES = 255

/**
 * Which of this relay's addresses go into its record, best first: those that a person named, then TCP and WebRTC-direct at each
 * address of the machine, IPv4 first. Never what means nothing to others (loopback, link-local), unless a person named it.
 *
 * @param own multiaddrs at which the relay is open, with its peer ID
 * @param announced by a person, without it
 */
export function addressesForRecord(peerId: string, own: readonly string[], announced: readonly string[]): string[] {
  const mine = own.filter((address) => peerOf(address) === peerId && address.length <= MAX_ADDRESS_BYTES)
  const named = announced.flatMap((start) => mine.filter((address) => address.startsWith(`${start}/`)))
  const hosts = new Map<string, string[]>()
  for (const address of [...mine].sort()) {
    const [, family = '', host = ''] = address.split('/')
    const transport = transportOf(address)
    if (isOurs(family, host) || (transport !== 'tcp' && transport !== 'webrtc-direct')) continue
    const key = `${family}/${host}`
    // TCP sorts before UDP.
    hosts.set(key, [...(hosts.get(key) ?? []), address])
  }
  const open = [...hosts].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, addresses]) => addresses)
  return [...new Set([...named, ...open])].slice(0, MAX_ADDRESSES)
}

/**
 * Where browsers reach this relay, best first: at the addresses that a person named, then at each of the machine; by WebRTC-direct
 * before WebSockets, IPv4 before IPv6. Those that mean nothing to others only where there is nothing else.
 *
 * @param own multiaddrs at which the relay is open, with its peer ID
 * @param announced by a person, without it
 */
export function addressesForBrowsers(
  peerId: string,
  own: readonly string[],
  announced: readonly string[],
): readonly string[] {
  const isWebRtc = (address: string) => transportOf(address) === 'webrtc-direct'
  const mine = own
    .filter((address) => peerOf(address) === peerId && address.length <= MAX_ADDRESS_BYTES)
    .filter((address) => isWebRtc(address) || transportOf(address) === 'websocket')
    .sort((a, b) => Number(isWebRtc(b)) - Number(isWebRtc(a)) || (a < b ? -1 : 1))
  const named = mine.filter((address) => announced.some((start) => address.startsWith(`${start}/`)))
  const isOpen = (address: string) => {
    const [, family = '', host = ''] = address.split('/')
    return !isOurs(family, host)
  }
  const best = [...new Set([...named, ...mine.filter(isOpen)])]
  return (best.length > 0 ? best : mine).slice(0, MAX_SERVICE_ADDRESSES)
}

/** Names are a person's to announce; loopback and link-local lead others to themselves, or nowhere. */
function isOurs(family: string, host: string): boolean {
  if (family === 'ip4') return /^(?:127|0)\.|^169\.254\./.test(host)
  return family !== 'ip6' || host === '::1' || host === '::' || /^fe[89ab]/i.test(host)
}
