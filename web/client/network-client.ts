import { type LabelDecision, labelOf } from '../../shared/admission/label-of.ts'
import { Lifetime } from '../../shared/admission/lifetime.ts'
import type { DeviceProfile } from '../../shared/admission/profile.ts'
import { fromHex, HASH_LENGTH } from '../../shared/bytes.ts'
import type { ForkGraph } from '../../shared/chain/fork-graph.ts'
import { restoredSentence } from '../../shared/chain/recovery-words.ts'
import { LABEL, labelNames } from '../../shared/identity/label.ts'
import { POLICY_KEY } from '../../shared/ledger/state-keys.ts'
import { policyCodec } from '../../shared/policy/policy.ts'
import { MAX_GOSSIP_HEADER_LENGTH, PAGE_PROTOCOLS, PROTOCOLS, topicsOf } from '../../shared/protocol/ids.ts'
import { type Status, statusCodec } from '../../shared/protocol/messages.ts'
import type { GossipVerdict } from '../../shared/protocol/transport.ts'
import { type RecoveredStart, RecoveryWatch } from '../../shared/sync/recovery-watch.ts'
import { createStateQuery, type StateQuery } from '../../shared/sync/state-query.ts'
import { type ChainOutcome, SyncDriver } from '../../shared/sync/sync-driver.ts'
import type { Recovery } from '../../shared/transaction/roster-change.ts'
import type { NetworkRecord } from '../store/local-store.ts'
import type { KeepersView, NetworkView, PeerView, PresenceView, SyncPhase, TransportName } from '../worker/api.ts'
import type { AssignedServers } from './assigned-servers.ts'
import type { AuditedChain } from './audit.ts'
import { Identity } from './identity.ts'
import { createIncidents, type Incidents } from './incidents.ts'
import type { Remembered } from './keepsake.ts'
import { KeptChain } from './kept-chain.ts'
import { type Origin, originRequest, readOrigin } from './origin.ts'
import { measureProfile } from './own-profile.ts'
import type { ClientPorts } from './ports.ts'
import type { Presence } from './presence.ts'
import { Redial } from './redial.ts'
import { INCIDENT, lied, STORAGE_INCIDENTS, type StorageNews } from './sentences.ts'
import { answerStatus, SERVED_PROTOCOLS } from './served.ts'
import { ServerHints } from './server-hints.ts'
import { Servers } from './servers.ts'
import { viewOfBlock, viewOfKeepers, viewOfSettled } from './view.ts'

/** A server that could not give the start is not asked for it again so soon, ms. */
const ORIGIN_PAUSE_MS = 60_000
const ORIGIN_RETRY_MS = 10_000
/** Clocks may differ by this much before a person is told, ms. */
const CLOCK_TOLERANCE_MS = 2 * 60_000

/** One network, followed: its headers, its servers, this device's identity in it. */
export class NetworkClient implements AuditedChain {
  readonly networkId: Uint8Array
  readonly servers: Servers
  readonly query: StateQuery
  readonly identity: Identity
  readonly incidents: Incidents
  readonly #ports: ClientPorts
  readonly #redial: Redial
  readonly #recoveryWatch: RecoveryWatch
  readonly #hints: ServerHints
  readonly #lifetime = new Lifetime()
  /** Takes the place of an ID until there is one: another at each start, so that nobody knows a visitor again by it. */
  readonly #visitorId: Uint8Array
  #assigned: Promise<AssignedServers> | undefined
  #assignedNow: AssignedServers | undefined
  #presence: Promise<Presence> | undefined
  #presenceNow: Presence | undefined
  readonly #onChange: () => void
  readonly #waiters = new Set<() => void>()
  readonly #originAskedAt = new Map<string, number>()
  #record: NetworkRecord
  #origin: Origin | undefined
  #driver: SyncDriver | undefined
  #kept: KeptChain | undefined
  /** Until the store has been read, nobody is asked. */
  #fetchingOrigin = true
  #cancelOriginRetry: (() => void) | undefined
  #lastPhase: SyncPhase = 'connecting'
  #stopped = false
  #keepers: { readonly tip: string; readonly view: KeepersView } | undefined

