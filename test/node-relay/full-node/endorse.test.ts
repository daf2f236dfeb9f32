import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createVoucher } from '../../../node-relay/admission/create-voucher.ts'
import { endorseApplication } from '../../../node-relay/coordination/endorse.ts'
import { createNodeVerifier } from '../../../node-relay/crypto/node-verifier.ts'
import { createKeys, loadKeys, type RelayKeys } from '../../../node-relay/full-node/keys.ts'
import { writeRelayFile } from '../../../node-relay/full-node/relay-file.ts'
import { concatBytes, toHex } from '../../../shared/bytes.ts'
import { createSeedSigner, type Signer } from '../../../shared/crypto/signer.ts'
import { ownerAnchor, voucherAnchor } from '../../../shared/identity/anchor.ts'
import { deviceIdOf } from '../../../shared/identity/device-id.ts'
import { ASSURANCE, LABEL } from '../../../shared/identity/label.ts'
import { deviceRecordCodec } from '../../../shared/identity/record.ts'
import { deviceKey } from '../../../shared/ledger/state-keys.ts'
import { formatJoinLink } from '../../../shared/protocol/join-link.ts'
import { parseVoucher, publicVoucher, type VoucherSecret } from '../../../shared/protocol/voucher-text.ts'
import {
  type Claim,
  type Evidence,
  hashApplication,
  type Register,
  registerWalletMessage,
  voucherClaimMessage,
} from '../../../shared/transaction/register.ts'
import { transactionCodec } from '../../../shared/transaction/transaction.ts'
import { foundRelay, type TestDevice } from '../../framework/chain-actions.ts'
import { ChainBuilder, namedSigner } from '../../framework/chain-builder.ts'
import { closeAll, type OpenChain, openChain } from './open-chain.ts'

const DAY = 86_400_000
let dataDir: string
let keys: RelayKeys
let chain: ChainBuilder
let relay: TestDevice
let full: OpenChain

/** A chain whose first keeper is the relay with the keys of this folder. */
beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'lares-voucher-'))
  keys = await createKeys(dataDir)
  chain = new ChainBuilder()
  chain.keeper = () => keys.wallet
  relay = await foundRelay(chain)
  writeRelayFile(dataDir, {
    networkId: toHex(chain.networkId),
    deviceId: toHex(relay.deviceId),
    pageUrl: undefined,
    link: undefined,
  })
  full = await openChain(chain)
  await full.feed(...chain.from(1))
  full.clock.now = chain.tip.block.header.time
})
afterEach(async () => {
  await closeAll()
  rmSync(dataDir, { recursive: true, force: true })
})

async function newVoucher(days = 1): Promise<VoucherSecret> {
  const [voucher] = await createVoucher({ dataDir, count: 1, days, now: full.clock.now })
  const secret = parseVoucher(voucher?.text ?? '', chain.networkId)
  if (!secret.ok) throw new Error(secret.detail)
  return secret.value
}

interface Application {
  readonly secret: VoucherSecret
  readonly wallet?: Signer
  readonly claim?: Partial<Claim>
  readonly evidence?: Evidence
  readonly networkId?: Uint8Array
  readonly claimedBy?: Signer
}

/** What a phone sends: everything but the endorsements. */
async function apply({
  secret,
  wallet = namedSigner('phone'),
  claim: change,
  evidence,
  networkId = chain.networkId,
  claimedBy,
}: Application): Promise<Register> {
  const voucher = publicVoucher(secret)
  const claim: Claim = {
    label: LABEL.lightweight,
    assurance: ASSURANCE.vouched,
    walletKey: wallet.publicKey,
    recoveryKey: namedSigner('recovery').publicKey,
    anchor: voucherAnchor(voucher.voucherKey),
    profile: new Uint8Array(32),
    addresses: [],
    ...change,
  }
  const claimSignature = await (claimedBy ?? createSeedSigner(secret.seed)).sign(voucherClaimMessage(networkId, claim))
  const application = { claim, evidence: evidence ?? { TAG: 'voucher' as const, data: { voucher, claimSignature } } }
  const walletSignature = await wallet.sign(registerWalletMessage(networkId, hashApplication(application)))
  return { ...application, endorsements: [], walletSignature }
}

async function ask(register: Register, deviceId = relay.deviceId) {
  const endorser = {
    chain: full.chain,
    verifier: createNodeVerifier(),
    wallet: keys.wallet,
    deviceId,
    now: () => full.clock.now,
  }
  return await endorseApplication(endorser, transactionCodec.encode({ TAG: 'register', data: register }))
}

