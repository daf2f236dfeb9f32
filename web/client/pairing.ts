/** Loaded when a device without a voucher asks to be let in. */
import { hashProfile, PROFILE_VERSION } from '../../shared/admission/profile.ts'
import { type Scrypt, solvePuzzle } from '../../shared/admission/puzzle.ts'
import { type Payment, quoteCodec } from '../../shared/admission/quote.ts'
import { ZERO_HASH } from '../../shared/bytes.ts'
import type { SignatureVerifier } from '../../shared/crypto/signature-verifier.ts'
import { LaresError } from '../../shared/errors.ts'
import { ownerAnchor } from '../../shared/identity/anchor.ts'
import { LABEL, STATUS } from '../../shared/identity/label.ts'
import { deviceKey } from '../../shared/ledger/state-keys.ts'
import { readDeviceRecord } from '../../shared/proof/bundle.ts'
import { joinAnswerCodec, joinAskCodec, joinAskMessage, type Quoted, WAY } from '../../shared/protocol/join-messages.ts'
import {
  formatPairingCode,
  type PairAnswer,
  type PairAskHead,
  pairAnswerCodec,
  pairAskCodec,
  pairAskMessage,
  pairClaim,
  readPairingCode,
} from '../../shared/protocol/pair-messages.ts'
import type { TransportClock } from '../../shared/protocol/transport.ts'
import { approvalMessage, type Claim, type Evidence } from '../../shared/transaction/register.ts'
import type { WebSigner } from '../crypto/web-signer.ts'
import type { PairingView } from '../worker/api.ts'
import type { ChainAccess } from './chain-access.ts'
import { failure, STORAGE_REFUSED } from './sentences.ts'

/** The relay is asked how it stands this often, ms. */
const POLL_MS = 2_000
/** The headers have this long to be caught up, ms. */
const READY_MS = 30_000
/** Asks in a row that a relay may leave unanswered before there is a code. */
const PATIENCE = 5

const NOTHING_PAID: Payment = {
  quote: { endorser: ZERO_HASH, expires: 0, iterations: 0, salt: new Uint8Array(16), mac: ZERO_HASH },
  counter: 0,
}

const AGAIN = 'ask again.'
const FAILURES: Readonly<Record<string, string>> = {
  'no-server': `No relay that lets devices in by a code could be reached: check that it runs, and ${AGAIN}`,
  'not-a-coordination-node': `The relay lets nobody in yet, since it is new: wait a minute, and ${AGAIN}`,
  'not-approved': 'Who runs the relay has refused this device.',
  'code-expired': `Nobody has typed the code in time: ${AGAIN}`,
  'approval-altered': 'The relay has shown an approval that does not hold: ask who runs it, or use a voucher.',
  'too-many-waiting': `Many devices wait at this relay already: try it in ten minutes, and ${AGAIN}`,
  busy: `The relay is busy with other devices: wait a minute, and ${AGAIN}`,
  'price-changed': `Many others have come in meanwhile, and the puzzle is harder now: ${AGAIN}`,
  'nonce-expired': `The puzzle has taken too long: ${AGAIN}`,
}
/** What a relay says of a payment that it does not know any more. */
const FORGOTTEN: ReadonlySet<string> = new Set(['puzzle-used', 'wrong-nonce', 'nonce-expired', 'price-not-paid'])

type ApprovalEvidence = Extract<Evidence, { TAG: 'approval' }>

export interface PairingInit {
  readonly access: ChainAccess
  readonly clock: TransportClock
  readonly verifier: SignatureVerifier
  readonly loadScrypt: () => Promise<Scrypt>
  readonly wallet: WebSigner
  readonly recoveryKey: Uint8Array
  readonly onChange: () => void
  /** The claim may be registered with this evidence. */
  onApproved(claim: Claim, evidence: ApprovalEvidence): Promise<void>
}

/** A relay that takes this device's ask, and what it wants for it. */
interface Offer {
  readonly peer: string
  readonly quoted: Quoted | undefined
}

/**
 * Asks a relay that its operator lets this device in: pays with a puzzle, shows the code that the relay has drawn, and waits
 * until somebody has typed it there. In memory alone: who closes the page asks again.
 */
