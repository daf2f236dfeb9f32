/**
 * What an endorser keeps of a certified device is shown to full nodes and to nobody else, and judged again by who asked: as of
 * the registration, and as of today. Both nodes are real but for the wire between them.
 */

import type { webcrypto } from 'node:crypto'
import { KeyObject } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createEvidenceDesk } from '../../../node-relay/certificate/evidence-desk.ts'
import { createEvidenceStore, type EvidenceStore } from '../../../node-relay/certificate/evidence-store.ts'
import { createRevocationFiles } from '../../../node-relay/certificate/revocation-files.ts'
import { showEvidence } from '../../../node-relay/certificate/show-evidence.ts'
import { createNodeVerifier } from '../../../node-relay/crypto/node-verifier.ts'
import { registerWithCertificate, renewWithCertificate } from '../../../node-relay/device-agent/registration.ts'
import { certificateEvidenceCodec, certifiedApplicationCodec } from '../../../shared/admission/certificate-evidence.ts'
import { toHex } from '../../../shared/bytes.ts'
import type { Signer } from '../../../shared/crypto/signer.ts'
import { LaresError } from '../../../shared/errors.ts'
import { sha256 } from '../../../shared/hash.ts'
import { deviceIdOf, formatDeviceId, parseDeviceId } from '../../../shared/identity/device-id.ts'
import {
  EVIDENCE_REQUEST_WINDOW_MS,
  type EvidenceRequest,
  evidenceAnswerCodec,
  evidenceRequestCodec,
  evidenceRequestMessage,
} from '../../../shared/protocol/evidence-request.ts'
import { refusal } from '../../../shared/protocol/messages.ts'
import { hashApplication, type Register, registerWalletMessage } from '../../../shared/transaction/register.ts'
import {
  type RenewalContent,
  renewalEndorsementMessage,
  renewalMessage,
  transactionCodec,
} from '../../../shared/transaction/transaction.ts'
import {
  announceAddresses,
  changePolicy,
  endorse,
  foundRelay,
  makeVoucher,
  registerByVoucher,
  rotateSeat,
  type TestDevice,
} from '../../framework/chain-actions.ts'
import { ChainBuilder, namedSigner } from '../../framework/chain-builder.ts'
import { createFakeNetwork, type FakeNetwork } from '../full-node/fake-network.ts'
import { closeAll, type OpenChain, openChain } from '../full-node/open-chain.ts'
import { createCrl, type Issued, issue } from './make-chain.ts'

const DAY = 86_400_000
const ADDRESS = '/ip4/192.168.7.2/tcp/4673/p2p/endorser'
const wallet = namedSigner('camera')
const verifier = createNodeVerifier()
let root: Issued
let maker: Issued
let camera: Issued
let chain: ChainBuilder
let relay: TestDevice
let full: OpenChain
let folders: string[]
let revocation: string
/** Of the endorser. */
let kept: EvidenceStore
let now: number

beforeEach(async () => {
  folders = []
  root = await issue({ name: [{ CN: ['Root'] }], ca: true })
  maker = await issue({ name: [{ CN: ['Maker'] }], issuer: root, ca: true })
  camera = await issue({ name: [{ CN: ['Camera'] }], issuer: maker, serialNumber: '0a01' })
  chain = new ChainBuilder({ keepers: 2, trustRoots: [sha256(root.der)] })
  relay = await foundRelay(chain)
  await announceAddresses(chain, relay, [ADDRESS])
  await chain.mineMany(8)
  full = await openChain(chain)
  await full.feed(...chain.from(1))
  setClock()
  kept = createEvidenceStore(folder(), () => now)
  revocation = folder()
  await say([root], [maker])
})
afterEach(async () => {
  await closeAll()
  for (const one of folders) rmSync(one, { recursive: true, force: true })
})

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'lares-evidence-'))
  folders.push(made)
  return made
}

function setClock(): void {
  now = chain.tip.block.header.time
  full.clock.now = now
}

async function mine(): Promise<void> {
  await full.feed(await chain.mine())
  setClock()
}

/** Writes a list of today by each issuer. */
async function say(...issuers: (readonly [Issued, ...string[]])[]): Promise<void> {
  for (const [index, [issuer, ...revoked]] of issuers.entries())
    writeFileSync(
      join(revocation, `${index}.crl`),
      await createCrl({ issuer, revoked, from: now - DAY, until: now + DAY }),
    )
}

