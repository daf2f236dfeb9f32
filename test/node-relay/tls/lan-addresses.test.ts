import type { NetworkInterfaceInfo } from 'node:os'
import { expect, test } from 'vitest'
import {
  addressBytes,
  isLoopback,
  lanAddresses,
  reachableAddresses,
  urlHost,
} from '../../../node-relay/tls/lan-addresses.ts'

const entry = (address: string, more: object = {}) =>
  ({ address, family: address.includes(':') ? 'IPv6' : 'IPv4', internal: false, ...more }) as NetworkInterfaceInfo

const INTERFACES = {
  lo: [entry('127.0.0.1', { internal: true }), entry('::1', { internal: true, scopeid: 0 })],
  eth0: [entry('fd00::2', { scopeid: 0 }), entry('fe80::1', { scopeid: 4 }), entry('192.168.7.2')],
  none: undefined,
}

test('addresses that others can open, IPv4 first', () => {
  expect(lanAddresses(INTERFACES).map(({ address }) => address)).toEqual(['192.168.7.2', 'fd00::2'])
  const reachable = (...listen: string[]) => reachableAddresses(listen, INTERFACES).map(({ address }) => address)
  expect(reachable('0.0.0.0')).toEqual(['192.168.7.2'])
  expect(reachable('::')).toEqual(['fd00::2'])
  expect(reachable('fd00::2', '127.0.0.1')).toEqual(['fd00::2'])
})

test('bytes of addresses', () => {
  expect(addressBytes('192.168.0.1')).toEqual(Uint8Array.of(192, 168, 0, 1))
  expect(addressBytes('::1')).toEqual(Uint8Array.from([...Array(15).fill(0), 1]))
  expect(addressBytes('fe80::1:2')).toEqual(Uint8Array.from([0xfe, 0x80, ...Array(11).fill(0), 1, 0, 2]))
  expect(addressBytes('1:2:3:4:5:6:7:8')).toEqual(Uint8Array.from([0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8]))
  expect(addressBytes('::ffff:1.2.3.4')).toEqual(Uint8Array.from([...Array(10).fill(0), 255, 255, 1, 2, 3, 4]))
  for (const wrong of ['', 'localhost', '1.2.3', '1.2.3.4.5', 'fe80::1%eth0', ':::'])
    expect(addressBytes(wrong)).toBeUndefined()
})

test('spelling in URLs, and loopback', () => {
  expect(urlHost('fd00::2')).toBe('[fd00::2]')
  expect(urlHost('10.0.0.1')).toBe('10.0.0.1')
  for (const address of ['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1']) expect(isLoopback(address)).toBe(true)
  for (const address of ['192.168.0.1', '::', '::ffff:10.0.0.1', undefined, '128.127.0.1'])
    expect(isLoopback(address)).toBe(false)
})
