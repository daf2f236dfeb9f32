import type { LabelDecision } from '../../shared/admission/label-of.ts'
import { equalBytes, fromHex, toHex } from '../../shared/bytes.ts'
import { LaresError } from '../../shared/errors.ts'
import { networkTagOf, parseDeviceId } from '../../shared/identity/device-id.ts'
import { PROTOCOLS } from '../../shared/protocol/ids.ts'
import { type JoinLink, MAX_LINK_ADDRESSES, parseJoinLink } from '../../shared/protocol/join-link.ts'
import type { StorageLoss } from '../store/indexed-db-store.ts'
import type { LocalStore, NetworkRecord } from '../store/local-store.ts'
import type { AppView, AuditReport, Failure, Outcome, WorkerCall, WorkerReplies } from '../worker/api.ts'
import type { CallHandlers } from '../worker/bridge.ts'
import { emptyReport } from '../worker/empty-report.ts'
import { auditDevice } from './audit.ts'
import { PrivateDirectory } from './directory.ts'
import type { Genuine } from './genuine.ts'
import { isSound } from './identity-record.ts'
import type { Join } from './join.ts'
import { formatKeepsake, type Remembered, readKeepsake } from './keepsake.ts'
import { NetworkClient } from './network-client.ts'
import { type OpenedStore, openStore, takeUpAgain } from './open-store.ts'
import type { ClientPorts } from './ports.ts'
import {
  AUDIT,
  LABEL_UNKNOWN,
  MALFORMED_LINK,
  NEWER_STORAGE,
  NO_ED25519,
  NO_NETWORK,
  NOT_OPEN,
  STORAGE_INCIDENTS,
  STORAGE_REFUSED,
  TOO_MANY_NETWORKS,
  UNKNOWN_NETWORK,
} from './sentences.ts'
import { createViewEmitter } from './view.ts'

/** Networks on one device. */
export const MAX_NETWORKS = 64

export interface AppInit {
  /** Everything but the store, which may not open. */
  readonly ports: Omit<ClientPorts, 'store'>
  /** @param onLoss what became of the database while it was open */
  readonly openStore: (onLoss: (loss: StorageLoss) => void) => Promise<LocalStore>
  readonly onView: (view: AppView) => void
}

/** All that the worker does: the joined networks, the one that is open, and the answers to the page. */
export class App {
  readonly #init: AppInit
  readonly #changed: () => void
  #ports: ClientPorts | undefined
  #opened: OpenedStore | undefined
  #obstacle: Failure | undefined
  #isPersisted: boolean | undefined
  #remembered: readonly Remembered[] = []
  #networks: NetworkRecord[] = []
  #client: NetworkClient | undefined
  #join: Join | undefined
  #directory: PrivateDirectory | undefined
  #genuine: Genuine | undefined
  #codeOrigin = ''
  /** Network of the relay that this page came from, hex. */
  #servedBy: string | undefined
  /** Selecting one after the other. */
  #switching: Promise<unknown> = Promise.resolve()

  constructor(init: AppInit) {
    this.#init = init
    this.#changed = createViewEmitter(init.ports.clock, () => init.onView(this.view()))
  }

  get client(): NetworkClient | undefined {
    return this.#client
  }

  view(): AppView {
    const active = this.#client?.view()
    return {
      obstacle: this.#obstacle,
      networks: this.#networks.map(({ networkId, name }) => ({ networkId, name })),
      active,
      codeFromAuditedRelay: active !== undefined && active.networkId === this.#servedBy,
      codeOrigin: this.#codeOrigin,
      directory: this.#directory?.view(),
      pairing: this.#join?.pairing,
      storage: {
        problem: this.#opened?.problem,
        isPersisted: this.#isPersisted,
        keepsake: this.#opened?.problem === undefined ? this.#keepsake() : undefined,
      },
    }
  }

