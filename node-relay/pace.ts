import { setImmediate } from 'node:timers/promises'
import type { Steps } from '../shared/steps.ts'

/**
 * Long work pauses after this long, ms. A step that is begun is ended, and the system may run other programs meanwhile: far
 * enough below the 50 ms that nothing may hold the event loop.
 */
export const SLICE_MS = 10

export interface PaceInit {
  /** ms, from any start. */
  readonly now?: () => number
  /** Resolves when whatever waited for the event loop has run. */
  readonly breathe?: () => Promise<unknown>
}

/** Divides one piece of long work into slices, between which the relay answers and mines. */
export class Pace {
  readonly #now: () => number
  readonly #breathe: () => Promise<unknown>
  #since: number

  constructor({ now = () => performance.now(), breathe = setImmediate }: PaceInit = {}) {
    this.#now = now
    this.#breathe = breathe
    this.#since = now()
  }

  /** Whether it is time for {@link pause}: to be asked after each step. */
  get isDue(): boolean {
    return this.#now() - this.#since >= SLICE_MS
  }

  async pause(): Promise<void> {
    await this.#breathe()
    this.#since = this.#now()
  }

  /** @param onPart gets what the steps hand out */
  async run<Result, Part>(steps: Steps<Result, Part>, onPart?: (part: Part) => void): Promise<Result> {
    for (;;) {
      const step = steps.next()
      if (step.done === true) return step.value
      onPart?.(step.value)
      if (this.isDue) await this.pause()
    }
  }

  async map<Item, Mapped>(items: readonly Item[], map: (item: Item, index: number) => Mapped): Promise<Mapped[]> {
    const mapped: Mapped[] = []
    for (const [index, item] of items.entries()) {
      mapped.push(map(item, index))
      if (this.isDue) await this.pause()
    }
    return mapped
  }
}