interface Made {
  readonly register: Register
  readonly evidence: Uint8Array
}

/** A registration as the camera makes it, its evidence and what is said of it changed as told. */
async function make(
  change: { readonly evidence?: object; readonly stated?: object; readonly nonce?: Uint8Array } = {},
): Promise<Made> {
  const nonce = change.nonce ?? full.chain.graph.settled.node.hash
  const privateKey = KeyObject.from(camera.keys.privateKey as unknown as webcrypto.CryptoKey)
  const key = { chain: [camera, maker, root].map(({ der }) => der), privateKey }
  const recoveryKey = namedSigner('camera recovery').publicKey
  const made = await registerWithCertificate({ networkId: chain.networkId, nonce }, key, wallet, recoveryKey)
  const application = certifiedApplicationCodec.decode(made.application)
  const transaction = transactionCodec.decode(made.transaction)
  if (!application.ok || !transaction.ok || transaction.value.TAG !== 'register') throw new Error('no application')
  const inner = certificateEvidenceCodec.decode(application.value.evidence)
  const { claim, evidence: before } = transaction.value.data
  if (!inner.ok || before.TAG !== 'certificate') throw new Error('no certificate')
  const evidence = certificateEvidenceCodec.encode({ ...inner.value, ...change.evidence })
  const data = { ...before.data, evidence: sha256(evidence), ...change.stated }
  const parts = { claim, evidence: { TAG: 'certificate' as const, data } }
  const walletSignature = await wallet.sign(registerWalletMessage(chain.networkId, hashApplication(parts)))
  // Without a look at the evidence: what a bad endorser signs.
  const register = { ...parts, endorsements: [await endorse(chain, relay, parts)], walletSignature }
  return { register, evidence }
}

/** Into a block, and what it stands on into the endorser's store. @returns its ID as text */
async function letIn({ register, evidence }: Made): Promise<string> {
  chain.waiting.push(transactionCodec.encode({ TAG: 'register', data: register }))
  await mine()
  kept.keep(evidence)
  const { walletKey, anchor } = register.claim
  return formatDeviceId(chain.networkId, deviceIdOf(chain.networkId, walletKey, anchor))
}

/** The endorser as the other relay reaches it. */
const answerer = async (from: string, bytes: Uint8Array): Promise<Uint8Array> => {
  const request = evidenceRequestCodec.decode(bytes)
  if (!request.ok) throw new Error(request.detail)
  const init = { chain: full.chain, verifier, evidence: kept, peerId: 'endorser', now: () => now }
  const shown = await showEvidence(init, from, request.value)
  return evidenceAnswerCodec.encode(
    shown.ok ? { TAG: 'shown', data: { evidence: shown.value } } : refusal(shown.code, shown.detail),
  )
}

interface OtherRelay {
  readonly network: FakeNetwork
  readonly charged: [string, number, string][]
  /** Peers that were asked, in order. */
  readonly asked: string[]
  judge: ReturnType<typeof createEvidenceDesk>['judge']
}

/** The relay of seat 1, which keeps nothing itself. */
function otherRelay(
  init: {
    readonly sealing?: Signer
    readonly own?: Uint8Array
    readonly answer?: (peer: string, request: Uint8Array) => Promise<Uint8Array>
    readonly folder?: string
  } = {},
): OtherRelay {
  const charged: OtherRelay['charged'] = []
  const asked: string[] = []
  const network: FakeNetwork = {
    ...createFakeNetwork(),
    peerId: 'asker',
    async dial(address) {
      if (address !== ADDRESS) throw new LaresError('peer-gone', 'nobody is there')
      return { peerId: 'endorser', address, transport: 'tcp', direction: 'outbound' }
    },
    async request(peer, _spec, request) {
      asked.push(peer)
      return await (init.answer ?? ((_peer, bytes) => answerer('asker', bytes)))(peer, request)
    },
    penalise: (peer, points, code) => void charged.push([peer, points, code]),
  }
  const desk = createEvidenceDesk({
    ...{ chain: full.chain, reader: full.reader, network, now: () => now },
    sealing: () => init.sealing ?? chain.keeper(1),
    evidence: { get: () => init.own },
    revocation: createRevocationFiles(init.folder ?? revocation, () => {}),
  })
  return { network, charged, asked, judge: (id) => desk.judge(id) }
}

