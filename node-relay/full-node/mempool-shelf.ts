import type { MempoolSubject } from './mempool-entry.ts'

export interface MempoolLimits {
  readonly transactions: number
  /** Summed length of the encoded transactions. */
  readonly bytes: number
  /** Transactions of one sponsor, issuer or device, and of governance as a whole. */
  readonly perGroup: number
}

export interface MempoolEntry extends MempoolSubject {
  /** Transaction ID, hex. */
  readonly id: string
  readonly bytes: Uint8Array
  /** Hash of its leaf in a transaction tree, hex: announced blocks name it so. */
  readonly leaf: string
  /** ms since the Unix epoch */
  addedAt: number
  /** Blocks for which it is kept although the rules refuse it now. */
  grace: number
}

export type RoomCode = 'conflict' | 'group-full' | 'mempool-full'

/** What there is to do before an entry fits: nothing, or these must go. */
export type Room =
  | { readonly ok: true; readonly leaving: readonly MempoolEntry[] }
  | { readonly ok: false; readonly code: RoomCode }

/** The waiting transactions in order of arrival, within their limits. Knows nothing of chain or signatures. */
export class MempoolShelf {
  readonly #limits: MempoolLimits
  readonly #entries = new Map<string, MempoolEntry>()
  readonly #byClaim = new Map<string, MempoolEntry>()
  readonly #byLeaf = new Map<string, MempoolEntry>()
  readonly #groupSizes = new Map<string, number>()
  #bytes = 0

  constructor(limits: MempoolLimits) {
    this.#limits = limits
  }

  get size(): number {
    return this.#entries.size
  }

  get byteLength(): number {
    return this.#bytes
  }

  groupSize(group: string): number {
    return this.#groupSizes.get(group) ?? 0
  }

  get(id: string): MempoolEntry | undefined {
    return this.#entries.get(id)
  }

  withClaim(claim: string): MempoolEntry | undefined {
    return this.#byClaim.get(claim)
  }

  withLeaf(leaf: string): MempoolEntry | undefined {
    return this.#byLeaf.get(leaf)
  }

  /** In order of arrival. */
  values(): IterableIterator<MempoolEntry> {
    return this.#entries.values()
  }

  /**
   * Whether a transaction fits. Of two with one claim the first stays, unless the recovery key overrides the wallet key.
   * When the shelf is full, the least worthy leave for one of more worth, the newest of them first.
   */
  roomFor(subject: MempoolSubject, length: number): Room {
    const rival = this.#byClaim.get(subject.claim)
    if (rival !== undefined && (rival.byRecovery || !subject.byRecovery)) return { ok: false, code: 'conflict' }
    const leaving = rival === undefined ? [] : [rival]
    const groupLeaving = rival?.group === subject.group ? 1 : 0
    if (this.groupSize(subject.group) - groupLeaving >= this.#limits.perGroup) return { ok: false, code: 'group-full' }

    let count = this.#entries.size + 1 - leaving.length
    let bytes = this.#bytes + length - (rival?.bytes.length ?? 0)
    const fits = () => count <= this.#limits.transactions && bytes <= this.#limits.bytes
    if (fits()) return { ok: true, leaving }
    const lesser = [...this.#entries.values()]
      .filter((entry) => entry.worth < subject.worth && entry !== rival)
      .reverse()
    lesser.sort((a, b) => a.worth - b.worth)
    for (const entry of lesser) {
      leaving.push(entry)
      count--
      bytes -= entry.bytes.length
      if (fits()) return { ok: true, leaving }
    }
    return { ok: false, code: 'mempool-full' }
  }

  /** The caller has made room. */
  put(entry: MempoolEntry): void {
    this.#entries.set(entry.id, entry)
    this.#byClaim.set(entry.claim, entry)
    this.#byLeaf.set(entry.leaf, entry)
    this.#groupSizes.set(entry.group, this.groupSize(entry.group) + 1)
    this.#bytes += entry.bytes.length
  }

  remove(entry: MempoolEntry): void {
    if (!this.#entries.delete(entry.id)) return
    this.#byClaim.delete(entry.claim)
    this.#byLeaf.delete(entry.leaf)
    const left = this.groupSize(entry.group) - 1
    if (left > 0) this.#groupSizes.set(entry.group, left)
    else this.#groupSizes.delete(entry.group)
    this.#bytes -= entry.bytes.length
  }
}
