import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Examiner } from '../../../node-relay/full-admission/examiner.ts'
import { serve } from '../../../node-relay/serving/handlers.ts'
import { fullApplicationCodec } from '../../../shared/admission/full-application.ts'
import { QUOTE_LENGTH } from '../../../shared/admission/quote.ts'
import { asciiBytes, ZERO_HASH } from '../../../shared/bytes.ts'
import type { ServiceRecord } from '../../../shared/coordination/service-record.ts'
import { accept, type Result, reject } from '../../../shared/errors.ts'
import { LABEL } from '../../../shared/identity/label.ts'
import { deviceKey } from '../../../shared/ledger/state-keys.ts'
import { challengeOutcomeCodec, challengeRequestCodec } from '../../../shared/protocol/challenge-messages.ts'
import { evidenceAnswerCodec, evidenceRequestCodec } from '../../../shared/protocol/evidence-request.ts'
import { fullAnswerCodec, storageAnswerCodec, storageRequestCodec } from '../../../shared/protocol/full-messages.ts'
import { PREVIOUS_PROTOCOLS, PROTOCOLS } from '../../../shared/protocol/ids.ts'
import { joinAnswerCodec, type Quoted, WAY } from '../../../shared/protocol/join-messages.ts'
import {
  blocksRequestCodec,
  checkpointRequestCodec,
  endorsementAnswerCodec,
  headersRequestCodec,
  peersCodec,
  proofCodec,
  proofRequestCodec,
  refusal,
  statusCodec,
  statusRequestCodec,
  submitAnswerCodec,
  transactionsRequestCodec,
} from '../../../shared/protocol/messages.ts'
import { type PairAnswer, pairAnswerCodec } from '../../../shared/protocol/pair-messages.ts'
import { serversCodec, serversRequestCodec } from '../../../shared/protocol/service-messages.ts'
import { previousVersion } from '../../../shared/protocol/versions.ts'
import { foundRelay, sayService, type TestDevice } from '../../framework/chain-actions.ts'
import { type BuiltBlock, ChainBuilder } from '../../framework/chain-builder.ts'
import { signApplication, signStorageRequest } from '../../framework/full-actions.ts'
import { createHonestNode } from '../../framework/honest-node.ts'
import { createFakeNetwork, type FakeNetwork } from '../full-node/fake-network.ts'
import { closeAll, type OpenChain, openChain } from '../full-node/open-chain.ts'

const PEERS = ['/ip4/192.168.1.20/tcp/4673/p2p/12D3KooWrelay']
let builder: ChainBuilder
let full: OpenChain
let relay: TestDevice
let network: FakeNetwork
let serviceRecords: ServiceRecord[]
let submitted: Result<{ transactionId: Uint8Array }>
let shown: Result<Uint8Array>
let passed: unknown
let examined: Awaited<ReturnType<Examiner['hear']>>
let digested: Result<{ digest: Uint8Array }>
let quoted: Result<Quoted>
let paired: Result<PairAnswer>
let applied: Uint8Array
let endorsed: Result<{ deviceId: Uint8Array; signature: Uint8Array }>
const absent = new Uint8Array(32).fill(3)

beforeEach(async () => {
  builder = new ChainBuilder()
  relay = await foundRelay(builder)
  await builder.mineMany(6)
  full = await openChain(builder)
  await full.feed(...builder.from(1))
  network = createFakeNetwork()
  serviceRecords = [await sayService(builder, builder.keeper(0), { seat: 0, issuedAt: 1 })]
  submitted = accept({ transactionId: absent })
  shown = accept(Uint8Array.of(1, 2))
  examined = reject('no-seat', 'nobody is examined here')
  digested = accept({ digest: absent })
  quoted = accept({
    ...{ quote: new Uint8Array(QUOTE_LENGTH), base: 1, pressure: 1, faults: 1, most: 4096, isWaived: false },
    ...{ way: WAY.certificate, nonce: absent },
  })
  endorsed = accept({ deviceId: relay.deviceId, signature: new Uint8Array(64) })
  await serve({
    network,
    chain: full.chain,
    reader: full.reader,
    label: () => LABEL.full | LABEL.coordination,
    mayProve: () => true,
    knownPeers: () => PEERS,
    serviceRecords: (seats) => serviceRecords.filter(({ seat }) => seats.includes(seat)),
    now: () => full.clock.now,
    submit: async () => submitted,
    challenge: async (from, { deviceId, nonce, isPassedOn }) => {
      passed = { from, deviceId, nonce, isPassedOn }
      return { TAG: 'waiting', data: { expires: 5 } }
    },
    showEvidence: async () => shown,
    examiner: { hear: async () => examined },
    showStorage: async () => digested,
    endorse: {
      endorse: async () => endorsed,
      async endorseCertified(bytes) {
        applied = bytes
        return endorsed
      },
      witness: async () => endorsed,
    },
    quote: async () => quoted,
    pair: async () => paired,
  })
})
afterEach(closeAll)

