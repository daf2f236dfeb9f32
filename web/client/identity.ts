import { equalBytes, toHex } from '../../shared/bytes.ts'
import type { AssignedDevice } from '../../shared/coordination/assignment.ts'
import { LaresError } from '../../shared/errors.ts'
import { formatDeviceId, formatDid } from '../../shared/identity/device-id.ts'
import { labelNames, STATUS } from '../../shared/identity/label.ts'
import { anchorRecordCodec } from '../../shared/identity/record.ts'
import { anchorKey, deviceKey } from '../../shared/ledger/state-keys.ts'
import { readDeviceRecord } from '../../shared/proof/bundle.ts'
import { submitAnswerCodec } from '../../shared/protocol/messages.ts'
import type { Register } from '../../shared/transaction/register.ts'
import { transactionCodec } from '../../shared/transaction/transaction.ts'
import type { IdentityRecord } from '../store/local-store.ts'
import type { Failure, IdentityView, JoinStepName } from '../worker/api.ts'
import type { ChainAccess } from './chain-access.ts'
import { collectEndorsements } from './endorsements.ts'
import { isSound, readRegister, readRotate, takenUpAgain, walletKeyOf } from './identity-record.ts'
import type { ClientPorts } from './ports.ts'
import { failure, INCIDENT, joinFailure, STORAGE_INCIDENTS } from './sentences.ts'

const STEPS: readonly JoinStepName[] = ['verify-voucher', 'endorsement', 'submitted', 'in-block', 'settled']
/** Of an ID that is brought back by its recovery words. */
const RECOVERY_STEPS = STEPS.slice(2)
/** While joining, what failed is tried again this often, ms. */
const RETRY_MS = 5_000
/** The page waits this long for the first answers, ms. */
const FIRST_TRY_MS = 30_000
/** An accepted registration that is in no block after this long is sent again, ms; or after some spacings. */
const RESUBMIT_MS = 20_000
const RESUBMIT_SPACINGS = 4
/** A settled identity is looked at again this often, ms: it may have been retired from elsewhere. */
const SETTLED_CHECK_MS = 60_000

/** Refusals that no waiting helps against. Taken for final when every server that answered refuses. */
const FINAL_REFUSALS: ReadonlySet<string> = new Set([
  'voucher-expired',
  'voucher-too-long',
  'voucher-for-another-label',
  'wrong-anchor',
  'wrong-assurance',
  'label-not-open',
  'addresses-not-allowed',
  'unknown-issuer',
  'issuer-has-no-right',
  'evidence-expired',
  'bad-signature',
  'retired',
])
/** Refusals that also come when the own registration is in a block already. */
const TAKEN: ReadonlySet<string> = new Set(['voucher-used', 'anchor-live', 'already-registered'])
/** The endorsements no longer fit the set: new ones are asked for. */
const ENDORSE_AGAIN: ReadonlySet<string> = new Set(['not-enough-endorsements', 'not-a-coordination-node'])

/**
 * This device's identity in one network: asks for it until it is settled, across reloads and reorganizations. Believes
 * no server that says so: only proofs under the own tip and the own settled header count.
 */
export class Identity {
  readonly #access: ChainAccess
  readonly #ports: ClientPorts
  readonly #onChange: () => void
  #record: IdentityRecord | undefined
  /** Of the wallet that is here. */
  #walletKey: Uint8Array | undefined
  /** The key of this ID is not here, or no longer its key. */
  #isLost = false
  #lostId: Uint8Array | undefined
  #running: Promise<void> | undefined
  #again = false
  #submittedAt: number | undefined
  #checkedAt: number | undefined
  #cancelRetry: (() => void) | undefined
  #stopped = false

  constructor(access: ChainAccess, ports: ClientPorts, onChange: () => void) {
    this.#access = access
    this.#ports = ports
    this.#onChange = onChange
  }

  get #networkId(): string {
    return toHex(this.#access.networkId)
  }

  get record(): IdentityRecord | undefined {
    return this.#record
  }

  /** Its ID, whether the key is here or not. */
  get deviceId(): Uint8Array | undefined {
    return this.#record?.deviceId ?? this.#lostId
  }

