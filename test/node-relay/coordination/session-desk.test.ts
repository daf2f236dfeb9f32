/** A peer's session counts for that peer, as long as the settled ledger has its device under the key that signed it. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createSessionDesk, type SessionDesk } from '../../../node-relay/coordination/session-desk.ts'
import { createNodeVerifier } from '../../../node-relay/crypto/node-verifier.ts'
import { MAX_SESSION_MS } from '../../../shared/session/session-certificate.ts'
import { rotateMessage, rotateNewKeyMessage, transactionCodec } from '../../../shared/transaction/transaction.ts'
import { foundRelay, makeVoucher, registerByVoucher, retire, type TestDevice } from '../../framework/chain-actions.ts'
import { type BuiltBlock, ChainBuilder, namedSigner } from '../../framework/chain-builder.ts'
import { certify, sessionPeer } from '../../framework/session-peer.ts'
import { closeAll, type OpenChain, openChain } from '../full-node/open-chain.ts'

const own = sessionPeer('own')
const other = sessionPeer('other')
const MINUTE = 60_000
let builder: ChainBuilder
let full: OpenChain
let phone: TestDevice
let now: number
let connected: Set<string>
let leave: (peer: { peerId: string }) => void
let desk: SessionDesk

beforeEach(async () => {
  builder = new ChainBuilder()
  const relay = await foundRelay(builder)
  await builder.mine()
  const voucher = await makeVoucher(builder, relay)
  phone = await registerByVoucher(builder, voucher, { wallet: namedSigner('phone'), endorsers: [relay] })
  await settle()
  full = await openChain(builder)
  await full.feed(...builder.from(1))
  now = full.clock.now
  connected = new Set([own.peerId, other.peerId])
  desk = createSessionDesk({
    network: {
      peers: () => [...connected].map((peerId) => ({ peerId })) as never,
      on(_event, listener) {
        leave = ({ peerId }) => {
          connected.delete(peerId)
          listener({ peerId } as never)
        }
        return () => {}
      },
    },
    chain: full.chain,
    verifier: createNodeVerifier(),
    now: () => now,
  })
})
afterEach(closeAll)

const settle = () => builder.mineMany(8)

async function goOn(): Promise<void> {
  const before: BuiltBlock = builder.tip
  await settle()
  await full.feed(...builder.from(before.node.height + 1))
}

const session = (more: Partial<Parameters<typeof certify>[1]> = {}, device: TestDevice = phone) =>
  certify(device, { networkId: builder.networkId, peerKey: own.peerKey, time: now, ...more })

describe('a certificate', () => {
  it('opens the session of the peer that it names', async () => {
    const certificate = await session()
    expect(await desk.open(own.peerId, certificate)).toEqual({ ok: true, value: certificate })
    expect(desk.of(own.peerId)).toEqual(certificate)
    expect(desk.of(other.peerId)).toBeUndefined()
    expect(desk.peersOf(phone.deviceId)).toEqual([own.peerId])
    expect(desk.peersOf(new Uint8Array(32))).toEqual([])
  })

  it('replayed over another peer ID is refused, though it is good over its own', async () => {
    const certificate = await session()
    expect(await desk.open(other.peerId, certificate)).toMatchObject({ code: 'session-of-another-peer' })
    expect(desk.of(other.peerId)).toBeUndefined()
    expect(await desk.open(own.peerId, certificate)).toMatchObject({ ok: true })
  })

  it.each<[string, string, string, { networkId?: Uint8Array; time?: number; until?: number }]>([
    ['of a peer without an Ed25519 key', 'no-peer-key', 'QmOther', {}],
    ['of another network', 'wrong-network', own.peerId, { networkId: new Uint8Array(32) }],
    ['that has ended', 'session-ended', own.peerId, { time: -2 * 60 * MINUTE }],
    ['of tomorrow', 'clock-differs', own.peerId, { time: 24 * 60 * MINUTE }],
    ['for longer than a day', 'session-too-long', own.peerId, { until: MAX_SESSION_MS + 1 }],
  ])('%s is refused: %s', async (_what, code, peer, { time = 0, until, ...more }) => {
    const certificate = await session({
      ...more,
      time: now + time,
      ...(until === undefined ? {} : { until: now + until }),
    })
    expect(await desk.open(peer, certificate)).toMatchObject({ ok: false, code })
    expect(desk.of(peer)).toBeUndefined()
  })

  it('of a whole day is taken', async () => {
    expect(await desk.open(own.peerId, await session({ until: now + MAX_SESSION_MS }))).toMatchObject({ ok: true })
  })

  it('by a wallet that is not that of the device is refused', async () => {
    const forged = await session({}, { ...phone, wallet: namedSigner('thief') })
    expect(await desk.open(own.peerId, forged)).toMatchObject({ code: 'bad-signature' })
    const altered = { ...(await session()), until: now + 2 * 60 * MINUTE }
    expect(await desk.open(own.peerId, altered)).toMatchObject({ code: 'bad-signature' })
  })

  it('of an ID that nobody has is refused', async () => {
    const made = { ...phone, deviceId: new Uint8Array(32).fill(1) }
    expect(await desk.open(own.peerId, await session({}, made))).toMatchObject({ code: 'not-in-ledger' })
  })

  it('of a peer that left while it was verified is not kept', async () => {
    const opening = desk.open(own.peerId, await session())
    leave({ peerId: own.peerId })
    expect(await opening).toMatchObject({ code: 'peer-gone' })
    connected.add(own.peerId)
    expect(desk.of(own.peerId)).toBeUndefined()
    expect(desk.peersOf(phone.deviceId)).toEqual([])
  })
})

describe('a session', () => {
  it('ends with its time', async () => {
    await desk.open(own.peerId, await session())
    now += 60 * MINUTE - 1
    expect(desk.of(own.peerId)).toBeDefined()
    now += 1
    expect(desk.of(own.peerId)).toBeUndefined()
  })

  it('ends with the last connection of its peer', async () => {
    await desk.open(own.peerId, await session())
    leave({ peerId: own.peerId })
    expect(desk.of(own.peerId)).toBeUndefined()
  })

  it('ends when its device retires, and no other opens', async () => {
    await desk.open(own.peerId, await session())
    await retire(builder, phone)
    await goOn()
    expect(desk.of(own.peerId)).toBeUndefined()
    expect(await desk.open(own.peerId, await session())).toMatchObject({ code: 'retired' })
  })

  it('ends when the wallet is another one; the new one opens its own', async () => {
    await desk.open(own.peerId, await session())
    const wallet = namedSigner('new wallet')
    const rotate = {
      deviceId: phone.deviceId,
      sequence: 1,
      walletKey: wallet.publicKey,
      recoveryKey: phone.recovery.publicKey,
      addresses: [],
    }
    const { networkId } = builder
    const data = {
      rotate,
      authority: { TAG: 'recovery' as const, data: await phone.recovery.sign(rotateMessage(networkId, rotate)) },
      newKeySignature: await wallet.sign(rotateNewKeyMessage(networkId, rotate)),
    }
    builder.waiting.push(transactionCodec.encode({ TAG: 'rotate', data }))
    await goOn()
    expect(desk.of(own.peerId)).toBeUndefined()
    expect(await desk.open(own.peerId, await session())).toMatchObject({ code: 'bad-signature' })
    expect(await desk.open(own.peerId, await session({}, { ...phone, wallet }))).toMatchObject({ ok: true })
    expect(desk.of(own.peerId)).toBeDefined()
  })
})
