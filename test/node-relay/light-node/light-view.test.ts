/** A node that judges by proofs alone: what it endorses, what it refuses, and what it cannot say. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createNodeVerifier } from '../../../node-relay/crypto/node-verifier.ts'
import { registerWithVoucher } from '../../../node-relay/device-agent/registration.ts'
import { createLightEndorser } from '../../../node-relay/light-node/light-endorser.ts'
import { isStale } from '../../../node-relay/light-node/light-view.ts'
import { MAX_JUDGED_AT_ONCE, PROOFS_MS } from '../../../node-relay/light-node/proven-state.ts'
import type { Result } from '../../../shared/errors.ts'
import { LABEL } from '../../../shared/identity/label.ts'
import { PRESETS } from '../../../shared/params.ts'
import { PROTOCOLS } from '../../../shared/protocol/ids.ts'
import { proofCodec, statusCodec } from '../../../shared/protocol/messages.ts'
import type { VoucherSecret } from '../../../shared/protocol/voucher-text.ts'
import { endorsementMessage, hashApplication } from '../../../shared/transaction/register.ts'
import { transactionCodec } from '../../../shared/transaction/transaction.ts'
import { foundRelay, makeVoucher, registerByVoucher, type TestDevice } from '../../framework/chain-actions.ts'
import { ChainBuilder, namedSigner } from '../../framework/chain-builder.ts'
import { type Answer, createHonestNode } from '../../framework/honest-node.ts'
import { endScenes, type LightScene, openScene } from './scene.ts'

let builder: ChainBuilder
/** Whose keys the node has: it is in the coordination set. */
let relay: TestDevice
let honest: Answer
let scene: LightScene

beforeEach(async () => {
  builder = new ChainBuilder()
  relay = await foundRelay(builder)
  await builder.mineMany(6)
  honest = createHonestNode({ chain: builder })
  scene = openScene(builder)
})
afterEach(endScenes)

const following = () => scene.until(() => scene.chain.tip.id === builder.tip.node.id)

/** A block more, which the node hears of. */
async function oneMore(): Promise<void> {
  await builder.mine({ time: Math.max(scene.clock.now(), builder.tip.block.header.time + 1) })
  await following()
}

async function application(secret: VoucherSecret, name = 'phone'): Promise<Uint8Array> {
  return (await registerWithVoucher(secret, namedSigner(name), namedSigner('recovery').publicKey)).transaction
}

function door({ deviceId }: { deviceId: Uint8Array | undefined } = relay) {
  return createLightEndorser({
    chain: scene.chain,
    state: scene.view.state,
    verifier: scene.verifier,
    wallet: relay.wallet,
    deviceId: () => deviceId,
    now: scene.clock.now,
    evidence: { keep: () => ({ ok: true }), get: () => undefined },
    revocation: () => ({ ok: true, value: [] }),
  })
}

async function finish<Value>(answer: Promise<Value>): Promise<Value> {
  let isDone = false
  const done = answer.finally(() => {
    isDone = true
  })
  await scene.until(() => isDone)
  return await done
}

const endorse = (bytes: Uint8Array) => finish<Result<unknown>>(door().endorse(bytes))

describe('endorses', () => {
  it('a good application, by proofs under the settled header, and no block', async () => {
    await scene.connect('one', honest)
    await following()
    const bytes = await application(await makeVoucher(builder, relay))
    const answer = await finish(door().endorse(bytes))
    if (!answer.ok) throw new Error(answer.code)
    const decoded = transactionCodec.decode(bytes)
    if (!decoded.ok || decoded.value.TAG !== 'register') throw new Error('no registration')
    const message = endorsementMessage(builder.networkId, hashApplication(decoded.value.data))
    const check = { publicKey: relay.wallet.publicKey, message, signature: answer.value.signature }
    expect(createNodeVerifier().verifySync(check)).toBe(true)
    const protocols = new Set(scene.asked.map(({ protocol }) => protocol))
    expect([...protocols].sort()).toEqual([PROTOCOLS.headers.id, PROTOCOLS.proof.id, PROTOCOLS.status.id])
    // What every application reads is proven once for a settled header: set, policy, epoch, issuer; then anchor and device.
    const proofs = () => scene.asked.filter(({ protocol }) => protocol === PROTOCOLS.proof.id).length
    const before = proofs()
    expect(await endorse(await application(await makeVoucher(builder, relay, { name: 'next' }), 'next'))).toMatchObject(
      {
        ok: true,
      },
    )
    expect([before, proofs() - before]).toEqual([6, 2])
  })

  it('nobody with a used voucher, a forged one, or one by a device without the right', async () => {
    const secret = await makeVoucher(builder, relay)
    const phone = await registerByVoucher(builder, secret, { wallet: namedSigner('first'), endorsers: [relay] })
    await builder.mineMany(4)
    await scene.connect('one', honest)
    await following()
    expect(await endorse(await application(secret))).toMatchObject({ code: 'voucher-used' })
    const own = await makeVoucher(builder, phone, { name: 'by a phone' })
    expect(await endorse(await application(own))).toMatchObject({ code: 'issuer-has-no-right' })
    const forged = { ...(await makeVoucher(builder, relay, { name: 'other' })), signature: new Uint8Array(64) }
    expect(await endorse(await application(forged))).toMatchObject({ code: 'bad-signature' })
    expect(await endorse(new Uint8Array(200))).toMatchObject({ code: 'malformed' })
    expect(await finish(door().witness(await application(own)))).toMatchObject({ code: 'not-an-application' })
  })

  it('nobody while it is not in the set itself', async () => {
    await scene.connect('one', honest)
    await following()
    const bytes = await application(await makeVoucher(builder, relay))
    for (const deviceId of [undefined, namedSigner('stranger').publicKey])
      expect(await finish(door({ deviceId }).endorse(bytes))).toMatchObject({ code: 'not-a-coordination-node' })
  })
})

