import type { Block } from '../../shared/block/block.ts'
import { hashTransactionLeaf } from '../../shared/block/transaction-node.ts'
import { toHex } from '../../shared/bytes.ts'
import type { SignatureCheck, SignatureVerifier } from '../../shared/crypto/signature-verifier.ts'
import { accept, type Result, reject } from '../../shared/errors.ts'
import { transactionCodec, transactionIdOf } from '../../shared/transaction/transaction.ts'
import { Pace } from '../pace.ts'
import { type MempoolSubject, subjectOf } from './mempool-entry.ts'
import { type MempoolEntry, type MempoolLimits, MempoolShelf, type RoomCode } from './mempool-shelf.ts'

/** When full, the least worthy leave for one of more worth; else the newcomer is refused. */
export const MAX_MEMPOOL_TRANSACTIONS = 8_192
export const MAX_MEMPOOL_BYTES = 16 * 1024 * 1024
/** Of one sponsor, issuer or device: nobody fills the pool alone. */
export const MAX_MEMPOOL_PER_GROUP = 1_024
/** A transaction that waited this long is forgotten; its sender may send it again, ms. */
export const MEMPOOL_LIFETIME_MS = 24 * 3_600_000
/** Transactions whose signatures are being verified; more are refused. */
export const MAX_MEMPOOL_IN_FLIGHT = 512
/** A transaction that a reorganization took off the chain may stand on another that comes back later. */
export const RETURN_GRACE_BLOCKS = 16

/** Transactions of a block whose rivals are looked for at once. */
const RIVALS_AT_ONCE = 64

export interface MempoolInit {
  readonly networkId: Uint8Array
  /** ms since the Unix epoch */
  readonly now: () => number
  readonly verifier: SignatureVerifier
  /** Whether it could stand in the next block, all but its signatures, which are returned. */
  readonly check: (transaction: Uint8Array) => Result<{ readonly signatures: readonly SignatureCheck[] }>
  readonly limits?: Partial<MempoolLimits>
}

export type MempoolCode = RoomCode | 'bad-signature' | 'mempool-busy'

export type Added = 'added' | 'duplicate' | 'replaced'

/** Transactions that wait for a block. */
export interface Mempool {
  readonly size: number
  readonly byteLength: number
  /** Never throws on foreign input. A code beyond MempoolCode is that of the codec or of the ledger's rules. */
  add(transaction: Uint8Array): Promise<Result<Added>>
  has(transactionId: Uint8Array): boolean
  /** The one with this leaf hash in a transaction tree. */
  withLeaf(leaf: Uint8Array): Uint8Array | undefined
  /**
   * Those that wait, as a block takes them: roster changes, policy, coordination changes, what devices do for themselves,
   * registrations; among equals by arrival.
   */
  candidates(): Uint8Array[]
  /** Lets go of one that the rules refuse; one that a reorganization brought back stays for a few blocks. */
  drop(transaction: Uint8Array): void
  /** What the chain took in is no longer waiting, what a reorganization took off waits again. */
  chainChanged(change: { readonly undone: readonly Block[]; readonly applied: readonly Block[] }): void
}

