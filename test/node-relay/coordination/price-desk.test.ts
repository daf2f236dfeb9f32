/** What a join costs by the chain, and why some need not pay at all or cannot come in. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createJoinCounts } from '../../../node-relay/coordination/join-counts.ts'
import { createPriceDesk, type PriceDesk } from '../../../node-relay/coordination/price-desk.ts'
import { createPuzzleDesk } from '../../../node-relay/coordination/puzzle-desk.ts'
import { createNodeVerifier } from '../../../node-relay/crypto/node-verifier.ts'
import { USUAL_JOINS } from '../../../shared/admission/price.ts'
import { PROFILE_VERSION, UNKNOWN_PROFILE } from '../../../shared/admission/profile.ts'
import { quoteCodec } from '../../../shared/admission/quote.ts'
import { ZERO_HASH } from '../../../shared/bytes.ts'
import { voucherAnchor } from '../../../shared/identity/anchor.ts'
import { deviceIdOf } from '../../../shared/identity/device-id.ts'
import { LABEL } from '../../../shared/identity/label.ts'
import { type JoinAskHead, joinAskCodec, joinAskMessage, WAY } from '../../../shared/protocol/join-messages.ts'
import { publicVoucher, type VoucherSecret } from '../../../shared/protocol/voucher-text.ts'
import { foundRelay, makeVoucher, registerByVoucher, type TestDevice } from '../../framework/chain-actions.ts'
import { type BuiltBlock, ChainBuilder, namedSigner } from '../../framework/chain-builder.ts'
import { quickScrypt } from '../../framework/join-prices.ts'
import { closeAll, type OpenChain, openChain } from '../full-node/open-chain.ts'

const verifier = createNodeVerifier()
const wallet = namedSigner('newcomer')
const ROOT = new Uint8Array(32).fill(7)
const ANCHOR = new Uint8Array(32).fill(8)
let builder: ChainBuilder
let relay: TestDevice
let full: OpenChain
let desk: PriceDesk

beforeEach(async () => {
  builder = new ChainBuilder({ trustRoots: [ROOT] })
  relay = await foundRelay(builder)
  await builder.mineMany(2)
  full = await openChain(builder)
  await full.feed(...builder.from(1))
  desk = open()
})
afterEach(closeAll)

function open(deviceId = () => relay.deviceId): PriceDesk {
  const { chain } = full
  const now = () => full.clock.now
  const puzzles = createPuzzleDesk({ networkId: chain.rules.networkId, deviceId, now, scrypt: quickScrypt })
  return createPriceDesk({ chain, verifier, deviceId, joins: createJoinCounts(chain), puzzles })
}

async function ask(change: Partial<JoinAskHead> = {}, signer = wallet): Promise<Uint8Array> {
  const head = {
    ...{ networkId: builder.networkId, walletKey: wallet.publicKey, label: LABEL.lightweight },
    ...{
      profile: { version: PROFILE_VERSION, ...UNKNOWN_PROFILE },
      way: WAY.certificate,
      issuer: ROOT,
      anchor: ANCHOR,
    },
    ...change,
  }
  return joinAskCodec.encode({ ...head, signature: await signer.sign(joinAskMessage(head)) })
}
const byVoucher = () => ask({ way: WAY.voucher, issuer: relay.deviceId })
async function codeOf(bytes: Uint8Array): Promise<string> {
  const answer = await desk.quote(bytes)
  return answer.ok ? 'quoted' : answer.code
}
async function quoted(bytes: Uint8Array) {
  const answer = await desk.quote(bytes)
  if (!answer.ok) throw new Error(answer.code)
  const quote = quoteCodec.decode(answer.value.quote)
  if (!quote.ok) throw new Error(quote.code)
  return { ...answer.value, iterations: quote.value.iterations }
}
/** So many phones come in by the relay's vouchers, in one block. */
async function letIn(count: number, name = 'phone', on = builder.tip): Promise<BuiltBlock> {
  for (let i = 0; i < count; i++) {
    const secret = await makeVoucher(builder, relay, { name: `${name} ${i}` })
    await registerByVoucher(builder, secret, { wallet: namedSigner(`${name} ${i}`), endorsers: [relay] })
  }
  const block = await builder.mine({ on, transactions: builder.waiting.splice(0) })
  expect((await full.feed(block))[0]?.kind).toBe('extension')
  full.clock.now = block.block.header.time
  return block
}

