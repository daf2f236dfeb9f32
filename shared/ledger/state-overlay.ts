import { mapKey } from '../bytes.ts'

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
    return this.#get(mapKey(key), key)
  }

  #get(name: string, key: Uint8Array): Uint8Array | undefined {
    const change = this.#changes.get(name)
    if (change !== undefined) return change.value
    // Whoever lies below remembers it; once is enough.
    if (this.#base instanceof StateOverlay) return this.#base.#get(name, key)
    const known = this.#reads.get(name)
    if (known !== undefined || this.#reads.has(name)) return known
    const value = this.#base.get(key)
    this.#reads.set(name, value)
    return value
  }

  set(key: Uint8Array, value: Uint8Array): void {
    this.#changes.set(mapKey(key), { key, value })
  }

  changes(): StateChange[] {
    return [...this.#changes.values()]
  }

  /** Takes over the changes of an overlay that was laid on this one. */
  absorb(overlay: StateOverlay): void {
    for (const [key, change] of overlay.#changes) this.#changes.set(key, change)
  }
}
