import { toHex } from '../bytes.ts'

/** The state before a block: a tree, or another overlay. */
export interface StateReader {
  /** Value under a 32-byte key, or undefined. */
  get(key: Uint8Array): Uint8Array | undefined
}

export interface StateChange {
  readonly key: Uint8Array
  /** undefined: removed. */
  readonly value: Uint8Array | undefined
}

/** Changes on top of a state that is not touched. As large as the changes of one block. */
export class StateOverlay implements StateReader {
  readonly #base: StateReader
  readonly #changes = new Map<string, StateChange>()
  /** What was read below: a tree reads and copies anew each time. As large as what the block reads. */
  readonly #reads = new Map<string, Uint8Array | undefined>()

  constructor(base: StateReader) {
    this.#base = base
  }

  get(key: Uint8Array): Uint8Array | undefined {
    const name = toHex(key)
    const change = this.#changes.get(name)
    if (change !== undefined) return change.value
    if (!this.#reads.has(name)) this.#reads.set(name, this.#base.get(key))
    return this.#reads.get(name)
  }

  set(key: Uint8Array, value: Uint8Array): void {
    this.#changes.set(toHex(key), { key, value })
  }

  changes(): StateChange[] {
    return [...this.#changes.values()]
  }

  /** Takes over the changes of an overlay that was laid on this one. */
  absorb(overlay: StateOverlay): void {
    for (const [key, change] of overlay.#changes) this.#changes.set(key, change)
  }
}
