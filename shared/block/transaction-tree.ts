import { LaresError } from '../errors.ts'
import {
  EMPTY_TRANSACTION_ROOT,
  hashTransactionLeaf,
  hashTransactionNode,
  type TransactionProof,
} from './transaction-node.ts'

/** Root of the RFC 6962 tree over the encoded transactions of a block, in block order. 32 bytes. */
export function transactionRoot(transactions: readonly Uint8Array[]): Uint8Array {
  return subtreeRoot(transactions.map(hashTransactionLeaf))
}

/**
 * Proof that the transaction at `index` is in the block (RFC 6962 section 2.1.1).
 * @throws {LaresError} `transaction-index-invalid` when there is none at that place
 */
export function proveTransaction(transactions: readonly Uint8Array[], index: number): TransactionProof {
  if (!Number.isInteger(index) || index < 0 || index >= transactions.length)
    throw new LaresError('transaction-index-invalid', `transaction ${index} of ${transactions.length}`)
  const siblings: Uint8Array[] = []
  let leaves = transactions.map(hashTransactionLeaf)
  let position = index
  while (leaves.length > 1) {
    const split = splitOf(leaves.length)
    const [left, right] = [leaves.slice(0, split), leaves.slice(split)]
    const inLeft = position < split
    siblings.push(subtreeRoot(inLeft ? right : left))
    leaves = inLeft ? left : right
    if (!inLeft) position -= split
  }
  return { index, count: transactions.length, siblings: siblings.reverse() }
}

function subtreeRoot(leaves: readonly Uint8Array[]): Uint8Array {
  const [first] = leaves
  if (first === undefined) return EMPTY_TRANSACTION_ROOT
  if (leaves.length === 1) return first
  const split = splitOf(leaves.length)
  return hashTransactionNode(subtreeRoot(leaves.slice(0, split)), subtreeRoot(leaves.slice(split)))
}

/** The largest power of two smaller than `count` (RFC 6962 section 2.1), for `count` of 2 or more. */
function splitOf(count: number): number {
  return 2 ** (31 - Math.clz32(count - 1))
}
