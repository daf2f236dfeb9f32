/** Who asks the device itself learns whether its key is there: a label alone is never genuine. */
import { describe, expect, it } from 'vitest'
import type { Signer } from '../../../shared/crypto/signer.ts'
import {
  type ChallengeAnswer,
  challengeAnswerMessage,
  formatChallenge,
  formatChallengeAnswer,
  parseChallenge,
  parseChallengeAnswer,
} from '../../../shared/device-profile/challenge.ts'
import { formatDeviceId } from '../../../shared/identity/device-id.ts'
import {
  type ChallengeMessage,
  challengeOutcomeCodec,
  challengeRequestCodec,
} from '../../../shared/protocol/challenge-messages.ts'
import { PROTOCOLS } from '../../../shared/protocol/ids.ts'
import { refusal } from '../../../shared/protocol/messages.ts'
import { transactionCodec } from '../../../shared/transaction/transaction.ts'
import { MAX_CHALLENGE_AGE_MS } from '../../../web/client/challenge.ts'
import { DEVICE_PATIENCE_MS } from '../../../web/client/genuine.ts'
import { foundRelay, makeVoucher, registerByVoucher, retire } from '../../framework/chain-actions.ts'
import { ChainBuilder, namedSigner } from '../../framework/chain-builder.ts'
import { ClientHarness } from '../../framework/client-harness.ts'
import { type Answer, createHonestNode } from '../../framework/honest-node.ts'
import { fight, reportIncident } from '../../framework/session-peer.ts'

async function scene() {
  const chain = new ChainBuilder()
  const relay = await foundRelay(chain)
  const enrol = async (name: string) =>
    registerByVoucher(chain, await makeVoucher(chain, relay, { name }), {
      wallet: namedSigner(name),
      endorsers: [relay],
    })
  const sensor = await enrol('sensor')
  const other = await enrol('other')
  await chain.mineMany(4)
  const harness = new ClientHarness({ chain })
  await harness.open()
  await harness.connect('A', createHonestNode({ chain, now: () => harness.clock.now() }))
  const idOf = (deviceId: Uint8Array) => formatDeviceId(chain.networkId, deviceId)
  const ask = async (deviceId: Uint8Array) => {
    const outcome = await harness.call({ call: 'challenge', deviceId: idOf(deviceId) })
    if (!outcome.ok) throw new Error(outcome.sentence)
    return outcome.value.text
  }
  /** What a device shows, with its ID and key. */
  const answer = async (
    question: string,
    deviceId: Uint8Array,
    wallet: Signer,
    change: Partial<ChallengeAnswer> = {},
  ) => {
    const nonce = parseChallenge(question, chain.networkId)
    if (!nonce.ok) throw new Error(nonce.detail)
    const content = { networkId: chain.networkId, deviceId, nonce: nonce.value, time: harness.clock.now(), ...change }
    return formatChallengeAnswer({ ...content, signature: await wallet.sign(challengeAnswerMessage(content)) })
  }
  const check = (text: string) => harness.finish({ call: 'check-answer', text })
  return { chain, sensor: { ...sensor, sponsor: relay.deviceId }, other, harness, idOf, ask, answer, check }
}

