/**
 * A device comes in by the certificate of its maker: what is good is endorsed, kept and taken into a block; everything else is
 * refused with its code.
 */

import type { webcrypto } from 'node:crypto'
import { KeyObject } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createEvidenceStore } from '../../../node-relay/certificate/evidence-store.ts'
import { createRevocationFiles } from '../../../node-relay/certificate/revocation-files.ts'
import {
  type CertificateEndorser,
  endorseApplication,
  endorseCertified,
} from '../../../node-relay/coordination/endorse.ts'
import { createPriceDesk } from '../../../node-relay/coordination/price-desk.ts'
import { createPuzzleDesk, type PuzzleDesk } from '../../../node-relay/coordination/puzzle-desk.ts'
import { createNodeVerifier } from '../../../node-relay/crypto/node-verifier.ts'
import {
  type CertifiedKey,
  certifiedNewcomer,
  registerWithCertificate,
  renewWithCertificate,
} from '../../../node-relay/device-agent/registration.ts'
import {
  certificateEvidenceCodec,
  certifiedApplicationCodec,
  MAX_NONCE_BLOCKS,
} from '../../../shared/admission/certificate-evidence.ts'
import { solvePuzzle } from '../../../shared/admission/puzzle.ts'
import { type Payment, quoteCodec } from '../../../shared/admission/quote.ts'
import { compareBytes, fromHex } from '../../../shared/bytes.ts'
import { sha256 } from '../../../shared/hash.ts'
import { ASSURANCE } from '../../../shared/identity/label.ts'
import { deviceRecordCodec } from '../../../shared/identity/record.ts'
import { deviceKey } from '../../../shared/ledger/state-keys.ts'
import { hashApplication, type Register, registerWalletMessage } from '../../../shared/transaction/register.ts'
import {
  renewalEndorsementMessage,
  renewalMessage,
  type Transaction,
  transactionCodec,
} from '../../../shared/transaction/transaction.ts'
import {
  hasMatter,
  MATTER_ABSENT,
  matterDevice,
  matterRoot,
  nothingRevoked,
  REVOCATION_FILE,
} from '../../framework/certified-device.ts'
import { foundRelay, makeVoucher, type TestDevice } from '../../framework/chain-actions.ts'
import { ChainBuilder, namedSigner } from '../../framework/chain-builder.ts'
import { NOTHING_TO_PAY, quickScrypt } from '../../framework/join-prices.ts'
import { createCrl, type Issued, issue } from '../certificate/make-chain.ts'
import { closeAll, kinds, type OpenChain, openChain } from '../full-node/open-chain.ts'

const DAY = 86_400_000
const wallet = namedSigner('camera')
const recoveryKey = namedSigner('camera recovery').publicKey
let root: Issued
let maker: Issued
let camera: Issued
let chain: ChainBuilder
let relay: TestDevice
let full: OpenChain
let directory: string
let revocation: string
let evidence: ReturnType<typeof createEvidenceStore>
let prices: CertificateEndorser['prices']
/** Where the clock stands: the certificates are good then. */
let now: number

beforeEach(async () => {
  root = await issue({ name: [{ CN: ['Root'] }], ca: true })
  maker = await issue({ name: [{ CN: ['Maker'] }], issuer: root, ca: true })
  camera = await issue({ issuer: maker, serialNumber: '0a01' })
  directory = mkdtempSync(join(tmpdir(), 'lares-evidence-'))
  revocation = mkdtempSync(join(tmpdir(), 'lares-revocation-'))
  await found([root.der, ...(hasMatter ? [matterRoot()] : [])])
  await say([root], [maker])
})
afterEach(async () => {
  await closeAll()
  for (const folder of [directory, revocation]) rmSync(folder, { recursive: true, force: true })
})

async function found(roots: readonly Uint8Array[]): Promise<void> {
  chain = new ChainBuilder({ trustRoots: roots.map(sha256).sort(compareBytes) })
  relay = await foundRelay(chain)
  await chain.mineMany(6)
  full = await openChain(chain)
  await full.feed(...chain.from(1))
  now = chain.tip.block.header.time
  full.clock.now = now
  evidence = createEvidenceStore(directory, () => now)
  prices = NOTHING_TO_PAY
}