export function createMempool(init: MempoolInit): Mempool {
  const { networkId, now, verifier, check } = init
  const shelf = new MempoolShelf({
    transactions: MAX_MEMPOOL_TRANSACTIONS,
    bytes: MAX_MEMPOOL_BYTES,
    perGroup: MAX_MEMPOOL_PER_GROUP,
    ...init.limits,
  })
  const inFlight = new Map<string, Promise<Result<Added>>>()
  /** Counts changes of the chain: what was checked before one is checked again after it. */
  let chainVersion = 0

  const idOf = (bytes: Uint8Array) => toHex(transactionIdOf(networkId, bytes))

  let lastTime = Number.NEGATIVE_INFINITY

  /** After the clock was set back, nothing has come later than now: else it would wait for as long again, and all behind it. */
  function time(): number {
    const present = now()
    if (present < lastTime) for (const entry of shelf.values()) entry.addedAt = Math.min(entry.addedAt, present)
    lastTime = present
    return present
  }

  function expire(): void {
    const oldest = time() - MEMPOOL_LIFETIME_MS
    for (const entry of shelf.values()) {
      if (entry.addedAt >= oldest) return
      shelf.remove(entry)
    }
  }

  async function admit(id: string, bytes: Uint8Array, subject: MempoolSubject): Promise<Result<Added>> {
    // Rules and room first: they cost less than signatures.
    let version: number
    do {
      version = chainVersion
      const checked = check(bytes)
      if (!checked.ok) return checked
      dropImpossible(subject.claim)
      const early = shelf.roomFor(subject, bytes.length)
      if (!early.ok) return noRoom(early.code)
      const verdicts = await verifier.verifyBatch(checked.value.signatures)
      if (!verdicts.every(Boolean)) return reject('bad-signature', 'a signature of the transaction does not hold')
    } while (version !== chainVersion)
    return place({ ...subject, id, bytes, leaf: leafOf(bytes), addedAt: time(), grace: 0 })
  }

  /** Who builds no blocks is not told otherwise that what waits became impossible; it must not keep out what is possible. */
  function dropImpossible(claim: string): void {
    const waiting = shelf.withClaim(claim)
    if (waiting !== undefined && waiting.grace <= 0 && !check(waiting.bytes).ok) shelf.remove(waiting)
  }

  function place(entry: MempoolEntry): Result<Added> {
    const room = shelf.roomFor(entry, entry.bytes.length)
    if (!room.ok) return noRoom(room.code)
    const replaces = room.leaving.some(({ claim }) => claim === entry.claim)
    for (const one of room.leaving) shelf.remove(one)
    shelf.put(entry)
    return accept(replaces ? 'replaced' : 'added')
  }

  function bringBack(bytes: Uint8Array): void {
    const transaction = transactionCodec.decode(bytes)
    const id = idOf(bytes)
    if (!transaction.ok || shelf.get(id) !== undefined) return
    // Verified when its block was; whoever builds a block verifies again. Without room it is lost, as any other.
    place({
      ...subjectOf(transaction.value),
      id,
      bytes,
      leaf: leafOf(bytes),
      addedAt: time(),
      grace: RETURN_GRACE_BLOCKS,
    })
  }

  /** @returns whether it was waiting itself: then no rival of it was */
  function takeOut(bytes: Uint8Array): boolean {
    const entry = shelf.get(idOf(bytes))
    if (entry !== undefined) shelf.remove(entry)
    return entry !== undefined
  }

  /** What can no longer come on the chain, since this one did. */
  function takeOutRival(bytes: Uint8Array): void {
    const transaction = transactionCodec.decode(bytes)
    const rival = transaction.ok ? shelf.withClaim(subjectOf(transaction.value).claim) : undefined
    if (rival !== undefined) shelf.remove(rival)
  }

  /** Later ones in pauses: who builds a block meanwhile is told by the rules that a rival is no longer possible. */
  async function takeOutRivals(transactions: readonly Uint8Array[]): Promise<void> {
    const version = chainVersion
    const pace = new Pace()
    for (const [i, bytes] of transactions.entries()) {
      // A reorganization may have made room for them again.
      if (shelf.size === 0 || (i >= RIVALS_AT_ONCE && version !== chainVersion)) return
      takeOutRival(bytes)
      if (i >= RIVALS_AT_ONCE && pace.isDue) await pace.pause()
    }
  }

  return {
    get size() {
      return shelf.size
    },
    get byteLength() {
      return shelf.byteLength
    },
    async add(bytes) {
      expire()
      const transaction = transactionCodec.decode(bytes)
      if (!transaction.ok) return transaction
      const id = idOf(bytes)
      if (shelf.get(id) !== undefined) return accept('duplicate')
      const underway = inFlight.get(id)
      if (underway !== undefined) {
        const result = await underway
        return result.ok ? accept('duplicate') : result
      }
      if (inFlight.size >= MAX_MEMPOOL_IN_FLIGHT)
        return reject('mempool-busy', 'too many transactions at once; send it again')
      // A copy: what came in may be a view of a much larger buffer.
      const admission = admit(id, Uint8Array.from(bytes), subjectOf(transaction.value)).finally(() =>
        inFlight.delete(id),
      )
      inFlight.set(id, admission)
      return admission
    },
    has: (transactionId) => shelf.get(toHex(transactionId)) !== undefined,
    withLeaf: (leaf) => shelf.withLeaf(toHex(leaf))?.bytes,
    candidates() {
      expire()
      // The sort is stable: equals stay in order of arrival.
      return [...shelf.values()].sort((a, b) => a.order - b.order).map(({ bytes }) => bytes)
    },
    drop(bytes) {
      const entry = shelf.get(idOf(bytes))
      if (entry !== undefined && entry.grace <= 0) shelf.remove(entry)
    },
    chainChanged({ undone, applied }) {
      chainVersion++
      for (const entry of shelf.values()) if (entry.grace > 0) entry.grace -= Math.min(entry.grace, applied.length)
      // From the fork up, so that what stands on another comes after it.
      for (const block of undone.toReversed()) for (const bytes of block.transactions) bringBack(bytes)
      const others = applied.flatMap(({ transactions }) => transactions.filter((bytes) => !takeOut(bytes)))
      void takeOutRivals(others)
    },
  }
}

function leafOf(bytes: Uint8Array): string {
  return toHex(hashTransactionLeaf(bytes))
}

function noRoom(code: RoomCode): ReturnType<typeof reject<MempoolCode>> {
  switch (code) {
    case 'conflict':
      return reject(code, 'another transaction for the same identity or sequence number is waiting')
    case 'group-full':
      return reject(code, 'too many transactions of this sponsor or device are waiting')
    case 'mempool-full':
      return reject(code, 'too many transactions are waiting; send it again later')
  }
}