describe('a device that is asked itself', () => {
  it('is genuine when the key of its settled record signs, once for each question', async () => {
    const { sensor, idOf, ask, answer, check } = await scene()
    const shown = await answer(await ask(sensor.deviceId), sensor.deviceId, namedSigner('sensor'))
    expect(await check(shown)).toMatchObject({
      ok: true,
      value: {
        verdict: 'genuine',
        deviceId: idOf(sensor.deviceId),
        checked: expect.arrayContaining([expect.stringContaining('has signed the question')]),
      },
    })
    expect(await check(shown)).toMatchObject({ ok: false, code: 'no-challenge' })
    await ask(sensor.deviceId)
    expect(await check(shown)).toMatchObject({ ok: false, code: 'answer-to-other-challenge' })
  })

  it('is not by another key, nor for another ID', async () => {
    const { sensor, other, ask, answer, check } = await scene()
    const question = await ask(sensor.deviceId)
    expect(await check(await answer(question, sensor.deviceId, namedSigner('other')))).toMatchObject({
      ok: false,
      code: 'wrong-signature',
    })
    expect(await check(await answer(question, other.deviceId, namedSigner('other')))).toMatchObject({
      ok: false,
      code: 'answer-of-other-device',
    })
    const elsewhere = new Uint8Array(32).fill(9)
    expect(
      await check(await answer(question, sensor.deviceId, namedSigner('sensor'), { networkId: elsewhere })),
    ).toMatchObject({ ok: false, code: 'answer-of-other-network' })
    // The question is still open for the device itself.
    expect(await check(await answer(question, sensor.deviceId, namedSigner('sensor')))).toMatchObject({
      value: { verdict: 'genuine' },
    })
  })

  it('is not when it was made up, or is retired', async () => {
    const { chain, sensor, harness, ask, answer, check } = await scene()
    const madeUp = new Uint8Array(32).fill(5)
    expect(await check(await answer(await ask(madeUp), madeUp, namedSigner('thief')))).toMatchObject({
      ok: true,
      value: { verdict: 'not-in-ledger' },
    })
    const question = await ask(sensor.deviceId)
    await retire(chain, sensor)
    for (let i = 0; i < 4; i++) await harness.gossip('A', await chain.mine())
    expect(await check(await answer(question, sensor.deviceId, namedSigner('sensor')))).toMatchObject({
      ok: true,
      value: { verdict: 'retired' },
    })
  })

  it('is not while a copy of its key is about, whoever answers', async () => {
    const { chain, sensor, harness, idOf, ask, answer, check } = await scene()
    const relay = { deviceId: sensor.sponsor, wallet: chain.keeper(0) }
    const duel = await fight(sensor, { networkId: chain.networkId, time: chain.tip.block.header.time })
    chain.waiting.push(transactionCodec.encode(await reportIncident(duel, [relay])))
    for (let i = 0; i < 4; i++) await harness.gossip('A', await chain.mine())
    expect(await harness.finish({ call: 'audit', text: idOf(sensor.deviceId) })).toMatchObject({
      verdict: 'registered',
      sentence: expect.stringContaining('a copy of its key was used'),
      device: { contestedAt: expect.any(Number) },
    })
    const question = await ask(sensor.deviceId)
    expect(await check(await answer(question, sensor.deviceId, namedSigner('sensor')))).toMatchObject({
      ok: false,
      code: 'key-copied',
    })
    expect(await check(await answer(question, sensor.deviceId, namedSigner('other')))).toMatchObject({
      code: 'wrong-signature',
    })
  })

  it('is not with any bit of the answer altered, nor too late', async () => {
    const { sensor, harness, ask, answer, check } = await scene()
    const question = await ask(sensor.deviceId)
    const shown = parseChallengeAnswer(await answer(question, sensor.deviceId, namedSigner('sensor')))
    if (!shown.ok) throw new Error(shown.detail)
    for (const field of ['networkId', 'deviceId', 'nonce', 'signature'] as const)
      for (const at of [0, 17, 31]) {
        const bytes = Uint8Array.from(shown.value[field])
        bytes[at] = (bytes[at] as number) ^ 1
        expect(await check(formatChallengeAnswer({ ...shown.value, [field]: bytes })), `${field} ${at}`).toMatchObject({
          ok: false,
        })
      }
    expect(await check(formatChallengeAnswer({ ...shown.value, time: shown.value.time + 1 }))).toMatchObject({
      code: 'wrong-signature',
    })
    for (const text of ['', 'hello', question]) expect(await check(text)).toMatchObject({ code: 'malformed-answer' })
    harness.clock.set(harness.clock.now() + MAX_CHALLENGE_AGE_MS + 1)
    expect(await check(formatChallengeAnswer(shown.value))).toMatchObject({ code: 'challenge-expired' })
  })

  it('is not asked by what is no ID of this network', async () => {
    const { harness, sensor } = await scene()
    const ask = (deviceId: string) => harness.call({ call: 'challenge', deviceId })
    expect(await ask('hello')).toMatchObject({ ok: false, code: 'malformed-id' })
    expect(await ask(formatDeviceId(new Uint8Array(32).fill(3), sensor.deviceId))).toMatchObject({
      code: 'other-network',
    })
  })
})