/** Writes a list of today by each issuer. */
async function say(...issuers: (readonly [Issued, ...string[]])[]): Promise<void> {
  for (const [index, [issuer, ...revoked]] of issuers.entries())
    writeFileSync(
      join(revocation, `${index}.crl`),
      await createCrl({ issuer, revoked, from: now - DAY, until: now + DAY }),
    )
}

const keyOf = ({ keys }: Issued) => KeyObject.from(keys.privateKey as unknown as webcrypto.CryptoKey)
const certified = (device = camera, by: readonly Issued[] = [maker, root], key = device): CertifiedKey => ({
  chain: [device, ...by].map(({ der }) => der),
  privateKey: keyOf(key),
})
const place = () => ({ networkId: chain.networkId, nonce: full.chain.graph.settled.node.hash })
const apply = (key = certified(), at = place()) => registerWithCertificate(at, key, wallet, recoveryKey)

function ask(application: Uint8Array) {
  const endorser = {
    chain: full.chain,
    verifier: createNodeVerifier(),
    wallet: relay.wallet,
    deviceId: relay.deviceId,
    now: () => now,
    evidence,
    revocation: createRevocationFiles(revocation, () => {}),
    prices,
  }
  return endorseCertified(endorser, application)
}
const codeOf = async (application: Uint8Array) => {
  const answer = await ask(application)
  return answer.ok ? 'endorsed' : answer.code
}

function opened(application: Uint8Array) {
  const outer = certifiedApplicationCodec.decode(application)
  if (!outer.ok) throw new Error(outer.detail)
  const transaction = transactionCodec.decode(outer.value.transaction)
  const inner = certificateEvidenceCodec.decode(outer.value.evidence)
  if (!transaction.ok || transaction.value.TAG !== 'register' || !inner.ok) throw new Error('no application')
  return { register: transaction.value.data, evidence: inner.value }
}

/** The same with other evidence or another claim, signed anew by the wallet: what a forger with a wallet can do. */
async function altered(
  application: Uint8Array,
  change: {
    readonly evidence?: Partial<ReturnType<typeof opened>['evidence']>
    readonly stated?: object
    readonly claim?: object
  },
): Promise<Uint8Array> {
  const { register, evidence: before } = opened(application)
  const bytes = certificateEvidenceCodec.encode({ ...before, ...change.evidence })
  if (register.evidence.TAG !== 'certificate') throw new Error('no certificate')
  const parts = {
    claim: { ...register.claim, ...change.claim },
    evidence: {
      TAG: 'certificate' as const,
      data: { ...register.evidence.data, evidence: sha256(bytes), ...change.stated },
    },
  }
  const walletSignature = await wallet.sign(registerWalletMessage(chain.networkId, hashApplication(parts)))
  const data: Register = { ...parts, endorsements: [], walletSignature }
  return certifiedApplicationCodec.encode({
    transaction: transactionCodec.encode({ TAG: 'register', data }),
    evidence: bytes,
    payments: [],
  })
}

describe('a device with a certificate', () => {
  it('is endorsed, its evidence is kept, and a block takes it in as certified', async () => {
    const { application, deviceId } = await apply()
    const endorsement = await ask(application)
    if (!endorsement.ok) throw new Error(`${endorsement.code}: ${endorsement.detail}`)
    const { register, evidence: kept } = opened(application)
    const hash = register.evidence.TAG === 'certificate' ? register.evidence.data.evidence : new Uint8Array()
    expect(evidence.get(hash)).toEqual(Buffer.from(certificateEvidenceCodec.encode(kept)))
    const data = { ...register, endorsements: [endorsement.value] }
    chain.waiting.push(transactionCodec.encode({ TAG: 'register', data }))
    await chain.mine()
    expect((await full.feed(chain.tip))[0]?.kind).toBe('extension')
    const record = deviceRecordCodec.decode(full.chain.state.get(deviceKey(deviceId)) as Uint8Array)
    expect(record.ok && record.value).toMatchObject({
      deviceId,
      assurance: ASSURANCE.certified,
      issuer: sha256(root.der),
      evidence: hash,
    })
    // One certified key, one live ID: another wallet does not get a second.
    const second = await registerWithCertificate(place(), certified(), namedSigner('thief'), recoveryKey)
    expect(await codeOf(second.application)).toBe('anchor-live')
  })

  it('has the same ID with another nonce, and keeps its evidence but once', async () => {
    const first = await apply()
    expect(await codeOf(first.application)).toBe('endorsed')
    expect(await codeOf(first.application)).toBe('endorsed')
    await full.feed(await chain.mine())
    expect((await apply()).deviceId).toEqual(first.deviceId)
  })

  it('is refused without its chain, and where there is no certificate', async () => {
    const { application } = await apply()
    const { transaction } = await apply()
    const endorser = {
      chain: full.chain,
      verifier: createNodeVerifier(),
      wallet: relay.wallet,
      deviceId: relay.deviceId,
      now: () => now,
    }
    expect(await endorseApplication(endorser, transaction)).toMatchObject({ code: 'evidence-not-checked' })
    const { registerWithVoucher } = await import('../../../node-relay/device-agent/registration.ts')
    const voucher = await registerWithVoucher(await makeVoucher(chain, relay), wallet, recoveryKey)
    const outer = certifiedApplicationCodec.decode(application)
    const mixed = certifiedApplicationCodec.encode({
      transaction: voucher.transaction,
      evidence: outer.ok ? outer.value.evidence : new Uint8Array(),
      payments: [],
    })
    expect(await codeOf(mixed)).toBe('not-an-application')
    expect(await codeOf(new Uint8Array(40))).toBe('malformed')
  })
})