async function register(application: Register): Promise<void> {
  const endorsement = await ask(application)
  if (!endorsement.ok) throw new Error(endorsement.code)
  chain.waiting.push(
    transactionCodec.encode({ TAG: 'register', data: { ...application, endorsements: [endorsement.value] } }),
  )
  await chain.mine()
  expect((await full.feed(chain.tip))[0]?.kind).toBe('extension')
  full.clock.now = chain.tip.block.header.time
}

describe('vouchers and endorsements', () => {
  it('lets a phone with a good voucher in: voucher text, endorsement, block', async () => {
    const secret = await newVoucher()
    expect(secret).toMatchObject({ issuer: relay.deviceId, notAfter: full.clock.now + DAY, label: LABEL.lightweight })
    const application = await apply({ secret })
    await register(application)
    const deviceId = deviceIdOf(chain.networkId, application.claim.walletKey, application.claim.anchor)
    const record = deviceRecordCodec.decode(full.chain.state.get(deviceKey(deviceId)) as Uint8Array)
    expect(record.ok && record.value).toMatchObject({ deviceId, sponsor: relay.deviceId, label: LABEL.lightweight })
  })

  it('makes as many vouchers as asked, all different, with a link to the page that was printed', async () => {
    const link = formatJoinLink({
      version: 1,
      networkId: chain.networkId,
      checkpoint: { height: 0, hash: chain.networkId },
      addresses: [],
      name: 'home',
    })
    writeRelayFile(dataDir, {
      networkId: toHex(chain.networkId),
      deviceId: toHex(relay.deviceId),
      pageUrl: 'https://home.local/',
      link,
    })
    const vouchers = await createVoucher({ dataDir, count: 3, days: 2, now: full.clock.now })
    expect(new Set(vouchers.map(({ text }) => text)).size).toBe(3)
    for (const { text, url, expires } of vouchers) {
      expect(url).toBe(`https://home.local/#join=${link}&voucher=${text}`)
      expect(parseVoucher(url as string, chain.networkId)).toEqual(parseVoucher(text))
      expect(expires).toBe(full.clock.now + 2 * DAY)
    }
  })

  it('refuses a used one', async () => {
    const secret = await newVoucher()
    await register(await apply({ secret }))
    expect(await ask(await apply({ secret, wallet: namedSigner('second') }))).toMatchObject({ code: 'voucher-used' })
  })

  it('refuses an expired one from the first millisecond on, and one that runs too long', async () => {
    const secret = await newVoucher()
    full.clock.now = secret.notAfter
    expect((await ask(await apply({ secret }))).ok).toBe(true)
    full.clock.now++
    expect(await ask(await apply({ secret }))).toMatchObject({ code: 'voucher-expired' })
    expect(await ask(await apply({ secret: await newVoucher(91) }))).toMatchObject({ code: 'voucher-too-long' })
  })

  it('refuses one of another network, in the text and in the application', async () => {
    const other = new ChainBuilder({ name: 'other' })
    const [voucher] = await createVoucher({ dataDir, count: 1, days: 1, now: full.clock.now })
    expect(parseVoucher(voucher?.text ?? '', other.networkId)).toMatchObject({ code: 'wrong-network' })
    expect(await ask(await apply({ secret: await newVoucher(), networkId: other.networkId }))).toMatchObject({
      code: 'bad-signature',
    })
    writeRelayFile(dataDir, {
      networkId: toHex(other.networkId),
      deviceId: toHex(relay.deviceId),
      pageUrl: undefined,
      link: undefined,
    })
    const [foreign] = await createVoucher({ dataDir, count: 1, days: 1, now: full.clock.now })
    const secret = parseVoucher(foreign?.text ?? '')
    if (!secret.ok) throw new Error(secret.detail)
    expect(await ask(await apply({ secret: secret.value }))).toMatchObject({ code: 'bad-signature' })
  })

  it('refuses an altered one: issuer, end, signature, or somebody else in its place', async () => {
    const secret = await newVoucher()
    const flip = (bytes: Uint8Array) => bytes.map((byte, i) => (i === 5 ? byte ^ 1 : byte))
    for (const [change, code] of [
      [{ issuer: flip(secret.issuer) }, 'unknown-issuer'],
      [{ notAfter: secret.notAfter + 1 }, 'bad-signature'],
      [{ signature: flip(secret.signature) }, 'bad-signature'],
      [{ seed: flip(secret.seed) }, 'bad-signature'],
    ] as const)
      expect(await ask(await apply({ secret: { ...secret, ...change } }))).toMatchObject({ code })
    // Who saw only the public half cannot use it.
    expect(await ask(await apply({ secret, claimedBy: namedSigner('thief') }))).toMatchObject({ code: 'bad-signature' })
    expect(
      await ask(await apply({ secret, claim: { anchor: ownerAnchor(namedSigner('phone').publicKey) } })),
    ).toMatchObject({ code: 'wrong-anchor' })
    const good = await apply({ secret })
    expect(await ask({ ...good, walletSignature: flip(good.walletSignature) })).toMatchObject({ code: 'bad-signature' })
    expect((await ask(good)).ok).toBe(true)
  })

  it('refuses another label than the voucher is for, and any role', async () => {
    const secret = await newVoucher()
    expect(await ask(await apply({ secret: { ...secret, label: LABEL.full } }))).toMatchObject({
      code: 'voucher-for-another-label',
    })
    expect(await ask(await apply({ secret, claim: { label: LABEL.full } }))).toMatchObject({ code: 'label-not-open' })
    expect(await ask(await apply({ secret, claim: { assurance: ASSURANCE.certified } }))).toMatchObject({
      code: 'wrong-assurance',
    })
    expect(await ask(await apply({ secret, claim: { addresses: ['/ip4/10.0.0.1'] } }))).toMatchObject({
      code: 'addresses-not-allowed',
    })
  })

  it('refuses a voucher by a phone, which has no right to vouch', async () => {
    const wallet = namedSigner('phone')
    const application = await apply({ secret: await newVoucher(), wallet })
    await register(application)
    const deviceId = deviceIdOf(chain.networkId, wallet.publicKey, application.claim.anchor)
    expect(
      await ask(await apply({ secret: { ...(await newVoucher()), issuer: deviceId }, wallet: namedSigner('third') })),
    ).toMatchObject({
      code: 'issuer-has-no-right',
    })
  })

  it('answers for no certificate that it has not checked', async () => {
    const secret = await newVoucher()
    const evidence: Evidence = {
      TAG: 'certificate',
      data: {
        issuer: new Uint8Array(32).fill(1),
        evidence: new Uint8Array(32).fill(2),
        notAfter: full.clock.now + DAY,
      },
    }
    const application = await apply({
      secret,
      evidence,
      claim: { assurance: ASSURANCE.certified, anchor: new Uint8Array(32).fill(3) },
    })
    expect(await ask(application)).toMatchObject({ code: 'evidence-not-checked' })
  })

  it('takes only applications, and only as a coordination node', async () => {
    const good = await apply({ secret: await newVoucher() })
    expect(await ask(good, new Uint8Array(32))).toMatchObject({ code: 'not-a-coordination-node' })
    const endorsement = await ask(good)
    if (!endorsement.ok) throw new Error(endorsement.code)
    expect(await ask({ ...good, endorsements: [endorsement.value] })).toMatchObject({ code: 'not-an-application' })
    const endorser = {
      chain: full.chain,
      verifier: createNodeVerifier(),
      wallet: keys.wallet,
      deviceId: relay.deviceId,
      now: () => full.clock.now,
    }
    const bytes = transactionCodec.encode({ TAG: 'register', data: good })
    expect(await endorseApplication(endorser, bytes.subarray(1))).toMatchObject({ code: 'malformed' })
    expect(await endorseApplication(endorser, concatBytes(bytes, Uint8Array.of(0)))).toMatchObject({
      code: 'malformed',
    })
    const retire = transactionCodec.encode({
      TAG: 'retire',
      data: {
        retire: { deviceId: relay.deviceId, sequence: 1 },
        authority: { TAG: 'wallet', data: new Uint8Array(64) },
      },
    })
    expect(await endorseApplication(endorser, retire)).toMatchObject({ code: 'not-an-application' })
  })

  it('needs keys and a relay that was started', async () => {
    const empty = mkdtempSync(join(tmpdir(), 'lares-empty-'))
    await expect(createVoucher({ dataDir: empty, count: 1, days: 1 })).rejects.toMatchObject({ code: 'no-keys' })
    await createKeys(empty)
    await expect(createVoucher({ dataDir: empty, count: 1, days: 1 })).rejects.toMatchObject({ code: 'no-relay' })
    await expect(loadKeys(join(empty, 'nowhere'))).rejects.toMatchObject({ code: 'no-keys' })
    rmSync(empty, { recursive: true })
  })
})
