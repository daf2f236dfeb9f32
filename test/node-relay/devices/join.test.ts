import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type EndorsingDoor, endorseApplication } from '../../../node-relay/coordination/endorse.ts'
import { createNodeVerifier } from '../../../node-relay/crypto/node-verifier.ts'
import { registerWithVoucher } from '../../../node-relay/device-agent/registration.ts'
import { createJoinDesk } from '../../../node-relay/devices/join.ts'
import { createSmallDevices } from '../../../node-relay/devices/small-devices.ts'
import { checkTransaction } from '../../../node-relay/full-node/check-transaction.ts'
import { certifiedApplicationCodec } from '../../../shared/admission/certificate-evidence.ts'
import { accept, LaresError, type Result, reject } from '../../../shared/errors.ts'
import { formatDeviceId } from '../../../shared/identity/device-id.ts'
import { endorsementAnswerCodec, refusal } from '../../../shared/protocol/messages.ts'
import type { Register } from '../../../shared/transaction/register.ts'
import { renewalEndorsementMessage, transactionCodec } from '../../../shared/transaction/transaction.ts'
import {
  changeCoordination,
  endorse,
  foundRelay,
  makeVoucher,
  registerByVoucher,
  type TestDevice,
} from '../../framework/chain-actions.ts'
import { ChainBuilder, namedSigner } from '../../framework/chain-builder.ts'
import { createFakeNetwork, type FakeNetwork } from '../full-node/fake-network.ts'
import { closeAll, type OpenChain, openChain } from '../full-node/open-chain.ts'

const verifier = createNodeVerifier()
const wallet = namedSigner('sensor')
let builder: ChainBuilder
let relay: TestDevice
let full: OpenChain
let network: FakeNetwork
let submitted: Uint8Array[]

beforeEach(async () => {
  builder = new ChainBuilder()
  relay = await foundRelay(builder)
  network = createFakeNetwork()
  submitted = []
})
afterEach(closeAll)

async function open(endorseHere: 'endorse' | 'not a coordination node' = 'endorse') {
  full = await openChain(builder)
  await full.feed(...builder.from(1))
  full.clock.now = builder.tip.block.header.time
  const own: EndorsingDoor = {
    endorse: (application) =>
      endorseApplication(
        { chain: full.chain, verifier, wallet: relay.wallet, deviceId: relay.deviceId, now: () => full.clock.now },
        application,
      ),
    endorseCertified: () => Promise.reject(new Error('not asked for')),
    witness: () => Promise.reject(new Error('not asked for')),
  }
  return createSmallDevices({
    chain: full.chain,
    network,
    verifier,
    wallet: relay.wallet,
    deviceId: relay.deviceId,
    endorse: endorseHere === 'endorse' ? own : undefined,
    quote: undefined,
    async submit(bytes) {
      const checked = checkTransaction(full.chain, full.clock.now, bytes)
      if (!checked.ok) return checked
      if (!(await verifier.verifyBatch(checked.value.signatures)).every(Boolean)) throw new Error('bad signature')
      submitted.push(bytes)
      return { ok: true, value: { transactionId: bytes.slice(0, 32) } }
    },
    now: () => full.clock.now,
    after: () => () => {},
  })
}

const application = async (name = 'sensor') =>
  await registerWithVoucher(await makeVoucher(builder, relay, { name }), wallet, namedSigner('recovery').publicKey)
const endorsersOf = (bytes: Uint8Array | undefined) => {
  const transaction = transactionCodec.decode(bytes as Uint8Array)
  return transaction.ok && transaction.value.TAG === 'register'
    ? transaction.value.data.endorsements.map(({ deviceId }) => deviceId)
    : undefined
}
const code = (result: Result<unknown>) => (result.ok ? 'good' : result.code)

/** A camera that came by the relay's voucher and coordinates: a second sponsor in the set. */
async function addCamera(): Promise<TestDevice> {
  const secret = await makeVoucher(builder, relay, { name: 'camera' })
  const camera = await registerByVoucher(builder, secret, { wallet: namedSigner('camera'), endorsers: [relay] })
  await builder.mine()
  await changeCoordination(builder, camera.deviceId)
  await builder.mine()
  return camera
}

/** Lets a peer answer for the camera. */
function connect(answer: (request: Uint8Array) => Promise<Uint8Array>): void {
  network.peers = () => [{ peerId: 'camera' } as ReturnType<FakeNetwork['peers']>[number]]
  network.request = async (_peer, _spec, request) => await answer(request)
}

const endorsedBy = (camera: TestDevice) => async (request: Uint8Array) => {
  const transaction = transactionCodec.decode(request)
  if (!transaction.ok || transaction.value.TAG !== 'register') throw new Error('not an application')
  return endorsementAnswerCodec.encode({
    TAG: 'endorsed',
    data: await endorse(builder, camera, transaction.value.data),
  })
}

