/** A won duel comes into a block by its witnesses, and nothing else does. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { witnessIncident } from '../../../node-relay/coordination/endorse.ts'
import {
  createIncidentDesk,
  type IncidentDesk,
  MAX_INCIDENT_TRIES,
  MAX_WAITING_INCIDENTS,
} from '../../../node-relay/coordination/incident-desk.ts'
import { createNodeVerifier } from '../../../node-relay/crypto/node-verifier.ts'
import { recordOf } from '../../../node-relay/full-node/views.ts'
import { accept, type Result, reject } from '../../../shared/errors.ts'
import { MARK } from '../../../shared/identity/label.ts'
import type { Register } from '../../../shared/transaction/register.ts'
import {
  type IncidentContent,
  incidentEndorsementMessage,
  transactionCodec,
} from '../../../shared/transaction/transaction.ts'
import { foundRelay, makeVoucher, registerByVoucher, type TestDevice } from '../../framework/chain-actions.ts'
import { ChainBuilder, namedSigner } from '../../framework/chain-builder.ts'
import { fight, reportIncident } from '../../framework/session-peer.ts'
import { closeAll, type OpenChain, openChain } from '../full-node/open-chain.ts'

const verifier = createNodeVerifier()
let builder: ChainBuilder
let relay: TestDevice
let phones: TestDevice[]
let full: OpenChain
let submitted: Uint8Array[]
let witnesses: (application: Uint8Array, message: Uint8Array) => Promise<Result<Register['endorsements']>>
let asked: number
let desk: IncidentDesk

beforeEach(async () => {
  builder = new ChainBuilder()
  relay = await foundRelay(builder)
  phones = []
  for (const name of ['a phone', 'another phone'])
    phones.push(
      await registerByVoucher(builder, await makeVoucher(builder, relay, { name }), {
        wallet: namedSigner(name),
        endorsers: [relay],
      }),
    )
  await builder.mineMany(2)
  full = await openChain(builder)
  await full.feed(...builder.from(1))
  full.clock.now = builder.tip.block.header.time
  submitted = []
  asked = 0
  witnesses = async (application) => {
    const endorsement = await witness(application)
    return endorsement.ok ? accept([endorsement.value]) : endorsement
  }
  desk = createIncidentDesk({
    chain: full.chain,
    witnesses: (application, message) => {
      asked++
      return witnesses(application, message)
    },
    submit: async (bytes) => {
      submitted.push(bytes)
      return accept(undefined)
    },
    now: () => full.clock.now,
    log: () => {},
  })
})
afterEach(closeAll)

const witness = (application: Uint8Array, of: TestDevice = relay) =>
  witnessIncident(
    { chain: full.chain, verifier, wallet: of.wallet, deviceId: of.deviceId, now: () => full.clock.now },
    application,
  )
const duel = (of = phones[0] as TestDevice): Promise<IncidentContent> =>
  fight(of, { networkId: builder.networkId, time: full.clock.now })
const application = (incident: IncidentContent) =>
  transactionCodec.encode({ TAG: 'incident', data: { incident, endorsements: [] } })

describe('a witness', () => {
  it('signs an incident whose statements hold', async () => {
    const incident = await duel()
    const endorsed = await witness(application(incident))
    if (!endorsed.ok) throw new Error(endorsed.detail)
    const message = incidentEndorsementMessage(builder.networkId, incident)
    const { deviceId, signature } = endorsed.value
    expect(deviceId).toEqual(relay.deviceId)
    expect(await verifier.verify({ publicKey: relay.wallet.publicKey, message, signature })).toBe(true)
  })

  it('signs nothing else', async () => {
    const [good, thief] = [await duel(), { ...(phones[0] as TestDevice), wallet: namedSigner('thief') }]
    const made = await duel(thief)
    const codeOf = async (bytes: Uint8Array, of = relay) => {
      const answer = await witness(bytes, of)
      return answer.ok ? 'ok' : answer.code
    }
    expect(await codeOf(application(made))).toBe('bad-signature')
    expect(await codeOf(application({ claimed: made.claimed, proof: good.proof }))).toBe('bad-signature')
    expect(await codeOf(application({ ...good, proof: { ...good.proof, holderKey: good.claimed.peerKey } }))).toBe(
      'not-an-incident',
    )
    expect(await codeOf(transactionCodec.encode(await reportIncident(good, [relay])))).toBe('not-an-application')
    const other = builder.from(1).flatMap(({ block }) => block.transactions)[0] as Uint8Array
    expect(await codeOf(other)).toBe('not-an-application')
    expect(await codeOf(new Uint8Array(9))).toBe('malformed')
    expect(await codeOf(application(good), phones[1])).toBe('not-a-coordination-node')
    expect(await codeOf(application(good))).toBe('ok')
  })
})

describe('the desk of incidents', () => {
  it('hands in a transaction that marks the device', async () => {
    await desk.report(await duel())
    expect(desk.size).toBe(0)
    builder.waiting.push(...submitted)
    await full.feed(await builder.mine())
    const [phone, other] = phones as [TestDevice, TestDevice]
    expect(recordOf(full.chain.state, phone.deviceId)?.marks).toBe(MARK.contested)
    expect(recordOf(full.chain.state, other.deviceId)?.marks).toBe(0)
    // Known by now: no witness is troubled with it.
    await desk.report(await duel())
    expect([asked, submitted.length, desk.size]).toEqual([1, 1, 0])
  })

  it('waits for witnesses, but not for ever, and takes one incident of a device meanwhile', async () => {
    witnesses = async () => reject('not-enough-endorsements', '1 of 2 coordination nodes could be asked.')
    await desk.report(await duel())
    await desk.report(await duel())
    expect([asked, desk.size]).toEqual([1, 1])
    await desk.report(await duel(phones[1]))
    expect(desk.size).toBe(2)
    for (let i = 0; i < MAX_INCIDENT_TRIES; i++) await desk.look()
    expect([submitted.length, desk.size]).toEqual([0, 0])
    witnesses = async (bytes) => {
      const endorsement = await witness(bytes)
      return endorsement.ok ? accept([endorsement.value]) : endorsement
    }
    await desk.report(await duel())
    expect(submitted.length).toBe(1)
  })

  it('goes on after a fault on the way, and hands in what it kept', async () => {
    const good = witnesses
    witnesses = () => Promise.reject(new Error('disk full'))
    await desk.report(await duel())
    expect([asked, desk.size]).toEqual([1, 1])
    witnesses = good
    await desk.look()
    expect([submitted.length, desk.size]).toEqual([1, 0])
  })

  it.each(['mempool-busy', 'mempool-full', 'group-full', 'not-ready', 'not-a-coordination-node'])(
    'keeps what is refused for now: %s',
    async (code) => {
      witnesses = async () => reject(code, 'later')
      await desk.report(await duel())
      expect(desk.size).toBe(1)
    },
  )

  it('gives up what no witness will ever sign', async () => {
    witnesses = async () => reject('bad-signature', 'no')
    await desk.report(await duel())
    expect([asked, submitted.length, desk.size]).toEqual([1, 0, 0])
  })

  it('keeps so many at most', async () => {
    witnesses = async () => reject('not-ready', 'later')
    const incident = await duel()
    // Each of another device, of which the chain knows nothing yet.
    const of = (i: number): IncidentContent => ({
      ...incident,
      claimed: { ...incident.claimed, deviceId: new Uint8Array(32).fill(i + 1) },
    })
    const before = [...Array(MAX_WAITING_INCIDENTS + 3).keys()].map((i) => desk.report(of(i)))
    expect(desk.size).toBe(MAX_WAITING_INCIDENTS)
    await Promise.all(before)
    // None of these devices is in the ledger.
    expect(desk.size).toBe(0)
  })
})
