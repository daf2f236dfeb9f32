/** Three examiners and applicants over one chain, with the wire between them as function calls and a clock of the test. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createNodeVerifier } from '../../../node-relay/crypto/node-verifier.ts'
import { type Applicant, type ApplicantInit, createApplicant } from '../../../node-relay/full-admission/applicant.ts'
import { openExaminationsFile } from '../../../node-relay/full-admission/examinations-file.ts'
import {
  createExaminer,
  type Examiner,
  MAX_APPLICANTS,
  MAX_APPLICANTS_PER_SPONSOR,
  MAX_VOUCHES_PER_EPOCH,
} from '../../../node-relay/full-admission/examiner.ts'
import { leaveSeat } from '../../../node-relay/full-admission/leave.ts'
import { createMeasure } from '../../../node-relay/full-admission/measure.ts'
import { createStorageAnswers } from '../../../node-relay/full-admission/storage-answers.ts'
import {
  type FullApplication,
  type FullStatement,
  fullApplicationCodec,
  STATEMENT,
} from '../../../shared/admission/full-application.ts'
import { POWER } from '../../../shared/admission/hardware.ts'
import { profileOf } from '../../../shared/admission/profile.ts'
import { STORAGE_DEADLINE_MS } from '../../../shared/admission/storage-challenge.ts'
import { blockCodec } from '../../../shared/block/block.ts'
import { toHex, uintToBytes } from '../../../shared/bytes.ts'
import { accept, reject } from '../../../shared/errors.ts'
import { formatDeviceId } from '../../../shared/identity/device-id.ts'
import { LABEL } from '../../../shared/identity/label.ts'
import { openBlock } from '../../../shared/ledger/apply.ts'
import { applyRosterChange } from '../../../shared/ledger/roster-change.ts'
import { fullAnswerCodec, storageAnswerCodec, storageRequestCodec } from '../../../shared/protocol/full-messages.ts'
import { PROTOCOLS } from '../../../shared/protocol/ids.ts'
import { refusal } from '../../../shared/protocol/messages.ts'
import type { Approval } from '../../../shared/transaction/approval.ts'
import { transactionCodec } from '../../../shared/transaction/transaction.ts'
import {
  foundRelay,
  makeVoucher,
  registerByOwner,
  registerByVoucher,
  type TestDevice,
} from '../../framework/chain-actions.ts'
import { ChainBuilder, namedSigner } from '../../framework/chain-builder.ts'
import {
  APPLICANT_PEER,
  applicantAddress,
  signApplication,
  signStatement,
  signStorageRequest,
} from '../../framework/full-actions.ts'

const SEATS = [0, 1, 2]
type SeatVote = Extract<Approval, { TAG: 'votes' }>['data'][number]
const SETTLED_BELOW = 2
const LOOK_MS = 1_000

let builder: ChainBuilder
let relay: TestDevice
let device: TestDevice
let dataDir: string
let now: number
/** What reaches the applicant, and how long its answer takes, ms. */
let isReachable: boolean
let answerMs: number
let hasBlocks: boolean
let submitted: Uint8Array[]
let examiners: Examiner[]
let applicant: Applicant

const verifier = createNodeVerifier()
const sealing = namedSigner('applicant sealing')
/** Encoded, by height: each challenge reads hundreds. */
let encoded: Uint8Array[]
const blockAt = (height: number) => {
  encoded[height] ??= blockCodec.encode(builder.at(height).block)
  return encoded[height]
}
const idOf = ({ deviceId }: TestDevice) => formatDeviceId(builder.networkId, deviceId)

const chain = {
  get rules() {
    return builder.rules
  },
  get tip() {
    return builder.tip.node
  },
  get state() {
    return builder.tip.tree
  },
  stateAt: (height: number) => builder.at(height).tree,
  get graph() {
    const node = builder.at(Math.max(0, builder.tip.node.height - SETTLED_BELOW)).node
    return { settled: { node }, at: (height: number) => builder.at(height).node } as never
  },
}

