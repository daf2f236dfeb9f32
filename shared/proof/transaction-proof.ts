import * as P from 'micro-packed'
import { hashTransactionLeaf, hashTransactionNode, type TransactionProof } from '../block/transaction-node.ts'
import { equalBytes, HASH_LENGTH } from '../bytes.ts'
import { createCodec, hash32 } from '../codec.ts'
import { ACCEPT, reject, type Verdict } from '../errors.ts'

export type { TransactionProof } from '../block/transaction-node.ts'

export type TransactionProofCode =
  /** A hash is not 32 bytes. */
  | 'wrong-length'
  /** No transaction has this index among that many. */
  | 'index-out-of-range'
  /** More or fewer siblings than the place in the tree has. */
  | 'path-length'
  /** The hashes do not lead to the root. */
  | 'wrong-root'

/** A tree of 2^32 leaves has 32 levels. */
const MAX_SIBLINGS = 32
export const MAX_TRANSACTION_PROOF_LENGTH = 4 + 4 + 1 + MAX_SIBLINGS * HASH_LENGTH

/** `u32 index || u32 count || u8 siblings || siblings × 32`. */
export const transactionProofCoder: P.CoderType<TransactionProof> = P.struct({
  index: P.U32BE,
  count: P.U32BE,
  siblings: P.array(P.U8, hash32),
})

export const transactionProofCodec = createCodec(
  'transaction proof',
  MAX_TRANSACTION_PROOF_LENGTH,
  transactionProofCoder,
)

/**
 * That the encoded transaction is in the block with this transaction root. The root does not commit to the
 * number of transactions, so a proof says *that* it is there; `index` holds only for a `count` known otherwise.
 */
export function verifyTransactionProof({
  root,
  transaction,
  proof,
}: {
  readonly root: Uint8Array
  readonly transaction: Uint8Array
  readonly proof: TransactionProof
}): Verdict<TransactionProofCode> {
  return verifyInclusion({ root, leafHash: hashTransactionLeaf(transaction), proof })
}

/** The same from the leaf hash: RFC 9162 section 2.1.3.2, step by step. */
export function verifyInclusion({
  root,
  leafHash,
  proof: { index, count, siblings },
}: {
  readonly root: Uint8Array
  readonly leafHash: Uint8Array
  readonly proof: TransactionProof
}): Verdict<TransactionProofCode> {
  if (![root, leafHash, ...siblings].every(({ length }) => length === HASH_LENGTH))
    return reject('wrong-length', 'every hash must be 32 bytes')
  // 1. The index must be one of the tree's.
  if (!isCount(index) || !isCount(count) || index >= count)
    return reject('index-out-of-range', `transaction ${index} of ${count}`)

  // 2. and 3. `node` and `last`: places of the proven node and of the last node at the current level.
  let node = index
  let last = count - 1
  let hash = leafHash
  // 4. Up, one sibling at a time.
  for (const sibling of siblings) {
    if (last === 0) return reject('path-length', 'more siblings than levels')
    if (node % 2 === 1 || node === last) {
      hash = hashTransactionNode(sibling, hash)
      // A right edge without a sibling rises until it has one.
      while (node % 2 === 0 && node !== 0) {
        node = half(node)
        last = half(last)
      }
    } else {
      hash = hashTransactionNode(hash, sibling)
    }
    node = half(node)
    last = half(last)
  }
  // 5. Every level used, and the root reached.
  if (last !== 0) return reject('path-length', 'fewer siblings than levels')
  return equalBytes(hash, root) ? ACCEPT : reject('wrong-root', 'the proof leads to another transaction root')
}

function half(value: number): number {
  return Math.floor(value / 2)
}

function isCount(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff
}
