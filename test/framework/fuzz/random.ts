/** Numbers that follow from a seed, a name and an index alone: any one input of a run can be made again. */
export class FuzzRandom {
  #state: number

  constructor(seed: number, name: string, index: number) {
    let state = seed >>> 0
    for (const unit of `${name}/${index}`) state = Math.imul(state ^ unit.charCodeAt(0), 0x0100_0193) >>> 0
    this.#state = state
  }

  /** From 0 up to 1 (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  /** A whole number from 0 up to, not including, `end`. */
  below(end: number): number {
    return Math.floor(this.next() * end)
  }

  chance(share: number): boolean {
    return this.next() < share
  }

  pick<Value>(list: readonly Value[]): Value {
    return list[this.below(list.length)] as Value
  }
}
