import { describe, expect, it } from 'vitest'
import { hostOf, isSharedHost, transportOf } from '../../../shared/transport/address.ts'

const RELAY = '12D3KooWRelay'
const PEER = '12D3KooWPeer'

describe('transportOf', () => {
  it.each([
    [`/ip4/192.168.1.2/udp/9000/webrtc-direct/certhash/uEi/p2p/${RELAY}`, 'webrtc-direct'],
    [`/ip4/192.168.1.2/udp/9000/webrtc-direct/certhash/uEi/p2p/${RELAY}/p2p-circuit/p2p/${PEER}`, 'circuit'],
    [`/ip4/192.168.1.2/udp/9000/webrtc-direct/certhash/uEi/p2p/${RELAY}/p2p-circuit/webrtc/p2p/${PEER}`, 'webrtc'],
    [`/webrtc/p2p/${PEER}`, 'webrtc'],
    [`/ip4/10.0.0.1/tcp/9001/ws/p2p/${RELAY}`, 'websocket'],
    [`/dns4/relay.example/tcp/443/tls/ws/p2p/${RELAY}/p2p-circuit/p2p/${PEER}`, 'circuit'],
    [`/dns4/relay.example/tcp/443/wss/p2p/${RELAY}`, 'websocket'],
    [`/ip4/10.0.0.1/tcp/9002/p2p/${RELAY}`, 'tcp'],
  ])('%s is %s', (address, kind) => {
    expect(transportOf(address)).toBe(kind)
  })
})

describe('hostOf', () => {
  it.each([
    ['/ip4/203.0.113.9/udp/1/webrtc-direct', '203.0.113.9'],
    ['/ip6/2001:db8:1:2:3:4:5:6/tcp/1/ws', '2001:db8:1:2::/64'],
    ['/ip6/2001:db8:1:2::7/tcp/1', '2001:db8:1:2::/64'],
    ['/ip6/::ffff:203.0.113.9/tcp/1', '203.0.113.9'],
    ['/ip6/::1/tcp/1', '::1'],
    ['/ip6/fe80::1%eth0/tcp/1', 'fe80:0:0:0::/64'],
    ['/dns4/relay.example/tcp/1', undefined],
    [`/ip4/203.0.113.9/tcp/1/ws/p2p/${RELAY}/p2p-circuit/p2p/${PEER}`, undefined],
    [`/webrtc/p2p/${PEER}`, undefined],
    ['/ip6/1::2::3/tcp/1', undefined],
    ['/ip6/zz::1/tcp/1', undefined],
  ])('%s → %s', (address, host) => {
    expect(hostOf(address)).toBe(host)
  })
})

describe('isSharedHost', () => {
  it.each(['127.0.0.1', '10.1.2.3', '192.168.0.9', '172.16.0.1', '172.31.255.1', '169.254.3.4', '100.64.0.1', '::1'])(
    '%s is shared',
    (host) => expect(isSharedHost(host)).toBe(true),
  )
  it.each(['fd12:3456:0:1::/64', 'fe80:0:0:0::/64'])('%s is shared', (host) => expect(isSharedHost(host)).toBe(true))
  it.each(['203.0.113.9', '172.32.0.1', '192.169.0.1', '100.128.0.1', '11.0.0.1', '2001:db8:1:2::/64'])(
    '%s is public',
    (host) => expect(isSharedHost(host)).toBe(false),
  )
})
