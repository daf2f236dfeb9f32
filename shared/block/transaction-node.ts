import { concatBytes } from '../bytes.ts'
import { sha256 } from '../hash.ts'

/** The hashes of the transaction tree, RFC 6962 section 2.1: leaves and nodes can never stand for each other. */

const LEAF_PREFIX = Uint8Array.of(0)
const NODE_PREFIX = Uint8Array.of(1)

/** Root of a block without transactions: SHA-256 of nothing. */
export const EMPTY_TRANSACTION_ROOT = sha256(new Uint8Array(0))

/** Place of one transaction among those of its block, and the way from it to the root. */
export interface TransactionProof {
  readonly index: number
  /** Transactions in the block. */
  readonly count: number
  /** Sibling hashes, 32 bytes each, from the leaf up. */
  readonly siblings: Uint8Array[]
}

/** `SHA-256(0x00 || transaction)`. */
export function hashTransactionLeaf(transaction: Uint8Array): Uint8Array {
  return sha256(concatBytes(LEAF_PREFIX, transaction))
}

/** `SHA-256(0x01 || left || right)`. */
export function hashTransactionNode(left: Uint8Array, right: Uint8Array): Uint8Array {
  return sha256(concatBytes(NODE_PREFIX, left, right))
}