function examinerOf(seat: number, folder = join(dataDir, String(seat))): Examiner {
  const answers = createStorageAnswers({
    ...{ chain, verifier, now: () => now, blockAt },
    applicant: () => device.deviceId,
    hashAt: (height) => builder.at(height).node.hash,
  })
  const measure = createMeasure({
    chain,
    network: {
      peers: () => [{ peerId: APPLICANT_PEER }] as never,
      dial: () => Promise.reject(new Error('not dialled')),
      async request(_peer, spec, bytes) {
        if (spec.id === PROTOCOLS.status.id) return bytes
        const request = storageRequestCodec.decode(bytes)
        if (!request.ok) throw new Error(request.detail)
        now += answerMs
        const answer = hasBlocks ? await answers(request.value) : accept({ digest: uintToBytes(7, 32) })
        return storageAnswerCodec.encode(
          answer.ok ? { TAG: 'answered', data: answer.value } : refusal(answer.code, answer.detail),
        )
      },
    },
    probe: async () => {
      if (!isReachable) throw new Error('nobody there')
    },
    blockAt,
    sealing: () => builder.keeper(seat),
    now: () => now,
  })
  return createExaminer({
    ...{ chain, verifier, measure, now: () => now, random: () => 0.5 },
    sealing: () => builder.keeper(seat),
    file: openExaminationsFile(folder, builder.networkId, () => {}),
  })
}

beforeEach(async () => {
  builder = new ChainBuilder({ keepers: SEATS.length })
  encoded = []
  relay = await foundRelay(builder)
  device = await registerByOwner(builder, {
    ...{ wallet: namedSigner('applicant'), label: LABEL.lightweight, endorsers: [relay] },
  })
  await builder.mineMany(20)
  now = builder.tip.block.header.time
  ;[isReachable, answerMs, hasBlocks, submitted] = [true, 10, true, []]
  dataDir = mkdtempSync(join(tmpdir(), 'lares-full-'))
  examiners = SEATS.map((seat) => {
    const folder = join(dataDir, String(seat))
    rmSync(folder, { recursive: true, force: true })
    return examinerOf(seat, mkdtempSync(folder))
  })
  applicant = createApplicant(applicantInit())
})
afterEach(() => rmSync(dataDir, { recursive: true, force: true }))

function applicantInit(): ApplicantInit {
  return {
    ...{ dataDir, chain, verifier, wallet: device.wallet, sealing: () => sealing, now: () => now },
    deviceId: device.deviceId,
    network: {
      async request(peer, _spec, bytes) {
        const application = fullApplicationCodec.decode(bytes)
        if (!application.ok) throw new Error(application.detail)
        const heard = await (examiners[Number(peer)] as Examiner).hear(APPLICANT_PEER, application.value)
        return fullAnswerCodec.encode(
          heard.ok ? { TAG: 'examined', data: heard.value } : refusal(heard.code, heard.detail),
        )
      },
    },
    fullNodes: () => SEATS.map(String),
    addresses: () => [applicantAddress()],
    profile: () => profileOf({ storageMiB: 100_000, power: POWER.mains }),
    submit: async (bytes) => {
      submitted.push(bytes)
      return accept(null)
    },
    log: () => {},
  }
}

/** Time passes, a block each second, and everyone does what is theirs. */
async function pass(blocks: number): Promise<void> {
  for (let i = 0; i < blocks; i++) {
    await builder.mine()
    for (let ms = 0; ms < 1_000; ms += LOOK_MS) {
      now = Math.max(now, builder.tip.block.header.time + ms)
      await applicant.look()
      for (const examiner of examiners) await examiner.look()
    }
  }
}

const missing = (examiner = examiners[0] as Examiner) =>
  (examiner.applicants()[0]?.steps ?? []).filter(({ isMet }) => !isMet).map(({ step }) => step)

