/** A page says that its device is present, proves it against a copy, and keeps still where a copy was first. */
import { beforeEach, describe, expect, it } from 'vitest'
import { createNodeVerifier } from '../../../node-relay/crypto/node-verifier.ts'
import { presenceTimes } from '../../../shared/coordination/lease.ts'
import type { Signer } from '../../../shared/crypto/signer.ts'
import { accept, type Result, reject } from '../../../shared/errors.ts'
import { PRESETS } from '../../../shared/params.ts'
import { refusal } from '../../../shared/protocol/messages.ts'
import {
  type PresenceAnswer,
  presenceAnswerCodec,
  provePresenceCodec,
  sessionAnswerCodec,
} from '../../../shared/protocol/presence-messages.ts'
import { duelProofCodec, duelProofMessage } from '../../../shared/session/duel-proof.ts'
import {
  type SessionCertificate,
  sessionCertificateCodec,
  sessionMessage,
  validateSession,
} from '../../../shared/session/session-certificate.ts'
import { Presence } from '../../../web/client/presence.ts'
import { namedSigner } from '../../framework/chain-builder.ts'
import { createHarnessClock, type HarnessClock, settle } from '../../framework/client-harness.ts'
import { certify, sessionPeer } from '../../framework/session-peer.ts'

const TIMES = presenceTimes(PRESETS.home)
const START = 1_800_000_000_000
const networkId = new Uint8Array(32).fill(1)
const deviceId = new Uint8Array(32).fill(2)
const nonce = new Uint8Array(32).fill(3)
const [own, copy] = [sessionPeer('own'), sessionPeer('copy')]
const verifier = createNodeVerifier()
const granted: PresenceAnswer = { TAG: 'granted', data: { lasts: TIMES.lease, unchecked: 0 } }
const wait = (ms: number, isProven: boolean): PresenceAnswer => ({ TAG: 'wait', data: { wait: ms, isProven } })

let clock: HarnessClock
let wallet: Signer | undefined
let settledId: Uint8Array | undefined
let server: string | undefined
/** What was asked: server, protocol. */
let asked: string[]
let shown: SessionCertificate[]
let takesSession: Result<true>
let answer: PresenceAnswer | string
let incidents: string[]
let presence: Presence

beforeEach(() => {
  clock = createHarnessClock(START)
  wallet = namedSigner('wallet')
  settledId = deviceId
  server = 'A'
  asked = []
  shown = []
  takesSession = accept(true)
  answer = granted
  incidents = []
  presence = new Presence({
    networkId,
    spacingMs: () => PRESETS.home.spacingMs,
    servers: {
      has: () => true,
      async ask(at, protocol, bytes) {
        asked.push(`${at} ${protocol}`)
        if (protocol === 'session') {
          const certificate = sessionCertificateCodec.decode(bytes)
          if (!certificate.ok) throw new Error(certificate.detail)
          shown.push(certificate.value)
          const { until } = certificate.value
          return accept(
            sessionAnswerCodec.encode(
              takesSession.ok ? { TAG: 'opened', data: { until } } : refusal(takesSession.code, takesSession.detail),
            ),
          )
        }
        return typeof answer === 'string' ? reject(answer, answer) : accept(presenceAnswerCodec.encode(answer))
      },
    },
    incidents: { add: ({ code }) => incidents.push(code) },
    verifier,
    clock,
    deviceId: () => settledId,
    openWallet: async () => wallet,
    peerKey: async () => own.peerKey,
    server: () => server,
    onChange: () => {},
  })
})

/** Runs what is due within so many ms; returns what was asked meanwhile. */
async function pass(ms: number): Promise<string[]> {
  asked = []
  await clock.advance(ms)
  await settle()
  return asked
}

const state = () => presence.view()?.state