  /** Its ID, where the ledger has it settled and its key is here. */
  get settledId(): Uint8Array | undefined {
    return this.#record?.state === 'settled' && !this.isLost ? this.#record.deviceId : undefined
  }

  /** What decides who serves it; undefined without an ID, or where its block is not known. */
  get assigned(): AssignedDevice | undefined {
    const { deviceId, block: blockHash } = this.#record ?? {}
    return deviceId && blockHash && { deviceId, blockHash }
  }

  /** Only the recovery words bring this ID back. */
  get isLost(): boolean {
    const isRefused = this.#record?.failure !== undefined && readRotate(this.#record.application) !== undefined
    return this.#isLost || isRefused
  }

  /**
   * Takes up what is stored.
   * @param remembered this device's ID, as a note outside of the database says
   */
  async load(remembered?: Uint8Array): Promise<void> {
    const { store } = this.#ports
    const [record, wallet] = await Promise.all([
      store.readIdentity(this.#networkId).catch(() => undefined),
      store.readWallet(this.#networkId).catch(() => undefined),
    ])
    const signer = wallet && (await this.#ports.openWallet(wallet))
    const key = signer?.ok === true ? signer.value.publicKey : undefined
    const sound = record && isSound(record, this.#access.networkId) ? record : undefined
    this.#record = sound ?? (remembered && key && takenUpAgain(remembered))
    if (this.#record === undefined) {
      this.#lostId = remembered
      if (remembered !== undefined) this.#lose()
      return
    }
    if (this.#record !== record) this.#access.incidents.add(STORAGE_INCIDENTS.record)
    if (this.#record !== record) await this.#save(this.#record).catch(() => undefined)
    const wanted = walletKeyOf(this.#record)
    const fits = key !== undefined && (wanted === undefined || equalBytes(key, wanted))
    if (!fits && this.#record.state !== 'retired') this.#lose()
    this.#walletKey = key
  }

  #lose(): void {
    this.#isLost = true
    this.#access.incidents.add({ code: 'wallet-missing', severity: 'alarm', sentence: INCIDENT.walletMissing })
  }

  stop(): void {
    this.#stopped = true
    this.#cancelRetry?.()
  }

  /** A new identity: stored with its wallet before anything is sent. Resolves after the first try to register it. */
  async begin(record: IdentityRecord, wallet: CryptoKeyPair): Promise<Failure | undefined> {
    await this.#ports.store.writeIdentity(this.#networkId, record, wallet)
    this.#record = record
    this.#walletKey = walletKeyOf(record)
    this.#isLost = false
    this.#lostId = undefined
    this.#submittedAt = undefined
    this.#onChange()
    await this.#firstTry()
    const refused = this.#record?.failure
    return refused && failure(refused.code, refused.sentence)
  }

  /** Blocks that were settled are lost: the ID may have been in one of them, and is looked for anew. */
  async mayBeLost(): Promise<void> {
    const record = this.#record
    if (record?.state === 'settled')
      await this.#save({ ...record, state: 'pending', block: undefined, done: STEPS.slice(0, 4) })
    await this.poke()
  }

  /** Long enough for servers that answer; what takes longer goes on by itself. */
  async #firstTry(): Promise<void> {
    let cancel = () => {}
    const late = new Promise<void>((resolve) => {
      cancel = this.#ports.clock.after(FIRST_TRY_MS, resolve)
    })
    await Promise.race([this.poke(), late])
    cancel()
  }

  /** Something changed that may bring the identity on: the chain, or who is connected. Resolves when it was looked at. */
  poke(): Promise<void> {
    this.#again = true
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  async #run(): Promise<void> {
    while (this.#again && !this.#stopped) {
      this.#again = false
      try {
        await this.#advance()
      } catch (error) {
        if (!(error instanceof LaresError)) throw error
        // The store refused: the state stays as it was, and is looked at again.
      }
    }
    this.#cancelRetry?.()
    const { state, failure: refused } = this.#record ?? {}
    const isWaiting = (state === 'joining' || state === 'pending') && refused === undefined
    if (isWaiting && !this.#stopped) this.#cancelRetry = this.#ports.clock.after(RETRY_MS, () => void this.poke())
  }

  async #advance(): Promise<void> {
    const record = this.#record
    const { graph, phase } = this.#access
    if (record === undefined || graph === undefined || record.failure !== undefined || record.state === 'retired')
      return
    if (phase === 'syncing' || phase === 'connecting' || phase === 'offline') return
    if (record.state === 'settled') return this.#checkSettled(record)

    const { tip } = graph
    const inTip = await this.#readDevice(tip, record.deviceId)
    if (inTip === 'unknown') return
    const rotation = readRotate(record.application)
    const isDone = inTip !== 'absent' && (rotation === undefined || equalBytes(inTip.walletKey, rotation.walletKey))
    if (isDone) {
      if (record.state === 'joining') await this.#save({ ...record, state: 'pending', done: STEPS.slice(0, 4) })
      // It cannot be settled before its block is: no need to ask.
      const height = rotation === undefined ? inTip.registeredHeight : inTip.changedHeight
      if (graph.settled.node.height >= height) await this.#checkSettled(this.#record as IdentityRecord)
      return
    }
    if (record.state === 'pending') {
      this.#access.incidents.add({ code: 'identity-undone', severity: 'warning', sentence: INCIDENT.identityUndone })
      this.#submittedAt = undefined
      await this.#save({ ...record, state: 'joining', done: STEPS.slice(0, 2) })
    }
    await this.#submit()
  }

  async #checkSettled(record: IdentityRecord): Promise<void> {
    const now = this.#ports.clock.now()
    const isDue = this.#checkedAt === undefined || Math.abs(now - this.#checkedAt) >= SETTLED_CHECK_MS
    const settled = this.#access.graph?.settled.node
    if (settled === undefined || (record.state === 'settled' && !isDue)) return
    const device = await this.#readDevice(settled, record.deviceId)
    if (device === 'unknown' || device === 'absent') return
    const isOurs = this.#walletKey !== undefined && equalBytes(device.walletKey, this.#walletKey)
    // A rotation that is not settled yet.
    if (!isOurs && record.state !== 'settled' && readRotate(record.application) !== undefined) return
    if (!this.#isCurrent(record)) return
    this.#checkedAt = now
    // Brought back somewhere else, by its recovery words.
    if (!isOurs && !this.#isLost && device.status !== STATUS.retired) this.#lose()
    const state = device.status === STATUS.retired ? 'retired' : 'settled'
    const block = this.#access.graph?.at(device.registeredHeight)?.hash ?? record.block
    const isNews = state !== record.state || (block !== undefined && record.block === undefined)
    if (isNews) await this.#save({ ...record, state, block, done: STEPS })
  }

  async #readDevice(node: Parameters<ChainAccess['query']>[0], deviceId: Uint8Array) {
    const state = await this.#access.query(node, deviceKey(deviceId))
    if (state.kind !== 'proven') return 'unknown'
    if (state.value === undefined) return 'absent'
    const device = readDeviceRecord(state.value, deviceId)
    return device.ok ? device.value : 'unknown'
  }

  /** Sends the registration, with endorsements, unless it was taken a moment ago. */
  async #submit(): Promise<void> {
    const { clock, page, verifier } = this.#ports
    let record = this.#record as IdentityRecord
    const pause = Math.max(RESUBMIT_MS, RESUBMIT_SPACINGS * this.#access.spacingMs)
    if (this.#submittedAt !== undefined && Math.abs(clock.now() - this.#submittedAt) < pause) return

    let { transaction } = record
    if (transaction === undefined) {
      const application = readRegister(record.application)
      if (application === undefined) return this.#fail(record, 'malformed')
      const endorsements = await collectEndorsements(this.#access, { page, verifier }, application)
      if (!endorsements.ok) return this.#refused(record, endorsements.code)
      const data: Register = { ...application, endorsements: endorsements.value }
      transaction = transactionCodec.encode({ TAG: 'register', data })
      record = { ...record, transaction, done: STEPS.slice(0, 2) }
      await this.#save(record)
    }

    let refusedWith: string | undefined
    for (const peer of this.#access.servers.inOrder()) {
      const answer = await this.#access.servers.ask(peer, 'submit', transaction)
      if (!answer.ok) continue
      const decoded = submitAnswerCodec.decode(answer.value)
      if (!decoded.ok) {
        this.#access.reportLie(peer, decoded.code, answer.value)
        continue
      }
      if (decoded.value.TAG === 'accepted') {
        if (this.#isCurrent(record)) this.#submittedAt = clock.now()
        return this.#save({ ...record, done: STEPS.slice(0, 3) })
      }
      refusedWith ??= decoded.value.data.code
    }
    if (refusedWith !== undefined) await this.#refused(record, refusedWith)
  }

  async #refused(record: IdentityRecord, code: string): Promise<void> {
    if (FINAL_REFUSALS.has(code)) return this.#fail(record, code)
    const rotation = readRotate(record.application)
    if (rotation !== undefined && code === 'wrong-sequence') {
      const tip = this.#access.graph?.tip
      const device = tip === undefined ? 'unknown' : await this.#readDevice(tip, record.deviceId)
      // Something else of this ID came first. If that was this very rotation, our own headers show it in a moment.
      if (device === 'unknown' || device === 'absent' || equalBytes(device.walletKey, rotation.walletKey)) return
      if (device.sequence >= rotation.sequence) await this.#fail(record, 'recovery-overtaken')
      return
    }
    if (TAKEN.has(code)) {
      const owner = await this.#anchorOwner(record.anchor)
      // Taken by ourselves: our own headers will show it in a moment.
      if (owner !== undefined && !equalBytes(owner, record.deviceId)) await this.#fail(record, 'voucher-used')
    }
    if (ENDORSE_AGAIN.has(code) && record.transaction !== undefined)
      await this.#save({ ...record, transaction: undefined, done: STEPS.slice(0, 1) })
  }

  async #anchorOwner(anchor: Uint8Array): Promise<Uint8Array | undefined> {
    const tip = this.#access.graph?.tip
    const state = tip && (await this.#access.query(tip, anchorKey(anchor)))
    if (state?.kind !== 'proven' || state.value === undefined) return undefined
    const record = anchorRecordCodec.decode(state.value)
    return record.ok ? record.value.deviceId : undefined
  }

  async #fail(record: IdentityRecord, code: string): Promise<void> {
    const { sentence } = joinFailure(code)
    await this.#save({ ...record, failure: { code, sentence } })
  }

  /** A record and what follows from it share one application; another one has begun a new identity. */
  #isCurrent({ application }: IdentityRecord): boolean {
    return this.#record?.application === application
  }

  /** What answers an application of before, while a new one has begun, must not take its place. */
  async #save(record: IdentityRecord): Promise<void> {
    if (!this.#isCurrent(record)) return
    this.#record = record
    await this.#ports.store.writeIdentity(this.#networkId, record)
    this.#onChange()
  }

  view(): IdentityView {
    const record = this.#record
    const { networkId } = this.#access
    const { deviceId } = this
    const shown = {
      deviceId: deviceId && formatDeviceId(networkId, deviceId),
      did: deviceId && formatDid(networkId, deviceId),
      isLost: this.isLost,
    }
    if (record === undefined) return { ...shown, state: 'none', label: 'lightweight', steps: [], failure: undefined }
    const steps = readRotate(record.application) === undefined ? STEPS : RECOVERY_STEPS
    const isApproved = readRegister(record.application)?.evidence.TAG === 'approval'
    return {
      ...shown,
      state: record.failure === undefined ? record.state : 'none',
      label: labelNames(record.label).join(' and '),
      // Stored under one name, so that an older page reads it too.
      steps: steps.map((name) => ({
        name: isApproved && name === 'verify-voucher' ? 'approval' : name,
        done: record.done.includes(name),
      })),
      failure: record.failure && failure(record.failure.code, record.failure.sentence),
    }
  }
}
