/** Loaded where there is a choice: in a network of several full nodes. */
import { toHex } from '../../shared/bytes.ts'
import { type AssignedDevice, assign, BACKUPS, serversInOrder } from '../../shared/coordination/assignment.ts'
import { peerOfService, type ServiceRecord, serviceCheck } from '../../shared/coordination/service-record.ts'
import type { SignatureVerifier } from '../../shared/crypto/signature-verifier.ts'
import { serversCodec, serversRequestCodec } from '../../shared/protocol/service-messages.ts'
import type { TransportClock } from '../../shared/protocol/transport.ts'
import type { Member, Roster } from '../../shared/roster/roster.ts'
import type { ServerDuty } from '../worker/api.ts'
import type { PagePort } from './ports.ts'
import type { Servers } from './servers.ts'

/** Servers whose whereabouts are asked for: the first in order, so many more than are needed. */
export const FOLLOWED_SERVERS = 8
/** Connections that are kept: to the primary, and one warm standby. */
const WARM = 2
/** What servers say of themselves is asked for anew so often, ms; while one of the first is not known, */
const RENEW_MS = 60_000
/** first after this, and then twice as long each time. */
const ASK_SOON_MS = 2_000
/** A server that could not be reached, or was lost, is passed over this long, ms, and twice as long each time after that. */
const PASSED_OVER_MS = 10_000
const MAX_PASSED_OVER_MS = 5 * 60_000
/** Nobody is sent to a server whose own word is older than this by the chain's time, ms. */
const OUTDATED_MS = 2 * 3_600_000

export interface AssignedServersInit {
  readonly networkId: Uint8Array
  readonly servers: Pick<Servers, 'all' | 'ask' | 'has' | 'hangUp' | 'inOrder' | 'setOrder'>
  readonly page: PagePort
  readonly clock: TransportClock
  readonly verifier: SignatureVerifier
  /** Of the settled header. */
  readonly roster: () => Roster | undefined
  /** Time of the newest header, ms. */
  readonly headerTime: () => number
  readonly device: () => AssignedDevice
  /** By its own word. */
  readonly isFullNode: (peerId: string) => boolean
  readonly onChange: () => void
}

/**
 * Who serves this device, worked out here by the same rule as everybody does (DESIGN 5), and kept connected: the primary and a
 * warm standby. Who is away or at its limit is passed over for the time. Where a server is, it says itself, signed by its
 * seat's key; nobody else is believed.
 */
export class AssignedServers {
  readonly #init: AssignedServersInit
  /** By seat; of those followed only. */
  readonly #records = new Map<number, ServiceRecord>()
  /** Connected, and known to have what this device has settled. Who was just started may still be behind. */
  readonly #ready = new Set<string>()
  readonly #passedOver = new Map<number, { until: number; times: number }>()
  readonly #dialling = new Set<number>()
  /** Hung up on because others serve. */
  readonly #left = new Set<string>()
  #order: { readonly key: string; readonly members: readonly Member[] } = { key: '', members: [] }
  #duties = new Map<string, ServerDuty>()
  #askedAt = Number.NEGATIVE_INFINITY
  #pause = ASK_SOON_MS
  #running: Promise<void> | undefined
  #again = false
  #cancel: (() => void) | undefined
  #stopped = false

  constructor(init: AssignedServersInit) {
    this.#init = init
  }

  /** What a connected server is to this device. */
  dutyOf(peerId: string): ServerDuty | undefined {
    return this.#duties.get(peerId)
  }

