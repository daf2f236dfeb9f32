import { randomBytes } from 'node:crypto'
import {
  type AdmissionVerdict,
  beginProbation,
  judgeAdmission,
  noteChallenge,
  type Probation,
  probationAt,
} from '../../shared/admission/full-admission.ts'
import {
  type FullApplication,
  type FullStatement,
  fullApplicationMessage,
  fullStatementMessage,
  STATEMENT,
} from '../../shared/admission/full-application.ts'
import { equalBytes, toHex } from '../../shared/bytes.ts'
import type { SignatureVerifier } from '../../shared/crypto/signature-verifier.ts'
import type { Signer } from '../../shared/crypto/signer.ts'
import { accept, type Result, reject } from '../../shared/errors.ts'
import { formatDeviceId } from '../../shared/identity/device-id.ts'
import { ASSURANCE, LABEL, STATUS } from '../../shared/identity/label.ts'
import type { DeviceRecord } from '../../shared/identity/record.ts'
import { policyOf } from '../../shared/ledger/policy.ts'
import { validateRequestTime } from '../../shared/protocol/evidence-request.ts'
import type { FullAnswer } from '../../shared/protocol/full-messages.ts'
import { memberAt } from '../../shared/roster/roster.ts'
import { parseSubject } from '../devices/subject.ts'
import type { FullChain } from '../full-node/chain.ts'
import { epochOf, recordOf } from '../full-node/views.ts'
import { voteMessageOf } from '../roster/motion.ts'
import { VOTE_BLOCKS } from '../roster/roster-desk.ts'
import { peerOf } from '../sync/address-book.ts'
import type { ApplicantRow } from './door.ts'
import type { ExaminationsFile, KeptVouch } from './examinations-file.ts'

/** Applicants that are examined at once. */
export const MAX_APPLICANTS = 16
/** Of those that one sponsor let in, or one issuer certified: nobody fills the places alone. */
export const MAX_APPLICANTS_PER_SPONSOR = 4
/** One that has not applied again for so many epochs is forgotten. */
export const FORGOTTEN_EPOCHS = 2
/** Devices that an operator can vouch for in an epoch. */
export const MAX_VOUCHES_PER_EPOCH = 4
/** A vouch lapses after so many epochs: a month of the home preset. */
export const VOUCH_EPOCHS = 32
/** Challenges of an epoch, about: when the next one comes, nobody knows. */
const CHALLENGES_PER_EPOCH = 8

export interface ExaminerInit {
  readonly chain: Pick<FullChain, 'tip' | 'state' | 'stateAt' | 'graph' | 'rules'>
  readonly verifier: SignatureVerifier
  /** The key that seals, and votes. */
  sealing(): Signer
  readonly file: ExaminationsFile
  readonly measure: Measure
  now(): number
  /** 0 to 1. */
  random(): number
}

/** What is measured of an applicant, over the network. */
export interface Measure {
  /** Whether a new connection can be opened to one of its addresses. */
  reach(application: FullApplication): Promise<boolean>
  /** Requests that it answers in a second. */
  capacity(application: FullApplication): Promise<number>
  /** Whether it shows that it has the blocks; undefined: the chain is still too short to ask. */
  storage(application: FullApplication, seat: number, nonce: Uint8Array): Promise<boolean | undefined>
}

interface Applicant {
  application: FullApplication
  probation: Probation
  heardEpoch: number
  /** Those of its application whose signature holds. */
  statements: readonly FullStatement[]
  /** In which it was reached, and found to be as fast as this; undefined: not yet. */
  reached: { readonly epoch: number; readonly isReached: boolean; readonly capacity: number } | undefined
  /** ms */
  nextAt: number
}

export type ApplyingCode =
  | 'no-seat'
  | 'not-settled'
  | 'already-full'
  | 'key-in-use'
  | 'another-peer'
  | 'application-outdated'
  | 'too-many-applicants'
  | 'bad-signature'
  | 'request-too-old'
  | 'request-ahead'

type Examined = Extract<FullAnswer, { TAG: 'examined' }>['data']

export interface Examiner {
  /** @param from libp2p peer ID of who asks */
  hear(from: string, application: FullApplication): Promise<Result<Examined, ApplyingCode>>
  /** Examines whoever is due. */
  look(): Promise<void>
  vouch(idText: string): Result<null>
  applicants(): readonly ApplicantRow[]
}

/**
 * A full node examines those that want to become one: it alone decides for its own vote, by what it measured over whole
 * epochs and by what the operators of several full nodes have signed (DESIGN 4, Full). Nothing here changes the roster.
 */