describe('an applicant', () => {
  it('gets votes once nothing is missing, and the change that it hands in gives it its seat', async () => {
    expect(applicant.apply()).toEqual(accept(null))
    await pass(16 * 4)
    expect(examiners.map((one) => missing(one))).toEqual([['vouches'], ['vouches'], ['vouches']])
    expect(submitted).toEqual([])
    expect(applicant.view()).toMatchObject({ state: 'applying', votes: 0, votesNeeded: 2, refused: undefined })
    expect(examiners[0]?.vouch(idOf(device))).toEqual(accept(null))
    await pass(2)
    expect(applicant.view().votes).toBe(0)
    expect(examiners[1]?.vouch(idOf(device))).toEqual(accept(null))
    await pass(2)
    expect(applicant.view().votes).toBe(3)
    // Once, not anew with each round of votes.
    expect(submitted).toHaveLength(1)
    builder.waiting.push(...submitted)
    builder.addSealer(sealing)
    await builder.mine()
    expect(chain.tip.roster.members.at(-1)?.sealingKey).toEqual(sealing.publicKey)
    await pass(1)
    expect(applicant.view().state).toBe('full')
    expect(applicant.isApplying).toBe(false)
    expect(applicant.apply()).toMatchObject({ code: 'already-full' })
    expect(examiners[0]?.applicants()).toEqual([])
  })

  it('gets no vote from a seat that cannot reach it, has slow answers, or wrong ones', async () => {
    applicant.apply()
    for (const examiner of examiners) examiner.vouch(idOf(device))
    isReachable = false
    await pass(20)
    expect(missing()).toEqual(['reachability', 'capacity', 'probation'])
    isReachable = true
    answerMs = STORAGE_DEADLINE_MS + 1
    await pass(40)
    expect(missing()).toEqual(['storage', 'probation'])
    answerMs = 10
    hasBlocks = false
    await pass(40)
    expect(missing()).toEqual(['storage', 'probation'])
    expect(submitted).toEqual([])
  })

  it('believes no answer but the words of the seat itself', async () => {
    const [honest] = examiners as [Examiner]
    const forge = (word: Partial<FullStatement>): Examiner => ({
      ...honest,
      async hear(from, application) {
        const heard = await honest.hear(from, application)
        const stranger = namedSigner('stranger')
        const said = { kind: STATEMENT.vouch, seat: 1, expires: 9_999, ...word }
        const statements = [await signStatement(builder, application, said, stranger)]
        const vote = { seat: 3, expires: 9_999, signature: new Uint8Array(64) }
        return heard.ok ? accept({ ...heard.value, seat: 1, statements, vote }) : heard
      },
    })
    examiners = [forge({}), forge({ kind: STATEMENT.reached }), forge({ seat: 77 })]
    applicant.apply()
    await pass(4)
    expect(applicant.view()).toMatchObject({ votes: 0, seats: [] })
  })

  it('goes on after a restart', () => {
    const again = () => createApplicant({ ...applicantInit(), network: { request: () => Promise.reject(new Error()) } })
    expect(again().isApplying).toBe(false)
    applicant.apply()
    expect(again().isApplying).toBe(true)
  })

  it('is refused without an ID or an address', () => {
    const nowhere = createApplicant({ ...applicantInit(), addresses: () => [] })
    expect(nowhere.apply()).toMatchObject({ code: 'no-address' })
    const nobody = createApplicant({ ...applicantInit(), deviceId: uintToBytes(9, 32) })
    expect(nobody.apply()).toMatchObject({ code: 'not-registered' })
  })
})

describe('votes that a block refuses', () => {
  /** With these votes as the applicant has gathered them. */
  async function handIn(change: (data: SeatVote[]) => SeatVote[], handedIn = submitted[0] as Uint8Array) {
    const decoded = transactionCodec.decode(handedIn)
    if (!decoded.ok || decoded.value.TAG !== 'rosterChange') throw new Error('no roster change')
    const { action } = decoded.value.data
    if (action.TAG !== 'admit' || action.data.approval.TAG !== 'votes') throw new Error('no votes')
    const { changeNumber } = chain.tip.roster
    const approval = { TAG: 'votes' as const, data: change(action.data.approval.data) }
    const data = { changeNumber: changeNumber + 1, action: { ...action, data: { ...action.data, approval } } }
    const { height } = chain.tip
    const context = { ...builder.rules, height: height + 1, time: now + 1_000 }
    const draft = openBlock({ state: chain.state, roster: chain.tip.roster }, context)
    const verdict = applyRosterChange(draft, data)
    if (!verdict.ok) return verdict.code
    const hold = await verifier.verifyBatch(draft.signatures)
    return hold.every(Boolean) ? 'good' : 'bad-signature'
  }

  beforeEach(async () => {
    for (const examiner of examiners) examiner.vouch(idOf(device))
    applicant.apply()
    for (let i = 0; i < 16 * 4 && submitted.length === 0; i++) await pass(1)
    expect(submitted).toHaveLength(1)
  })

  it('of a non-member, of one seat twice, late, or too few', async () => {
    const last = (data: SeatVote[]) => data.at(-1) as SeatVote
    expect(await handIn((data) => data)).toBe('good')
    expect(await handIn((data) => [...data, { ...last(data), seat: 9 }])).toBe('not-a-member')
    expect(await handIn((data) => data.map((vote) => ({ ...vote, expires: chain.tip.height })))).toBe('vote-expired')
    expect(await handIn((data) => data.map((vote) => ({ ...vote, expires: vote.expires + 1 })))).toBe('bad-signature')
    expect(await handIn((data) => data.slice(0, 1))).toBe('not-enough-votes')
    // The vote of one seat is not that of another, and no list holds a seat twice.
    expect(await handIn((data) => data.map((_, i) => ({ ...(data[0] as SeatVote), seat: i })))).toBe('bad-signature')
    const twice = { kind: STATEMENT.vouch, seat: 0, expires: 9, signature: new Uint8Array(64) }
    await expect(signApplication(builder, device, { statements: [twice, twice] })).rejects.toThrow()
  })

  it('of an earlier stay', async () => {
    builder.waiting.push(...submitted)
    builder.addSealer(sealing)
    await builder.mine()
    const left: Uint8Array[] = []
    await leaveSeat({
      ...{ chain, sealing: () => sealing },
      submit: async (bytes) => {
        left.push(bytes)
        return accept(null)
      },
    })
    builder.waiting.push(...left)
    await builder.mine({ seat: 0 })
    expect(chain.tip.roster.members).toHaveLength(SEATS.length)
    expect(await handIn((data) => data)).toBe('wrong-seat')
  })
})