  /** The first servers in order, and what each is now. */
  view(): {
    readonly seat: number
    readonly peerId: string | undefined
    readonly state: ServerDuty | 'busy' | 'away'
  }[] {
    const { servers } = this.#init
    return this.#order.members.slice(0, 1 + BACKUPS).map(({ seat }) => {
      const record = this.#records.get(seat)
      const peerId = record && peerOfService(record)
      const said = peerId === undefined ? undefined : this.#duties.get(peerId)
      // A backup needs no connection; the two before it do.
      const duty = said === 'backup' || (peerId !== undefined && servers.has(peerId)) ? said : undefined
      return { seat, peerId, state: duty ?? (record?.isBusy === true ? 'busy' : 'away') }
    })
  }

  /** A server says how far it is. */
  said(peerId: string, hasSettled: boolean): void {
    if (!hasSettled || this.#ready.has(peerId)) return
    this.#ready.add(peerId)
    void this.look()
  }

  /** A server was lost: the next in order takes its place at once. */
  lost(peerId: string): void {
    this.#ready.delete(peerId)
    const wasLeft = this.#left.delete(peerId)
    const seat = this.#seatOf(peerId)
    if (seat !== undefined && !wasLeft) this.#passOver(seat)
    void this.look()
  }

  /** Something changed that may change who serves: the roster, this device's ID, who is connected. */
  look(): Promise<void> {
    this.#again = true
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  stop(): void {
    this.#stopped = true
    this.#cancel?.()
  }

  async #run(): Promise<void> {
    while (this.#again && !this.#stopped) {
      this.#again = false
      this.#arrange()
      await this.#ask()
      this.#arrange()
    }
    if (this.#stopped) return
    this.#cancel?.()
    this.#cancel = this.#init.clock.after(this.#nextPause(), () => void this.look())
  }

  #nextPause(): number {
    const { clock } = this.#init
    const ends = [...this.#passedOver.values()].map(({ until }) => until - clock.now()).filter((ms) => ms > 0)
    return Math.max(1, Math.min(this.#pause, ...ends))
  }

  get #followed(): readonly Member[] {
    return this.#order.members.slice(0, FOLLOWED_SERVERS)
  }

  #seatOf(peerId: string): number | undefined {
    for (const [seat, record] of this.#records) if (peerOfService(record) === peerId) return seat
    return undefined
  }

  #passOver(seat: number): void {
    const times = (this.#passedOver.get(seat)?.times ?? 0) + 1
    const pause = Math.min(MAX_PASSED_OVER_MS, PASSED_OVER_MS * 2 ** Math.min(times - 1, 10))
    this.#passedOver.set(seat, { until: this.#init.clock.now() + pause, times })
  }

  /** The order follows from the settled roster and this device alone: computed when one of them changes. */
  #reorder(): void {
    const roster = this.#init.roster()
    if (roster === undefined) return
    const device = this.#init.device()
    const key = `${roster.changeNumber} ${toHex(roster.previousRoot)} ${toHex(device.deviceId)} ${toHex(device.blockHash)}`
    if (key === this.#order.key) return
    this.#order = { key, members: serversInOrder(device, roster.members) }
    const followed = new Set(this.#followed.map(({ seat }) => seat))
    for (const kept of [this.#records, this.#passedOver])
      for (const seat of kept.keys()) if (!followed.has(seat)) kept.delete(seat)
    this.#askedAt = Number.NEGATIVE_INFINITY
    this.#pause = ASK_SOON_MS
  }

  /** Says who is what, and connects and leaves accordingly. */
  #arrange(): void {
    this.#reorder()
    const { servers, clock, device, headerTime } = this.#init
    const now = clock.now()
    const peerIdOf = (member: Member) => {
      const record = this.#records.get(member.seat)
      return record && peerOfService(record)
    }
    const isThere = (member: Member) => {
      const peerId = peerIdOf(member)
      return peerId !== undefined && servers.has(peerId)
    }
    for (const member of this.#followed) if (isThere(member)) this.#passedOver.delete(member.seat)
    const isUnusable = (member: Member) => {
      const record = this.#records.get(member.seat)
      if (record === undefined || headerTime() - record.issuedAt > OUTDATED_MS) return true
      const isConnected = isThere(member)
      if (isConnected && !this.#ready.has(peerOfService(record))) return true
      // Whom it serves already it goes on serving.
      if (record.isBusy && !isConnected) return true
      return now < (this.#passedOver.get(member.seat)?.until ?? 0)
    }
    const { primary, backups } = assign(device(), this.#followed, isUnusable)
    const chosen = primary === undefined ? [] : [primary, ...backups]
    const duties = new Map<string, ServerDuty>()
    for (const [i, member] of chosen.entries())
      duties.set(peerIdOf(member) as string, i === 0 ? 'primary' : i < WARM ? 'standby' : 'backup')
    const isSame = duties.size === this.#duties.size && [...duties].every(([id, duty]) => this.#duties.get(id) === duty)
    this.#duties = duties
    servers.setOrder([...duties.keys()])
    if (!isSame) this.#init.onChange()
    const warm = chosen.slice(0, WARM)
    for (const member of warm) if (!isThere(member)) void this.#dial(member)
    if (warm.length === WARM && warm.every(isThere)) this.#leaveOthers(warm)
  }

  async #dial({ seat }: Member): Promise<void> {
    const record = this.#records.get(seat)
    if (record === undefined || this.#dialling.has(seat)) return
    this.#dialling.add(seat)
    const { page } = this.#init
    const outcome = await page.call({ call: 'dial', addresses: record.addresses }).catch(() => undefined)
    this.#dialling.delete(seat)
    // Somebody else at its addresses is not the one that is wanted; the page tells of the connection when it is there.
    if (outcome?.ok === true && outcome.value.peerId === peerOfService(record)) return
    this.#passOver(seat)
    void this.look()
  }

  /** Other full nodes have other devices to serve. */
  #leaveOthers(warm: readonly Member[]): void {
    const { servers, isFullNode } = this.#init
    // Those before the standby may become ready.
    const kept = this.#order.members
      .slice(0, 1 + this.#order.members.indexOf(warm.at(-1) as Member))
      .map((member) => this.#records.get(member.seat))
      .map((record) => record && peerOfService(record))
    for (const { peerId } of servers.all()) {
      if (kept.includes(peerId) || this.#left.has(peerId) || !isFullNode(peerId)) continue
      this.#left.add(peerId)
      void servers.hangUp(peerId)
    }
  }

  /** Asks one server after the other until one says where those are that matter. */
  async #ask(): Promise<void> {
    const { networkId, servers, clock } = this.#init
    const isKnown = () => this.#followed.slice(0, 1 + BACKUPS).every(({ seat }) => this.#records.has(seat))
    const seats = this.#followed.map(({ seat }) => seat).sort((a, b) => a - b)
    const due = isKnown() ? RENEW_MS : this.#pause
    if (seats.length === 0 || clock.now() - this.#askedAt < due) return
    const request = serversRequestCodec.encode({ networkId, seats })
    for (const peerId of servers.inOrder().slice(0, FOLLOWED_SERVERS)) {
      const answer = await servers.ask(peerId, 'servers', request)
      const told = answer.ok ? serversCodec.decode(answer.value) : answer
      if (!told.ok) continue
      this.#askedAt = clock.now()
      await this.#hear(told.value.records)
      if (isKnown()) break
    }
    this.#pause = isKnown() ? RENEW_MS : Math.min(RENEW_MS, 2 * this.#pause)
  }

  async #hear(records: readonly ServiceRecord[]): Promise<void> {
    const { networkId, verifier } = this.#init
    const roster = this.#init.roster()
    const followed = new Set(this.#followed.map(({ seat }) => seat))
    const news = records.flatMap((record) => {
      const known = this.#records.get(record.seat)
      const check = roster && serviceCheck(networkId, record, roster)
      if (check === undefined || !followed.has(record.seat)) return []
      return known === undefined || record.issuedAt > known.issuedAt ? [{ record, check }] : []
    })
    const verdicts = await verifier.verifyBatch(news.map(({ check }) => check))
    // One that does not hold may be of a key that was replaced since: whoever passed it on is not to blame.
    for (const [i, { record }] of news.entries()) if (verdicts[i] === true) this.#records.set(record.seat, record)
  }
}