describe('cannot say', () => {
  it('asks the next where one lies or is silent, and charges who lies', async () => {
    const liar: Answer = async (protocol, bytes) => {
      const answer = await honest(protocol, bytes)
      if (protocol !== PROTOCOLS.proof.id || answer === 'reject') return answer
      const decoded = proofCodec.decode(answer)
      if (!decoded.ok || decoded.value.proof === undefined) return answer
      const changed = answer.slice()
      changed[changed.length - 1] = (changed[changed.length - 1] as number) ^ 1
      return changed
    }
    const silent: Answer = (protocol, bytes) =>
      protocol === PROTOCOLS.proof.id ? new Promise(() => {}) : honest(protocol, bytes)
    await scene.connect('liar', liar)
    await scene.connect('silent', silent)
    await following()
    const bytes = await application(await makeVoucher(builder, relay))
    expect(await endorse(bytes)).toMatchObject({ code: 'view-unavailable' })
    expect(scene.penalties).toContainEqual({ peer: 'liar', code: expect.stringMatching(/wrong-proof|malformed/) })
    await scene.connect('one', honest)
    await following()
    expect(await endorse(bytes)).toMatchObject({ ok: true })
  })

  it('without a server it refuses within its time, and goes on by itself', async () => {
    await scene.connect('one', honest)
    await following()
    await scene.leave('one')
    const since = scene.clock.now()
    const bytes = await application(await makeVoucher(builder, relay))
    expect(await endorse(bytes)).toMatchObject({ code: 'view-unavailable' })
    expect(scene.clock.now() - since).toBeLessThanOrEqual(PROOFS_MS)
    await scene.connect('two', honest)
    await following()
    expect(await endorse(bytes)).toMatchObject({ ok: true })
  })

  it('vouches for nobody by what is too old, and does again when blocks settle', async () => {
    await scene.connect('one', honest)
    await following()
    const bytes = await application(await makeVoucher(builder, relay))
    await scene.clock.advance(40_000)
    expect(scene.view.obstacle()).toMatchObject({ code: 'view-stale' })
    expect(await endorse(bytes)).toMatchObject({ code: 'view-stale' })
    for (let i = 0; i < 4; i++) await oneMore()
    expect(scene.view.obstacle()).toBeUndefined()
    expect(await endorse(bytes)).toMatchObject({ ok: true })
  })

  it('vouches for nobody while most full nodes have another time', async () => {
    const at = (ms: number) => createHonestNode({ chain: builder, now: () => scene.clock.now() + ms })
    await scene.connect('one', at(-121_000))
    await following()
    const bytes = await application(await makeVoucher(builder, relay))
    expect(await endorse(bytes)).toMatchObject({ code: 'view-clock' })
    await scene.connect('two', at(119_000))
    await scene.until(() => scene.view.servers.size === 2)
    expect(await endorse(bytes)).toMatchObject({ ok: true })
    await scene.connect('three', at(121_000))
    await scene.until(() => scene.view.servers.size === 3)
    expect(await endorse(bytes)).toMatchObject({ code: 'view-clock' })
    await scene.leave('three')
    expect(await endorse(bytes)).toMatchObject({ ok: true })
  })

  it('judges a few at once, and tells the others to come again', async () => {
    const hanging: Answer = (protocol, bytes) =>
      protocol === PROTOCOLS.proof.id ? new Promise(() => {}) : honest(protocol, bytes)
    await scene.connect('one', hanging)
    await following()
    const bytes = await application(await makeVoucher(builder, relay))
    const waiting = Array.from({ length: MAX_JUDGED_AT_ONCE }, () => door().endorse(bytes))
    expect(await endorse(bytes)).toMatchObject({ code: 'view-busy' })
    for (const one of waiting) expect(await finish(one)).toMatchObject({ code: 'view-unavailable' })
    expect(await endorse(bytes)).toMatchObject({ code: 'view-unavailable' })
  })
})

describe('follows', () => {
  it('full nodes alone: others are set aside, and asked again later', async () => {
    let label: number = LABEL.coordination
    const other: Answer = async (protocol, bytes) => {
      const answer = await honest(protocol, bytes)
      const status = protocol === PROTOCOLS.status.id && answer !== 'reject' ? statusCodec.decode(answer) : undefined
      return status?.ok ? statusCodec.encode({ ...status.value, label }) : answer
    }
    await scene.connect('other', other)
    await scene.clock.advance(5_000)
    expect([scene.view.servers.size, scene.chain.tip.height]).toEqual([0, 0])
    expect(scene.asked).toHaveLength(1)
    label = LABEL.full
    await scene.clock.advance(60_000)
    scene.view.look()
    await following()
    expect(scene.view.servers.size).toBe(1)
  })
})

it('a settled header is too old when the chain has been silent, and what settles takes time', () => {
  const { home, test } = PRESETS
  expect([isStale(0, 960_000, home), isStale(0, 960_001, home)]).toEqual([false, true])
  expect([isStale(0, 34_000, test), isStale(0, 34_001, test)]).toEqual([false, true])
})
