import { describe, expect, it } from 'vitest'
import {
  describeStatus,
  keeperWords,
  labelWords,
  MAX_PRINTED,
  serviceWords,
} from '../../../node-relay/cli/status-words.ts'
import type { KeeperRow, PeerRow } from '../../../node-relay/facade.ts'
import type { AdminStatus } from '../../../node-relay/http/admin-socket.ts'
import { labelOf } from '../../../shared/admission/label-of.ts'
import { UNKNOWN_PROFILE } from '../../../shared/admission/profile.ts'
import { DEFAULT_POLICY } from '../../../shared/policy/policy.ts'
import { FAKE_STATUS } from '../../framework/fake-relay.ts'

const NOW = FAKE_STATUS.tip.time + 12_000
const [PEER] = FAKE_STATUS.peers as [PeerRow]
const [KEEPER] = FAKE_STATUS.keepers as [KeeperRow]
const ASLEEP: KeeperRow = {
  ...KEEPER,
  seat: 1,
  isOwn: false,
  sealed: 0,
  silent: 240,
  isAsleep: true,
  last: { height: 9, time: NOW - 2 * 3_600_000 },
}

function printed(change: Partial<AdminStatus> = {}): string {
  return describeStatus(
    {
      ...FAKE_STATUS,
      droppedPeers: [],
      fits: labelOf(UNKNOWN_PROFILE, DEFAULT_POLICY.label),
      pid: 1,
      doors: { port: 1, urls: ['https://lares.local:1/'], joinUrl: 'https://lares.local:1/#join=x' },
      ports: { tcp: [], udp: [] },
      ...change,
    },
    NOW,
  )
}

describe('lares status', () => {
  it('shows of a peer what it is, where it stands, over what, how far away, and what it did', () => {
    const line = (peer: Partial<PeerRow>) =>
      printed({ peers: [{ ...PEER, ...peer }] })
        .split('\n')
        .find((text) => text.includes('…'))
        ?.replace(/ {2,}/g, ' | ')
    expect(line({})).toBe(
      ' | …KooWpeer | unknown, says lightweight | block 11 | WebRTC-direct | 4 ms | /ip4/192.168.7.9/udp/1',
    )
    expect(line({ label: 'full and coordination', transport: 'tcp', penalty: 20 })).toMatch(
      /full and coordination \| block 11 \| TCP \| 4 ms \| 20 penalty points \|/,
    )
    expect(line({ saidLabel: undefined, height: undefined, roundTrip: undefined, transport: 'circuit' })).toMatch(
      /unknown .*relayed/,
    )
  })

  it('says which label the machine fits, and what it lacks for more', () => {
    const line = printed()
      .split('\n')
      .find((text) => text.startsWith('Fits by measure'))
    expect(line).toMatch(
      /lightweight, because for full it lacks lifetime 0 seconds \(needs 7 days\), .*; for coordination/,
    )
  })

  it('believes the ledger before the peer', () => {
    expect(labelWords({ ...PEER, label: 'full', saidLabel: 'coordination' })).toBe('full')
    expect(labelWords({ ...PEER, label: undefined, saidLabel: 'full' })).toBe('unknown, says full')
    expect(labelWords({ ...PEER, label: undefined, saidLabel: undefined })).toBe('unknown')
  })

  it('says who serves, and who is at its limit, where there is more than one', () => {
    expect(serviceWords({ service: undefined })).toBe('does not say where it serves')
    expect(serviceWords({ service: { isBusy: true, saidAt: NOW } })).toBe('at its limit: new devices go to others')
    const serving = { ...KEEPER, service: { isBusy: false, saidAt: NOW } }
    expect(printed({ keepers: [serving, ASLEEP] })).toMatch(/seat 0 .* serves +this relay/)
    expect(printed({ keepers: [serving] })).not.toMatch(/serves/)
  })

  it('says who sealed what, and who sleeps, first and in words', () => {
    expect(keeperWords(KEEPER, 12, NOW)).toBe('12 blocks, the last 12 seconds ago')
    expect(keeperWords({ ...KEEPER, sealed: 0, last: undefined }, 12, NOW)).toBe('none so far')
    expect(keeperWords(ASLEEP, 100, NOW)).toBe(
      'ASLEEP: has not sealed since block 9, 2 hours ago; its turn passes to others',
    )
    expect(keeperWords({ ...ASLEEP, last: undefined }, 100, NOW)).toBe(
      'ASLEEP: has sealed none of the last 240 blocks; its turn passes to others',
    )
    const text = printed({ keepers: [KEEPER, ASLEEP] })
    expect(text).toContain('Keepers, and what they sealed of the last 12 blocks:')
    expect(text.indexOf('seat 1')).toBeLessThan(text.indexOf('seat 0'))
    expect(text).toContain('this relay')
  })

  it('names who was sent away, for what and until when', () => {
    const droppedPeers = [{ peerId: 'x'.repeat(40), code: 'flood', at: NOW - 60_000, until: NOW + 14 * 60_000 }]
    expect(printed({ peers: [], droppedPeers })).toContain(
      '…xxxxxxxx was sent away 1 minute ago (flood) and is kept out for 14 minutes',
    )
    expect(printed({ peers: [] })).toContain('Peers: none')
  })

  it('prints no list without end', () => {
    const many = 300
    const text = printed({
      peers: Array.from({ length: many }, () => PEER),
      keepers: Array.from({ length: 200 }, (_, seat) => ({ ...KEEPER, seat })),
      incidents: Array.from({ length: 100 }, (_, i) => ({ at: i, code: 'c', sentence: 'It happened.' })),
    })
    const { peers, keepers, incidents } = MAX_PRINTED
    expect(text.match(/…KooWpeer/g)).toHaveLength(peers)
    expect(text.match(/^ {2}seat /gm)).toHaveLength(keepers)
    expect(text.match(/It happened/g)).toHaveLength(incidents)
    expect(text).toContain(`and ${many - peers} more`)
  })
})
