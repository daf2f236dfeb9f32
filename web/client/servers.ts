import { type Result, reject } from '../../shared/errors.ts'
import { PROTOCOLS, type ProtocolName } from '../../shared/protocol/ids.ts'
import { pointsFor } from '../../shared/protocol/offence-points.ts'
import { previousVersion } from '../../shared/protocol/versions.ts'
import type { Failure, TransportName } from '../worker/api.ts'
import type { PagePort } from './ports.ts'

/** Peers whose state is kept; more are not used. */
export const MAX_SERVERS = 64
/** A server that has let this many questions in a row go unanswered is hung up on, and dialled anew. */
const MAX_SILENCES = 3

export interface Server {
  readonly peerId: string
  transport: TransportName
  address: string
  roundTrip: number | undefined
  penalty: number
  silences: number
  /** It lets a question wait, and others have been asked meanwhile; until it answers anything again. */
  isLate: boolean
}

export interface ServersInit {
  readonly page: PagePort
  /** The set of connected servers, or which of them serves, has changed. */
  readonly onChange: () => void
  /** Another server answers than before, and the one before is gone. */
  readonly onReplaced: () => void
}

/** The connected peers, who of them answers, and questions to them. */
export class Servers {
  readonly #page: PagePort
  readonly #init: ServersInit
  readonly #peers = new Map<string, Server>()
  #serving: string | undefined
  #lastServing: string | undefined
  /** Those assigned to this device, first comes first. */
  #order: readonly string[] = []

  constructor(init: ServersInit) {
    this.#page = init.page
    this.#init = init
  }

  get size(): number {
    return this.#peers.size
  }

  get serving(): string | undefined {
    return this.#serving
  }

  has(peerId: string): boolean {
    return this.#peers.has(peerId)
  }

  all(): Server[] {
    return [...this.#peers.values()]
  }

  /** Whom to ask: those who answer before those who do not, the assigned ones in their order, the serving one, the others. */
  inOrder(): string[] {
    const place = ({ peerId, isLate, silences }: Server) => {
      const at = this.#order.indexOf(peerId)
      const among = at >= 0 ? at : this.#order.length + Number(peerId !== this.#serving)
      return (isLate || silences > 0 ? MAX_SERVERS + 1 : 0) + among
    }
    const all = this.all().sort((a, b) => place(a) - place(b))
    return all.map(({ peerId }) => peerId)
  }

  /** Who serves this device, the first before the others. */
  setOrder(peerIds: readonly string[]): void {
    this.#order = peerIds
  }

  /** It has not answered for a while: until it does, others are asked first. */
  late(peerId: string): void {
    const peer = this.#peers.get(peerId)
    if (peer !== undefined) peer.isLate = true
  }

  /** @returns whether it is a new one */
  add(peerId: string, transport: TransportName, address: string): boolean {
    const known = this.#peers.get(peerId)
    if (known !== undefined) {
      known.transport = transport
      known.address = address
      this.#init.onChange()
      return false
    }
    if (this.#peers.size >= MAX_SERVERS) return false
    const server = { peerId, transport, address, roundTrip: undefined, penalty: 0, silences: 0, isLate: false }
    this.#peers.set(peerId, server)
    this.#init.onChange()
    return true
  }

  remove(peerId: string): boolean {
    if (!this.#peers.delete(peerId)) return false
    if (this.#serving === peerId) this.#serving = undefined
    this.#init.onChange()
    return true
  }

  setRoundTrip(peerId: string, roundTrip: number | undefined, penalty: number): void {
    const peer = this.#peers.get(peerId)
    if (peer === undefined) return
    peer.roundTrip = roundTrip
    peer.penalty = penalty
    this.#init.onChange()
  }

  /** Asks one server. Never throws; the answer is not checked. */
  async ask(peerId: string, protocol: ProtocolName, bytes: Uint8Array): Promise<Result<Uint8Array>> {
    const { id, timeoutMs, maxResponse } = PROTOCOLS[protocol]
    const previous = previousVersion(protocol)
    const ask = (version: string) =>
      this.#page.call({ call: 'request', peerId, protocol: version, bytes, timeoutMs, maxResponse })
    try {
      let answer: Result<Uint8Array> | Failure = await ask(id)
      if (!answer.ok && answer.code === 'unsupported' && previous !== undefined) {
        const older = await ask(previous.spec.id)
        answer = older.ok ? previous.fromOld(older.value) : older
      }
      if (answer.ok) {
        this.#answered(peerId)
        return answer
      }
      if (answer.code === 'timeout' || answer.code === 'peer-gone') this.#silent(peerId)
      return reject(answer.code, 'sentence' in answer ? answer.sentence : answer.detail)
    } catch (error) {
      this.#silent(peerId)
      return reject('page-failed', error instanceof Error ? error.message : String(error))
    }
  }

  penalise(peerId: string, code: string): void {
    const points = pointsFor(code)
    // A page that is gone has dropped its peers.
    if (points > 0) this.#page.call({ call: 'penalise', peerId, points, code }).catch(() => undefined)
  }

  async hangUp(peerId: string): Promise<void> {
    await this.#page.call({ call: 'hang-up', peerId }).catch(() => undefined)
  }

  #answered(peerId: string): void {
    const peer = this.#peers.get(peerId)
    if (peer === undefined) return
    peer.silences = 0
    peer.isLate = false
    if (this.#serving === peerId) return
    const before = this.#lastServing
    this.#serving = peerId
    this.#lastServing = peerId
    if (before !== undefined && before !== peerId && !this.#peers.has(before)) this.#init.onReplaced()
    this.#init.onChange()
  }

  #silent(peerId: string): void {
    const peer = this.#peers.get(peerId)
    if (peer === undefined || ++peer.silences < MAX_SILENCES) return
    peer.silences = 0
    void this.hangUp(peerId)
  }
}
