import { toHex } from '../../shared/bytes.ts'
import { LaresError } from '../../shared/errors.ts'

/** Parents kept in mind; the oldest is forgotten. Storage keeps all, and the full node asks it too. */
export const MAX_SEALED_PARENTS = 1_024

export interface SealedOnParent {
  readonly parentHash: Uint8Array
  readonly headerHash: Uint8Array
}

/** Keeps one key from sealing two headers on one parent: that is equivocation, and costs the seat. */
export interface SealGuard {
  hasSealedOn(parentHash: Uint8Array): boolean
  /** @throws {LaresError} `would-equivocate` when another header on this parent was noted: a fault of the caller */
  note(sealed: SealedOnParent): void
}

export function createSealGuard(before: Iterable<SealedOnParent>): SealGuard {
  const sealed = new Map<string, string>()
  const guard: SealGuard = {
    hasSealedOn: (parentHash) => sealed.has(toHex(parentHash)),
    note({ parentHash, headerHash }) {
      const parent = toHex(parentHash)
      const header = toHex(headerHash)
      const known = sealed.get(parent)
      if (known === header) return
      if (known !== undefined) throw new LaresError('would-equivocate', `${known} is sealed on ${parent} already`)
      sealed.set(parent, header)
      const oldest = sealed.keys().next().value
      if (sealed.size > MAX_SEALED_PARENTS && oldest !== undefined) sealed.delete(oldest)
    },
  }
  for (const one of before) guard.note(one)
  return guard
}
