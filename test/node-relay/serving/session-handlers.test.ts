/** The doors of sessions and presence: what does not decode is charged, a refusal has a code; proofs for who has none. */
import { beforeEach, describe, expect, it } from 'vitest'
import { createProofTurns, PROOFS_WITHOUT_SESSION } from '../../../node-relay/serving/proof-turns.ts'
import { serveSessions } from '../../../node-relay/serving/session-handlers.ts'
import { accept, reject } from '../../../shared/errors.ts'
import { PROTOCOLS } from '../../../shared/protocol/ids.ts'
import { refusal } from '../../../shared/protocol/messages.ts'
import {
  claimAnswerCodec,
  presenceAnswerCodec,
  presenceRequestCodec,
  sessionAnswerCodec,
} from '../../../shared/protocol/presence-messages.ts'
import { type SessionCertificate, sessionCertificateCodec } from '../../../shared/session/session-certificate.ts'
import { createFakeNetwork, type FakeNetwork } from '../full-node/fake-network.ts'

const networkId = new Uint8Array(32).fill(1)
const bytes32 = new Uint8Array(32)
const certificate: SessionCertificate = {
  ...{ networkId, deviceId: bytes32, peerKey: bytes32, time: 5, until: 9 },
  signature: new Uint8Array(64),
}
let network: FakeNetwork
let isOpen: boolean
let from: string[]

beforeEach(async () => {
  network = createFakeNetwork()
  isOpen = true
  from = []
  await serveSessions({
    network,
    networkId,
    sessions: {
      async open(peer, shown) {
        from.push(peer)
        return isOpen ? accept(shown) : reject('retired', 'This device is retired.')
      },
    },
    presence: {
      async claim(peer) {
        from.push(peer)
        return { TAG: 'granted', data: { lasts: 7, unchecked: 0 } }
      },
      async claimElsewhere(peer) {
        from.push(peer)
        return refusal('not-a-full-node', 'no')
      },
    },
  })
})

describe('sessions and presence', () => {
  it('are answered to the peer of the connection', async () => {
    const shown = sessionCertificateCodec.encode(certificate)
    expect(sessionAnswerCodec.decode((await network.ask(PROTOCOLS.session, shown)) as Uint8Array)).toEqual(
      accept({ TAG: 'opened', data: { until: 9 } }),
    )
    isOpen = false
    expect(sessionAnswerCodec.decode((await network.ask(PROTOCOLS.session, shown)) as Uint8Array)).toMatchObject({
      value: { TAG: 'refused', data: { code: 'retired' } },
    })
    const claim = presenceRequestCodec.encode({ networkId })
    expect(presenceAnswerCodec.decode((await network.ask(PROTOCOLS.presence, claim)) as Uint8Array)).toMatchObject({
      value: { TAG: 'granted' },
    })
    expect(claimAnswerCodec.decode((await network.ask(PROTOCOLS.claim, shown)) as Uint8Array)).toMatchObject({
      value: { data: { code: 'not-a-full-node' } },
    })
    expect(from).toEqual(['peer', 'peer', 'peer', 'peer'])
  })

  it('are refused where they cannot be read, or are of another network', async () => {
    for (const protocol of ['session', 'claim', 'presence'] as const)
      expect(await network.ask(PROTOCOLS[protocol], new Uint8Array(31)), protocol).toBe('reject')
    const other = presenceRequestCodec.encode({ networkId: bytes32 })
    expect(await network.ask(PROTOCOLS.presence, other)).toBe('reject')
    expect(from).toEqual([])
  })
})

describe('proofs', () => {
  let now = 0
  const { capacity, perSecond } = PROOFS_WITHOUT_SESSION
  const turns = () => createProofTurns({ hasSession: (peer) => peer === 'known', now: () => now })
  const given = (mayProve: (peer: string) => boolean, peer: string, asked: number) =>
    Array.from({ length: asked }, () => mayProve(peer)).filter(Boolean).length

  it('are given to a peer without a session up to its rate, and to each by itself', () => {
    const mayProve = turns()
    expect(given(mayProve, 'stranger', 1_000)).toBe(capacity)
    expect(given(mayProve, 'another', 10)).toBe(10)
    now += 1_000
    expect(given(mayProve, 'stranger', 1_000)).toBe(perSecond)
  })

  it('are given to a peer with a session as its rate of requests allows', () => {
    expect(given(turns(), 'known', 1_000)).toBe(1_000)
  })
})
