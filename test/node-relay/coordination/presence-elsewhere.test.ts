/**
 * One device at several full nodes: a claim at one of them finds the lease at another, a holder moves at once, and what could
 * not be asked is said, asked again, and gives way to what is found.
 */
import { beforeEach, describe, expect, it } from 'vitest'
import { createPresenceDesk, type PresenceDesk, type WonDuel } from '../../../node-relay/coordination/presence-desk.ts'
import { createNodeVerifier } from '../../../node-relay/crypto/node-verifier.ts'
import { presenceTimes } from '../../../shared/coordination/lease.ts'
import { accept, reject } from '../../../shared/errors.ts'
import { PRESETS } from '../../../shared/params.ts'
import { PROTOCOLS } from '../../../shared/protocol/ids.ts'
import { claimAnswerCodec } from '../../../shared/protocol/presence-messages.ts'
import { type SessionCertificate, sessionCertificateCodec } from '../../../shared/session/session-certificate.ts'
import { namedSigner } from '../../framework/chain-builder.ts'
import { certify, proveAgainst, type SessionPeer, sessionPeer } from '../../framework/session-peer.ts'

const TIMES = presenceTimes(PRESETS.home)
const RELAYS = 3
const networkId = new Uint8Array(32).fill(1)
const deviceId = new Uint8Array(32).fill(2)
const wallet = namedSigner('wallet')
const [holder, copy] = [sessionPeer('holder'), sessionPeer('copy')]

let now: number
let desks: PresenceDesk[]
/** Relays that cannot reach each other, as `from to`. */
let cut: Set<string>
/** Relays that a page is connected to. */
let connected: Map<string, Set<number>>
let sessions: Map<string, SessionCertificate>
let won: { at: number; duel: WonDuel }[]
/** Claims passed from relay to relay, as `from to`. */
let passed: string[]
let isJudged: boolean
let logged: string[]

beforeEach(async () => {
  now = 1_800_000_000_000
  cut = new Set()
  connected = new Map()
  sessions = new Map()
  won = []
  passed = []
  isJudged = true
  logged = []
  for (const peer of [holder, copy])
    sessions.set(
      peer.peerId,
      await certify({ deviceId, wallet }, { networkId, peerKey: peer.peerKey, time: now, until: now + 86_400_000 }),
    )
  desks = Array.from({ length: RELAYS }, (_, at) => open(at))
})

function open(at: number): PresenceDesk {
  const others = Array.from({ length: RELAYS }, (_, i) => i).filter((i) => i !== at)
  const activeRecord = () => accept({ walletKey: wallet.publicKey } as never)
  return createPresenceDesk({
    network: {
      async request(peerId, { id }, request) {
        if (id === PROTOCOLS.claim.id) {
          const to = Number(peerId)
          passed.push(`${at} ${to}`)
          const certificate = sessionCertificateCodec.decode(request)
          if (!certificate.ok || cut.has(`${at} ${to}`)) throw new Error('no answer')
          return claimAnswerCodec.encode(
            await (desks[to] as PresenceDesk).claimElsewhere(String(at), certificate.value),
          )
        }
        const page = peerId === holder.peerId ? holder : copy
        if (!connected.get(peerId)?.has(at)) throw new Error('no connection')
        return proveAgainst(request, page, wallet, { time: now })
      },
    },
    networkId,
    times: TIMES,
    seat: () => at,
    sessions: {
      of: (peer) => sessions.get(peer),
      activeRecord,
      judge: async () => (isJudged ? activeRecord() : reject('bad-signature', 'forged')),
    },
    servers: {
      othersOf: () => {
        const peers = others.filter((to) => !cut.has(`${at} ${to}`))
        return { peers: peers.map(String), away: others.length - peers.length }
      },
      isKeeper: (peer) => /^[0-2]$/.test(peer),
    },
    verifier: createNodeVerifier(),
    random: (length) => new Uint8Array(length).fill(7),
    now: () => now,
    onDuelWon: (duel) => won.push({ at, duel }),
    log: (message) => logged.push(message),
  })
}

/** Both ways. */
function part(a: number, b: number): void {
  cut.add(`${a} ${b}`).add(`${b} ${a}`)
}

async function claim(at: number, peer: SessionPeer) {
  connected.set(peer.peerId, (connected.get(peer.peerId) ?? new Set()).add(at))
  const { TAG, data } = await (desks[at] as PresenceDesk).claim(peer.peerId)
  return { TAG, ...data }
}
const held = (TAG: string, unchecked = 0) => ({ TAG, lasts: TIMES.lease, unchecked })