describe('an examiner refuses', () => {
  const hear = (application: FullApplication, from = APPLICANT_PEER) =>
    (examiners[0] as Examiner).hear(from, application)
  const sign: typeof signApplication = (one, who, change, keys) =>
    signApplication(one, who, { issuedAt: now, ...change }, keys)

  it('who is not settled, is full already, or comes with the key or from the address of another', async () => {
    expect(await hear(await sign(builder, device))).toMatchObject({ ok: true, value: { seat: 0 } })
    const stranger = { deviceId: uintToBytes(5, 32), wallet: device.wallet }
    expect(await hear(await sign(builder, stranger))).toMatchObject({ code: 'not-settled' })
    expect(await hear(await sign(builder, relay))).toMatchObject({ code: 'already-full' })
    const [taken] = chain.tip.roster.members
    const sealingKey = taken?.sealingKey as Uint8Array
    expect(await hear(await sign(builder, device, { sealingKey }))).toMatchObject({ code: 'key-in-use' })
    expect(await hear(await sign(builder, device), 'somebody')).toMatchObject({ code: 'another-peer' })
    const fresh = await registerByOwner(builder, {
      ...{ wallet: namedSigner('fresh'), label: LABEL.lightweight, endorsers: [relay] },
    })
    await builder.mine()
    now = builder.tip.block.header.time
    expect(await hear(await sign(builder, fresh))).toMatchObject({ code: 'not-settled' })
  })

  it('what is not signed by both keys, is of another time, or older than what it knows', async () => {
    const other = namedSigner('other')
    expect(await hear(await sign(builder, device, {}, { wallet: other }))).toMatchObject({ code: 'bad-signature' })
    expect(await hear(await sign(builder, device, {}, { sealing: other }))).toMatchObject({ code: 'bad-signature' })
    const old = await sign(builder, device, { issuedAt: now - 120_001 })
    expect(await hear(old)).toMatchObject({ code: 'request-too-old' })
    expect(await hear(await sign(builder, device, { issuedAt: now + 120_001 }))).toMatchObject({
      code: 'request-ahead',
    })
    const first = await sign(builder, device)
    now += 10
    expect(await hear(await sign(builder, device))).toMatchObject({ ok: true })
    expect(await hear(first)).toMatchObject({ code: 'application-outdated' })
    const altered = { ...(await sign(builder, device)), addresses: [`/ip4/10.0.0.1/tcp/1/p2p/${APPLICANT_PEER}`] }
    expect(await hear(altered)).toMatchObject({ code: 'bad-signature' })
  })

  it('a flood: so many of one sponsor, and so many in all', async () => {
    const voucher = async (name: string) => {
      const secret = await makeVoucher(builder, relay, { name })
      return registerByVoucher(builder, secret, { wallet: namedSigner(name), endorsers: [relay] })
    }
    const many: TestDevice[] = []
    for (let i = 0; i <= MAX_APPLICANTS_PER_SPONSOR; i++) many.push(await voucher(`many ${i}`))
    await builder.mineMany(4)
    now = builder.tip.block.header.time
    const codes: unknown[] = []
    for (const [i, one] of many.entries()) {
      const key = namedSigner(`key ${i}`)
      const heard = await hear(await sign(builder, one, { sealingKey: key.publicKey }, { sealing: key }))
      codes.push(heard.ok || heard.code)
    }
    expect(codes).toEqual([...Array(MAX_APPLICANTS_PER_SPONSOR).fill(true), 'too-many-applicants'])
    // The owners' one is of another source.
    expect(await hear(await sign(builder, device))).toMatchObject({ ok: true })
    expect(MAX_APPLICANTS).toBeGreaterThan(MAX_APPLICANTS_PER_SPONSOR)
  })

  it('words of nobody, expired ones, and those of other addresses or devices', async () => {
    const height = chain.tip.height
    const about = { networkId: builder.networkId, deviceId: device.deviceId, addresses: [applicantAddress()] }
    const elsewhere = { ...about, addresses: [applicantAddress().replace('.30/', '.31/')] }
    const steps = async (statements: FullStatement[]) => {
      now += 1
      const heard = await hear(await sign(builder, device, { statements }))
      if (!heard.ok) throw new Error(heard.code)
      return heard.value.steps.slice(0, 3).flatMap(({ step, have }) => (step === 'hardware' ? [] : [have]))
    }
    const say = (said: Partial<FullStatement>, of = about, signer = builder.keeper(1)) =>
      signStatement(builder, of, { kind: STATEMENT.vouch, seat: 1, expires: height, ...said }, signer)
    const { reached } = STATEMENT
    expect(await steps([await say({}), await say({ kind: reached })])).toEqual([1, 1])
    expect(await steps([await say({ expires: height - 1 }), await say({ kind: reached, expires: 0 })])).toEqual([0, 0])
    expect(await steps([await say({}, about, builder.keeper(2))])).toEqual([0, 0])
    expect(await steps([await say({ seat: 9 })])).toEqual([0, 0])
    expect(await steps([await say({}, { ...about, deviceId: relay.deviceId })])).toEqual([0, 0])
    // Who vouches does so wherever it is; who reached it, did so there.
    expect(await steps([await say({}, elsewhere), await say({ kind: reached }, elsewhere)])).toEqual([1, 0])
  })

  it('to look at anybody without a seat', async () => {
    const nobody = createExaminer({
      ...{ chain, verifier, now: () => now, random: () => 0.5, sealing: () => namedSigner('nobody') },
      measure: { reach: async () => true, capacity: async () => 99, storage: async () => true },
      file: openExaminationsFile(dataDir, builder.networkId, () => {}),
    })
    expect(await nobody.hear(APPLICANT_PEER, await sign(builder, device))).toMatchObject({ code: 'no-seat' })
    expect(nobody.vouch(idOf(device))).toMatchObject({ code: 'no-seat' })
    expect(nobody.applicants()).toEqual([])
  })

  it('a fifth vouch in an epoch, and one for nobody', async () => {
    const wallets = Array.from({ length: MAX_VOUCHES_PER_EPOCH }, (_, i) => namedSigner(`wallet ${i}`))
    const more: TestDevice[] = []
    for (const wallet of wallets)
      more.push(await registerByOwner(builder, { wallet, label: LABEL.lightweight, endorsers: [relay] }))
    await builder.mineMany(4)
    const [examiner] = examiners as [Examiner]
    const said = [device, ...more].map((one) => examiner.vouch(idOf(one)))
    expect(said.map((one) => one.ok || one.code)).toEqual([
      ...Array(MAX_VOUCHES_PER_EPOCH).fill(true),
      'too-many-vouches',
    ])
    expect(examiner.vouch(idOf(device))).toEqual(accept(null))
    expect(examiner.vouch('LARES1')).toMatchObject({ code: 'malformed-id' })
    expect(examiner.vouch(idOf(relay))).toMatchObject({ code: 'already-full' })
    expect(examiner.vouch(toHex(uintToBytes(9, 32)))).toMatchObject({ code: 'not-settled' })
    await builder.mineMany(17)
    expect(examiner.vouch(idOf(more.at(-1) as TestDevice))).toEqual(accept(null))
  })
})

