import * as P from 'micro-packed'
import { equalBytes } from '../bytes.ts'
import { bytes64, checked, createCodec, hash32 } from '../codec.ts'
import { HEADER_LENGTH, headerCoder, SEAL_LENGTH } from '../header/header.ts'
import { type Block, MAX_BLOCK_TRANSACTIONS } from './block.ts'
import { hashTransactionLeaf } from './transaction-node.ts'
import { transactionRootOfLeaves } from './transaction-tree.ts'

/** 128 KiB of hashes where the block itself may be 4 MiB. */
export const MAX_COMPACT_BLOCK_LENGTH = HEADER_LENGTH + SEAL_LENGTH + 2 + 32 * MAX_BLOCK_TRANSACTIONS

/**
 * A new block as full nodes announce it, after BIP 152: most of its transactions wait at the receiver already. Unlike
 * there it names them by their whole leaf hashes, so that the list itself is checked against the header at once.
 * `header 182 || seal 64 || u16 count || leaf hash 32 × count`.
 */
const compactBlockCoder = P.struct({
  header: headerCoder,
  seal: bytes64,
  leaves: checked(P.array(P.U16BE, hash32), (leaves) =>
    leaves.length <= MAX_BLOCK_TRANSACTIONS
      ? undefined
      : `${leaves.length} transactions; at most ${MAX_BLOCK_TRANSACTIONS}`,
  ),
})

export type CompactBlock = P.UnwrapCoder<typeof compactBlockCoder>

export const compactBlockCodec = createCodec<CompactBlock>('compact block', MAX_COMPACT_BLOCK_LENGTH, compactBlockCoder)

export function compactOf({ header, seal, transactions }: Block): CompactBlock {
  return { header, seal, leaves: transactions.map(hashTransactionLeaf) }
}

/** Whether the header commits to exactly these leaves. */
export function holdsTogether({ header, leaves }: CompactBlock): boolean {
  return equalBytes(transactionRootOfLeaves(leaves), header.transactionRoot)
}

/**
 * @param transactions one for each leaf
 * @returns undefined when one of them is not that of its leaf
 */
export function assembleBlock(
  { header, seal, leaves }: CompactBlock,
  transactions: readonly Uint8Array[],
): Block | undefined {
  const fits =
    transactions.length === leaves.length &&
    transactions.every((bytes, i) => equalBytes(hashTransactionLeaf(bytes), leaves[i] as Uint8Array))
  return fits ? { header, seal, transactions: [...transactions] } : undefined
}