describe('a join that has a price', () => {
  const deviceId = () => relay.deviceId
  const newcomer = () => ({ walletKey: wallet.publicKey, ...certifiedNewcomer(certified()) })
  let puzzles: PuzzleDesk
  beforeEach(() => {
    const clock = () => now
    puzzles = createPuzzleDesk({ networkId: chain.networkId, deviceId, now: clock, scrypt: quickScrypt })
    const desk = { chain: full.chain, verifier: createNodeVerifier(), deviceId, joins: { of: () => 0 }, puzzles }
    prices = createPriceDesk(desk)
  })
  async function pay(who = newcomer()) {
    const quote = puzzles.quote(who, 4)
    const subject = { networkId: chain.networkId, walletKey: who.walletKey, quote: quoteCodec.encode(quote) }
    return { quote, counter: await solvePuzzle(subject, 4, quickScrypt) }
  }
  const codeWith = async (...payments: Payment[]) =>
    codeOf((await registerWithCertificate(place(), certified(), wallet, recoveryKey, payments)).application)

  it('is endorsed once it is paid, and for each payment once', async () => {
    expect(await codeWith()).toBe('price-not-paid')
    const payment = await pay()
    expect(await codeWith(payment)).toBe('endorsed')
    expect(await codeWith(payment)).toBe('puzzle-used')
    expect(await codeWith(await pay({ ...newcomer(), walletKey: recoveryKey }))).toBe('wrong-nonce')
  })

  it('costs nothing that the ledger or the certificate does not let in', async () => {
    const payment = await pay()
    await say([root], [maker, '0a01'])
    expect(await codeWith(payment)).toBe('revoked')
    await say([root], [maker])
    expect(await codeWith(payment)).toBe('endorsed')
  })

  it('is a join and no renewal', async () => {
    const first = await registerWithCertificate(place(), certified(), wallet, recoveryKey, [await pay()])
    const endorsement = await ask(first.application)
    if (!endorsement.ok) throw new Error(endorsement.detail)
    const data = { ...opened(first.application).register, endorsements: [endorsement.value] }
    chain.waiting.push(transactionCodec.encode({ TAG: 'register', data }))
    expect((await full.feed(await chain.mine()))[0]?.kind).toBe('extension')
    const renewal = await renewWithCertificate(place(), certified(), wallet, { deviceId: first.deviceId, sequence: 0 })
    expect(await codeOf(renewal.application)).toBe('endorsed')
  })
})