describe('what an examiner has measured', () => {
  it('survives a restart; a damaged file, or one of another network, counts for nothing', async () => {
    const folder = mkdtempSync(join(dataDir, 'again'))
    examiners = [examinerOf(0, folder)]
    applicant.apply()
    await pass(56)
    expect(missing()).not.toContain('probation')
    const [before] = (examiners[0] as Examiner).applicants()
    const [after] = examinerOf(0, folder).applicants()
    const probation = (row: typeof before) => row?.steps.find(({ step }) => step === 'probation')
    expect(probation(after)).toEqual(probation(before))
    const path = join(folder, 'full-examinations.json')
    const text = readFileSync(path, 'utf8')
    const damages = [
      text.slice(1),
      text.replace('"version":1', '"version":2'),
      text.replace(toHex(builder.networkId), '00'.repeat(32)),
      text.replace(/"goodEpochs":\d+/, '"goodEpochs":-1'),
      text.replace(/"passed":\d+/, '"passed":9999'),
      text.replace(/"application":"01/, '"application":"02'),
    ]
    for (const damaged of damages) {
      expect(damaged).not.toBe(text)
      writeFileSync(path, damaged)
      expect(examinerOf(0, folder).applicants()).toEqual([])
    }
  })

  it('is forgotten when the applicant falls silent', async () => {
    applicant.apply()
    await pass(2)
    examiners.push(examiners[0] as Examiner)
    for (let i = 0; i < 16 * 3 + 16; i++) {
      await builder.mine()
      now = builder.tip.block.header.time
    }
    await (examiners[0] as Examiner).look()
    expect((examiners[0] as Examiner).applicants()).toEqual([])
  })
})

describe('a storage challenge is answered', () => {
  const answers = (own: Uint8Array | undefined, blocks: typeof blockAt | (() => undefined) = blockAt) =>
    createStorageAnswers({
      ...{ chain, verifier, now: () => now, blockAt: blocks },
      applicant: () => own,
      hashAt: (height) => (height > builder.tip.node.height ? undefined : builder.at(height).node.hash),
    })
  const question = (change: object = {}, signer = builder.keeper(1)) =>
    signStorageRequest(
      builder,
      { deviceId: device.deviceId, nonce: uintToBytes(1, 32), height: 5, time: now, seat: 1, ...change },
      signer,
    )

  it('to a seat alone, for the own application alone, in time', async () => {
    const answer = answers(device.deviceId)
    expect(await answer(await question())).toMatchObject({ ok: true })
    expect(await answers(undefined)(await question())).toMatchObject({ code: 'not-applying' })
    expect(await answer(await question({ deviceId: relay.deviceId }))).toMatchObject({ code: 'not-applying' })
    expect(await answer(await question({ seat: 7 }))).toMatchObject({ code: 'not-a-member' })
    expect(await answer(await question({ time: now - 120_001 }))).toMatchObject({ code: 'request-too-old' })
    expect(await answer(await question({ time: now + 120_001 }))).toMatchObject({ code: 'request-ahead' })
    expect(await answer(await question({}, builder.keeper(2)))).toMatchObject({ code: 'bad-signature' })
    const elsewhere = await question({ headerHash: uintToBytes(3, 32) })
    expect(await answer(elsewhere)).toMatchObject({ code: 'unknown-header' })
    expect(await answers(device.deviceId, () => undefined)(await question())).toMatchObject({ code: 'block-missing' })
  })

  it('once at a time for each seat', async () => {
    const answer = answers(device.deviceId)
    const own = await question()
    const other = await question({ seat: 2 }, builder.keeper(2))
    const [first, second, third] = await Promise.all([answer(own), answer(own), answer(other)])
    expect([first, third]).toMatchObject([{ ok: true }, { ok: true }])
    expect(second).toMatchObject({ code: 'busy' })
  })
})

describe('leaving', () => {
  const leave = (seat: number) =>
    leaveSeat({
      ...{ chain, sealing: () => builder.keeper(seat) },
      submit: async (bytes) => {
        submitted.push(bytes)
        return accept(null)
      },
    })

  it('takes the own signature, and a device', async () => {
    expect(await leave(0)).toEqual(accept(null))
    builder.waiting.push(...submitted)
    await builder.mine()
    expect(chain.tip.roster.members.map(({ seat }) => seat)).toEqual([1, 2])
    expect(await leave(0)).toMatchObject({ code: 'no-seat' })
    expect(await leave(1)).toMatchObject({ code: 'not-registered' })
  })

  it('is refused to the last', async () => {
    builder = new ChainBuilder()
    await foundRelay(builder)
    expect(await leave(0)).toMatchObject({ code: 'last-seat' })
    expect(await leaveSeat({ chain, sealing: () => sealing, submit: async () => reject('no', 'no') })).toMatchObject({
      code: 'no-seat',
    })
  })
})
