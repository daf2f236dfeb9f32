/** Who asks the operator to be let in: what it pays, what it is told, and what the operator does about it. */
import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { createJoinCounts } from '../../../node-relay/coordination/join-counts.ts'
import {
  createPairingDesk,
  MAX_PAIRINGS,
  PAIRING_MS,
  type PairingDesk,
} from '../../../node-relay/coordination/pairing-desk.ts'
import { createPriceDesk, type PriceDesk } from '../../../node-relay/coordination/price-desk.ts'
import { createPuzzleDesk } from '../../../node-relay/coordination/puzzle-desk.ts'
import { createNodeVerifier } from '../../../node-relay/crypto/node-verifier.ts'
import { approveClaim } from '../../../node-relay/fleet/expected.ts'
import { PROFILE_VERSION, UNKNOWN_PROFILE } from '../../../shared/admission/profile.ts'
import { solvePuzzle } from '../../../shared/admission/puzzle.ts'
import { type Payment, quoteCodec } from '../../../shared/admission/quote.ts'
import { ZERO_HASH } from '../../../shared/bytes.ts'
import type { Signer } from '../../../shared/crypto/signer.ts'
import { accept } from '../../../shared/errors.ts'
import { ownerAnchor } from '../../../shared/identity/anchor.ts'
import { deviceIdOf, formatDeviceId } from '../../../shared/identity/device-id.ts'
import { LABEL } from '../../../shared/identity/label.ts'
import { deviceKey } from '../../../shared/ledger/state-keys.ts'
import { joinAskCodec, joinAskMessage, WAY } from '../../../shared/protocol/join-messages.ts'
import { type PairAskHead, pairAskCodec, pairAskMessage, pairClaim } from '../../../shared/protocol/pair-messages.ts'
import {
  endorsementMessage,
  hashApplication,
  type Register,
  registerWalletMessage,
} from '../../../shared/transaction/register.ts'
import { transactionCodec } from '../../../shared/transaction/transaction.ts'
import { foundRelay, type TestDevice } from '../../framework/chain-actions.ts'
import { ChainBuilder, namedSigner } from '../../framework/chain-builder.ts'
import { NO_PAYMENT, quickScrypt } from '../../framework/join-prices.ts'
import { closeAll, type OpenChain, openChain } from '../full-node/open-chain.ts'

const verifier = createNodeVerifier()
const phone = namedSigner('phone')
const recoveryKey = namedSigner('recovery').publicKey
const profile = new Uint8Array(32).fill(3)
let builder: ChainBuilder
let relay: TestDevice
let full: OpenChain
let prices: PriceDesk
let desk: PairingDesk

beforeEach(async () => {
  builder = new ChainBuilder()
  relay = await foundRelay(builder)
  await builder.mineMany(2)
  full = await openChain(builder)
  await full.feed(...builder.from(1))
  open()
})
afterEach(closeAll)

function open(): void {
  const { chain } = full
  const { networkId } = chain.rules
  const now = () => full.clock.now
  const deviceId = () => relay.deviceId
  const puzzles = createPuzzleDesk({ networkId, deviceId, now, scrypt: quickScrypt })
  prices = createPriceDesk({ chain, verifier, deviceId, joins: createJoinCounts(chain), puzzles })
  const approver = { networkId, deviceId: relay.deviceId, wallet: relay.wallet, now }
  desk = createPairingDesk({
    ...{ networkId, verifier, prices, deviceId, random: randomBytes, now },
    approve: (claim) => approveClaim({ ...approver, state: chain.state }, claim),
  })
}

async function pay(signer: Signer): Promise<Payment> {
  const { networkId } = builder
  const walletKey = signer.publicKey
  const head = {
    ...{ networkId, walletKey, label: LABEL.lightweight, profile: { version: PROFILE_VERSION, ...UNKNOWN_PROFILE } },
    ...{ way: WAY.approval, issuer: ZERO_HASH, anchor: ownerAnchor(walletKey) },
  }
  const answer = await prices.quote(
    joinAskCodec.encode({ ...head, signature: await signer.sign(joinAskMessage(head)) }),
  )
  if (!answer.ok) throw new Error(answer.code)
  const quote = quoteCodec.decode(answer.value.quote)
  if (!quote.ok) throw new Error(quote.code)
  const subject = { networkId, walletKey, quote: answer.value.quote }
  return { quote: quote.value, counter: await solvePuzzle(subject, quote.value.iterations, quickScrypt) }
}

async function ask(signer: Signer, change: Partial<PairAskHead> = {}, by = signer): Promise<Uint8Array> {
  const payment = change.payment ?? (await pay(signer))
  const head = { networkId: builder.networkId, walletKey: signer.publicKey, recoveryKey, profile, ...change, payment }
  return pairAskCodec.encode({ ...head, signature: await by.sign(pairAskMessage(head)) })
}

async function codeFor(bytes: Uint8Array): Promise<string> {
  const answer = await desk.ask(bytes)
  if (!answer.ok || answer.value.TAG !== 'waiting') throw new Error(answer.ok ? answer.value.TAG : answer.code)
  return new TextDecoder().decode(answer.value.data.code)
}

