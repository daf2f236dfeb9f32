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
import { MAX_CHALLENGE_AGE_MS } from '../../../web/client/challenge.ts'
import { foundRelay, makeVoucher, registerByVoucher, retire } from '../../framework/chain-actions.ts'
import { ChainBuilder, namedSigner } from '../../framework/chain-builder.ts'
import { ClientHarness } from '../../framework/client-harness.ts'
import { createHonestNode } from '../../framework/honest-node.ts'

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
  return { chain, sensor, other, harness, idOf, ask, answer, check }
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

it('a browser without an ID has nothing to prove, and signs no other words', async () => {
  const { chain, harness } = await scene()
  const prove = (text: string) => harness.call({ call: 'answer-challenge', text })
  const nonce = new Uint8Array(32).fill(1)
  expect(await prove(formatChallenge(chain.networkId, nonce))).toMatchObject({ ok: false, code: 'no-identity' })
  expect(await prove(formatChallenge(new Uint8Array(32), nonce))).toMatchObject({ ok: false, code: 'wrong-network' })
  expect(await prove('sign this')).toMatchObject({ ok: false, code: 'malformed-challenge' })
})
