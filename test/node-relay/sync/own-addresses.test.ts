import { describe, expect, it } from 'vitest'
import { addressesForRecord } from '../../../node-relay/sync/own-addresses.ts'
import { MAX_ADDRESSES } from '../../../shared/identity/record.ts'

const HASH = 'certhash/uEiCm2F8cHDfIeB3NfFmSeNjLWftTdKf2vPFk1rB7dD'
const OWN = [
  '/ip4/127.0.0.1/tcp/4673/p2p/self',
  '/ip4/192.168.7.2/tcp/4672/tls/ws/p2p/self',
  '/ip6/fd00::2/tcp/4673/p2p/self',
  `/ip4/192.168.7.2/udp/4671/webrtc-direct/${HASH}/p2p/self`,
  '/ip4/192.168.7.2/tcp/4673/p2p/self',
  '/ip4/169.254.3.4/tcp/4673/p2p/self',
  '/ip6/fe80::1/tcp/4673/p2p/self',
  '/ip6/::1/tcp/4673/p2p/self',
  '/dns4/lares.local/tcp/4672/tls/ws/p2p/self',
  '/ip4/192.168.7.9/tcp/1/p2p/other/p2p-circuit/p2p/self',
  '/ip4/192.168.7.9/tcp/1/p2p/other',
]

describe('addresses for the record', () => {
  it('are those that mean something to other relays, TCP first', () => {
    expect(addressesForRecord('self', OWN, [])).toEqual([
      '/ip4/192.168.7.2/tcp/4673/p2p/self',
      `/ip4/192.168.7.2/udp/4671/webrtc-direct/${HASH}/p2p/self`,
      '/ip6/fd00::2/tcp/4673/p2p/self',
    ])
  })

  it('begin with what a person named, whatever it is', () => {
    const named = addressesForRecord('self', OWN, [
      '/ip4/127.0.0.1/tcp/4673',
      '/ip4/203.0.113.7/tcp/1',
      '/ip4/192.168.7.2/udp/4671/webrtc-direct',
    ])
    expect(named.slice(0, 3)).toEqual([
      '/ip4/127.0.0.1/tcp/4673/p2p/self',
      `/ip4/192.168.7.2/udp/4671/webrtc-direct/${HASH}/p2p/self`,
      '/ip4/192.168.7.2/tcp/4673/p2p/self',
    ])
    expect(addressesForRecord('self', OWN, ['/ip4/127.0.0.1/tcp/46'])).not.toContain('/ip4/127.0.0.1/tcp/4673/p2p/self')
  })

  it('are no more than a record holds', () => {
    const many = Array.from({ length: 9 }, (_, i) => `/ip4/10.0.0.${i}/tcp/1/p2p/self`)
    expect(addressesForRecord('self', many, [])).toEqual(many.slice(0, MAX_ADDRESSES))
    expect(
      addressesForRecord('self', [`/dns4/${'x'.repeat(240)}/tcp/1/p2p/self`], [`/dns4/${'x'.repeat(240)}/tcp/1`]),
    ).toEqual([])
    expect(addressesForRecord('self', ['/ip4/127.0.0.1/tcp/1/p2p/self'], [])).toEqual([])
  })
})