export class Pairing {
  readonly #init: PairingInit
  readonly #ending = new AbortController()
  #view: PairingView = {
    step: 'price',
    price: undefined,
    tries: 0,
    tryMs: undefined,
    code: undefined,
    until: undefined,
    failure: undefined,
  }

  constructor(init: PairingInit) {
    this.#init = init
  }

  view(): PairingView {
    return this.#view
  }

  stop(): void {
    this.#ending.abort()
  }

  /** Resolves when it is approved, has failed, or was stopped. */
  async run(): Promise<void> {
    try {
      await this.#run()
    } catch (error) {
      if (this.#ending.signal.aborted) return
      if (!(error instanceof LaresError)) throw error
      const sentence = FAILURES[error.code] ?? `The relay takes this device not: ${error.message}.`
      this.#show({ failure: failure(error.code, sentence) })
    }
  }

  async #run(): Promise<void> {
    const { access, wallet, recoveryKey } = this.#init
    await access.until(() => access.phase === 'following' || access.phase === 'asleep', READY_MS)
    this.#ending.signal.throwIfAborted()
    const profile = hashProfile(await access.profile())
    const head = {
      networkId: access.networkId,
      walletKey: wallet.publicKey,
      recoveryKey,
      profile,
      payment: NOTHING_PAID,
    }
    const { peer, quoted } = await this.#findOffer(head)
    const paid = quoted === undefined ? head : { ...head, payment: await this.#pay(quoted) }
    this.#show({ step: 'approval' })
    const claim = pairClaim(paid)
    const evidence = await this.#waitFor(peer, await this.#signed(paid), claim)
    try {
      await this.#init.onApproved(claim, evidence)
    } catch (error) {
      if (!(error instanceof LaresError)) throw error
      this.#show({ failure: STORAGE_REFUSED })
    }
  }

  async #signed(head: PairAskHead): Promise<Uint8Array> {
    return pairAskCodec.encode({ ...head, signature: await this.#init.wallet.sign(pairAskMessage(head)) })
  }

  /** The first of the servers that takes such asks. Unpaid, it says so: then it says what it wants. */
  async #findOffer(head: PairAskHead): Promise<Offer> {
    const { servers } = this.#init.access
    const unpaid = await this.#signed(head)
    const ask = await this.#priceAsk()
    let refused: LaresError = new LaresError('no-server', 'none answers')
    for (const peer of servers.inOrder()) {
      const said = await this.#askPair(peer, unpaid)
      if (said === undefined) continue
      if (said.TAG !== 'refused') return { peer, quoted: undefined }
      if (said.data.code !== 'price-not-paid') {
        refused = new LaresError(said.data.code, said.data.detail)
        continue
      }
      const answer = await servers.ask(peer, 'join', ask)
      if (!answer.ok) continue
      const quoted = joinAnswerCodec.decode(answer.value)
      if (!quoted.ok) this.#init.access.reportLie(peer, quoted.code, answer.value)
      else if (quoted.value.TAG === 'quoted') return { peer, quoted: quoted.value.data }
      else refused = new LaresError(quoted.value.data.code, quoted.value.data.detail)
    }
    throw refused
  }

  async #priceAsk(): Promise<Uint8Array> {
    const { access, wallet } = this.#init
    const walletKey = wallet.publicKey
    const head = {
      ...{ networkId: access.networkId, walletKey, label: LABEL.lightweight, way: WAY.approval },
      ...{ profile: { version: PROFILE_VERSION, ...(await access.profile()) } },
      ...{ issuer: ZERO_HASH, anchor: ownerAnchor(walletKey) },
    }
    return joinAskCodec.encode({ ...head, signature: await wallet.sign(joinAskMessage(head)) })
  }

  async #pay({ quote: bytes, base, pressure, faults, most }: Quoted): Promise<Payment> {
    const { access, clock, wallet, loadScrypt } = this.#init
    const { signal } = this.#ending
    const quote = quoteCodec.decode(bytes)
    // It may ask for less than it says, never for more: this browser would solve it all night.
    if (!quote.ok || quote.value.iterations > Math.max(most, 1))
      throw new LaresError('wrong-price', 'its price does not follow from what it says')
    const { iterations } = quote.value
    this.#show({ step: 'puzzle', price: { base, pressure, faults, iterations } })
    const scrypt = await loadScrypt().catch(() => {
      throw new LaresError('no-server', 'a part of this page could not be loaded')
    })
    const startedAt = clock.now()
    const onTry = (tries: number) => this.#show({ tries, tryMs: (clock.now() - startedAt) / tries })
    const subject = { networkId: access.networkId, walletKey: wallet.publicKey, quote: bytes }
    return { quote: quote.value, counter: await solvePuzzle(subject, iterations, scrypt, { onTry, signal }) }
  }

  /** Until somebody has said yes or no, or the time of the code is over; the relay may be away meanwhile. */
  async #waitFor(peer: string, ask: Uint8Array, claim: Claim): Promise<ApprovalEvidence> {
    const { clock } = this.#init
    for (let silences = 0; ; ) {
      const said = await this.#askPair(peer, ask)
      if (said?.TAG === 'waiting') this.#showCode(peer, said.data)
      if (said?.TAG === 'approved' && (await this.#holds(peer, said.data, claim)))
        return { TAG: 'approval', data: said.data }
      const { until } = this.#view
      if (said?.TAG === 'refused') {
        const isOver = until !== undefined && FORGOTTEN.has(said.data.code)
        throw new LaresError(isOver ? 'code-expired' : said.data.code, said.data.detail)
      }
      silences = said === undefined ? silences + 1 : 0
      if (until === undefined ? silences >= PATIENCE : clock.now() >= until)
        throw new LaresError(until === undefined ? 'no-server' : 'code-expired', 'it is silent')
      await this.#pause()
    }
  }

  /** undefined: no answer, or none that can be read. */
  async #askPair(peer: string, ask: Uint8Array): Promise<PairAnswer | undefined> {
    const answer = await this.#init.access.servers.ask(peer, 'pair', ask)
    this.#ending.signal.throwIfAborted()
    if (!answer.ok) return undefined
    const said = pairAnswerCodec.decode(answer.value)
    if (said.ok) return said.value
    this.#init.access.reportLie(peer, said.code, answer.value)
    return undefined
  }

  #showCode(peer: string, { code: bytes, lasts }: Extract<PairAnswer, { TAG: 'waiting' }>['data']): void {
    const code = readPairingCode(String.fromCharCode(...bytes))
    if (code === undefined) this.#init.access.reportLie(peer, 'malformed', bytes)
    else this.#show({ code: formatPairingCode(code), until: this.#init.clock.now() + lasts })
  }

  /** By the issuer's proven record. False: it cannot be proven just now. @throws {LaresError} `approval-altered` */
  async #holds(peer: string, approval: ApprovalEvidence['data'], claim: Claim): Promise<boolean> {
    const { access, verifier } = this.#init
    const tip = access.graph?.tip
    const issuer = tip && (await access.query(tip, deviceKey(approval.issuer)))
    if (issuer?.kind !== 'proven') return false
    const record = issuer.value === undefined ? undefined : readDeviceRecord(issuer.value, approval.issuer)
    const mayVouch = record?.ok === true && (record.value.label & (LABEL.full | LABEL.coordination)) !== 0
    if (mayVouch && record.value.status === STATUS.active) {
      const message = approvalMessage(access.networkId, claim, approval)
      const { walletKey: publicKey } = record.value
      if (await verifier.verify({ publicKey, message, signature: approval.signature })) return true
    }
    access.reportLie(peer, 'bad-signature', approval.signature)
    throw new LaresError('approval-altered', 'its approval does not hold')
  }

  #pause(): Promise<void> {
    const { signal } = this.#ending
    return new Promise((resolve, reject) => {
      const cancel = this.#init.clock.after(POLL_MS, resolve)
      signal.addEventListener('abort', () => {
        cancel()
        reject(signal.reason)
      })
    })
  }

  #show(change: Partial<PairingView>): void {
    this.#view = { ...this.#view, ...change }
    this.#init.onChange()
  }
}
