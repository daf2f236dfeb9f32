import { toHex } from '../bytes.ts'

/** Values by public key, at most `limit` of them: when full, the one used longest ago makes room. */
export class KeyCache<Value> {
  readonly #limit: number
  /** In order of last use, oldest first. */
  readonly #values = new Map<string, Value>()

  constructor(limit: number) {
    this.#limit = limit
  }

  get size(): number {
    return this.#values.size
  }

  getOrCreate(publicKey: Uint8Array, create: () => Value): Value {
    const id = toHex(publicKey)
    const found = this.#values.get(id)
    const value = found === undefined ? create() : found
    this.#values.delete(id)
    this.#values.set(id, value)
    if (this.#values.size > this.#limit) this.#values.delete(this.#values.keys().next().value as string)
    return value
  }
}
