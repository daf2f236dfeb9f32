import type { TransportClock } from '../../shared/protocol/transport.ts'
import type { PagePort } from './ports.ts'

const FIRST_DELAY_MS = 1_000
const MAX_DELAY_MS = 60_000

export interface RedialInit {
  readonly page: PagePort
  readonly clock: TransportClock
  /** Where the servers are, best first; asked each time. */
  readonly addresses: () => readonly string[]
  /** Whether a connection is missing. */
  readonly isNeeded: () => boolean
  readonly onChange: () => void
}

/** Dials the network's servers while none is connected, ever more slowly. One dial at a time, one timer. */
export class Redial {
  readonly #init: RedialInit
  #failures = 0
  #dialling = false
  #cancel: (() => void) | undefined
  #stopped = false
  /** Who answered the last dial. */
  #lastPeer: string | undefined

  constructor(init: RedialInit) {
    this.#init = init
  }

  /** Dials that failed since the last success. */
  get failures(): number {
    return this.#failures
  }

  /** Dials at once if a connection is missing: at start, after waking up, when the device is online again. */
  now(): void {
    this.#cancel?.()
    this.#cancel = undefined
    if (this.#stopped || this.#dialling || !this.#init.isNeeded()) return
    void this.#dial()
  }

  /** Dials after the usual pause, unless that is waited for already. */
  soon(): void {
    if (this.#stopped || this.#dialling || this.#cancel !== undefined || !this.#init.isNeeded()) return
    const delay = Math.min(FIRST_DELAY_MS * 2 ** this.#failures, MAX_DELAY_MS)
    this.#cancel = this.#init.clock.after(delay, () => {
      this.#cancel = undefined
      this.now()
    })
  }

  /** A server is there, whoever brought it: the next loss is dialled soon. */
  reset(): void {
    this.#failures = 0
  }

  stop(): void {
    this.#stopped = true
    this.#cancel?.()
    this.#cancel = undefined
  }

  async #dial(): Promise<void> {
    const addresses = this.#init.addresses()
    if (addresses.length === 0) return
    this.#dialling = true
    const outcome = await this.#init.page.call({ call: 'dial', addresses }).catch(() => undefined)
    this.#dialling = false
    const peerId = outcome?.ok === true ? outcome.value.peerId : undefined
    // Connected, and yet the page has never said so: the connection is of another time, a new one is wanted.
    if (peerId !== undefined && peerId === this.#lastPeer && this.#init.isNeeded())
      await this.#init.page.call({ call: 'hang-up', peerId }).catch(() => undefined)
    this.#lastPeer = peerId
    this.#failures = outcome?.ok === true ? 0 : Math.min(this.#failures + 1, 16)
    this.#init.onChange()
    this.soon()
  }
}