  /** What is remembered of a lost ID stays remembered until there is another. */
  #keepsake(): string | undefined {
    if (this.#opened === undefined) return undefined
    const ids = new Map(
      this.#remembered.flatMap(({ record, deviceId }) => (deviceId ? [[record.networkId, deviceId]] : [])),
    )
    for (const [networkId, record] of this.#opened.store.identities())
      if (isSound(record, fromHex(networkId))) ids.set(networkId, record.deviceId)
    const active = this.#client?.record
    const networks = this.#networks.map((one) => (active?.networkId === one.networkId ? active : one))
    return formatKeepsake(networks, ids)
  }

  /** One answer for each call of the page. */
  handlers(): CallHandlers<WorkerCall, WorkerReplies> {
    return {
      open: ({ init }) => this.#open(init),
      'add-network': ({ link }) => this.#addNetwork(link),
      'select-network': ({ networkId }) => this.#oneByOne(() => this.#select(networkId)),
      'remove-network': ({ networkId }) => this.#oneByOne(() => this.#remove(networkId)),
      'prepare-join': async ({ voucher }) =>
        this.#opened?.problem ?? (await (await this.#asJoin())?.prepare(voucher)) ?? NO_NETWORK,
      'prepare-pairing': async () =>
        this.#opened?.problem ?? (await (await this.#asJoin())?.preparePairing()) ?? NO_NETWORK,
      'confirm-join': async ({ answers }) =>
        this.#persistAfter((await (await this.#asJoin())?.confirm(answers)) ?? NO_NETWORK),
      'cancel-join': () => {
        this.#join?.cancel()
        return { ok: true, value: null }
      },
      'recover-identity': async (typed) => this.#persistAfter(await this.#recover(typed)),
      'explain-label': () => this.#explainLabel(),
      audit: ({ text }) => this.#audit(text),
      challenge: ({ deviceId }) => this.#asGenuine((genuine, client) => genuine.challenge(client, deviceId)),
      'check-answer': ({ text }) => this.#named((genuine, client) => genuine.checkAnswer(client, text)),
      'ask-device': () => this.#named((genuine, client) => genuine.askDevice(client)),
      'answer-challenge': ({ text }) => this.#asGenuine((genuine, client) => genuine.answer(client, text)),
      'import-directory': async ({ bytes }) => (await this.#directory?.import(bytes)) ?? NO_NETWORK,
      'forget-directory': async () => (await this.#directory?.forget()) ?? NO_NETWORK,
      'search-directory': async ({ text }) => (await this.#directory?.search(text)) ?? NO_NETWORK,
      hint: ({ hint }) => {
        this.#client?.hint(hint)
        return null
      },
      'peer-connected': ({ peerId, transport, address }) => {
        this.#client?.peerConnected(peerId, transport, address)
        return null
      },
      'peer-disconnected': ({ peerId }) => {
        this.#client?.peerDisconnected(peerId)
        return null
      },
      'peer-round-trip': ({ peerId, roundTrip, penalty }) => {
        this.#client?.servers.setRoundTrip(peerId, roundTrip, penalty)
        return null
      },
      gossip: async ({ from, topic, bytes }) => (await this.#client?.gossip(from, topic, bytes)) ?? 'ignore',
      answer: (question) => this.#answer(question),
    }
  }

  /** Stops following, and closes the store. */
  async close(): Promise<void> {
    await this.#client?.stop()
    this.#ports?.store.close()
  }

  async #open(init: Extract<WorkerCall, { readonly call: 'open' }>['init']): Promise<AppView> {
    this.#codeOrigin = init.codeOrigin
    const server = init.servedBy === undefined ? undefined : parseJoinLink(init.servedBy)
    this.#servedBy = server?.ok === true ? toHex(server.value.link.networkId) : undefined
    if (this.#ports === undefined) {
      const opened = await openStore(() => this.#init.openStore((loss) => void this.#onLoss(loss)))
      if ('ok' in opened) {
        this.#obstacle = opened
        return this.view()
      }
      this.#remembered = readKeepsake(init.keepsake)
      await takeUpAgain(opened, this.#remembered, this.#init.ports.clock.now())
      this.#opened = opened
      this.#ports = { ...this.#init.ports, store: opened.store }
      this.#networks = await opened.store.networks()
      void this.#init.ports.isPersisted().then((isPersisted) => {
        this.#isPersisted ??= isPersisted
        this.#changed()
      })
    }
    const probe = await this.#ports.createWallet()
    if (!probe.ok) {
      this.#obstacle = NO_ED25519
      return this.view()
    }
    this.#networks.sort((a, b) => b.lastActive - a.lastActive)
    const [last] = this.#networks
    if (last !== undefined && this.#client === undefined) await this.#oneByOne(() => this.#select(last.networkId))
    return this.view()
  }

  async #onLoss(loss: StorageLoss): Promise<void> {
    if (loss === 'newer') {
      this.#obstacle = NEWER_STORAGE
      await this.#oneByOne(() => this.#stopClient())
    } else {
      await this.#opened?.store.restore().catch(ignoreRefusal)
      await this.#directory?.storeAgain().catch(ignoreRefusal)
      this.#client?.storeAgain()
    }
    this.#changed()
  }

  async #recover(typed: { readonly words: string; readonly deviceId: string }): Promise<Outcome<null>> {
    const client = this.#client
    if (this.#ports === undefined || client === undefined) return NO_NETWORK
    if (this.#opened?.problem !== undefined) return this.#opened.problem
    const { recoverIdentity } = await import('./recover-identity.ts')
    return recoverIdentity(client, client.identity, this.#ports, typed)
  }

  /** An identity is worth keeping: the browser is asked to, now that a person sees why. */
  #persistAfter(outcome: Outcome<null>): Outcome<null> {
    if (outcome.ok && this.#isPersisted !== true)
      void this.#init.ports.page
        .call({ call: 'persist' })
        .then((isPersisted) => {
          this.#isPersisted = isPersisted
          this.#changed()
        })
        // Not kept, then; the page shows it as it is.
        .catch(() => undefined)
    return outcome
  }

  async #addNetwork(text: string): Promise<Outcome<{ networkId: string }>> {
    if (this.#ports === undefined) return NOT_OPEN
    const parsed = parseJoinLink(text)
    if (!parsed.ok) return MALFORMED_LINK
    const { link } = parsed.value
    const networkId = toHex(link.networkId)
    const known = this.#networks.find((one) => one.networkId === networkId)
    if (known === undefined && this.#networks.length >= MAX_NETWORKS) return TOO_MANY_NETWORKS
    try {
      // A newer link brings newer addresses. The checkpoint stays: what was checked from it is worth more.
      if (known !== undefined) await this.#renew(known, link)
      else {
        const record = recordOf(networkId, link)
        await this.#ports.store.putNetwork(record)
        this.#networks = [...this.#networks, record]
      }
    } catch (error) {
      if (!(error instanceof LaresError)) throw error
      return STORAGE_REFUSED
    }
    if (this.#client === undefined) await this.#oneByOne(() => this.#select(networkId))
    this.#changed()
    return { ok: true, value: { networkId } }
  }

  async #renew(known: NetworkRecord, link: JoinLink): Promise<void> {
    const addresses = [...new Set([...link.addresses, ...known.addresses])].slice(0, MAX_LINK_ADDRESSES)
    if (this.#client?.record.networkId === known.networkId) await this.#client.setAddresses(addresses)
    else await this.#ports?.store.putNetwork({ ...known, addresses })
    this.#networks = this.#networks.map((one) => (one.networkId === known.networkId ? { ...one, addresses } : one))
  }

  async #select(networkId: string): Promise<Outcome<null>> {
    const ports = this.#ports
    if (ports === undefined) return NOT_OPEN
    if (this.#client?.record.networkId === networkId) return { ok: true, value: null }
    try {
      // As stored: the start that was checked is in there.
      const records = await ports.store.networks()
      const record = records.find((one) => one.networkId === networkId)
      if (record === undefined) return UNKNOWN_NETWORK
      await this.#stopClient()
      const active = { ...record, lastActive: ports.clock.now() }
      // Which one was open last is written when it changes, and is not worth refusing it.
      if (records.some((one) => one !== record && one.lastActive >= record.lastActive))
        await ports.store.putNetwork(active).catch(ignoreRefusal)
      const client = new NetworkClient(active, ports, this.#changed)
      this.#client = client
      const { store, verifier, clock } = ports
      const directory = new PrivateDirectory({ chain: client, store, verifier, clock, onChange: this.#changed })
      this.#directory = directory
      const isDamaged = await directory.load()
      await client.start(this.#remembered.find(({ record: one }) => one.networkId === networkId))
      if (isDamaged) client.incidents.add(STORAGE_INCIDENTS.names)
    } catch (error) {
      if (!(error instanceof LaresError)) throw error
      return STORAGE_REFUSED
    } finally {
      this.#changed()
    }
    return { ok: true, value: null }
  }

  async #remove(networkId: string): Promise<Outcome<null>> {
    if (this.#ports === undefined) return NOT_OPEN
    if (!this.#networks.some((one) => one.networkId === networkId)) return UNKNOWN_NETWORK
    if (this.#client?.record.networkId === networkId) await this.#stopClient()
    try {
      await this.#ports.store.removeNetwork(networkId)
    } catch (error) {
      if (!(error instanceof LaresError)) throw error
      return STORAGE_REFUSED
    }
    this.#networks = this.#networks.filter((one) => one.networkId !== networkId)
    this.#remembered = this.#remembered.filter(({ record }) => record.networkId !== networkId)
    this.#changed()
    const [next] = this.#networks
    return this.#client === undefined && next !== undefined ? this.#select(next.networkId) : { ok: true, value: null }
  }

  async #stopClient(): Promise<void> {
    const client = this.#client
    this.#client = undefined
    this.#join?.cancel()
    this.#join = undefined
    this.#directory = undefined
    await client?.stop()
  }

  #oneByOne<Value>(task: () => Promise<Value>): Promise<Value> {
    const run = this.#switching.then(task)
    // The caller gets the error; the next in line is not to fail for it.
    this.#switching = run.catch(() => undefined)
    return run
  }

  async #explainLabel(): Promise<Outcome<LabelDecision>> {
    if (this.#client === undefined) return NO_NETWORK
    const decision = await this.#client.labelDecision()
    return decision === undefined ? LABEL_UNKNOWN : { ok: true, value: decision }
  }

  async #answer({ from, protocol, bytes }: Extract<WorkerCall, { call: 'answer' }>): Promise<Uint8Array | null> {
    if (protocol !== PROTOCOLS.challenge.id) return (await this.#client?.answer(from, protocol, bytes)) ?? null
    // Who does not know which device this is does not learn it by asking.
    if (this.#client?.isKnownTo(from) !== true) return null
    const answer = await this.#asGenuine((genuine, client) => genuine.answerQuestion(client, bytes))
    return answer.ok ? answer.value : null
  }

  /** Most visits join nothing, and point arithmetic, which makes keys of words, is large: loaded when it is asked for. */
  async #asJoin(): Promise<Join | undefined> {
    const { Join } = await import('./join.ts')
    // Whichever network is open by now.
    const client = this.#client
    if (this.#ports === undefined || client === undefined) return undefined
    this.#join ??= new Join(client, client.identity, this.#ports, this.#changed)
    return this.#join
  }

  /** Loaded when first asked for. */
  async #asGenuine<Value>(ask: (genuine: Genuine, client: NetworkClient) => Outcome<Value> | Promise<Outcome<Value>>) {
    const client = this.#client
    if (this.#ports === undefined || client === undefined) return NO_NETWORK
    this.#genuine ??= new (await import('./genuine.ts')).Genuine(this.#ports)
    return ask(this.#genuine, client)
  }

  /** With what the owner calls the device. */
  async #named(
    judge: (genuine: Genuine, client: NetworkClient) => Promise<Outcome<AuditReport>>,
  ): Promise<Outcome<AuditReport>> {
    const outcome = await this.#asGenuine(judge)
    const id = outcome.ok && outcome.value.deviceId !== undefined ? parseDeviceId(outcome.value.deviceId) : undefined
    if (!outcome.ok || id?.ok !== true) return outcome
    return { ok: true, value: { ...outcome.value, entry: await this.#directory?.find(id.value.deviceId) } }
  }

  async #audit(text: string): Promise<AuditReport> {
    const { clock } = this.#init.ports
    const parsed = parseDeviceId(text)
    if (!parsed.ok) return emptyReport('malformed', 'malformed', AUDIT.malformed, 0)
    const { networkTag, deviceId } = parsed.value
    const isOf = (networkId: Uint8Array) => equalBytes(networkTagOf(networkId), networkTag)
    const client = this.#client
    if (client !== undefined && isOf(client.networkId)) {
      const report = await auditDevice(client, deviceId, clock)
      return { ...report, entry: await this.#directory?.find(deviceId) }
    }
    const shown = { deviceId: text.trim() }
    const other = this.#networks.find(({ networkId }) => isOf(fromHex(networkId)))
    if (other !== undefined)
      return { ...emptyReport('cannot-say', 'other-network', AUDIT.otherNetwork(other.name), 0), ...shown }
    const sentence = this.#networks.length === 0 ? AUDIT.noNetwork : AUDIT.unknownNetwork
    return { ...emptyReport('unknown-network', 'unknown-network', sentence, 0), ...shown }
  }
}

function ignoreRefusal(error: unknown): void {
  if (!(error instanceof LaresError)) throw error
}

function recordOf(networkId: string, { checkpoint, addresses, name }: JoinLink): NetworkRecord {
  return { networkId, name, checkpoint, addresses, start: undefined, lastActive: 0 }
}