describe('a device that joins over HTTP', () => {
  it('is endorsed by the one coordination node, and may ask again', async () => {
    const devices = await open()
    const { transaction, deviceId } = await application()
    const text = formatDeviceId(builder.networkId, deviceId)
    expect(await devices.join(transaction)).toMatchObject({ ok: true, value: { deviceId: text, state: 'pending' } })
    expect(endorsersOf(submitted[0])).toEqual([relay.deviceId])
    expect(code(await devices.join(transaction))).toBe('good')
    expect(submitted[1]).toEqual(submitted[0])
    // In a block, not settled: no second registration is made.
    builder.waiting.push(submitted[0] as Uint8Array)
    await full.feed(await builder.mine())
    full.clock.now = builder.tip.block.header.time
    expect(await devices.join(transaction)).toEqual({
      ok: true,
      value: { deviceId: text, state: 'pending', transactionId: undefined },
    })
    expect(devices.state(text)).toMatchObject({ value: { state: 'pending', sequence: 0 } })
    expect(submitted).toHaveLength(2)
  })

  it('gets the endorsement of a second sponsor from a peer', async () => {
    const camera = await addCamera()
    connect(endorsedBy(camera))
    const devices = await open()
    expect(code(await devices.join((await application()).transaction))).toBe('good')
    expect(endorsersOf(submitted[0])).toHaveLength(2)
    expect(endorsersOf(submitted[0])).toEqual(expect.arrayContaining([relay.deviceId, camera.deviceId]))
  })

  it('is refused without that, with a forged one, and with what the peer says', async () => {
    const camera = await addCamera()
    const devices = await open()
    const { transaction } = await application()
    expect(code(await devices.join(transaction))).toBe('not-enough-endorsements')
    connect(endorsedBy({ ...camera, wallet: namedSigner('thief') }))
    expect(code(await devices.join(transaction))).toBe('not-enough-endorsements')
    connect(async () => endorsementAnswerCodec.encode(refusal('voucher-expired', 'too late')))
    expect(code(await devices.join(transaction))).toBe('voucher-expired')
    connect(() => Promise.reject(new LaresError('timeout', 'asleep')))
    expect(code(await devices.join(transaction))).toBe('not-enough-endorsements')
    expect(submitted).toEqual([])
  })

  it('needs a relay that coordinates, or peers that do', async () => {
    const devices = await open('not a coordination node')
    const { transaction } = await application()
    expect(code(await devices.join(transaction))).toBe('not-enough-endorsements')
    connect(endorsedBy(relay))
    expect(code(await devices.join(transaction))).toBe('good')
  })

  it('waits while the relay is not in the set yet, rather than going in without endorsements', async () => {
    await changeCoordination(builder, relay.deviceId, 'remove')
    await builder.mine()
    const devices = await open()
    expect(code(await devices.join((await application()).transaction))).toBe('not-ready')
  })

  it('sends an application, whole and without endorsements', async () => {
    const devices = await open()
    const { transaction } = await application()
    expect(code(await devices.join(transaction.subarray(1)))).toBe('malformed')
    await devices.join(transaction)
    expect(code(await devices.join(submitted[0] as Uint8Array))).toBe('not-an-application')
    const forged = Uint8Array.from(transaction)
    forged[forged.length - 1] = (forged.at(-1) as number) ^ 1
    expect(code(await devices.join(forged))).toBe('bad-signature')
    const other = await registerWithVoucher(
      { ...(await makeVoucher(builder, relay)), networkId: new Uint8Array(32).fill(9) },
      wallet,
      namedSigner('recovery').publicKey,
    )
    expect(code(await devices.join(other.transaction))).toBe('bad-signature')
    expect(submitted).toHaveLength(1)
  })
})

describe('a renewal over HTTP', () => {
  const renewal = {
    deviceId: new Uint8Array(32).fill(1),
    sequence: 4,
    issuer: new Uint8Array(32).fill(2),
    evidence: new Uint8Array(32).fill(3),
    notAfter: 5,
  }
  const authority = { TAG: 'wallet' as const, data: new Uint8Array(64).fill(6) }
  const endorsement = () => ({ deviceId: relay.deviceId, signature: new Uint8Array(64).fill(7) })
  const applicationOf = (endorsements: Register['endorsements']) =>
    certifiedApplicationCodec.encode({
      transaction: transactionCodec.encode({ TAG: 'evidence', data: { renewal, endorsements, authority } }),
      evidence: Uint8Array.of(1),
      payments: [],
    })

  it('is endorsed for what it says, handed in, and answered with where the device stands', async () => {
    full = await openChain(builder)
    await full.feed(...builder.from(1))
    const asked: unknown[] = []
    let refused: string | undefined
    const desk = createJoinDesk({
      chain: full.chain,
      async endorsements(...question) {
        asked.push(question)
        return refused === undefined ? accept([endorsement()]) : reject(refused, 'no')
      },
      async submit(bytes) {
        submitted.push(bytes)
        return accept({ transactionId: 'ab' })
      },
      stateOf: () => 'registered',
    })
    const bytes = applicationOf([])
    const deviceId = formatDeviceId(builder.networkId, renewal.deviceId)
    expect(await desk.joinCertified(bytes)).toEqual(accept({ deviceId, state: 'registered', transactionId: 'ab' }))
    expect(asked).toEqual([['endorseCertified', bytes, renewalEndorsementMessage(builder.networkId, renewal)]])
    const data = { renewal, endorsements: [endorsement()], authority }
    expect(submitted).toEqual([transactionCodec.encode({ TAG: 'evidence', data })])
    refused = 'wrong-anchor'
    expect(code(await desk.joinCertified(bytes))).toBe('wrong-anchor')
    expect(code(await desk.joinCertified(applicationOf([endorsement()])))).toBe('not-an-application')
    // It is no registration, and certificates go by another way.
    expect(code(await desk.join(transactionCodec.encode({ TAG: 'evidence', data })))).toBe('not-an-application')
    expect(submitted).toHaveLength(1)
  })
})