async function verdictOf(id: string, other = otherRelay()): Promise<string> {
  const judged = await other.judge(id)
  return judged.ok ? `${judged.value.verdict}: ${judged.value.code}` : judged.code
}

describe('an endorser', () => {
  const requestOf = async (
    change: Partial<EvidenceRequest> = {},
    signer = chain.keeper(1),
    parties = { asker: 'asker', asked: 'endorser' },
  ) => {
    const open = { networkId: chain.networkId, evidence: new Uint8Array(32), time: now, seat: 1, ...change }
    const signature = await signer.sign(evidenceRequestMessage(open, parties))
    return evidenceRequestCodec.encode({ ...open, signature })
  }
  const codeOf = async (request: Uint8Array, from = 'asker') => {
    const answer = evidenceAnswerCodec.decode(await answerer(from, request))
    if (!answer.ok) throw new Error(answer.detail)
    return answer.value.TAG === 'shown' ? answer.value.data.evidence : answer.value.data.code
  }

  it('shows what it keeps to a seat of the roster, and says so where it keeps nothing', async () => {
    const { evidence } = await make()
    kept.keep(evidence)
    expect(await codeOf(await requestOf({ evidence: sha256(evidence) }))).toEqual(evidence)
    expect(await codeOf(await requestOf())).toBe('evidence-not-here')
  })

  it('refuses everybody else, whether it has any or not', async () => {
    const { evidence } = await make()
    kept.keep(evidence)
    const hash = sha256(evidence)
    const stranger = namedSigner('stranger')
    for (const wanted of [hash, new Uint8Array(32)]) {
      const ask = { evidence: wanted }
      expect(await codeOf(await requestOf({ ...ask, seat: 2 }))).toBe('not-a-member')
      expect(await codeOf(await requestOf(ask, stranger))).toBe('bad-signature')
      expect(await codeOf(await requestOf(ask, chain.keeper(0)))).toBe('bad-signature')
      const early = { ...ask, time: now - EVIDENCE_REQUEST_WINDOW_MS - 1 }
      expect(await codeOf(await requestOf(early))).toBe('request-too-old')
      expect(await codeOf(await requestOf({ ...ask, time: now + EVIDENCE_REQUEST_WINDOW_MS + 1 }))).toBe(
        'request-ahead',
      )
    }
    // A wallet is no seat, whatever role its device has.
    expect(await codeOf(await requestOf({ evidence: hash }, wallet))).toBe('bad-signature')
  })

  it('refuses a request that was made for another endorser, or that somebody else has got hold of', async () => {
    const { evidence } = await make()
    kept.keep(evidence)
    const ask = { evidence: sha256(evidence) }
    const elsewhere = await requestOf(ask, undefined, { asker: 'asker', asked: 'another' })
    expect(await codeOf(elsewhere)).toBe('bad-signature')
    const good = await requestOf(ask)
    expect(await codeOf(good, 'thief')).toBe('bad-signature')
    expect(await codeOf(good)).toEqual(evidence)
    const later = evidenceRequestCodec.decode(good)
    if (!later.ok) throw new Error(later.detail)
    now += EVIDENCE_REQUEST_WINDOW_MS + 1
    expect(await codeOf(good)).toBe('request-too-old')
    expect(await codeOf(evidenceRequestCodec.encode({ ...later.value, time: now }))).toBe('bad-signature')
  })

  it('goes by the roster of its tip: a key that was replaced is no longer shown anything', async () => {
    const { evidence } = await make()
    kept.keep(evidence)
    const ask = { evidence: sha256(evidence) }
    const next = namedSigner('next seal')
    await rotateSeat(chain, 1, next)
    await mine()
    expect(await codeOf(await requestOf(ask))).toBe('bad-signature')
    expect(await codeOf(await requestOf(ask, next))).toEqual(evidence)
  })
})

