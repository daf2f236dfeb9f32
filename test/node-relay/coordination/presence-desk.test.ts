/** Two sessions of one device: who was first proves itself and stays; the other waits for as long as it is told. */
import { beforeEach, describe, expect, it } from 'vitest'
import { createPresenceDesk, type PresenceDesk, type WonDuel } from '../../../node-relay/coordination/presence-desk.ts'
import { createNodeVerifier } from '../../../node-relay/crypto/node-verifier.ts'
import { presenceTimes } from '../../../shared/coordination/lease.ts'
import { accept, reject } from '../../../shared/errors.ts'
import { PRESETS } from '../../../shared/params.ts'
import type { DuelProof } from '../../../shared/session/duel-proof.ts'
import type { SessionCertificate } from '../../../shared/session/session-certificate.ts'
import { namedSigner } from '../../framework/chain-builder.ts'
import { certify, proveAgainst, sessionPeer } from '../../framework/session-peer.ts'

const TIMES = presenceTimes(PRESETS.home)
const networkId = new Uint8Array(32).fill(1)
const deviceId = new Uint8Array(32).fill(2)
const wallet = namedSigner('wallet')
const [holder, copy, third] = [sessionPeer('holder'), sessionPeer('copy'), sessionPeer('third')]
const SEAT = 4

let now: number
let seat: number | undefined
let walletKey: Uint8Array
let isActive: boolean
let sessions: Map<string, SessionCertificate>
/** How each connected page answers a challenge. */
let pages: Map<string, (request: Uint8Array) => Promise<Uint8Array>>
let asked: string[]
let won: WonDuel[]
let logged: string[]
let nonces: number
let desk: PresenceDesk

beforeEach(async () => {
  now = 1_800_000_000_000
  seat = SEAT
  walletKey = wallet.publicKey
  isActive = true
  sessions = new Map()
  pages = new Map()
  asked = []
  won = []
  logged = []
  nonces = 0
  desk = open()
  for (const peer of [holder, copy, third]) {
    const certificate = await certify({ deviceId, wallet }, { networkId, peerKey: peer.peerKey, time: now })
    sessions.set(peer.peerId, certificate)
  }
})

function open(capacity?: number): PresenceDesk {
  return createPresenceDesk({
    network: {
      async request(peerId, _spec, request) {
        asked.push(peerId)
        const page = pages.get(peerId)
        if (page === undefined) throw new Error('no connection')
        return page(request)
      },
    },
    networkId,
    times: TIMES,
    ...(capacity === undefined ? {} : { capacity }),
    seat: () => seat,
    sessions: {
      of: (peer) => sessions.get(peer),
      activeRecord,
      judge: async () => activeRecord(),
    },
    servers: { othersOf: () => ({ peers: [], away: 0 }), isKeeper: () => false },
    verifier: createNodeVerifier(),
    random: (length) => new Uint8Array(length).fill(++nonces),
    now: () => now,
    onDuelWon: (duel) => won.push(duel),
    log: (message) => logged.push(message),
  })
}

const activeRecord = () => (isActive ? accept({ walletKey } as never) : reject('retired' as const, 'retired'))

/** The holder's page is there, and answers as it should but for what is altered. */
function isThere(altered: Partial<DuelProof> = {}, signer = wallet): void {
  pages.set(holder.peerId, (request) => proveAgainst(request, holder, signer, { time: now, ...altered }))
}

const claim = async (peer: { peerId: string }) => {
  const { TAG, data } = await desk.claim(peer.peerId)
  return { TAG, ...data }
}
const granted = { TAG: 'granted', lasts: TIMES.lease, unchecked: 0 }

describe('a claim', () => {
  it('is granted, and renewed, to the device of the session', async () => {
    expect(await claim(holder)).toEqual(granted)
    now += TIMES.renewal
    expect(await claim(holder)).toEqual({ TAG: 'renewed', lasts: TIMES.lease, unchecked: 0 })
    expect(desk.size).toBe(1)
    expect(asked).toEqual([])
  })

  it('without a session is refused', async () => {
    sessions.clear()
    expect(await claim(holder)).toMatchObject({ TAG: 'refused', code: 'no-session' })
    expect(desk.size).toBe(0)
  })

  it('at a relay that is no full node is refused', async () => {
    seat = undefined
    expect(await claim(holder)).toMatchObject({ TAG: 'refused', code: 'not-a-full-node' })
  })

  it('at a relay that is full is refused, and who is known may renew', async () => {
    desk = open(1)
    expect(await claim(holder)).toEqual(granted)
    const another = await certify({ deviceId: networkId, wallet }, { networkId, peerKey: copy.peerKey, time: now })
    sessions.set(copy.peerId, another)
    expect(await claim(copy)).toEqual({ TAG: 'full' })
    expect(await claim(holder)).toMatchObject({ TAG: 'renewed' })
    now += TIMES.lease
    desk.look()
    expect(desk.size).toBe(0)
    expect(await claim(copy)).toEqual(granted)
  })
})