function withTransactions(): BuiltBlock {
  const found = builder.from(1).find(({ block }) => block.transactions.length > 0)
  if (found === undefined) throw new Error('no block has a transaction')
  return found
}

describe('serving', () => {
  it('answers as the honest node of the tests does: one protocol, two builders', async () => {
    const honest = createHonestNode({ chain: builder })
    const { networkId } = builder
    const key = deviceKey(relay.deviceId)
    const requests: [keyof typeof PROTOCOLS, Uint8Array][] = [
      ...[ZERO_HASH, networkId, builder.at(4).node.hash].map((hash): [keyof typeof PROTOCOLS, Uint8Array] => [
        'checkpoint',
        checkpointRequestCodec.encode({ networkId, hash }),
      ]),
      ['headers', headersRequestCodec.encode({ networkId, locator: [absent, networkId], count: 1_000 })],
      ['headers', headersRequestCodec.encode({ networkId, locator: [builder.at(3).node.hash], count: 2 })],
      ['headers', headersRequestCodec.encode({ networkId, locator: [absent], count: 2 })],
      ['blocks', blocksRequestCodec.encode({ networkId, hashes: [builder.at(3).node.hash, absent] })],
      ['blocks', blocksRequestCodec.encode({ networkId, hashes: [absent] })],
      ['transactions', transactionsRequestCodec.encode({ networkId, hash: withTransactions().node.hash, places: [0] })],
      ['transactions', transactionsRequestCodec.encode({ networkId, hash: absent, places: [0, 7] })],
      ['proof', proofRequestCodec.encode({ networkId, headerHash: builder.at(5).node.hash, key })],
      ['proof', proofRequestCodec.encode({ networkId, headerHash: builder.at(5).node.hash, key: deviceKey(absent) })],
    ]
    for (const [protocol, request] of requests)
      expect(await network.ask(PROTOCOLS[protocol], request), protocol).toEqual(
        await honest(PROTOCOLS[protocol].id, request),
      )
  })

  it('tells of full nodes', async () => {
    const answer = await network.ask(PROTOCOLS.peers, statusRequestCodec.encode({ networkId: builder.networkId }))
    expect(peersCodec.decode(answer as Uint8Array)).toEqual({ ok: true, value: { addresses: PEERS } })
  })

  it('tells where the holders of seats serve', async () => {
    const ask = (seats: number[]) =>
      network.ask(PROTOCOLS.servers, serversRequestCodec.encode({ networkId: builder.networkId, seats }))
    expect(await ask([0, 3])).toEqual(serversCodec.encode({ records: serviceRecords }))
    expect(await ask([3])).toEqual(serversCodec.encode({ records: [] }))
    expect(await network.ask(PROTOCOLS.servers, serversRequestCodec.encode({ networkId: absent, seats: [0] }))).toBe(
      'reject',
    )
  })

  it('says where it stands', async () => {
    const answer = await network.ask(PROTOCOLS.status, statusRequestCodec.encode({ networkId: builder.networkId }))
    const status = statusCodec.decode(answer as Uint8Array)
    expect(status.ok && status.value).toMatchObject({
      label: LABEL.full | LABEL.coordination,
      tip: { height: builder.tip.node.height, hash: builder.tip.node.hash, work: builder.tip.node.work },
      settledHeight: full.chain.graph.settled.node.height,
      time: full.clock.now,
      recovered: 0,
      sealedTip: builder.tip.item.sealed,
    })
    const request = statusRequestCodec.encode({ networkId: builder.networkId })
    const older = await network.ask(PREVIOUS_PROTOCOLS.status, request)
    expect(older).toEqual(previousVersion('status')?.toOld(answer as Uint8Array))
  })

  it('has no proof for a header that it does not know, and no checkpoint either', async () => {
    const { networkId } = builder
    const answer = await network.ask(
      PROTOCOLS.proof,
      proofRequestCodec.encode({ networkId, headerHash: absent, key: absent }),
    )
    expect(proofCodec.decode(answer as Uint8Array)).toMatchObject({ ok: true, value: { proof: undefined } })
    // A failure, which the asker is not charged for: its own checkpoint may be of another branch.
    await expect(
      network.ask(PROTOCOLS.checkpoint, checkpointRequestCodec.encode({ networkId, hash: absent })),
    ).rejects.toMatchObject({ code: 'unknown-header' })
  })

  it('refuses what does not decode and what is for another network', async () => {
    const other = absent
    for (const [protocol, request] of [
      ['status', statusRequestCodec.encode({ networkId: other })],
      ['checkpoint', checkpointRequestCodec.encode({ networkId: other, hash: ZERO_HASH })],
      ['headers', headersRequestCodec.encode({ networkId: other, locator: [ZERO_HASH], count: 1 })],
      ['proof', proofRequestCodec.encode({ networkId: other, headerHash: ZERO_HASH, key: ZERO_HASH })],
    ] as const) {
      expect(await network.ask(PROTOCOLS[protocol], request), protocol).toBe('reject')
      expect(await network.ask(PROTOCOLS[protocol], request.subarray(1)), protocol).toBe('reject')
      expect(await network.ask(PROTOCOLS[protocol], new Uint8Array()), protocol).toBe('reject')
    }
  })

  it('answers submissions and applications with their code; what is no transaction is charged', async () => {
    const bytes = Uint8Array.of(1)
    expect(submitAnswerCodec.decode((await network.ask(PROTOCOLS.submit, bytes)) as Uint8Array)).toMatchObject({
      value: { TAG: 'accepted', data: { transactionId: absent } },
    })
    expect(endorsementAnswerCodec.decode((await network.ask(PROTOCOLS.endorse, bytes)) as Uint8Array)).toMatchObject({
      value: { TAG: 'endorsed', data: { deviceId: relay.deviceId } },
    })
    submitted = endorsed = reject('voucher-used', `this voucher has been used ${'é'.repeat(300)}`)
    expect(submitAnswerCodec.decode((await network.ask(PROTOCOLS.submit, bytes)) as Uint8Array)).toMatchObject({
      value: { TAG: 'refused', data: { code: 'voucher-used' } },
    })
    expect(endorsementAnswerCodec.decode((await network.ask(PROTOCOLS.endorse, bytes)) as Uint8Array)).toMatchObject({
      value: { TAG: 'refused', data: { code: 'voucher-used' } },
    })
    submitted = endorsed = reject('malformed', 'not a transaction')
    expect(await network.ask(PROTOCOLS.submit, bytes)).toBe('reject')
    expect(await network.ask(PROTOCOLS.endorse, bytes)).toBe('reject')
  })

  it('says what a join costs, or why it is none', async () => {
    const ask = async () => {
      const answer = await network.ask(PROTOCOLS.join, Uint8Array.of(1))
      return answer === 'reject' ? answer : joinAnswerCodec.decode(answer)
    }
    expect(await ask()).toMatchObject({ value: { TAG: 'quoted', data: { pressure: 1, most: 4096 } } })
    quoted = reject('anchor-live', 'this identity has a live ID')
    expect(await ask()).toMatchObject({ value: { TAG: 'refused', data: { code: 'anchor-live' } } })
    quoted = reject('malformed', 'no ask')
    expect(await ask()).toBe('reject')
  })

  it('says how it stands with who asks for approval', async () => {
    const ask = async () => {
      const answer = await network.ask(PROTOCOLS.pair, Uint8Array.of(1))
      return answer === 'reject' ? answer : pairAnswerCodec.decode(answer)
    }
    paired = accept({ TAG: 'waiting', data: { code: asciiBytes('BCDFGHJK'), lasts: 1 } })
    expect(await ask()).toMatchObject({ value: { TAG: 'waiting', data: { lasts: 1 } } })
    paired = reject('not-approved', 'the operator of the relay has refused it')
    expect(await ask()).toMatchObject({ value: { TAG: 'refused', data: { code: 'not-approved' } } })
    paired = reject('malformed', 'no ask')
    expect(await ask()).toBe('reject')
  })

  it('takes a certified application of the version before as one without payments', async () => {
    const previous = PREVIOUS_PROTOCOLS.endorseCertified
    const answer = await network.ask(previous, Uint8Array.of(7, 8))
    expect(applied).toEqual(Uint8Array.of(7, 8, 0))
    expect(endorsementAnswerCodec.decode(answer as Uint8Array)).toMatchObject({ value: { TAG: 'endorsed' } })
    await network.ask(PROTOCOLS.endorseCertified, Uint8Array.of(7, 8))
    expect(applied).toEqual(Uint8Array.of(7, 8))
  })

  it('shows evidence, or says why not, also where it does not coordinate', async () => {
    const { networkId } = builder
    const open = { networkId, evidence: absent, time: 1, seat: 0, signature: new Uint8Array(64) }
    const ask = async (request: Uint8Array) => {
      const answer = await network.ask(PROTOCOLS.evidence, request)
      return answer === 'reject' ? answer : evidenceAnswerCodec.decode(answer)
    }
    expect(await ask(evidenceRequestCodec.encode(open))).toMatchObject({
      value: { TAG: 'shown', data: { evidence: Uint8Array.of(1, 2) } },
    })
    shown = reject('not-a-member', 'evidence is shown to full nodes alone')
    expect(await ask(evidenceRequestCodec.encode(open))).toMatchObject({
      value: { TAG: 'refused', data: { code: 'not-a-member' } },
    })
    expect(await ask(evidenceRequestCodec.encode({ ...open, networkId: absent }))).toBe('reject')
    expect(await ask(new Uint8Array(146))).toBe('reject')
  })

  it('takes a question to a device on, of this network only', async () => {
    const { networkId } = builder
    const question = { networkId, deviceId: relay.deviceId, nonce: absent, isPassedOn: true }
    const answer = await network.ask(PROTOCOLS.challenge, challengeRequestCodec.encode(question))
    expect(passed).toEqual({ from: 'peer', deviceId: relay.deviceId, nonce: absent, isPassedOn: true })
    expect(answer !== 'reject' && challengeOutcomeCodec.decode(answer)).toMatchObject({
      value: { TAG: 'waiting', data: { expires: 5 } },
    })
    const elsewhere = challengeRequestCodec.encode({ ...question, networkId: absent })
    for (const bad of [elsewhere, elsewhere.subarray(1), new Uint8Array()])
      expect(await network.ask(PROTOCOLS.challenge, bad)).toBe('reject')
  })

  it('hears applicants and answers storage challenges, of this network alone', async () => {
    const application = await signApplication(builder, relay)
    const content = { deviceId: relay.deviceId, nonce: absent, height: 3, time: 1, seat: 0 }
    const question = await signStorageRequest(builder, content)
    const ask = async () => ({
      full: await network.ask(PROTOCOLS.fullApplication, fullApplicationCodec.encode(application)),
      storage: await network.ask(PROTOCOLS.storageChallenge, storageRequestCodec.encode(question)),
    })
    const { full, storage } = await ask()
    expect(full !== 'reject' && fullAnswerCodec.decode(full)).toMatchObject({ value: { data: { code: 'no-seat' } } })
    expect(storage !== 'reject' && storageAnswerCodec.decode(storage)).toMatchObject({ value: { TAG: 'answered' } })
    digested = reject('busy', 'one at a time')
    const refused = (await ask()).storage
    expect(refused !== 'reject' && storageAnswerCodec.decode(refused)).toMatchObject({
      value: { data: { code: 'busy' } },
    })
    const elsewhere = [
      [PROTOCOLS.fullApplication, fullApplicationCodec.encode({ ...application, networkId: absent })],
      [PROTOCOLS.storageChallenge, storageRequestCodec.encode({ ...question, networkId: absent })],
    ] as const
    for (const [spec, bytes] of elsewhere)
      for (const bad of [bytes, bytes.subarray(1), new Uint8Array()])
        expect(await network.ask(spec, bad)).toBe('reject')
  })

  it('offers endorsements only where it coordinates', async () => {
    const light = createFakeNetwork()
    const { chain, reader } = full
    await serve({
      network: light,
      chain,
      reader,
      mayProve: () => true,
      label: () => LABEL.full,
      knownPeers: () => [],
      serviceRecords: () => [],
      now: () => 0,
      submit: async () => submitted,
      challenge: async () => refusal('not-in-ledger', 'not here'),
      showEvidence: async () => shown,
      examiner: { hear: async () => examined },
      showStorage: async () => digested,
      endorse: undefined,
      quote: undefined,
      pair: undefined,
    })
    expect(light.handlers.has(PROTOCOLS.endorse.id)).toBe(false)
    expect(light.handlers.has(PROTOCOLS.evidence.id)).toBe(true)
    expect(network.handlers.has(PROTOCOLS.endorse.id)).toBe(true)
  })
})