  constructor(record: NetworkRecord, ports: ClientPorts, onChange: () => void) {
    this.#record = record
    this.#ports = ports
    this.#onChange = onChange
    this.networkId = fromHex(record.networkId)
    const { page, clock, store } = ports
    this.servers = new Servers({
      page,
      onChange: () => this.#changed(),
      onReplaced: () =>
        this.incidents.add({ code: 'server-changed', severity: 'note', sentence: INCIDENT.serverChanged }),
    })
    this.#recoveryWatch = new RecoveryWatch({
      networkId: this.networkId,
      servers: this.servers,
      verifier: ports.verifier,
      tip: () => this.graph?.tip,
      onRecovered: (start) => this.#goOnFrom(start),
      onLie: (peer, code, evidence) => this.#offence(peer, code, evidence),
    })
    this.#hints = new ServerHints({
      servers: this.servers,
      clock,
      networkId: this.networkId,
      addresses: () => this.#record.addresses,
      keep: (addresses) => void this.#save({ ...this.#record, addresses }).catch(() => this.#tellNotStored()),
    })
    this.incidents = createIncidents({
      networkId: record.networkId,
      store,
      now: () => clock.now(),
      onChange: () => this.#changed(),
    })
    this.query = createStateQuery({
      networkId: this.networkId,
      servers: this.servers,
      clock,
      onLie: (peer, code, evidence) => this.#offence(peer, code, evidence),
    })
    this.#visitorId = ports.random(HASH_LENGTH)
    this.identity = new Identity(this, ports, () => {
      this.#changed()
      // Who serves follows from its ID and block.
      void this.#assign()
      void this.#bePresent()
    })
    this.#redial = new Redial({
      page,
      clock,
      addresses: () => this.#record.addresses,
      isNeeded: () => this.servers.size === 0,
      onChange: () => this.#changed(),
    })
  }

  get record(): NetworkRecord {
    return this.#record
  }

  /** undefined until the start is checked. */
  get graph(): ForkGraph | undefined {
    return this.#driver?.sync.graph
  }

  get origin(): Origin | undefined {
    return this.#origin
  }

  get startHeight(): number {
    return this.#record.checkpoint.height
  }

  get addresses(): readonly string[] {
    return this.#record.addresses
  }

  get spacingMs(): number {
    return this.#origin?.genesis.parameters.spacingMs ?? 0
  }

  get headersVerified(): number {
    return (this.#kept?.verified ?? 0) + (this.#driver?.headersVerified ?? 0)
  }

  /** What this device is, by its own measure. */
  profile(): Promise<DeviceProfile> {
    const { hardware, page, clock } = this.#ports
    return measureProfile(hardware, page, this.#lifetime.at(clock.now()))
  }

  /** Which label this device fits by the thresholds of the settled policy; undefined when nobody proves those. */
  async labelDecision(): Promise<LabelDecision | undefined> {
    const settled = this.graph?.settled.node
    if (settled === undefined) return undefined
    const proven = await this.query(settled, POLICY_KEY)
    const policy = proven.kind === 'proven' && proven.value !== undefined ? policyCodec.decode(proven.value) : undefined
    return policy?.ok === true ? labelOf(await this.profile(), policy.value.label) : undefined
  }

  get presence(): PresenceView | undefined {
    return this.#presenceNow?.view()
  }

  /** Whether a peer has been shown which device this is. */
  isKnownTo(peerId: string): boolean {
    return this.#presenceNow?.isKnownTo(peerId) === true
  }

  get phase(): SyncPhase {
    const phase = this.#driver?.phase ?? 'connecting'
    // Nobody has answered yet, and dialling fails: that is offline, too.
    return phase === 'connecting' && this.servers.size === 0 && this.#redial.failures > 0 ? 'offline' : phase
  }

  /**
   * Takes up what is stored, then looks for servers.
   * @param remembered what a note outside of the database says of this network
   * @throws {LaresError} `storage-failed`
   */
  async start(remembered?: Remembered): Promise<void> {
    const { page } = this.#ports
    await this.incidents.load()
    await this.identity.load(remembered?.deviceId)
    const topics = [{ topic: topicsOf(this.networkId).headers, maxLength: MAX_GOSSIP_HEADER_LENGTH }]
    // A worker whose page no longer answers is about to end with it.
    page.call({ call: 'subscribe', topics }).catch(() => undefined)
    page.call({ call: 'serve', protocols: SERVED_PROTOCOLS }).catch(() => undefined)
    const origin = await this.#storedOrigin(remembered)
    if (origin !== undefined) await this.#begin(origin)
    this.#fetchingOrigin = false
    void this.#fetchOrigin()
    this.#redial.now()
  }

  /** A damaged start is asked for anew; a damaged checkpoint, which is in the join link alone, is taken from the note. */
  async #storedOrigin(remembered: Remembered | undefined): Promise<Origin | undefined> {
    const { start } = this.#record
    if (start === undefined) return undefined
    const { checkpoint } = remembered?.record ?? this.#record
    for (const record of [this.#record, { ...this.#record, checkpoint }]) {
      const origin = await readOrigin(this.networkId, record, start, this.#ports.verifier)
      if (!origin.ok) continue
      if (record === this.#record) return origin.value
      this.#tellRepaired()
      await this.#save(record).catch(() => this.#tellNotStored())
      return origin.value
    }
    this.#tellRepaired()
    await this.#save({ ...this.#record, checkpoint, start: undefined }).catch(() => this.#tellNotStored())
    return undefined
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#driver?.stop()
    this.#kept?.stop()
    this.#redial.stop()
    this.#hints.stop()
    this.#assignedNow?.stop()
    this.#presenceNow?.stop()
    this.identity.stop()
    this.#cancelOriginRetry?.()
    for (const waiter of [...this.#waiters]) waiter()
    const { page } = this.#ports
    await page.call({ call: 'unsubscribe-all' }).catch(() => undefined)
    await Promise.all(this.servers.all().map(({ peerId }) => this.servers.hangUp(peerId)))
    await this.#kept?.flushed()
  }

  /** Resolves when all that was decided so far is stored. */
  async stored(): Promise<void> {
    await this.#kept?.flushed()
  }

  /** The database was emptied while it was in use: what is in memory goes back into it. */
  storeAgain(): void {
    this.#tellStorage('emptied')
    this.#kept?.writeAll()
  }

  // ------------------------------------------------------------------------------------------- what the page reports

  peerConnected(peerId: string, transport: TransportName, address: string): void {
    if (!this.servers.add(peerId, transport, address)) return
    this.#lifetime.note(true, this.#ports.clock.now())
    this.#redial.reset()
    if (this.#driver === undefined) void this.#fetchOrigin()
    else this.#driver.peerConnected(peerId)
    void this.#kept?.checkOlder()
    void this.identity.poke()
    void this.#assign()
  }

  peerDisconnected(peerId: string): void {
    if (!this.servers.remove(peerId)) return
    this.#driver?.peerGone(peerId)
    this.#hints.gone(peerId)
    this.#assignedNow?.lost(peerId)
    this.#presenceNow?.lost(peerId)
    void this.#bePresent()
    if (this.servers.size > 0 || this.#stopped) return
    this.#lifetime.note(false, this.#ports.clock.now())
    this.incidents.add({ code: 'server-lost', severity: 'warning', sentence: INCIDENT.serverLost })
    this.#redial.soon()
  }

  async gossip(from: string, topic: string, bytes: Uint8Array): Promise<GossipVerdict> {
    if (this.#driver === undefined || topic !== topicsOf(this.networkId).headers) return 'ignore'
    return this.#driver.gossip(from, bytes)
  }

  hint(hint: 'visible' | 'hidden' | 'online' | 'offline'): void {
    if (hint === 'visible' || hint === 'hidden') this.#driver?.setHidden(hint === 'hidden')
    if (hint === 'online') this.#driver?.wake()
    if (hint === 'visible' || hint === 'online') this.#redial.now()
  }

  /** New addresses of the servers, best first. */
  async setAddresses(addresses: readonly string[]): Promise<void> {
    await this.#save({ ...this.#record, addresses })
    this.#redial.now()
  }

  async #save(record: NetworkRecord): Promise<void> {
    // A network that was removed meanwhile must not come back.
    if (this.#stopped) return
    this.#record = record
    await this.#ports.store.putNetwork(record)
  }

  // ---------------------------------------------------------------------------------------------------- the beginning

  async #fetchOrigin(): Promise<void> {
    if (this.#fetchingOrigin || this.#driver !== undefined || this.#stopped) return
    this.#fetchingOrigin = true
    const { verifier, clock } = this.#ports
    for (const peer of this.servers.inOrder()) {
      const askedAt = this.#originAskedAt.get(peer)
      if (askedAt !== undefined && clock.now() - askedAt < ORIGIN_PAUSE_MS) continue
      this.#originAskedAt.set(peer, clock.now())
      const answer = await this.servers.ask(peer, 'checkpoint', originRequest(this.networkId, this.#record))
      if (!answer.ok) continue
      const origin = await readOrigin(this.networkId, this.#record, answer.value, verifier)
      if (!origin.ok) {
        this.#offence(peer, origin.code, answer.value)
        continue
      }
      await this.#save({ ...this.#record, start: answer.value }).catch(() => this.#tellNotStored())
      await this.#begin(origin.value)
      break
    }
    this.#fetchingOrigin = false
    for (const peer of this.#originAskedAt.keys()) if (!this.servers.has(peer)) this.#originAskedAt.delete(peer)
    if (this.#driver !== undefined || this.#stopped) return
    this.#cancelOriginRetry?.()
    this.#cancelOriginRetry = clock.after(ORIGIN_RETRY_MS, () => void this.#fetchOrigin())
  }

  async #begin(origin: Origin): Promise<void> {
    const { store, verifier, clock } = this.#ports
    const rules = { networkId: this.networkId, parameters: origin.genesis.parameters }
    const kept = await KeptChain.open({
      networkId: this.#record.networkId,
      store,
      origin,
      rules,
      verifier,
      servers: this.servers,
      onNews: (news) => this.#tellStorage(news),
      onDeeper: (graph) => this.#driver?.follow(graph),
      onChange: () => this.#changed(),
    })
    if (this.#stopped) return
    this.#origin = origin
    this.#kept = kept
    this.#driver = new SyncDriver({
      graph: kept.graph,
      rules,
      servers: this.servers,
      verifier,
      clock,
      onChain: (outcomes) => this.#onChain(outcomes),
      onConflict: () => this.incidents.add({ code: 'conflict', severity: 'alarm', sentence: INCIDENT.conflict }),
      onOffence: (peer, code) => this.#offence(peer, code),
      onStatus: (bytes, peer) => this.#onStatus(bytes, peer),
      onStep: () => this.#step(),
    })
    for (const { peerId } of this.servers.all()) this.#driver.peerConnected(peerId)
    void kept.checkOlder()
    void this.identity.poke()
    this.#changed()
  }

  // -------------------------------------------------------------------------------------------------- while following

  #onChain(outcomes: readonly ChainOutcome[]): void {
    // One run of headers from one peer: it leaves the old branch once at most, and goes up from there.
    const applied = outcomes.flatMap((outcome) => outcome.applied)
    for (const outcome of outcomes) {
      const recovery = recoveryIn(outcome)
      if (recovery !== undefined) this.#tellRestored(recovery, Math.max(tipBefore(outcome), recovery.lost.height))
      if (outcome.kind !== 'reorganization') continue
      const [lowest] = outcome.applied
      if (outcome.leftSettled) {
        const sentence = INCIDENT.leftSettled((lowest?.height ?? 1) - 1)
        this.incidents.add({ code: 'left-settled', severity: 'alarm', sentence })
      } else if (recovery === undefined) {
        const sentence = INCIDENT.reorganization(outcome.undone.length)
        this.incidents.add({ code: 'reorganization', severity: 'note', sentence })
      }
    }
    this.#kept?.apply(applied)
    if (applied.some(({ rosterChanges }) => rosterChanges.length > 0)) this.#hints.rosterChanged()
    void this.identity.poke()
    void this.#assign()
  }

  /** Who serves this device is looked at anew. With one full node there is no choice. */
  async #assign(): Promise<void> {
    const members = this.graph?.settled.node.roster.members.length ?? 0
    if (this.#stopped || (members < 2 && this.#assignedNow === undefined)) return
    this.#assigned ??= this.#openAssigned()
    // A chunk that could not be loaded is tried again at the next block.
    const assigned = await this.#assigned.catch(() => {
      this.#assigned = undefined
    })
    if (this.#stopped) assigned?.stop()
    else await assigned?.look()
  }

  async #openAssigned(): Promise<AssignedServers> {
    const { AssignedServers } = await import('./assigned-servers.ts')
    const { page, clock, verifier } = this.#ports
    this.#assignedNow = new AssignedServers({
      networkId: this.networkId,
      servers: this.servers,
      page,
      clock,
      verifier,
      roster: () => this.graph?.settled.node.roster,
      headerTime: () => this.graph?.tip.sealed.header.time ?? 0,
      isFullNode: (peerId) => this.#isFullNode(peerId),
      device: () => this.identity.assigned ?? { deviceId: this.#visitorId, blockHash: this.networkId },
      onChange: () => {
        this.#changed()
        void this.#bePresent()
      },
    })
    // Those that were there before it have answered already.
    for (const { peerId } of this.servers.all())
      this.#assignedNow.said(peerId, this.#driver?.sync.statusOf(peerId) !== undefined)
    return this.#assignedNow
  }

  #isFullNode(peerId: string): boolean {
    return ((this.#driver?.sync.statusOf(peerId)?.label ?? 0) & LABEL.full) !== 0
  }

  /** Says that this device is there, once it has an ID; to its primary, or to the only full node. */
  async #bePresent(): Promise<void> {
    const hasReason = this.identity.settledId !== undefined || this.#presenceNow !== undefined
    if (this.#stopped || this.graph === undefined || !hasReason) return
    this.#presence ??= this.#openPresence()
    // A chunk that could not be loaded is tried again when something changes.
    const presence = await this.#presence.catch(() => {
      this.#presence = undefined
    })
    if (this.#stopped) presence?.stop()
    else await presence?.look()
  }

  async #openPresence(): Promise<Presence> {
    const { openPresence } = await import('./presence.ts')
    this.#presenceNow = openPresence(this, this.#ports, {
      server: () => {
        const isOnly = this.graph?.settled.node.roster.members.length === 1
        return this.servers
          .inOrder()
          .find((peerId) => (isOnly ? this.#isFullNode(peerId) : this.#assignedNow?.dutyOf(peerId) === 'primary'))
      },
      onChange: () => this.#changed(),
    })
    return this.#presenceNow
  }

  #step(): void {
    const { phase } = this
    this.#lifetime.note(this.servers.size > 0, this.#ports.clock.now())
    if (phase === 'asleep' && this.#lastPhase === 'following')
      this.incidents.add({ code: 'asleep', severity: 'note', sentence: INCIDENT.asleep })
    this.#lastPhase = phase
    this.#changed()
  }

  #onStatus(bytes: Uint8Array, peer: string): void {
    const status = statusCodec.decode(bytes)
    if (!status.ok) return
    this.#compareClocks(status.value)
    void this.#recoveryWatch.look(peer, status.value)
    if ((status.value.label & LABEL.full) !== 0) this.#hints.met(peer)
    this.#assignedNow?.said(peer, this.#hasSettled(status.value))
    void this.#bePresent()
  }

  /** The owners let a restored relay go on below what this device has settled: it goes there too, and says what is lost. */
  async #goOnFrom({ recovery, checkpoint, answer }: RecoveredStart): Promise<void> {
    const before = this.graph?.tip.height ?? 0
    this.#tellRestored(recovery, Math.max(before, recovery.lost.height))
    // A server that connects meanwhile must not begin from the start of before.
    this.#fetchingOrigin = true
    this.#driver?.stop()
    this.#kept?.stop()
    await this.#kept?.flushed()
    this.#driver = undefined
    this.#kept = undefined
    const record = { ...this.#record, checkpoint, start: answer }
    await this.#save(record).catch(() => this.#tellNotStored())
    await this.#ports.store.clearChain(record.networkId).catch(() => this.#tellNotStored())
    const origin = await readOrigin(this.networkId, record, answer, this.#ports.verifier)
    if (origin.ok) await this.#begin(origin.value)
    this.#fetchingOrigin = false
    if (this.#driver === undefined) void this.#fetchOrigin()
    await this.identity.mayBeLost()
  }

  #tellRestored({ base, backupTime }: Recovery, lastLost: number): void {
    const sentence = restoredSentence(backupTime, base.height + 1, lastLost)
    this.incidents.add({ code: 'restored', severity: 'warning', sentence })
  }

  /** Answers what another node asks this device; undefined where it has nothing to say. */
  async answer(from: string, protocol: string, request: Uint8Array): Promise<Uint8Array | undefined> {
    if (protocol === PAGE_PROTOCOLS.provePresence.id) return this.#presenceNow?.prove(from, request)
    if (protocol !== PROTOCOLS.status.id) return undefined
    return answerStatus(request, { networkId: this.networkId, graph: this.graph, now: this.#ports.clock.now() })
  }

  #hasSettled(status: Status | undefined): boolean {
    return status !== undefined && status.tip.height >= (this.graph?.settled.node.height ?? 0)
  }

  #compareClocks({ time }: Pick<Status, 'time'>): void {
    const off = Math.abs(time - this.#ports.clock.now())
    if (off < CLOCK_TOLERANCE_MS) return
    const known = this.incidents
      .list()
      .some(({ code, at }) => code === 'clock-off' && this.#ports.clock.now() - at < 3_600_000)
    if (!known)
      this.incidents.add({
        code: 'clock-off',
        severity: 'warning',
        sentence: INCIDENT.clockOff(Math.round(off / 60_000)),
      })
  }

  #offence(peer: string, code: string, evidence?: Uint8Array): void {
    this.servers.penalise(peer, code)
    if (code === 'unknown-version')
      this.incidents.add({ code: 'new-version', severity: 'warning', sentence: INCIDENT.newVersion })
    else this.incidents.add({ code: 'server-lied', severity: 'alarm', sentence: lied(code), evidence })
  }

  /** A server has given what no honest one gives, found by another part of the client. */
  reportLie(peer: string, code: string, evidence?: Uint8Array): void {
    this.#offence(peer, code, evidence)
  }

  #tellRepaired(): void {
    this.#tellStorage('damaged')
  }

  #tellNotStored(): void {
    this.#tellStorage('failed')
  }

  #tellStorage(news: StorageNews): void {
    this.incidents.add(STORAGE_INCIDENTS[news])
  }

  #changed(): void {
    if (this.#stopped) return
    this.#onChange()
    for (const waiter of [...this.#waiters]) waiter()
  }

  /** Resolves as soon as the test holds, at once or after some change; or, untested, when the time is up. */
  until(test: () => boolean, timeoutMs: number): Promise<void> {
    if (test() || this.#stopped) return Promise.resolve()
    return new Promise((resolve) => {
      const end = () => {
        cancel()
        this.#waiters.delete(waiter)
        resolve()
      }
      const cancel = this.#ports.clock.after(timeoutMs, end)
      const waiter = () => {
        if (this.#stopped || test()) end()
      }
      this.#waiters.add(waiter)
    })
  }

  // ------------------------------------------------------------------------------------------------------------- view

  /** Counted once for a tip. */
  #keepersOf(graph: ForkGraph): KeepersView {
    if (this.#keepers?.tip !== graph.tip.id) this.#keepers = { tip: graph.tip.id, view: viewOfKeepers(graph) }
    return this.#keepers.view
  }

  view(): NetworkView {
    const { graph } = this
    return {
      networkId: this.#record.networkId,
      name: this.#record.name,
      phase: this.phase,
      tip: graph && viewOfBlock(graph.tip),
      settled: graph && viewOfSettled(graph.settled),
      work: (graph?.tip.work ?? 0n).toString(),
      startHeight: this.startHeight,
      headersVerified: this.headersVerified,
      headersStored: this.#kept?.stored ?? 0,
      headersFetched: (this.#kept?.fetched ?? 0) + (this.#driver?.headersVerified ?? 0),
      targetHeight: this.phase === 'syncing' ? this.#driver?.sync.targetHeight : undefined,
      peers: this.servers.all().map((server): PeerView => {
        const status = this.#driver?.sync.statusOf(server.peerId)
        return {
          peerId: server.peerId,
          transport: server.transport,
          address: server.address,
          roundTrip: server.roundTrip,
          penalty: server.penalty,
          label: status && labelNames(status.label).join(' and '),
          height: status?.tip.height,
          serving: this.servers.serving === server.peerId,
          duty: this.#assignedNow?.dutyOf(server.peerId),
        }
      }),
      keepers: graph && this.#keepersOf(graph),
      assigned: this.#assignedNow?.view() ?? [],
      singleKeeper: graph !== undefined && graph.tip.roster.members.length === 1,
      identity: this.identity.view(),
      presence: this.presence,
      incidents: this.incidents.view(),
      spacingMs: this.spacingMs,
    }
  }
}

/** Two recoveries are blocks apart, so one run of headers is told by its newest. */
function recoveryIn({ applied }: ChainOutcome): Recovery | undefined {
  const actions = applied.flatMap(({ rosterChanges }) => rosterChanges.map(({ action }) => action))
  return actions.flatMap((action) => (action.TAG === 'recover' ? [action.data.recovery] : [])).at(-1)
}

/** Height that was the newest until then, where that is left. */
function tipBefore(outcome: ChainOutcome): number {
  return outcome.kind === 'reorganization' ? (outcome.undone[0]?.height ?? 0) : 0
}