describe('a price', () => {
  it('comes with its derivation, and with what a certified key is to sign', async () => {
    const price = { base: 1, pressure: 1, faults: 1, most: 4096, isWaived: false, iterations: 1 }
    expect(await quoted(await ask())).toMatchObject({
      ...price,
      way: WAY.certificate,
      nonce: full.chain.graph.settled.node.hash,
    })
  })

  it('is waived for a voucher, which has been paid for by who gave it', async () => {
    expect(await quoted(await byVoucher())).toMatchObject({ isWaived: true, iterations: 0, way: WAY.voucher })
  })

  it('rises with the joins of the same sponsor in the chain, and for nobody else', async () => {
    await letIn(USUAL_JOINS)
    expect(await quoted(await byVoucher())).toMatchObject({ pressure: 2 })
    expect(await quoted(await ask())).toMatchObject({ pressure: 1 })
    // Who starts now counts the same.
    desk = open()
    expect(await quoted(await byVoucher())).toMatchObject({ pressure: 2 })
  })

  it('falls again when the block is left for another branch, and in the next epoch', async () => {
    const parent = builder.tip
    await letIn(USUAL_JOINS)
    const one = await builder.mine({ on: parent, transactions: [], time: builder.tip.block.header.time + 1 })
    const two = await builder.mine({ on: one, transactions: [] })
    expect((await full.feed(one, two)).map(({ kind }) => kind)).toContain('reorganization')
    expect(await quoted(await byVoucher())).toMatchObject({ pressure: 1 })
    const last = await letIn(USUAL_JOINS, 'tablet', two)
    expect(await quoted(await byVoucher())).toMatchObject({ pressure: 2 })
    const later = last.block.header.time + full.chain.rules.parameters.epochSeconds * 1_000
    full.clock.now = later
    expect((await full.feed(await builder.mine({ on: last, time: later })))[0]?.kind).toBe('extension')
    expect(await quoted(await byVoucher())).toMatchObject({ pressure: 1 })
  })
})

it('is told to nobody who cannot come in so', async () => {
  const voucher = await makeVoucher(builder, relay, { name: 'phone 0' })
  await letIn(1)
  expect(await codeOf(await ask())).toBe('quoted')
  expect(await codeOf(await ask({ networkId: ZERO_HASH }))).toBe('wrong-network')
  expect(await codeOf(await ask({ label: LABEL.full }))).toBe('label-not-open')
  expect(await codeOf(await ask({ issuer: ANCHOR }))).toBe('untrusted-root')
  expect(await codeOf(await ask({ way: WAY.voucher }))).toBe('unknown-issuer')
  const { anchor, deviceId } = await phone(voucher)
  expect(await codeOf(await ask({ way: WAY.voucher, issuer: deviceId }))).toBe('issuer-has-no-right')
  expect(await codeOf(await ask({ way: WAY.voucher, issuer: relay.deviceId, anchor }))).toBe('voucher-used')
  expect(await codeOf(await ask({ anchor }))).toBe('anchor-live')
  expect(await codeOf(await ask({}, namedSigner('thief')))).toBe('bad-signature')
  expect(await codeOf((await ask()).subarray(1))).toBe('malformed')
  desk = open(() => new Uint8Array(32))
  expect(await codeOf(await ask())).toBe('not-a-coordination-node')
})

async function phone(voucher: VoucherSecret) {
  const anchor = voucherAnchor(publicVoucher(voucher).voucherKey)
  return { anchor, deviceId: deviceIdOf(builder.networkId, namedSigner('phone 0').publicKey, anchor) }
}
