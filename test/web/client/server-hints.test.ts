import { expect, it } from 'vitest'
import { MAX_LINK_ADDRESSES } from '../../../shared/protocol/join-link.ts'
import { mergeAddresses } from '../../../web/client/server-hints.ts'
import { foundRelay, removeKeeper } from '../../framework/chain-actions.ts'
import { ChainBuilder } from '../../framework/chain-builder.ts'
import { ClientHarness } from '../../framework/client-harness.ts'
import { createHonestNode } from '../../framework/honest-node.ts'

const direct = (peer: string, host = '192.168.1.20') => `/ip4/${host}/udp/4671/webrtc-direct/certhash/u1/p2p/${peer}`
const socket = (peer: string, host = '192.168.1.20') => `/ip4/${host}/tcp/4672/ws/p2p/${peer}`
const tcp = (peer: string) => `/ip4/192.168.1.20/tcp/4673/p2p/${peer}`

it('adds what a browser can dial, and keeps what is known in front', () => {
  expect(
    mergeAddresses([direct('A')], [tcp('B'), direct('B'), socket('B'), direct('B', '192.168.1.21')], true),
  ).toEqual([direct('A'), direct('B'), socket('B')])
  expect(
    mergeAddresses([direct('A')], [direct('A'), socket('A'), 'nonsense', '/ip4/192.168.1.9/tcp/1/ws'], true),
  ).toEqual([direct('A'), socket('A')])
})

it('is not filled beyond its bound, nor pushed out of what it knows', () => {
  const told = Array.from({ length: 64 }, (_, i) => direct(`P${i}`))
  const merged = mergeAddresses([direct('A'), socket('A')], told, true)
  expect(merged).toHaveLength(MAX_LINK_ADDRESSES)
  expect(merged.slice(0, 2)).toEqual([direct('A'), socket('A')])
})

it('takes no address within the LAN from a server outside of it', () => {
  const told = [direct('B'), direct('C', '203.0.113.7'), `/dns4/printer.local/tcp/1/tls/ws/p2p/D`]
  expect(mergeAddresses([], told, false)).toEqual([direct('C', '203.0.113.7')])
  expect(mergeAddresses([], told, true)).toEqual(told)
})

it('finds the other relay when the one of the join link is gone, also after it was closed', async () => {
  const chain = new ChainBuilder()
  await chain.mineMany(3)
  const harness = new ClientHarness({ chain })
  await harness.open(undefined, [direct('A')])
  await harness.connect('A', createHonestNode({ chain, peers: [direct('A'), tcp('B'), direct('B')] }))
  expect(harness.client?.addresses).toEqual([direct('A'), direct('B')])
  const [stored] = await harness.store.networks()
  expect(stored?.addresses).toEqual([direct('A'), direct('B')])
  harness.dialled.set(direct('B'), 'B')
  await harness.disconnect('A')
  harness.calls.length = 0
  await harness.clock.advance(5_000)
  expect(harness.calls.find(({ call }) => call === 'dial')).toMatchObject({ addresses: [direct('A'), direct('B')] })
})

it('asks again when the roster has changed, until the servers have heard of the new one', async () => {
  const chain = new ChainBuilder({ keepers: 2 })
  const relay = await foundRelay(chain)
  await chain.mineMany(3)
  const harness = new ClientHarness({ chain })
  await harness.open(undefined, [direct('A')])
  const peers = [direct('A')]
  await harness.connect('A', createHonestNode({ chain, peers }))
  await removeKeeper(chain, relay.deviceId, 0)
  await harness.gossip('A', await chain.mine())
  await harness.clock.advance(15_000)
  expect(harness.client?.addresses).toEqual([direct('A')])
  peers.push(direct('B'))
  await harness.clock.advance(60_000)
  expect(harness.client?.addresses).toEqual([direct('A'), direct('B')])
})
