import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { AdmissionStep } from '../../shared/admission/full-admission.ts'
import {
  type FullApplication,
  type FullStatement,
  fullApplicationCodec,
  fullApplicationMessage,
  fullStatementMessage,
  MAX_STATEMENTS,
} from '../../shared/admission/full-application.ts'
import { type DeviceProfile, PROFILE_VERSION } from '../../shared/admission/profile.ts'
import { equalBytes } from '../../shared/bytes.ts'
import type { SignatureVerifier } from '../../shared/crypto/signature-verifier.ts'
import type { Signer } from '../../shared/crypto/signer.ts'
import { accept, type Result, reject } from '../../shared/errors.ts'
import { type FullAnswer, fullAnswerCodec } from '../../shared/protocol/full-messages.ts'
import { PROTOCOLS } from '../../shared/protocol/ids.ts'
import type { PeerNetwork } from '../../shared/protocol/transport.ts'
import { memberAt, twoThirds } from '../../shared/roster/roster.ts'
import { transactionCodec } from '../../shared/transaction/transaction.ts'
import { writeFileAtomic } from '../atomic-file.ts'
import type { FullChain } from '../full-node/chain.ts'
import { recordOf } from '../full-node/views.ts'
import { type MotionItem, transactionOf, voteMessageOf } from '../roster/motion.ts'
import type { ApplicationView } from './door.ts'

/** Its presence says that this relay applies, also after a restart. */
const FILE = 'full-application.json'
/** The full nodes are asked this often, ms; in short epochs 16 times in each. */
const LONGEST_ROUND_MS = 30_000
const ROUNDS_PER_EPOCH = 16
/** Handed in again after so many blocks in none of which the change came. */
const HAND_IN_AGAIN_BLOCKS = 20

type Examined = Extract<FullAnswer, { TAG: 'examined' }>['data']

interface SeatWord {
  readonly steps: readonly AdmissionStep[]
  /** Verified. */
  readonly statements: readonly FullStatement[]
  readonly vote: Examined['vote']
}

export interface ApplicantInit {
  readonly dataDir: string
  readonly chain: Pick<FullChain, 'tip' | 'state' | 'rules'>
  readonly network: Pick<PeerNetwork, 'request'>
  readonly verifier: SignatureVerifier
  /** Current wallet key of the device. */
  readonly wallet: Signer
  sealing(): Signer
  readonly deviceId: Uint8Array
  /** Connected full nodes. */
  fullNodes(): readonly string[]
  /** At which others reach this relay. */
  addresses(): readonly string[]
  profile(): DeviceProfile
  submit(transaction: Uint8Array): Promise<Result<unknown>>
  now(): number
  log(message: string, error?: unknown): void
}

export interface Applicant {
  readonly isApplying: boolean
  readonly roundMs: number
  apply(): Result<null>
  /** Asks all full nodes; hands the change in when there are enough votes. Every {@link roundMs}. */
  look(): Promise<void>
  view(): ApplicationView
}