describe('a full node that asks', () => {
  it('finds the endorser in the ledger, and judges what it is shown', async () => {
    const made = await make()
    const id = await letIn(made)
    const other = otherRelay()
    const judged = await other.judge(id)
    if (!judged.ok) throw new Error(judged.detail)
    expect(judged.value).toMatchObject({
      ...{ deviceId: id, status: 'active', evidence: toHex(sha256(made.evidence)), source: 'peer' },
      endorsers: [{ deviceId: formatDeviceId(chain.networkId, relay.deviceId), asked: 'shown' }],
      ...{ verdict: 'holds', code: 'valid', detail: undefined },
      path: [{ subject: 'CN=Camera', serialNumber: 'A01' }, { subject: 'CN=Maker' }, { subject: 'CN=Root' }],
    })
    expect(judged.value).toMatchObject({ stated: { height: chain.tip.node.height, time: now }, renewed: false })
    expect(judged.value.signedBlocksBefore).toBeGreaterThan(0)
    expect(other.charged).toEqual([])
    // By its bytes as well.
    const { walletKey, anchor } = made.register.claim
    expect(await verdictOf(toHex(deviceIdOf(chain.networkId, walletKey, anchor)))).toBe('holds: valid')
  })

  it('asks nobody for what it has endorsed itself', async () => {
    const made = await make()
    const id = await letIn(made)
    const other = otherRelay({ own: made.evidence })
    expect(await other.judge(id)).toMatchObject({
      value: { verdict: 'holds', source: 'own', endorsers: [{ asked: undefined }] },
    })
    expect(other.asked).toEqual([])
  })

  it('is shown nothing without a seat, and does not even ask', async () => {
    const id = await letIn(await make())
    const other = otherRelay({ sealing: namedSigner('no seat') })
    expect(await other.judge(id)).toMatchObject({
      value: {
        verdict: 'cannot-say',
        code: 'evidence-not-here',
        source: undefined,
        endorsers: [{ asked: 'not-a-member' }],
      },
    })
    expect(other.asked).toEqual([])
  })

  it('asks who is connected where no endorser shows it', async () => {
    const { register, evidence } = await make()
    const id = await letIn({ register, evidence })
    const away = async (peer: string, request: Uint8Array) => {
      if (peer === 'endorser') throw new LaresError('timeout', 'silent')
      if (peer === 'phone') throw new LaresError('unsupported', 'no such protocol')
      // Signed for this peer alone.
      expect(await answerer('asker', request)).toEqual(
        evidenceAnswerCodec.encode(
          refusal('bad-signature', 'the request is not signed by that seat, or not for this connection'),
        ),
      )
      return evidenceAnswerCodec.encode({ TAG: 'shown', data: { evidence } })
    }
    const other = otherRelay({ answer: away })
    other.network.peers = () =>
      ['endorser', 'phone', 'home', 'never'].map((peerId) => ({ peerId }) as ReturnType<FakeNetwork['peers']>[number])
    expect(await other.judge(id)).toMatchObject({
      value: { verdict: 'holds', source: 'peer', endorsers: [{ asked: 'timeout' }] },
    })
    expect(other.asked).toEqual(['endorser', 'phone', 'home'])
    expect(other.charged).toEqual([])
  })

  it('cannot say where the endorser has lost it', async () => {
    const id = await letIn(await make())
    kept = createEvidenceStore(folder(), () => now)
    const other = otherRelay()
    expect(await other.judge(id)).toMatchObject({
      value: { verdict: 'cannot-say', code: 'evidence-not-here', endorsers: [{ asked: 'evidence-not-here' }] },
    })
    expect(other.charged).toEqual([])
  })

  it('charges an endorser that shows something else, or nonsense, and believes neither', async () => {
    const id = await letIn(await make())
    const another = evidenceAnswerCodec.encode({ TAG: 'shown', data: { evidence: Uint8Array.of(1) } })
    const liar = otherRelay({ answer: async () => another })
    expect(await verdictOf(id, liar)).toBe('cannot-say: evidence-not-here')
    expect(liar.charged).toEqual([['endorser', 100, 'wrong-evidence']])
    const broken = otherRelay({ answer: async () => Uint8Array.of(9) })
    expect(await verdictOf(id, broken)).toBe('cannot-say: evidence-not-here')
    expect(broken.charged).toEqual([['endorser', 40, 'malformed']])
  })

  it('names a device that is not in the ledger, and one without a certificate', async () => {
    const phone = await registerByVoucher(chain, await makeVoucher(chain, relay), {
      wallet: namedSigner('phone'),
      endorsers: [relay],
    })
    await mine()
    expect(await verdictOf(formatDeviceId(chain.networkId, phone.deviceId))).toBe('no-certificate')
    expect(await verdictOf('ab'.repeat(32))).toBe('not-in-ledger')
    expect(await verdictOf('sensor')).toBe('malformed-id')
    expect(await verdictOf(formatDeviceId(new Uint8Array(32), phone.deviceId))).toBe('unknown-network')
  })
})