describe('a lease at one of several full nodes', () => {
  it('is granted when the others know of none, who are asked at the first claim alone', async () => {
    expect(await claim(0, holder)).toEqual(held('granted'))
    expect(passed).toEqual(['0 1', '0 2'])
    expect(await claim(0, holder)).toEqual(held('renewed'))
    expect(passed).toHaveLength(2)
  })

  it('moves with its holder at once', async () => {
    await claim(0, holder)
    expect(await claim(1, holder)).toEqual(held('moved'))
    expect(desks.map(({ size }) => size)).toEqual([0, 1, 0])
    expect(await claim(0, holder)).toEqual(held('moved'))
    expect(won).toEqual([])
  })

  it('is defended by its holder where it is, against a claim at another', async () => {
    await claim(0, holder)
    expect(await claim(1, copy)).toEqual({ TAG: 'wait', wait: TIMES.lease + TIMES.claimDelay, isProven: true })
    expect(won).toMatchObject([{ at: 0, duel: { claimed: { peerKey: copy.peerKey } } }])
    expect(desks.map(({ size }) => size)).toEqual([1, 0, 0])
    // At the third one, too, and nobody proves itself twice.
    expect(await claim(2, copy)).toMatchObject({ TAG: 'wait', isProven: true })
    expect(won).toHaveLength(1)
  })

  it('ends there for a claim at another when its holder is gone, after the stated time', async () => {
    await claim(0, holder)
    connected.clear()
    const wait = TIMES.duel + TIMES.claimDelay
    expect(await claim(1, copy)).toEqual({ TAG: 'wait', wait, isProven: false })
    now += wait - 1
    expect(await claim(1, copy)).toEqual({ TAG: 'wait', wait: 1, isProven: false })
    now += ASKED_AGAIN_MS
    expect(await claim(1, copy)).toEqual(held('granted'))
  })

  it('is given to one of two that claim it at two full nodes at once', async () => {
    const outcomes = await Promise.all([claim(0, holder), claim(1, copy)])
    expect(outcomes.map(({ TAG }) => TAG).sort()).toEqual(['granted', 'wait'])
    expect(desks.map(({ size }) => size).reduce((sum, size) => sum + size)).toBe(1)
  })

  it('is asked about once a second for a session that is refused', async () => {
    await claim(0, holder)
    passed = []
    for (let i = 0; i < 50; i++) await claim(1, copy)
    expect(passed).toEqual(['1 0', '1 2'])
    now += ASKED_AGAIN_MS
    await claim(1, copy)
    expect(passed).toHaveLength(4)
  })
})

describe('a network in parts', () => {
  it('lets a holder go on where its server is gone, and says what it could not ask until it could', async () => {
    await claim(0, holder)
    part(0, 1)
    part(0, 2)
    now += 60_000
    expect(await claim(1, holder)).toEqual(held('granted', 1))
    expect(logged).toMatchObject([expect.stringContaining('1 of its servers could not be asked')])
    // Not oftener than once a second.
    passed = []
    expect(await claim(1, holder)).toEqual(held('renewed', 1))
    expect(passed).toEqual([])
    now += TIMES.renewal
    expect(await claim(1, holder)).toEqual(held('renewed', 1))
    expect(logged).toHaveLength(1)
    cut.clear()
    now += TIMES.renewal
    expect(await claim(1, holder)).toEqual(held('renewed'))
    passed = []
    now += TIMES.renewal
    await claim(1, holder)
    expect(passed).toEqual([])
  })

  it('lets a copy in on the other side, never silently, and takes it out again when the sides meet', async () => {
    await claim(0, holder)
    part(0, 1)
    part(0, 2)
    expect(await claim(1, copy)).toEqual(held('granted', 1))
    cut.clear()
    now += TIMES.renewal
    await claim(0, holder)
    expect(await claim(1, copy)).toMatchObject({ TAG: 'wait', isProven: true })
    expect(won).toMatchObject([{ at: 0, duel: { claimed: { peerKey: copy.peerKey } } }])
    expect(desks.map(({ size }) => size)).toEqual([1, 0, 0])
    expect(await claim(0, holder)).toMatchObject({ TAG: 'renewed' })
  })

  it('keeps a copy out wherever one full node that is reached knows the holder', async () => {
    await claim(0, holder)
    part(1, 2)
    expect(await claim(1, copy)).toMatchObject({ TAG: 'wait', isProven: true })
  })
})

describe('a question of another full node', () => {
  it('is answered to keepers alone, about sessions that hold', async () => {
    const [desk] = desks as [PresenceDesk]
    const session = sessions.get(copy.peerId) as SessionCertificate
    await claim(0, holder)
    expect(await desk.claimElsewhere('a page', session)).toMatchObject({ data: { code: 'not-a-full-node' } })
    isJudged = false
    expect(await desk.claimElsewhere('1', session)).toMatchObject({ data: { code: 'bad-signature' } })
    expect(won).toEqual([])
    isJudged = true
    expect(await desk.claimElsewhere('1', session)).toMatchObject({ TAG: 'wait', data: { isProven: true } })
  })
})

/** More than the pause between two questions about one session, ms. */
const ASKED_AGAIN_MS = 1_001
