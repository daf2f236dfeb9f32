import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createPeerDesk, KEPT_DROPPED_PEERS, type PeerDesk } from '../../../node-relay/full-node/peer-desk.ts'
import { recordOf } from '../../../node-relay/full-node/views.ts'
import { LABEL } from '../../../shared/identity/label.ts'
import type { DeviceRecord } from '../../../shared/identity/record.ts'
import type { Status } from '../../../shared/protocol/messages.ts'
import { BAN_MS } from '../../../shared/protocol/transport.ts'
import { foundRelay } from '../../framework/chain-actions.ts'
import { ChainBuilder } from '../../framework/chain-builder.ts'
import { createPeers, type Peers } from '../sync/peers.ts'

let peers: Peers
let desk: PeerDesk
let records: DeviceRecord[]
let status: Status
let now = 1_000

beforeEach(async () => {
  const builder = new ChainBuilder()
  const { deviceId } = await foundRelay(builder)
  await builder.mine()
  const record = recordOf(builder.tip.tree, deviceId) as DeviceRecord
  records = [{ ...record, addresses: ['/ip4/192.168.7.2/tcp/1/p2p/relay'] }]
  const { networkId } = builder
  status = { networkId, label: LABEL.lightweight, tip: { height: 7 } } as Status
  peers = createPeers()
  peers.connect('relay', async () => new Uint8Array())
  peers.connect('phone', async () => new Uint8Array())
  desk = createPeerDesk({ network: peers.network, networkId, records: () => records, now: () => now })
})
afterEach(() => {
  now = 1_000
})

const row = (peer: string) => desk.rows().find(({ peerId }) => peerId === peer)

describe('the peers of a relay', () => {
  it('are known as devices by the addresses in the ledger alone', () => {
    desk.said('relay', status)
    desk.said('phone', { ...status, label: LABEL.full })
    expect(row('relay')).toMatchObject({
      label: 'full and coordination',
      deviceId: expect.stringMatching(/^LARES1/),
      saidLabel: 'lightweight',
      height: 7,
    })
    expect(row('phone')).toMatchObject({ label: undefined, deviceId: undefined, saidLabel: 'full', height: 7 })
    records = []
    expect(row('relay')?.label).toBeUndefined()
  })

  it('who says nothing, says it of another network, or has gone is not spoken for', () => {
    desk.said('phone', { ...status, networkId: new Uint8Array(32) })
    expect(row('phone')).toMatchObject({ saidLabel: undefined, height: undefined })
    desk.said('phone', status)
    expect(row('phone')?.height).toBe(7)
    peers.leave('phone')
    desk.said('phone', status)
    peers.connect('phone', async () => new Uint8Array())
    expect(row('phone')?.height).toBeUndefined()
    desk.said('phone', { ...status, label: 0 })
    expect(row('phone')?.saidLabel).toBe('no role')
  })

  it('who came of late and said nothing is to be asked again', () => {
    expect(desk.silentNewcomers()).toEqual(['relay', 'phone'])
    desk.said('phone', status)
    expect(desk.silentNewcomers()).toEqual(['relay'])
    now += 60_000
    expect(desk.silentNewcomers()).toEqual([])
  })

  it('names who is kept out as long as that lasts, the newest ones', () => {
    for (let i = 0; i < KEPT_DROPPED_PEERS + 3; i++) desk.dropped(`peer${i}`, 'flood')
    desk.dropped('peer9', 'malformed')
    expect(desk.out()).toHaveLength(KEPT_DROPPED_PEERS)
    expect(desk.out().filter(({ peerId }) => peerId === 'peer9')).toEqual([
      { peerId: 'peer9', code: 'malformed', at: now, until: now + BAN_MS },
    ])
    expect(desk.out()[0]?.peerId).toBe('peer9')
    now += BAN_MS
    expect(desk.out()).toEqual([])
  })
})