describe('of a device that has renewed its certificate', () => {
  async function renew(id: string, sequence = 0): Promise<Uint8Array> {
    const newer = await issue({ name: [{ CN: ['Camera'] }], issuer: maker, keys: camera.keys, serialNumber: '0b02' })
    const privateKey = KeyObject.from(camera.keys.privateKey as unknown as webcrypto.CryptoKey)
    const key = { chain: [newer, maker, root].map(({ der }) => der), privateKey }
    const place = { networkId: chain.networkId, nonce: full.chain.graph.settled.node.hash }
    const parsed = parseDeviceId(id)
    if (!parsed.ok) throw new Error(parsed.detail)
    const { deviceId } = parsed.value
    const made = await renewWithCertificate(place, key, wallet, { deviceId, sequence })
    const application = certifiedApplicationCodec.decode(made.application)
    const transaction = application.ok ? transactionCodec.decode(application.value.transaction) : application
    if (!application.ok || !transaction.ok || transaction.value.TAG !== 'evidence') throw new Error('no renewal')
    const { data } = transaction.value
    const message = renewalEndorsementMessage(chain.networkId, data.renewal)
    const endorsements = [{ deviceId: relay.deviceId, signature: await relay.wallet.sign(message) }]
    chain.waiting.push(transactionCodec.encode({ TAG: 'evidence', data: { ...data, endorsements } }))
    await mine()
    return application.value.evidence
  }

  it('a full node finds the newest evidence, and judges it as of the renewal', async () => {
    const id = await letIn(await make())
    for (const _ of [0, 1]) await mine()
    const bytes = await renew(id)
    const renewedAt = { height: chain.tip.node.height, time: now }
    await mine()
    expect(await verdictOf(id)).toBe('cannot-say: evidence-not-here')
    kept.keep(bytes)
    const other = otherRelay()
    expect(await other.judge(id)).toMatchObject({
      value: {
        ...{ verdict: 'holds', code: 'valid', source: 'peer', renewed: true, stated: renewedAt },
        endorsers: [{ deviceId: formatDeviceId(chain.networkId, relay.deviceId), asked: 'shown' }],
        evidence: toHex(sha256(bytes)),
        path: [{ serialNumber: 'B02' }, {}, {}],
      },
    })
    expect(await otherRelay({ own: bytes }).judge(id)).toMatchObject({
      value: { verdict: 'holds', source: 'own', stated: renewedAt, endorsers: [{ asked: undefined }] },
    })
    // The certificate that it came in by counts no longer.
    await say([root], [maker, '0a01'])
    expect(await verdictOf(id)).toBe('holds: valid')
    await say([root], [maker, '0b02'])
    expect(await verdictOf(id)).toBe('no-longer: revoked')
  })

  /** Stated by an endorser that has not looked. */
  async function restate(made: Made, id: string, change: Partial<RenewalContent>): Promise<void> {
    const parsed = parseDeviceId(id)
    if (!parsed.ok || made.register.evidence.TAG !== 'certificate') throw new Error('no device')
    const { deviceId } = parsed.value
    const renewal = { deviceId, sequence: 1, ...made.register.evidence.data, ...change }
    const message = renewalEndorsementMessage(chain.networkId, renewal)
    const data = {
      renewal,
      endorsements: [{ deviceId: relay.deviceId, signature: await relay.wallet.sign(message) }],
      authority: { TAG: 'wallet' as const, data: await wallet.sign(renewalMessage(chain.networkId, renewal)) },
    }
    chain.waiting.push(transactionCodec.encode({ TAG: 'evidence', data }))
    await mine()
  }

  it('by the same evidence twice, the record says which of the two it is', async () => {
    const made = await make()
    const id = await letIn(made)
    const bytes = await renew(id)
    kept.keep(bytes)
    const until = now + DAY
    await restate(made, id, { sequence: 2, evidence: sha256(bytes), notAfter: until })
    expect(await otherRelay().judge(id)).toMatchObject({
      value: { verdict: 'holds', certifiedUntil: until, stated: { height: chain.tip.node.height } },
    })
  })

  it('it does not fit where the certified key has not signed it', async () => {
    const made = await make()
    const id = await letIn(made)
    if (made.register.evidence.TAG !== 'certificate') throw new Error('no certificate')
    // What the device came in by, but for another time.
    await restate(made, id, { notAfter: made.register.evidence.data.notAfter - 1 })
    expect(await verdictOf(id)).toBe('does-not-fit: wrong-certified-key')
  })

  it('it does not fit where it was signed over no block of the chain, which would say where to look', async () => {
    const made = await make()
    const id = await letIn(made)
    const decoded = certificateEvidenceCodec.decode(made.evidence)
    if (!decoded.ok) throw new Error(decoded.detail)
    const bytes = certificateEvidenceCodec.encode({ ...decoded.value, nonce: new Uint8Array(32).fill(9) })
    await restate(made, id, { evidence: sha256(bytes) })
    kept.keep(bytes)
    expect(await otherRelay().judge(id)).toMatchObject({
      value: { verdict: 'does-not-fit', code: 'stale-nonce', stated: undefined, renewed: true },
    })
    // And cannot be said of one that is not where it should be.
    const later = certificateEvidenceCodec.encode({ ...decoded.value, nonce: chain.tip.node.hash })
    await restate(made, id, { sequence: 2, evidence: sha256(later) })
    kept.keep(later)
    const other = otherRelay()
    full.reader.renewalOf = async () => undefined
    expect(await verdictOf(id, other)).toBe('cannot-say: renewal-not-found')
  })
})