describe('a renewal', () => {
  let deviceId: Uint8Array
  beforeEach(async () => {
    const first = await apply()
    deviceId = first.deviceId
    const endorsement = await ask(first.application)
    if (!endorsement.ok) throw new Error(endorsement.detail)
    const data = { ...opened(first.application).register, endorsements: [endorsement.value] }
    await intoBlock({ TAG: 'register', data })
  })

  async function intoBlock(transaction: Transaction): Promise<void> {
    chain.waiting.push(transactionCodec.encode(transaction))
    expect((await full.feed(await chain.mine()))[0]?.kind).toBe('extension')
    now = chain.tip.block.header.time
    full.clock.now = now
  }

  const renewal = (key = certified(), change: { deviceId?: Uint8Array; sequence?: number; nonce?: Uint8Array } = {}) =>
    renewWithCertificate({ ...place(), ...change }, key, wallet, { deviceId, sequence: 0, ...change })
  const renewed = async (key?: CertifiedKey, change?: Parameters<typeof renewal>[1]) =>
    (await renewal(key, change)).application

  /** A certificate of the same key, by whom and until when it says. */
  const reissued = (until: number, issuer = maker) => issue({ issuer, keys: camera.keys, until })

  it('by a newer certificate of the same key is endorsed, kept, and taken into a block', async () => {
    const newer = await reissued(now + 100 * DAY)
    const { application, notAfter } = await renewal(certified(newer))
    const endorsement = await ask(application)
    if (!endorsement.ok) throw new Error(`${endorsement.code}: ${endorsement.detail}`)
    const outer = certifiedApplicationCodec.decode(application)
    const transaction = outer.ok ? transactionCodec.decode(outer.value.transaction) : outer
    if (!outer.ok || !transaction.ok || transaction.value.TAG !== 'evidence') throw new Error('none')
    const hash = sha256(outer.value.evidence)
    expect(evidence.get(hash)).toEqual(Buffer.from(outer.value.evidence))
    await intoBlock({ TAG: 'evidence', data: { ...transaction.value.data, endorsements: [endorsement.value] } })
    const record = deviceRecordCodec.decode(full.chain.state.get(deviceKey(deviceId)) as Uint8Array)
    expect(record.ok && record.value).toMatchObject({ evidence: hash, evidenceExpires: notAfter, sequence: 1 })
    expect(await codeOf(application)).toBe('wrong-sequence')
    expect(await codeOf(await renewed(certified(newer), { sequence: 1 }))).toBe('endorsed')
  })

  it('is undone with its block', async () => {
    const read = () => {
      const record = deviceRecordCodec.decode(full.chain.state.get(deviceKey(deviceId)) as Uint8Array)
      if (!record.ok) throw new Error(record.detail)
      return record.value
    }
    const before = read()
    const parent = chain.tip
    const application = certifiedApplicationCodec.decode(await renewed(certified(await reissued(now + 100 * DAY))))
    const transaction = application.ok ? transactionCodec.decode(application.value.transaction) : application
    if (!transaction.ok || transaction.value.TAG !== 'evidence') throw new Error('no renewal')
    const { data } = transaction.value
    const signature = await relay.wallet.sign(renewalEndorsementMessage(chain.networkId, data.renewal))
    const endorsements = [{ deviceId: relay.deviceId, signature }]
    await intoBlock({ TAG: 'evidence', data: { ...data, endorsements } })
    expect(read()).toMatchObject({ sequence: 1, evidence: data.renewal.evidence })
    const one = await chain.mine({ on: parent, transactions: [], time: chain.tip.block.header.time + 1 })
    const two = await chain.mine({ on: one, transactions: [] })
    expect(kinds(await full.feed(one, two))).toContain('reorganization')
    expect(read()).toEqual(before)
  })

  it('is refused with the certificate of another key, and without the certified key', async () => {
    const other = await issue({ issuer: maker })
    expect(await codeOf(await renewed(certified(other)))).toBe('wrong-anchor')
    expect(await codeOf(await renewed(certified(camera, [maker, root], maker)))).toBe('wrong-certified-key')
    // What the key has signed for a device is for no other, and what it signed to come in is no renewal.
    const outer = certifiedApplicationCodec.decode((await apply(certified(), place())).application)
    const good = certifiedApplicationCodec.decode(await renewed())
    if (!outer.ok || !good.ok) throw new Error('no application')
    const transaction = transactionCodec.decode(good.value.transaction)
    if (!transaction.ok || transaction.value.TAG !== 'evidence') throw new Error('no renewal')
    const before = transaction.value.data.renewal
    const restated = { ...before, evidence: sha256(outer.value.evidence) }
    const signature = await wallet.sign(renewalMessage(chain.networkId, restated))
    const copied = certifiedApplicationCodec.encode({
      transaction: transactionCodec.encode({
        TAG: 'evidence',
        data: { renewal: restated, endorsements: [], authority: { TAG: 'wallet', data: signature } },
      }),
      evidence: outer.value.evidence,
      payments: [],
    })
    expect(await codeOf(copied)).toBe('wrong-certified-key')
    expect(await codeOf(await renewed())).toBe('endorsed')
  })

  it('keeps the rules of a registration', async () => {
    const other = await issue({ name: [{ CN: ['Other'] }], ca: true })
    const byOther = await issue({ issuer: other, keys: camera.keys })
    expect(await codeOf(await renewed(certified(byOther, [other])))).toBe('untrusted-root')
    expect(await codeOf(await renewed(certified(await reissued(now - 1))))).toBe('evidence-expired')
    expect(await codeOf(await renewed(undefined, { nonce: new Uint8Array(32).fill(9) }))).toBe('stale-nonce')
    expect(await codeOf(await renewed(undefined, { sequence: 7 }))).toBe('wrong-sequence')
    expect(await codeOf(await renewed(undefined, { deviceId: new Uint8Array(32) }))).toBe('unknown-device')
    expect(await codeOf(await renewed(undefined, { deviceId: relay.deviceId, sequence: 0 }))).toBe('not-certified')
    const thief = await renewWithCertificate(place(), certified(), namedSigner('thief'), { deviceId, sequence: 0 })
    expect(await codeOf(thief.application)).toBe('bad-signature')
    await say([root], [maker, '0a01'])
    expect(await codeOf(await renewed())).toBe('revoked')
    expect(await codeOf(await renewed(certified(await reissued(now + DAY))))).toBe('endorsed')
  })
})

