import { LaresError } from '../errors.ts'
import { runSteps, type Steps } from '../steps.ts'
import {
  EMPTY_TRANSACTION_ROOT,
  hashTransactionLeaf,
  hashTransactionNode,
  type TransactionProof,
} from './transaction-node.ts'

/** Root of the RFC 6962 tree over the encoded transactions of a block, in block order. 32 bytes. */
export function transactionRoot(transactions: readonly Uint8Array[]): Uint8Array {
  return runSteps(transactionRootSteps(transactions))
}

/** The same in steps. */
export function* transactionRootSteps(transactions: readonly Uint8Array[]): Steps<Uint8Array> {
  const leaves: Uint8Array[] = []
  for (const bytes of transactions) {
    leaves.push(hashTransactionLeaf(bytes))
    yield
  }
  return yield* subtreeSteps(leaves)
}

/** The same from the leaf hashes alone. */
export function transactionRootOfLeaves(leaves: readonly Uint8Array[]): Uint8Array {
  return subtreeRoot(leaves)
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

/** Leaves whose tree is one step. */
const STEP_LEAVES = 64

function* subtreeSteps(leaves: readonly Uint8Array[]): Steps<Uint8Array> {
  yield
  if (leaves.length <= STEP_LEAVES) return subtreeRoot(leaves)
  const split = splitOf(leaves.length)
  const left = yield* subtreeSteps(leaves.slice(0, split))
  return hashTransactionNode(left, yield* subtreeSteps(leaves.slice(split)))
}

/** The largest power of two smaller than `count` (RFC 6962 section 2.1), for `count` of 2 or more. */
function splitOf(count: number): number {
  return 2 ** (31 - Math.clz32(count - 1))
}
