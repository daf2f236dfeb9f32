import * as P from 'micro-packed'
import { bytes64, checked, createCodec } from '../codec.ts'
import { headerCoder } from '../header/header.ts'
import { MAX_TRANSACTION_LENGTH } from '../transaction/transaction.ts'

/** Hard bounds of a block; the policy may ask for fewer transactions, never for more. */
export const MAX_BLOCK_TRANSACTIONS = 4096
export const MAX_BLOCK_LENGTH = 4 * 1024 * 1024
/** Each costs votes or owner signatures, and every phone fetches them: more is noise. */
export const MAX_ROSTER_CHANGES_PER_BLOCK = 16

/** Written by hand: a full block has thousands, and is read in one go. */
const listCoder: P.CoderType<Uint8Array[]> = P.wrap({
  encodeStream(writer, transactions) {
    const bytes = new Uint8Array(transactions.reduce((sum, { length }) => sum + 2 + length, 2))
    const view = new DataView(bytes.buffer)
    view.setUint16(0, atMostU16(transactions.length))
    let at = 2
    for (const one of transactions) {
      view.setUint16(at, atMostU16(one.length))
      bytes.set(one, at + 2)
      at += 2 + one.length
    }
    writer.bytes(bytes)
  },
  decodeStream(reader) {
    const transactions: Uint8Array[] = []
    for (let left = P.U16BE.decodeStream(reader); left > 0; left--)
      transactions.push(reader.bytes(P.U16BE.decodeStream(reader)))
    return transactions
  },
})

function atMostU16(value: number): number {
  if (value > 0xffff) throw new RangeError(`${value} does not fit in 2 bytes`)
  return value
}

const transactionsCoder = checked(listCoder, (transactions) => {
  if (transactions.length > MAX_BLOCK_TRANSACTIONS)
    return `${transactions.length} transactions; at most ${MAX_BLOCK_TRANSACTIONS}`
  const fits = transactions.every((bytes) => bytes.length > 0 && bytes.length <= MAX_TRANSACTION_LENGTH)
  return fits ? undefined : 'a transaction is empty or too long'
})

const blockCoder = P.struct({ header: headerCoder, seal: bytes64, transactions: transactionsCoder })

export type Block = P.UnwrapCoder<typeof blockCoder>

/** `header 182 || seal 64 || u16 count || (u16 length || transaction bytes)*` */
export const blockCodec = createCodec<Block>('block', MAX_BLOCK_LENGTH, blockCoder)