/** Applies for a seat with every full node, gathers what they say and their votes, and hands in the one roster change. */
export function createApplicant(init: ApplicantInit): Applicant {
  const { chain, network, verifier, now } = init
  const { networkId, parameters } = chain.rules
  const path = join(init.dataDir, FILE)
  let isApplying = existsSync(path)
  /** By seat: as many as the roster has. */
  const said = new Map<number, SeatWord>()
  let refused: ApplicationView['refused']
  /** What was said of other addresses is of no use. */
  let saidOf = ''
  let handedIn: { readonly changeNumber: number; readonly height: number } | undefined

  const hasSeat = () => {
    const { publicKey } = init.sealing()
    return chain.tip.roster.members.some(({ sealingKey }) => equalBytes(sealingKey, publicKey))
  }

  function leaveOff(): void {
    isApplying = false
    said.clear()
    refused = undefined
    rmSync(path, { force: true })
  }

  /** A seat that is gone says nothing any more. */
  const words = () => [...said].filter(([seat]) => memberAt(chain.tip.roster, seat) !== undefined)

  async function write(): Promise<FullApplication> {
    const statements = words()
      .flatMap(([, word]) => word.statements)
      .filter(({ expires }) => expires >= chain.tip.height)
      .sort((a, b) => a.kind - b.kind || a.seat - b.seat)
    // In a large network there are more than fit: as many of each kind.
    const perKind = (kind: number) => statements.filter((one) => one.kind === kind).slice(0, MAX_STATEMENTS / 2)
    const content = {
      ...{ version: 1, networkId, deviceId: init.deviceId, issuedAt: now(), sealingKey: init.sealing().publicKey },
      profile: { version: PROFILE_VERSION, ...init.profile() },
      addresses: [...init.addresses()],
      statements: [...perKind(1), ...perKind(2)],
    }
    const message = fullApplicationMessage(content)
    const [signature, sealingSignature] = await Promise.all([init.wallet.sign(message), init.sealing().sign(message)])
    return { ...content, signature, sealingSignature }
  }

  /** The seat that its votes are for. */
  function ownItem(): MotionItem | undefined {
    const record = recordOf(chain.state, init.deviceId)
    if (record === undefined) return undefined
    const { deviceId, walletId, recoveryKey } = record
    const seat = chain.tip.roster.nextSeat
    return { TAG: 'admit', data: { deviceId, walletId, sealingKey: init.sealing().publicKey, recoveryKey, seat } }
  }

  /** What a full node says must be signed by the seat that it names: one false word would spoil all of it. */
  async function hear(application: FullApplication, examined: Examined): Promise<void> {
    const member = memberAt(chain.tip.roster, examined.seat)
    const item = ownItem()
    if (member === undefined || item?.TAG !== 'admit') return
    const { vote } = examined
    const isForNext = vote?.seat === item.data.seat
    const publicKey = member.sealingKey
    const statements = examined.statements.filter(({ seat }) => seat === examined.seat)
    const verdicts = await verifier.verifyBatch([
      ...statements.map((one) => ({
        ...{ publicKey, message: fullStatementMessage(one, application), signature: one.signature },
      })),
      ...(vote === undefined || !isForNext
        ? []
        : [{ publicKey, message: voteMessageOf(networkId, item, vote.expires), signature: vote.signature }]),
    ])
    if (!verdicts.every(Boolean)) return
    // The steps are signed by nobody: an answer without more takes away nothing that is.
    const before = said.get(examined.seat)
    const kinds = new Set(statements.map(({ kind }) => kind))
    const others = before?.statements.filter(({ kind }) => !kinds.has(kind)) ?? []
    const { steps } = examined
    said.set(examined.seat, { steps, statements: [...statements, ...others], vote: isForNext ? vote : before?.vote })
  }

  async function ask(peer: string, application: FullApplication): Promise<void> {
    const request = fullApplicationCodec.encode(application)
    const bytes = await network.request(peer, PROTOCOLS.fullApplication, request).catch(() => undefined)
    const answer = bytes && fullAnswerCodec.decode(bytes)
    if (!answer?.ok) return
    if (answer.value.TAG === 'refused') refused = answer.value.data
    else await hear(application, answer.value.data)
  }

  const votes = () => {
    const { roster, height } = chain.tip
    return words().flatMap(([seat, { vote }]) =>
      vote !== undefined && vote.seat === roster.nextSeat && vote.expires > height
        ? [{ seat, expires: vote.expires, signature: vote.signature }]
        : [],
    )
  }

  async function handIn(): Promise<void> {
    const { roster, height } = chain.tip
    const item = ownItem()
    const gathered = votes()
    if (item === undefined || gathered.length < twoThirds(roster.members.length)) return
    const changeNumber = roster.changeNumber + 1
    // The votes have other signatures each time: as a second transaction it would stand in the way of the first.
    if (handedIn?.changeNumber === changeNumber && height - handedIn.height < HAND_IN_AGAIN_BLOCKS) return
    handedIn = { changeNumber, height }
    const data = gathered.sort((a, b) => a.seat - b.seat)
    const taken = await init.submit(transactionCodec.encode(transactionOf(item, { TAG: 'votes', data }, changeNumber)))
    init.log(taken.ok ? 'the votes for a seat are handed in' : `the votes for a seat are not taken: ${taken.detail}`)
  }

  return {
    get isApplying() {
      return isApplying
    },
    roundMs: Math.min(LONGEST_ROUND_MS, (parameters.epochSeconds * 1_000) / ROUNDS_PER_EPOCH),
    apply() {
      if (hasSeat()) return reject('already-full', 'This relay has a seat already.')
      if (recordOf(chain.state, init.deviceId) === undefined)
        return reject(
          'not-registered',
          'This relay is not in the ledger yet: add --voucher with a voucher of this network.',
        )
      if (init.addresses().length === 0)
        return reject(
          'no-address',
          'This relay has no address at which others reach it: start it with --announce and one.',
        )
      if (!isApplying) writeFileAtomic(path, `${JSON.stringify({ version: 1 })}\n`)
      isApplying = true
      return accept(null)
    },
    async look() {
      if (!isApplying) return
      if (hasSeat()) return leaveOff()
      const place = init.addresses().join()
      if (place === '') return
      if (place !== saidOf) said.clear()
      saidOf = place
      const application = await write()
      refused = undefined
      await Promise.all(init.fullNodes().map((peer) => ask(peer, application)))
      await handIn()
    },
    view() {
      const { roster } = chain.tip
      const voted = new Set(votes().map(({ seat }) => seat))
      return {
        state: hasSeat() ? 'full' : isApplying ? 'applying' : 'none',
        epochSeconds: parameters.epochSeconds,
        votes: voted.size,
        votesNeeded: twoThirds(roster.members.length),
        seats: words()
          .sort(([a], [b]) => a - b)
          .map(([seat, { steps }]) => ({ seat, steps, hasVoted: voted.has(seat) })),
        refused,
      }
    },
  }
}