describe('refused', () => {
  it.each<[string, () => Promise<Uint8Array>, string]>([
    [
      'a root that the owners do not trust',
      async () => {
        const other = await issue({ name: [{ CN: ['Other'] }], ca: true })
        const device = await issue({ issuer: other })
        return (await apply(certified(device, [other]))).application
      },
      'untrusted-root',
    ],
    [
      'a trusted root behind a chain of another',
      async () => {
        const other = await issue({ name: [{ CN: ['Other'] }], ca: true })
        return (await apply(certified(await issue({ issuer: other }), [root]))).application
      },
      'wrong-issuer',
    ],
    [
      'the key of another device',
      async () => (await apply(certified(camera, [maker, root], maker))).application,
      'wrong-certified-key',
    ],
    [
      'the claim of another wallet, its signature copied',
      async () => altered((await apply()).application, { claim: { profile: new Uint8Array(32).fill(9) } }),
      'wrong-certified-key',
    ],
    [
      'an anchor of another key',
      async () => altered((await apply()).application, { claim: { anchor: new Uint8Array(32).fill(9) } }),
      'wrong-anchor',
    ],
    [
      'a nonce of no block',
      async () => (await apply(certified(), { ...place(), nonce: new Uint8Array(32).fill(9) })).application,
      'stale-nonce',
    ],
    [
      'the nonce of a block that is not settled',
      async () => (await apply(certified(), { ...place(), nonce: chain.tip.node.hash })).application,
      'stale-nonce',
    ],
    [
      'evidence with another nonce than was signed',
      async () => altered((await apply()).application, { evidence: { nonce: chain.at(3).node.hash } }),
      'wrong-certified-key',
    ],
    [
      'an end after that of the certificates',
      async () => altered((await apply()).application, { stated: { notAfter: 2 ** 47 } }),
      'evidence-too-long',
    ],
    [
      'other evidence than it states',
      async () => altered((await apply()).application, { stated: { evidence: new Uint8Array(32) } }),
      'wrong-evidence',
    ],
    [
      'a certificate that is too young',
      async () =>
        (await apply(certified(await issue({ issuer: maker, from: now + DAY, until: now + 2 * DAY })))).application,
      'not-yet-valid',
    ],
    [
      'a certificate that has expired',
      async () => {
        const device = await issue({ issuer: maker, from: now - 2 * DAY, until: now - DAY })
        return (await apply(certified(device))).application
      },
      'evidence-expired',
    ],
    [
      'an expired one that states a later end',
      async () => {
        const device = await issue({ issuer: maker, from: now - 2 * DAY, until: now - DAY })
        return altered((await apply(certified(device))).application, { stated: { notAfter: now + DAY } })
      },
      'evidence-too-long',
    ],
    ['the certificate of an authority', async () => (await apply(certified(maker, [root]))).application, 'leaf-is-ca'],
    [
      'a key that is not for signing',
      async () => (await apply(certified(await issue({ issuer: maker, usages: 4 })))).application,
      'key-usage',
    ],
  ])('%s', async (_what, make, code) => {
    expect(await codeOf(await make())).toBe(code)
    expect(await codeOf((await apply()).application)).toBe('endorsed')
  })

  it('a nonce that was settled too long ago', async () => {
    const old = await apply()
    const mineUntilSettled = async (height: number) => {
      while (full.chain.graph.settled.node.height < height) {
        const block = await chain.mine()
        now = block.block.header.time
        full.clock.now = now
        expect((await full.feed(block))[0]?.kind).toBe('extension')
      }
    }
    const { height } = full.chain.graph.settled.node
    await mineUntilSettled(height + MAX_NONCE_BLOCKS - 1)
    await say([root], [maker])
    expect(await codeOf(old.application)).toBe('endorsed')
    await mineUntilSettled(height + MAX_NONCE_BLOCKS)
    now = chain.tip.block.header.time
    expect(await codeOf(old.application)).toBe('stale-nonce')
    expect(await codeOf((await apply()).application)).toBe('endorsed')
  })

  it('what is revoked, what nobody speaks of, and what was said too long ago', async () => {
    const { application } = await apply()
    expect(await codeOf(application)).toBe('endorsed')
    await say([root], [maker, '0a01'])
    expect(await codeOf(application)).toBe('revoked')
    await say([root, '1'], [maker])
    expect(await codeOf(application)).toBe('endorsed')
    rmSync(join(revocation, '1.crl'))
    expect(await codeOf(application)).toBe('revocation-unknown')
    await say([root], [maker])
    expect(await codeOf(application)).toBe('endorsed')
    now += 2 * DAY
    expect(await codeOf(application)).toBe('revocation-stale')
    writeFileSync(join(revocation, '2.crl'), 'no list')
    expect(await codeOf(application)).toBe('revocation-malformed')
  })

  it('more than can be kept', async () => {
    evidence = { ...evidence, keep: () => ({ ok: false, code: 'evidence-full', detail: 'full' }) }
    expect(await codeOf((await apply()).application)).toBe('evidence-full')
  })
})

