/** Events by time: a binary heap in flat arrays, since a simulation has tens of millions of them. */
export class EventQueue {
  readonly #times: number[] = []
  readonly #kinds: number[] = []
  readonly #subjects: number[] = []

  push(time: number, kind: number, subject: number): void {
    let at = this.#times.length
    this.#set(at, time, kind, subject)
    while (at > 0) {
      const parent = (at - 1) >> 1
      if ((this.#times[parent] as number) <= (this.#times[at] as number)) return
      this.#swap(parent, at)
      at = parent
    }
  }

  /** The earliest; there must be one. */
  pop(): { readonly time: number; readonly kind: number; readonly subject: number } {
    const [time, kind, subject] = [this.#times[0], this.#kinds[0], this.#subjects[0]]
    const last = this.#times.length - 1
    this.#swap(0, last)
    for (const list of [this.#times, this.#kinds, this.#subjects]) list.pop()
    for (let at = 0; ; ) {
      const [left, right] = [2 * at + 1, 2 * at + 2]
      let least = at
      if (left < last && (this.#times[left] as number) < (this.#times[least] as number)) least = left
      if (right < last && (this.#times[right] as number) < (this.#times[least] as number)) least = right
      if (least === at) break
      this.#swap(at, least)
      at = least
    }
    return { time: time as number, kind: kind as number, subject: subject as number }
  }

  #set(at: number, time: number, kind: number, subject: number): void {
    this.#times[at] = time
    this.#kinds[at] = kind
    this.#subjects[at] = subject
  }

  #swap(a: number, b: number): void {
    for (const list of [this.#times, this.#kinds, this.#subjects]) {
      const kept = list[a] as number
      list[a] = list[b] as number
      list[b] = kept
    }
  }
}