async function said(bytes: Uint8Array): Promise<string> {
  const answer = await desk.ask(bytes)
  return answer.ok ? answer.value.TAG : answer.code
}

it('who asks and pays waits under one code, and comes in once it is approved', async () => {
  const bytes = await ask(phone)
  const code = await codeFor(bytes)
  expect(await codeFor(bytes)).toBe(code)
  const claim = pairClaim({
    networkId: builder.networkId,
    walletKey: phone.publicKey,
    recoveryKey,
    profile,
    payment: NO_PAYMENT,
  })
  const id = deviceIdOf(builder.networkId, phone.publicKey, claim.anchor)
  const [row] = desk.waiting()
  expect(row).toMatchObject({ deviceId: formatDeviceId(builder.networkId, id), state: 'waiting' })
  // As it is shown, and as somebody may type it.
  const approved = await desk.approve(` ${row?.code.toLowerCase()} `)
  expect(approved).toEqual(accept({ deviceId: row?.deviceId }))
  const answer = await desk.ask(bytes)
  if (!answer.ok || answer.value.TAG !== 'approved') throw new Error('not approved')
  const application = { claim, evidence: { TAG: 'approval' as const, data: answer.value.data } }
  const hash = hashApplication(application)
  const register: Register = {
    ...application,
    endorsements: [
      { deviceId: relay.deviceId, signature: await relay.wallet.sign(endorsementMessage(builder.networkId, hash)) },
    ],
    walletSignature: await phone.sign(registerWalletMessage(builder.networkId, hash)),
  }
  const block = await builder.mine({ transactions: [transactionCodec.encode({ TAG: 'register', data: register })] })
  expect((await full.feed(block))[0]?.kind).toBe('extension')
  expect(full.chain.state.get(deviceKey(id))).toBeDefined()
})

it('who was refused is told so, and nobody is answered twice', async () => {
  const bytes = await ask(phone)
  const code = await codeFor(bytes)
  expect(desk.refuse(code).ok).toBe(true)
  expect(await said(bytes)).toBe('not-approved')
  expect(await desk.approve(code)).toMatchObject({ ok: false, code: 'already-answered' })
  expect(desk.waiting()).toMatchObject([{ state: 'refused' }])
})

it('a code is good for ten minutes, and its payment for one code', async () => {
  const bytes = await ask(phone)
  const code = await codeFor(bytes)
  full.clock.now += PAIRING_MS - 1
  expect(await codeFor(bytes)).toBe(code)
  full.clock.now += 1
  expect(await desk.approve(code)).toMatchObject({ ok: false, code: 'no-such-code' })
  expect(await said(bytes)).toBe('puzzle-used')
  expect(await said(await ask(phone))).toBe('waiting')
})

it('what was approved can be fetched for as long as it counts', async () => {
  const bytes = await ask(phone)
  const code = await codeFor(bytes)
  full.clock.now += PAIRING_MS - 1
  expect((await desk.approve(code)).ok).toBe(true)
  full.clock.now += PAIRING_MS
  expect(await said(bytes)).toBe('approved')
})

it('refuses whom it cannot believe, and who has not paid, beside one that it takes', async () => {
  const other = namedSigner('other')
  expect(await said(await ask(phone, { payment: NO_PAYMENT }))).toBe('price-not-paid')
  const paidByAnother = await pay(other)
  expect(await said(await ask(phone, { payment: paidByAnother }))).toBe('wrong-nonce')
  expect(await said(await ask(phone, {}, other))).toBe('bad-signature')
  expect(await said(await ask(phone, { networkId: ZERO_HASH }))).toBe('wrong-network')
  expect(await said((await ask(phone)).subarray(1))).toBe('malformed')
  expect(desk.waiting()).toEqual([])
  expect(await said(await ask(phone))).toBe('waiting')
})

it('the same ask twice at once pays once, and has one code', async () => {
  const bytes = await ask(phone)
  const [one, two] = await Promise.all([codeFor(bytes), codeFor(bytes)])
  expect(one).toBe(two)
  expect(desk.waiting()).toHaveLength(1)
})

it('a crowd fills the list and no more, and those in it are still answered', async () => {
  const first = await ask(phone)
  const code = await codeFor(first)
  for (let i = 1; i < MAX_PAIRINGS; i++) await codeFor(await ask(namedSigner(`phone ${i}`)))
  const late = await ask(namedSigner('late'))
  expect(await said(late)).toBe('too-many-waiting')
  expect(new Set(desk.waiting().map((row) => row.code)).size).toBe(MAX_PAIRINGS)
  expect((await desk.approve(code)).ok).toBe(true)
  expect(await said(first)).toBe('approved')
  full.clock.now += PAIRING_MS
  // It was not charged for being sent away.
  expect(await said(late)).toBe('waiting')
})

it('a person who types nonsense is told what a code looks like', async () => {
  expect(await desk.approve('hello')).toMatchObject({ ok: false, code: 'malformed-code' })
  expect(desk.refuse('BCDF-GHJK')).toMatchObject({ ok: false, code: 'no-such-code' })
})