describe.skipIf(!hasMatter)(`Matter's own test devices${MATTER_ABSENT}`, () => {
  const names = [
    ['struct_dac_cert_version_v3', 'endorsed'],
    ['struct_dac_vidpid_fallback_encoding_03', 'endorsed'],
    ['revoked-dac-01', 'revoked'],
    ['struct_dac_ext_basic_ca_wrong', 'leaf-is-ca'],
    ['struct_dac_valid_in_past', 'evidence-expired'],
    ['struct_dac_sig_curve_secp256k1', 'curve'],
  ] as const

  it.each(names)('%s: %s', async (name, code) => {
    const device = matterDevice(name)
    const set = JSON.parse(nothingRevoked([device.chain])) as { issuer_subject_key_id: string }[]
    const real = JSON.parse(readFileSync(REVOCATION_FILE, 'utf8')) as { issuer_subject_key_id: string }[]
    const named = new Set(real.map((entry) => entry.issuer_subject_key_id.toUpperCase()))
    const file = join(revocation, 'matter.json')
    const others = set.filter((entry) => !named.has(entry.issuer_subject_key_id.toUpperCase()))
    writeFileSync(file, JSON.stringify([...others, ...real]))
    utimesSync(file, now / 1000, now / 1000)
    expect(await codeOf((await apply(device)).application)).toBe(code)
  })
})

it('the store drops what is old and keeps the rest', () => {
  const [old, fresh] = [Uint8Array.of(1), Uint8Array.of(2)]
  const file = (bytes: Uint8Array) => join(directory, Buffer.from(sha256(bytes)).toString('hex'))
  expect(evidence.keep(old)).toMatchObject({ ok: true })
  expect(evidence.get(sha256(old))).toEqual(Buffer.from(old))
  // Damage is no evidence.
  writeFileSync(file(old), 'x')
  expect(evidence.get(sha256(old))).toBeUndefined()
  expect(evidence.keep(fresh)).toMatchObject({ ok: true })
  expect(evidence.get(fromHex('00'.repeat(32)))).toBeUndefined()
})
