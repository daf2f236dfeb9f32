/** A question finds its device at whichever full node that has its gateway. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createNodeVerifier } from '../../../node-relay/crypto/node-verifier.ts'
import type { SmallDeviceDoor } from '../../../node-relay/devices/door.ts'
import {
  ANSWER_WAIT_MS,
  type ChallengePassing,
  createChallengePassing,
  MAX_ASKED_SESSIONS,
  MAX_PASSED_TO,
} from '../../../node-relay/devices/pass-challenge.ts'
import { createSmallDevices } from '../../../node-relay/devices/small-devices.ts'
import { equalBytes } from '../../../shared/bytes.ts'
import type { Signer } from '../../../shared/crypto/signer.ts'
import {
  type ChallengeAnswer,
  challengeAnswerCodec,
  challengeAnswerMessage,
} from '../../../shared/device-profile/challenge.ts'
import { LaresError, reject } from '../../../shared/errors.ts'
import { formatDeviceId } from '../../../shared/identity/device-id.ts'
import {
  type ChallengeMessage,
  type ChallengeRequest,
  challengeOutcomeCodec,
  challengeRequestCodec,
} from '../../../shared/protocol/challenge-messages.ts'
import { PROTOCOLS } from '../../../shared/protocol/ids.ts'
import { foundRelay, makeVoucher, registerByVoucher, type TestDevice } from '../../framework/chain-actions.ts'
import { ChainBuilder, namedSigner } from '../../framework/chain-builder.ts'
import { createHarnessClock, type HarnessClock, settle } from '../../framework/client-harness.ts'
import { createFakeNetwork } from '../full-node/fake-network.ts'
import { closeAll, openChain } from '../full-node/open-chain.ts'

interface Relay {
  readonly desk: SmallDeviceDoor
  readonly pass: ChallengePassing
}

const verifier = createNodeVerifier()
const wallet = namedSigner('sensor')
let builder: ChainBuilder
let sensor: TestDevice
let clock: HarnessClock
let relays: Map<string, Relay>
let asked: string[]
/** Pages that speak for the sensor, by the relay that they are connected to. */
let pages: Map<string, string[]>

beforeEach(async () => {
  builder = new ChainBuilder()
  const relay = await foundRelay(builder)
  sensor = await registerByVoucher(builder, await makeVoucher(builder, relay, { name: 'sensor' }), {
    wallet,
    endorsers: [relay],
  })
  await builder.mineMany(4)
  const full = await openChain(builder)
  await full.feed(...builder.from(1))
  clock = createHarnessClock(builder.tip.block.header.time)
  relays = new Map()
  asked = []
  pages = new Map()
  for (const name of ['near', 'far', 'dead']) {
    const network = createFakeNetwork()
    const init = { chain: full.chain, verifier, wallet: relay.wallet, deviceId: relay.deviceId }
    const desk = createSmallDevices({
      ...init,
      network,
      endorse: undefined,
      quote: undefined,
      submit: async () => reject('not-here', 'nothing is taken in'),
      now: clock.now,
      after: clock.after,
    })
    const pass = createChallengePassing({
      desk,
      network: {
        async request(peer, spec, bytes) {
          asked.push(`${name} asks ${peer}`)
          const request = challengeRequestCodec.decode(bytes)
          const page = [...pages.values()].flat().includes(peer)
          if (page && request.ok) return challengeOutcomeCodec.encode(await pageAnswer(peer, request.value))
          const other = relays.get(peer)
          if (peer === 'dead' || other === undefined || !request.ok || spec !== PROTOCOLS.challenge)
            throw new LaresError('timeout', 'no answer')
          return challengeOutcomeCodec.encode(await other.pass(name, request.value))
        },
      },
      fullNodes: () => [...relays.keys()].filter((one) => one !== name),
      sessionsOf: (deviceId) => (equalBytes(deviceId, sensor.deviceId) ? (pages.get(name) ?? []) : []),
    })
    relays.set(name, { desk, pass })
  }
})
afterEach(closeAll)

const at = (name: string) => relays.get(name) as Relay
const nonce = new Uint8Array(32).fill(7)
const question = (change: Partial<{ nonce: Uint8Array; deviceId: Uint8Array; isPassedOn: boolean }> = {}) => ({
  ...{ networkId: builder.networkId, deviceId: sensor.deviceId, nonce, isPassedOn: false },
  ...change,
})

/** The device fetches its questions at its gateway, and answers the first. */
async function meet(gateway: string, key: Signer = wallet): Promise<boolean> {
  const id = formatDeviceId(builder.networkId, sensor.deviceId)
  const open = await at(gateway).desk.challenges(id, { waitMs: 0 })
  const [first] = open.ok ? open.value.challenges : []
  if (first === undefined) return false
  const content = {
    ...{ networkId: builder.networkId, deviceId: sensor.deviceId, time: clock.now() },
    nonce: Uint8Array.from(Buffer.from(first.nonce, 'hex')),
  }
  const answer: ChallengeAnswer = { ...content, signature: await key.sign(challengeAnswerMessage(content)) }
  return (await at(gateway).desk.answer(id, challengeAnswerCodec.encode(answer))).ok
}