describe('a page with an ID', () => {
  it('shows its certificate, claims, and renews at half the lease', async () => {
    await presence.look()
    expect(asked).toEqual(['A session', 'A presence'])
    expect(state()).toBe('present')
    const [certificate] = shown as [SessionCertificate]
    expect(validateSession(certificate, { peerKey: own.peerKey, now: START, networkId })).toEqual({ ok: true })
    const { signature } = certificate
    const publicKey = namedSigner('wallet').publicKey
    expect(verifier.verify({ publicKey, message: sessionMessage(certificate), signature })).toBe(true)
    // Whatever else happens, nothing is asked before it is due.
    await presence.look()
    expect(await pass(TIMES.renewal - 1)).toEqual([])
    expect(await pass(1)).toEqual(['A presence'])
  })

  it('certifies its key anew at half of its time', async () => {
    await presence.look()
    await pass(30 * 60_000)
    expect(shown).toHaveLength(2)
    expect(shown[1]?.time).toBe(START + 30 * 60_000)
  })

  it('says what its server could not ask', async () => {
    answer = { TAG: 'granted', data: { lasts: TIMES.lease, unchecked: 2 } }
    await presence.look()
    expect(presence.view()).toMatchObject({ state: 'present', tone: 'warn' })
    expect(presence.view()?.sentence).toContain('2 other servers could not be asked')
    answer = { TAG: 'renewed', data: { lasts: TIMES.lease, unchecked: 0 } }
    await pass(TIMES.renewal)
    expect(presence.view()).toMatchObject({ state: 'present', tone: 'good' })
    expect(presence.view()?.sentence).not.toContain('could not be asked')
  })

  it('claims at its new primary at once', async () => {
    await presence.look()
    server = 'B'
    answer = { TAG: 'moved', data: { lasts: TIMES.lease, unchecked: 0 } }
    asked = []
    await presence.look()
    expect(asked).toEqual(['B session', 'B presence'])
    expect(state()).toBe('present')
  })

  it('claims anew when the connection was lost, over which its session was known', async () => {
    await presence.look()
    presence.lost('A')
    asked = []
    await presence.look()
    expect(asked).toEqual(['A session', 'A presence'])
  })

  it('asks nobody without an ID, a server, or its key', async () => {
    settledId = undefined
    await presence.look()
    settledId = deviceId
    server = undefined
    await presence.look()
    server = 'A'
    wallet = undefined
    await presence.look()
    expect(asked).toEqual([])
    expect(presence.view()).toBeUndefined()
    wallet = namedSigner('wallet')
    expect(await pass(5_000)).toEqual(['A session', 'A presence'])
  })

  it('asks nobody any more when it is stopped', async () => {
    await presence.look()
    presence.stop()
    expect(await pass(TIMES.lease)).toEqual([])
  })

  it('is present nowhere when its ID is gone', async () => {
    await presence.look()
    settledId = undefined
    await presence.look()
    expect(presence.view()).toBeUndefined()
  })
})

describe('a page that is refused', () => {
  it('while an earlier session is asked waits as long as it is told, and is let in by itself', async () => {
    answer = wait(90_000, false)
    await presence.look()
    expect(presence.view()).toMatchObject({ state: 'asked', sentence: expect.stringContaining('earlier session') })
    answer = granted
    expect(await pass(90_000)).toEqual([])
    expect(await pass(100)).toEqual(['A presence'])
    expect(state()).toBe('present')
  })

  it('because the other has proven itself says that the device is in use elsewhere, and until when', async () => {
    answer = wait(660_000, true)
    await presence.look()
    expect(presence.view()).toMatchObject({ state: 'in-use', sentence: expect.stringContaining('in use elsewhere') })
    expect(presence.view()?.sentence).toContain(new Date(START + 660_000).toLocaleTimeString())
    // Losing its server tells it nothing else.
    server = undefined
    await presence.look()
    expect(state()).toBe('in-use')
    server = 'A'
    presence.lost('A')
    answer = granted
    await presence.look()
    expect(state()).toBe('present')
  })

  it('waits no longer than any lease can last, and asks no oftener than once a second, whatever a server says', async () => {
    answer = wait(0xffffffff, true)
    await presence.look()
    expect(await pass(TIMES.lease + TIMES.duel + TIMES.claimDelay + 100)).toEqual(['A presence'])
    answer = { TAG: 'granted', data: { lasts: 0, unchecked: 0 } }
    await pass(TIMES.lease + TIMES.duel + TIMES.claimDelay + 100)
    expect(await pass(10_000)).toHaveLength(10)
  })

  it('because its session is not known shows it again at once, and then waits', async () => {
    await presence.look()
    answer = refusal('no-session', '')
    expect(await pass(TIMES.renewal)).toEqual(['A presence', 'A session', 'A presence'])
    expect(state()).toBe('refused')
    answer = granted
    expect(await pass(5_000)).toEqual(['A session', 'A presence'])
    expect(state()).toBe('present')
  })

  it.each([
    ['clock-differs', 'clock is wrong'],
    ['session-ended', 'clock is wrong'],
    ['retired', 'is retired'],
    ['bad-signature', 'replaced elsewhere'],
    ['not-in-ledger', 'settled ledger'],
    ['not-ready', 'still starting'],
  ])('with %s says why, and tries a new certificate', async (code, words) => {
    takesSession = reject(code, code)
    await presence.look()
    expect(asked).toEqual(['A session'])
    expect(presence.view()).toMatchObject({ state: 'refused', sentence: expect.stringContaining(words) })
    takesSession = accept(true)
    expect(await pass(5_000)).toEqual(['A session', 'A presence'])
    expect(shown[1]?.time).toBe(START + 5_000)
    expect(state()).toBe('present')
  })

  it('by a server that is full says so; the next in order is asked without that', async () => {
    answer = { TAG: 'full', data: {} }
    await presence.look()
    expect(presence.view()).toMatchObject({ state: 'refused', sentence: expect.stringContaining('as many devices') })
    server = 'B'
    answer = 'timeout'
    await presence.look()
    expect(presence.view()).toBeUndefined()
  })

  it('by silence asks again soon; a server that does not know of presence, when a lease would be renewed', async () => {
    answer = 'timeout'
    await presence.look()
    expect(presence.view()).toBeUndefined()
    expect(await pass(5_000)).toEqual(['A presence'])
    answer = 'unsupported'
    await pass(5_000)
    expect(await pass(TIMES.renewal - 1)).toEqual([])
    expect(await pass(1)).toEqual(['A presence'])
  })
})