describe('a second session of the device', () => {
  it('is refused while the first proves itself, which stays and is reported once', async () => {
    isThere()
    await claim(holder)
    now += 1_000
    const wait = TIMES.lease + TIMES.claimDelay
    expect(await claim(copy)).toEqual({ TAG: 'wait', wait, isProven: true })
    expect(asked).toEqual([holder.peerId])
    expect(won).toMatchObject([
      { claimed: { peerKey: copy.peerKey, deviceId }, proof: { holderKey: holder.peerKey, claimantKey: copy.peerKey } },
    ])
    // Asking again, or a third one, makes nobody prove itself again before its time.
    now += 1_000
    expect(await claim(copy)).toEqual({ TAG: 'wait', wait: wait - 1_000, isProven: true })
    expect(await claim(third)).toMatchObject({ TAG: 'wait', isProven: true })
    expect(asked).toHaveLength(1)
    expect(await claim(holder)).toMatchObject({ TAG: 'renewed' })
    expect(won).toHaveLength(1)
  })

  it('is let in a stated time after the first is gone', async () => {
    isThere()
    await claim(holder)
    await claim(copy)
    pages.clear()
    now += TIMES.lease
    expect(await claim(copy)).toEqual({ TAG: 'wait', wait: TIMES.claimDelay, isProven: false })
    now += TIMES.claimDelay
    expect(await claim(copy)).toEqual(granted)
  })

  it('is let in after the duel where the first cannot be reached', async () => {
    await claim(holder)
    const wait = TIMES.duel + TIMES.claimDelay
    expect(await claim(copy)).toEqual({ TAG: 'wait', wait, isProven: false })
    now += wait - 1
    expect(await claim(copy)).toEqual({ TAG: 'wait', wait: 1, isProven: false })
    now += 1
    expect(await claim(copy)).toEqual(granted)
    expect(won).toEqual([])
    expect(logged).toMatchObject([expect.stringContaining('no-answer')])
  })

  it('is refused after all where the first lost its connection in the duel and comes back in time', async () => {
    await claim(holder)
    await claim(copy)
    isThere()
    now += TIMES.duel - 1
    // It renews, which is no proof, and is asked again.
    expect(await claim(holder)).toMatchObject({ TAG: 'renewed' })
    await expect.poll(() => won).toHaveLength(1)
    now += 1
    expect(await claim(copy)).toMatchObject({ TAG: 'wait', isProven: true })
  })

  it('that never asks again leaves nothing behind', async () => {
    await claim(holder)
    await claim(copy)
    now += TIMES.duel + TIMES.claimDelay
    desk.look()
    expect(desk.size).toBe(0)
    isThere()
    expect(await claim(holder)).toEqual(granted)
    expect(asked).toHaveLength(1)
  })
})

describe('a proof', () => {
  const forged = namedSigner('another wallet')
  it.each([
    ['another network', 'another-duel', { networkId: deviceId }, wallet],
    ['another device', 'another-duel', { deviceId: networkId }, wallet],
    ['another holder', 'another-duel', { holderKey: third.peerKey }, wallet],
    ['another claimant', 'another-duel', { claimantKey: third.peerKey }, wallet],
    ['the wrong nonce', 'wrong-nonce', { nonce: new Uint8Array(32).fill(99) }, wallet],
    ['another time', 'clock-differs', { time: 1_800_000_000_000 - 6 * 60_000 }, wallet],
    ['another wallet', 'bad-signature', {}, forged],
  ])('of %s does not count: %s', async (_what, code, altered, signer) => {
    isThere(altered, signer)
    await claim(holder)
    expect(await claim(copy)).toMatchObject({ TAG: 'wait', isProven: false })
    expect(logged).toMatchObject([expect.stringContaining(code)])
    expect(won).toEqual([])
    now += TIMES.duel + TIMES.claimDelay
    expect(await claim(copy)).toEqual(granted)
  })

  it.each([
    ['cannot be read', 'malformed', () => new Uint8Array(10)],
    ['is too long', 'too-long', () => new Uint8Array(231)],
  ])('that %s does not count', async (_what, code, answer) => {
    pages.set(holder.peerId, async () => answer())
    await claim(holder)
    expect(await claim(copy)).toMatchObject({ TAG: 'wait', isProven: false })
    expect(logged).toMatchObject([expect.stringContaining(code)])
  })

  it('comes too late after the deadline', async () => {
    pages.set(holder.peerId, (request) => {
      now += TIMES.duel
      return proveAgainst(request, holder, wallet, { time: now })
    })
    await claim(holder)
    expect(await claim(copy)).toEqual({ TAG: 'wait', wait: TIMES.claimDelay, isProven: false })
    expect(logged).toMatchObject([expect.stringContaining('too-late')])
  })

  it('by a key that was replaced, or for a device that has retired, does not count', async () => {
    isThere()
    await claim(holder)
    walletKey = forged.publicKey
    expect(await claim(copy)).toMatchObject({ TAG: 'wait', isProven: false })
    expect(logged).toMatchObject([expect.stringContaining('bad-signature')])
    isActive = false
    await claim(holder)
    await expect.poll(() => logged).toMatchObject([{}, expect.stringContaining('not-active')])
    isActive = true
    walletKey = wallet.publicKey
    await claim(holder)
    await expect.poll(() => won).toHaveLength(1)
  })
})
