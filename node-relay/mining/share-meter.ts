/** Of its share mining keeps this much, whatever else the relay does: a keeper that serves many phones still seals. */
export const LEAST_OF_SHARE = 0.5
/** The other work is averaged over about this long, ms: one full block is not to stop the mining. */
const WINDOW_MS = 60_000

export interface ShareMeterInit {
  /** Share of one core that the whole process may use. */
  readonly share: number
  /** Core time that the process has used for all but mining, ms since any start. */
  readonly otherMs: () => number
  /** ms, from any start */
  readonly now?: () => number
}

/** What is left for mining of a share that is promised for the whole relay. */
export class ShareMeter {
  readonly #init: Required<ShareMeterInit>
  #at: number
  #otherMs: number
  /** Share of one core. */
  #other = 0

  constructor(init: ShareMeterInit) {
    this.#init = { now: () => performance.now(), ...init }
    this.#at = this.#init.now()
    this.#otherMs = this.#init.otherMs()
  }

  /** To be asked every few seconds: {@link LEAST_OF_SHARE} of the share at least, all of it at most. */
  left(): number {
    const { share, now, otherMs } = this.#init
    const at = now()
    const used = otherMs()
    const elapsed = at - this.#at
    if (elapsed > 0) {
      const weight = 1 - Math.exp(-elapsed / WINDOW_MS)
      this.#other += ((used - this.#otherMs) / elapsed - this.#other) * weight
      this.#at = at
      this.#otherMs = used
    }
    return Math.min(share, Math.max(LEAST_OF_SHARE * share, share - this.#other))
  }
}