export function createExaminer(init: ExaminerInit): Examiner {
  const { chain, verifier, now, file, measure } = init
  const { networkId, parameters } = chain.rules
  const interval = (parameters.epochSeconds * 1_000) / CHALLENGES_PER_EPOCH
  const epochNow = () => epochOf(chain.state)
  const kept = file.read()
  /** By device ID in hex. */
  const applicants = new Map<string, Applicant>()
  for (const one of kept.applicants.slice(0, MAX_APPLICANTS))
    applicants.set(toHex(one.application.deviceId), { ...one, statements: [], reached: undefined, nextAt: now() })
  let vouches: readonly KeptVouch[] = kept.vouches

  const ownSeat = () => {
    const { publicKey } = init.sealing()
    return chain.tip.roster.members.find(({ sealingKey }) => equalBytes(sealingKey, publicKey))?.seat
  }

  function save(): void {
    const list = [...applicants.values()].map(({ application, probation, heardEpoch }) => ({
      ...{ application, probation, heardEpoch },
    }))
    file.write({ applicants: list, vouches })
  }

  /** Of an active device without a seat, as settled. */
  function candidate(deviceId: Uint8Array): Result<DeviceRecord, 'not-settled' | 'already-full'> {
    const record = recordOf(chain.state, deviceId)
    const settled = chain.stateAt(chain.graph.settled.node.height)
    if (record?.status !== STATUS.active || settled === undefined || recordOf(settled, deviceId) === undefined)
      return reject('not-settled', 'only an active device whose registration is settled can become a full node')
    return (record.label & LABEL.full) === 0 ? accept(record) : reject('already-full', 'this device is a full node')
  }

  const sourceOf = ({ sponsor, issuer }: DeviceRecord) => `${toHex(sponsor)} ${toHex(issuer)}`

  function hasPlace(record: DeviceRecord): boolean {
    if (applicants.size >= MAX_APPLICANTS) return false
    const source = sourceOf(record)
    const alike = [...applicants.values()].filter(({ application }) => {
      const other = recordOf(chain.state, application.deviceId)
      return other !== undefined && sourceOf(other) === source
    })
    return alike.length < MAX_APPLICANTS_PER_SPONSOR
  }

  /** Those that a seat of today has signed, and that have not expired. */
  async function holding(application: FullApplication): Promise<FullStatement[]> {
    const { roster, height } = chain.tip
    const open = application.statements.flatMap((statement) => {
      const member = statement.expires < height ? undefined : memberAt(roster, statement.seat)
      return member === undefined ? [] : [{ statement, publicKey: member.sealingKey }]
    })
    const verdicts = await verifier.verifyBatch(
      open.map(({ statement, publicKey }) => ({
        ...{ publicKey, message: fullStatementMessage(statement, application), signature: statement.signature },
      })),
    )
    return open.filter((_, i) => verdicts[i] === true).map(({ statement }) => statement)
  }

  const isVouched = (deviceId: string) => vouches.some((one) => one.deviceId === deviceId)

  function judge(applicant: Applicant, record: DeviceRecord, seat: number): AdmissionVerdict {
    const { application, statements, reached } = applicant
    const probation = probationAt(applicant.probation, epochNow())
    const { members } = chain.tip.roster
    const seatsThatSay = (kind: number, isOwn: boolean) => {
      const seats = new Set(statements.filter((one) => one.kind === kind).map((one) => one.seat))
      if (isOwn) seats.add(seat)
      return [...seats].filter((one) => memberAt(chain.tip.roster, one) !== undefined).length
    }
    return judgeAdmission({
      isCertified: record.assurance === ASSURANCE.certified,
      vouches: seatsThatSay(STATEMENT.vouch, isVouched(toHex(application.deviceId))),
      reachedBy: seatsThatSay(STATEMENT.reached, reached?.isReached === true),
      isReached: reached?.isReached === true,
      capacity: reached?.capacity ?? 0,
      challenges: probation.asked > 0 ? probation : applicant.probation,
      goodEpochs: probation.goodEpochs,
      profile: application.profile,
      seats: members.length,
      fullStorageMiB: policyOf(chain.state).label.fullStorageMiB,
    })
  }

  async function statementsOf({ application, reached }: Applicant, seat: number): Promise<FullStatement[]> {
    const kinds = [
      ...(isVouched(toHex(application.deviceId)) ? [STATEMENT.vouch] : []),
      ...(reached?.isReached === true ? [STATEMENT.reached] : []),
    ]
    const expires = chain.tip.height + VOTE_BLOCKS
    return Promise.all(
      kinds.map(async (kind) => {
        const signature = await init.sealing().sign(fullStatementMessage({ kind, seat, expires }, application))
        return { kind, seat, expires, signature }
      }),
    )
  }

  /** For the next seat of the roster. */
  async function voteFor({ sealingKey }: FullApplication, record: DeviceRecord): Promise<Examined['vote']> {
    const { deviceId, walletId, recoveryKey } = record
    const seat = chain.tip.roster.nextSeat
    const expires = chain.tip.height + VOTE_BLOCKS
    const item = { TAG: 'admit' as const, data: { deviceId, walletId, sealingKey, recoveryKey, seat } }
    return { seat, expires, signature: await init.sealing().sign(voteMessageOf(networkId, item, expires)) }
  }

  async function examine(applicant: Applicant, seat: number): Promise<void> {
    const { application } = applicant
    const epoch = epochNow()
    if (applicant.reached?.epoch !== epoch || !applicant.reached.isReached) {
      const isReached = await measure.reach(application)
      const capacity = isReached ? await measure.capacity(application) : 0
      applicant.reached = { epoch, isReached, capacity }
    }
    const hasPassed = await measure.storage(application, seat, randomBytes(32))
    const probation = probationAt(applicant.probation, epochNow())
    applicant.probation = hasPassed === undefined ? probation : noteChallenge(probation, hasPassed)
    applicant.nextAt = now() + interval * (0.5 + init.random())
  }

  return {
    async hear(from, application) {
      const { deviceId, sealingKey, issuedAt } = application
      const seat = ownSeat()
      if (seat === undefined) return reject('no-seat', 'this relay holds no seat, so it examines nobody')
      const time = validateRequestTime(issuedAt, now())
      if (!time.ok) return time
      if (peerOf(application.addresses[0] as string) !== from)
        return reject('another-peer', 'an application is sent by the peer that its addresses name')
      const record = candidate(deviceId)
      if (!record.ok) return record
      if (chain.tip.roster.members.some((member) => equalBytes(member.sealingKey, sealingKey)))
        return reject('key-in-use', 'another seat has this sealing key')
      const key = toHex(deviceId)
      const known = applicants.get(key)
      if (known !== undefined && issuedAt < known.application.issuedAt)
        return reject('application-outdated', 'there is a later application of this device')
      if (known === undefined && !hasPlace(record.value))
        return reject('too-many-applicants', 'this relay examines as many applicants as it can; come again later')
      const message = fullApplicationMessage(application)
      const own = await verifier.verifyBatch([
        { publicKey: record.value.walletKey, message, signature: application.signature },
        { publicKey: sealingKey, message, signature: application.sealingSignature },
      ])
      if (!own.every(Boolean)) return reject('bad-signature', 'the application is not signed by both of its keys')
      const statements = await holding(application)
      const epoch = epochNow()
      const isElsewhere = known !== undefined && known.application.addresses.join() !== application.addresses.join()
      // Others may have come meanwhile.
      if (!applicants.has(key) && !hasPlace(record.value))
        return reject('too-many-applicants', 'this relay examines as many applicants as it can; come again later')
      const applicant = applicants.get(key) ?? {
        ...{ application, statements, heardEpoch: epoch, probation: beginProbation(epoch) },
        ...{ reached: undefined, nextAt: now() },
      }
      const isNews = !applicants.has(key) || applicant.heardEpoch !== epoch
      Object.assign(applicant, { application, statements, heardEpoch: epoch }, isElsewhere && { reached: undefined })
      applicants.set(key, applicant)
      if (isNews) save()
      const { steps, isAdmissible } = judge(applicant, record.value, seat)
      return accept({
        seat,
        steps: [...steps],
        statements: await statementsOf(applicant, seat),
        vote: isAdmissible ? await voteFor(application, record.value) : undefined,
      })
    },

    async look() {
      const seat = ownSeat()
      if (seat === undefined) return
      const epoch = epochNow()
      for (const [key, { application, heardEpoch }] of applicants)
        if (heardEpoch + FORGOTTEN_EPOCHS < epoch || !candidate(application.deviceId).ok) applicants.delete(key)
      const due = [...applicants.values()].filter(({ nextAt }) => now() >= nextAt)
      if (due.length === 0) return
      await Promise.all(due.map((applicant) => examine(applicant, seat)))
      save()
    },

    vouch(idText) {
      if (ownSeat() === undefined) return reject('no-seat', 'This relay holds no seat, so its word does not count.')
      const deviceId = parseSubject(networkId, idText)
      if (!deviceId.ok) return deviceId
      const record = candidate(deviceId.value)
      if (!record.ok) return record
      const key = toHex(deviceId.value)
      if (isVouched(key)) return accept(null)
      const epoch = epochNow()
      vouches = vouches.filter((one) => one.epoch + VOUCH_EPOCHS > epoch)
      if (vouches.filter((one) => one.epoch === epoch).length >= MAX_VOUCHES_PER_EPOCH)
        return reject(
          'too-many-vouches',
          `This relay has vouched for ${MAX_VOUCHES_PER_EPOCH} in this epoch; wait for the next.`,
        )
      vouches = [...vouches, { deviceId: key, epoch }]
      save()
      return accept(null)
    },

    applicants() {
      const seat = ownSeat()
      return [...applicants.values()].flatMap((applicant) => {
        const { deviceId } = applicant.application
        const record = recordOf(chain.state, deviceId)
        if (record === undefined || seat === undefined) return []
        const id = formatDeviceId(networkId, deviceId)
        return { deviceId: id, isVouchedHere: isVouched(toHex(deviceId)), ...judge(applicant, record, seat) }
      })
    },
  }
}