describe('a page that is to prove itself', () => {
  const device = { deviceId, wallet: namedSigner('wallet') }
  const challenge = async (more: Partial<SessionCertificate> = {}, by = device) =>
    provePresenceCodec.encode({
      nonce,
      claimed: await certify({ ...by, ...more }, { networkId, peerKey: copy.peerKey, time: START, ...more }),
    })

  it('signs the nonce of who holds its lease, and tells a person once of each copy', async () => {
    await presence.look()
    const bytes = await presence.prove('A', await challenge())
    const proof = bytes && duelProofCodec.decode(bytes)
    if (!proof?.ok) throw new Error('no proof')
    const content = { networkId, deviceId, holderKey: own.peerKey, claimantKey: copy.peerKey, nonce, time: START }
    expect(proof.value).toMatchObject(content)
    const { publicKey } = device.wallet
    const { signature } = proof.value
    expect(verifier.verify({ publicKey, message: duelProofMessage(content), signature })).toBe(true)
    expect(incidents).toEqual(['key-copied'])
    await presence.prove('A', await challenge())
    expect(incidents).toHaveLength(1)
    await presence.prove('A', await challenge({ peerKey: sessionPeer('third').peerKey }))
    expect(incidents).toHaveLength(2)
  })

  it.each<[string, () => Promise<Uint8Array | undefined>]>([
    ['to another than who holds its lease', async () => presence.prove('B', await challenge())],
    ['to what cannot be read', async () => presence.prove('A', new Uint8Array(7))],
    ['against itself', async () => presence.prove('A', await challenge({ peerKey: own.peerKey }))],
    ['in another network', async () => presence.prove('A', await challenge({ networkId: deviceId }))],
    ['for another device', async () => presence.prove('A', await challenge({ deviceId: networkId }))],
    ['against a session that has ended', async () => presence.prove('A', await challenge({ until: START }))],
    [
      'against what another wallet has signed',
      async () => presence.prove('A', await challenge({}, { ...device, wallet: namedSigner('stranger') })),
    ],
  ])('signs nothing %s', async (_what, prove) => {
    await presence.look()
    expect(await prove()).toBeUndefined()
    expect(incidents).toEqual([])
    expect(await presence.prove('A', await challenge())).toBeDefined()
  })

  it('signs nothing before it has claimed, nor without its key', async () => {
    expect(await presence.prove('A', await challenge())).toBeUndefined()
    await presence.look()
    wallet = undefined
    expect(await presence.prove('A', await challenge())).toBeUndefined()
  })
})
