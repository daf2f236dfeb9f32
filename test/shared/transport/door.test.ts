import { describe, expect, it } from 'vitest'
import { BANS_PER_ADDRESS, PENALTY_LIMIT } from '../../../shared/protocol/transport.ts'
import { createDoor } from '../../../shared/transport/door.ts'
import { createPenaltyBook } from '../../../shared/transport/penalties.ts'
import { createFakeConnection, type FakeConnection } from '../../framework/network-doubles.ts'

const PUBLIC = '/ip4/203.0.113.9/tcp/1'
const HOME = '/ip4/192.168.1.9/udp/1/webrtc-direct'
const RELAYED = '/ip4/203.0.113.9/tcp/1/ws/p2p/relay/p2p-circuit/p2p/peer'

function setUp() {
  const open: FakeConnection[] = []
  const penalties = createPenaltyBook(() => 0)
  const limits = { total: 6, perPublicHost: 2, perSharedHost: 4, perPeer: 2 }
  const door = createDoor({ limits, penalties, connections: () => open })
  const enter = (peerId: string, address: string) => open.push(createFakeConnection(peerId, address))
  return { door, penalties, enter }
}

describe('the door', () => {
  it('counts public and shared addresses apart', () => {
    const { door, enter } = setUp()
    for (let i = 0; i < 2; i++) {
      expect(door.refusal(PUBLIC)).toBeUndefined()
      enter(`public-${i}`, PUBLIC)
    }
    expect(door.refusal('/ip4/203.0.113.9/udp/777/webrtc-direct')).toBe('address-full')
    for (let i = 0; i < 4; i++) {
      expect(door.refusal(HOME)).toBeUndefined()
      enter(`home-${i}`, HOME)
    }
    expect(door.refusal('/ip4/198.51.100.1/tcp/1')).toBe('full')
  })

  it('limits the connections of one peer, relayed ones too', () => {
    const { door, enter } = setUp()
    enter('peer', RELAYED)
    expect(door.refusal(HOME, 'peer')).toBeUndefined()
    enter('peer', HOME)
    expect(door.refusal(HOME, 'peer')).toBe('peer-full')
    expect(door.refusal(HOME, 'other')).toBeUndefined()
  })

  it('keeps banned peers out wherever they come from, and banned addresses whoever comes', () => {
    const { door, penalties } = setUp()
    for (let i = 0; i < BANS_PER_ADDRESS; i++) penalties.add(`bad-${i}`, '203.0.113.9', PENALTY_LIMIT)
    expect(door.refusal(HOME, 'bad-0')).toBe('banned')
    expect(door.refusal(PUBLIC)).toBe('banned')
    expect(door.refusal(PUBLIC, 'new')).toBe('banned')
    expect(door.refusal(HOME, 'new')).toBeUndefined()
    expect(door.refusal(RELAYED, 'new')).toBeUndefined()
  })
})