describe('a question to a device', () => {
  it.each(['near', 'far'])('is answered by the device whose gateway is the relay that is %s', async (gateway) => {
    const outcome = at('near').pass('technician', question())
    await settle()
    expect(await meet(gateway)).toBe(true)
    expect(await outcome).toMatchObject({
      TAG: 'answered',
      data: { answer: { deviceId: sensor.deviceId, nonce } },
    })
  })

  it.each(['near', 'far'])('is answered by the page that speaks for it at the relay that is %s', async (relay) => {
    pages.set(relay, ['a dead session', 'page'])
    expect(await at('near').pass('technician', question())).toMatchObject({
      TAG: 'answered',
      data: { answer: { deviceId: sensor.deviceId, nonce } },
    })
  })

  it('is not answered by a page with another key, nor put to more than a few', async () => {
    const thieves = Array.from({ length: 2 * MAX_ASKED_SESSIONS }, (_, i) => `thief ${i}`)
    pages.set('near', thieves)
    const outcome = at('near').pass('technician', question({ isPassedOn: true }))
    await clock.advance(ANSWER_WAIT_MS)
    expect(await outcome).toMatchObject({ TAG: 'waiting' })
    expect(asked).toEqual(thieves.slice(0, MAX_ASKED_SESSIONS).map((thief) => `near asks ${thief}`))
  })

  it('waits for a while, and is the same question when it is asked again', async () => {
    const outcome = at('near').pass('technician', question())
    await clock.advance(ANSWER_WAIT_MS)
    const waiting = await outcome
    expect(waiting).toMatchObject({ TAG: 'waiting' })
    expect(await meet('far')).toBe(true)
    expect(await at('near').pass('technician', question())).toMatchObject({ TAG: 'answered' })
  })

  it('goes on to other full nodes once, and back to nobody', async () => {
    const outcome = at('near').pass('far', question())
    await settle()
    expect(asked).toEqual(['near asks dead'])
    const passed = at('far').pass('near', question({ isPassedOn: true }))
    await clock.advance(ANSWER_WAIT_MS)
    await Promise.all([outcome, passed])
    expect(asked).toEqual(['near asks dead'])
  })

  it('goes to so many others at most', async () => {
    for (let i = 0; i < 2 * MAX_PASSED_TO; i++) relays.set(`other ${i}`, at('near'))
    const outcome = at('near').pass('technician', question())
    await clock.advance(2 * ANSWER_WAIT_MS)
    await outcome
    expect(asked.filter((one) => one.startsWith('near')).length).toBe(MAX_PASSED_TO)
  })

  it('is not answered by another key, wherever it answers from', async () => {
    const outcome = at('near').pass('technician', question())
    await settle()
    expect(await meet('far', namedSigner('thief'))).toBe(false)
    const liar = { ...at('far'), pass: forged }
    relays.set('far', liar)
    const again = at('near').pass('technician', question({ nonce: new Uint8Array(32).fill(8) }))
    await clock.advance(ANSWER_WAIT_MS)
    expect(await outcome).toMatchObject({ TAG: 'waiting' })
    expect(await again).toMatchObject({ TAG: 'waiting' })
  })

  it('is not put to who is not in the ledger, and bounded for each asker and device', async () => {
    expect(await at('near').pass('technician', question({ deviceId: nonce }))).toMatchObject({
      TAG: 'refused',
      data: { code: 'not-in-ledger' },
    })
    const many = Array.from({ length: 5 }, (_, i) =>
      at('near').pass('technician', question({ nonce: new Uint8Array(32).fill(20 + i) })),
    )
    await clock.advance(ANSWER_WAIT_MS)
    expect((await Promise.all(many)).map(({ TAG }) => TAG)).toEqual([...Array(4).fill('waiting'), 'refused'])
  })
})

/** What pages say that are asked by their full node. */
async function pageAnswer(page: string, asking: ChallengeRequest): Promise<ChallengeMessage> {
  if (page === 'a dead session') throw new LaresError('peer-gone', 'closed')
  const { networkId, deviceId, nonce: open } = asking
  const content = { networkId, deviceId, nonce: open, time: clock.now() }
  const key = page === 'page' ? wallet : namedSigner(page)
  return {
    TAG: 'answered',
    data: { answer: { ...content, signature: await key.sign(challengeAnswerMessage(content)) } },
  }
}

/** What a full node says that has never met the device. */
const forged: ChallengePassing = async (_from, { networkId, deviceId, nonce: open }) => ({
  TAG: 'answered',
  data: { answer: { networkId, deviceId, nonce: open, time: clock.now(), signature: new Uint8Array(64).fill(1) } },
})