describe('a device that is asked over the network', () => {
  /** Servers that bring what the device says, and note what they were asked. */
  async function asked(answers: (nth: number, nonce: Uint8Array, shown: () => Promise<ChallengeAnswer>) => unknown) {
    const made = await scene()
    const { chain, sensor, harness, ask, answer } = made
    const honest = createHonestNode({ chain, now: () => harness.clock.now() })
    const nonces: Uint8Array[] = []
    const server: Answer = async (protocol, request) => {
      if (protocol !== PROTOCOLS.challenge.id) return await honest(protocol, request)
      const open = challengeRequestCodec.decode(request)
      if (!open.ok || open.value.isPassedOn) throw new Error('not a question of this page')
      nonces.push(open.value.nonce)
      const shown = async () => {
        const text = formatChallenge(chain.networkId, open.value.nonce)
        const read = parseChallengeAnswer(await answer(text, sensor.deviceId, namedSigner('sensor')))
        if (!read.ok) throw new Error(read.detail)
        return read.value
      }
      const outcome = await answers(nonces.length, open.value.nonce, shown)
      return challengeOutcomeCodec.encode(outcome as ChallengeMessage)
    }
    for (const name of ['A', 'B']) await harness.connect(name, server)
    const question = await ask(sensor.deviceId)
    const outcome = await harness.finish({ call: 'ask-device' }, 2 * DEVICE_PATIENCE_MS)
    return { ...made, question, nonces, outcome }
  }
  const waiting = { TAG: 'waiting', data: { expires: 1 } }

  it('is genuine by the same answer, after it was waited for', async () => {
    const { chain, question, nonces, outcome } = await asked(async (nth, _, shown) =>
      nth < 4 ? waiting : { TAG: 'answered', data: { answer: await shown() } },
    )
    expect(outcome).toMatchObject({ ok: true, value: { verdict: 'genuine' } })
    expect(nonces.map((nonce) => formatChallenge(chain.networkId, nonce))).toEqual(Array(4).fill(question))
  })

  it('is not blamed for what a server makes up in its name', async () => {
    const { outcome, harness } = await asked(async (nth, _, shown) => {
      const answer = await shown()
      if (nth > 1) return { TAG: 'answered', data: { answer } }
      return { TAG: 'answered', data: { answer: { ...answer, time: answer.time + 1 } } }
    })
    expect(outcome).toMatchObject({ ok: true, value: { verdict: 'genuine' } })
    expect(harness.penalties).toEqual([])
  })

  it('stays registered when it does not answer', async () => {
    const { outcome } = await asked(() => waiting)
    expect(outcome).toMatchObject({
      ok: false,
      code: 'device-silent',
      sentence: expect.stringContaining('Its record stands, but this may be a copied label'),
    })
  })

  it('is asked no longer once another is', async () => {
    const { harness, nonces, ask, other } = await asked(() => waiting)
    await ask(other.deviceId)
    const before = nonces.length
    const first = harness.call({ call: 'ask-device' })
    await harness.clock.advance(5_000)
    const between = nonces.length
    expect(between).toBeGreaterThan(before)
    await ask(other.deviceId)
    await harness.clock.advance(5_000)
    expect(await first).toMatchObject({ ok: false })
    expect(nonces.length).toBe(between)
  })

  it('cannot be asked where no server puts the question, or none was made', async () => {
    const { outcome } = await asked(() => refusal('device-busy', 'wait a little'))
    expect(outcome).toMatchObject({ ok: false, code: 'cannot-ask' })
    const { harness } = await scene()
    expect(await harness.finish({ call: 'ask-device' })).toMatchObject({ ok: false, code: 'no-challenge' })
  })
})

it('a browser without an ID has nothing to prove, and signs no other words', async () => {
  const { chain, harness } = await scene()
  const prove = (text: string) => harness.call({ call: 'answer-challenge', text })
  const nonce = new Uint8Array(32).fill(1)
  expect(await prove(formatChallenge(chain.networkId, nonce))).toMatchObject({ ok: false, code: 'no-identity' })
  expect(await prove(formatChallenge(new Uint8Array(32), nonce))).toMatchObject({ ok: false, code: 'wrong-network' })
  expect(await prove('sign this')).toMatchObject({ ok: false, code: 'malformed-challenge' })
})