describe('the verdict', () => {
  it('is that of today: revoked, ended, a root that is trusted no more, nothing that speaks of it', async () => {
    const id = await letIn(await make())
    expect(await verdictOf(id)).toBe('holds: valid')
    await say([root], [maker, '0a01'])
    expect(await verdictOf(id)).toBe('no-longer: revoked')
    await say([root, '1'], [maker])
    expect(await verdictOf(id)).toBe('holds: valid')
    expect(await verdictOf(id, otherRelay({ folder: folder() }))).toBe('cannot-say: revocation-unknown')
    writeFileSync(join(revocation, '2.crl'), 'no list')
    expect(await verdictOf(id)).toBe('cannot-say: revocation-malformed')
    rmSync(join(revocation, '2.crl'))
    now += 2 * DAY
    expect(await verdictOf(id)).toBe('cannot-say: revocation-stale')
    await say([root], [maker])
    expect(await verdictOf(id)).toBe('holds: valid')
    const before = now
    now = Date.UTC(2027, 0, 1)
    await say([root], [maker])
    expect(await verdictOf(id)).toBe('no-longer: expired')
    await say([root], [maker, '0a01'])
    expect(await verdictOf(id)).toBe('no-longer: revoked')
    now = before
    await say([root], [maker])
    await changePolicy(chain, { number: 1, trustRoots: [] })
    await mine()
    expect(await verdictOf(id)).toBe('no-longer: untrusted-root')
  })

  it.each<[string, () => Promise<Made>, string]>([
    [
      'a signature over another nonce',
      async () => make({ evidence: { nonce: chain.at(1).node.hash } }),
      'wrong-certified-key',
    ],
    ['a nonce of no block', async () => make({ nonce: new Uint8Array(32).fill(9) }), 'stale-nonce'],
    [
      'the certificate of another device',
      async () => {
        const other = await issue({ issuer: maker })
        return make({ evidence: { chain: [other, maker, root].map(({ der }) => der) } })
      },
      'wrong-anchor',
    ],
    [
      'a chain to another root than it states',
      async () => {
        const other = await issue({ name: [{ CN: ['Other'] }], ca: true })
        return make({ evidence: { chain: [camera, maker, other].map(({ der }) => der) } })
      },
      'untrusted-root',
    ],
    [
      'a certificate that its issuer never made',
      async () => make({ evidence: { chain: [camera, root].map(({ der }) => der) } }),
      'wrong-issuer',
    ],
    ['an end after that of the certificate', async () => make({ stated: { notAfter: 2 ** 47 } }), 'evidence-too-long'],
  ])('does not fit, whoever has endorsed it: %s', async (_what, bad, code) => {
    const id = await letIn(await bad())
    const judged = await otherRelay().judge(id)
    expect(judged).toMatchObject({ value: { verdict: 'does-not-fit', code, source: 'peer', path: [] } })
  })
})
