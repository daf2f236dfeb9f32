import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { proveTransaction, transactionRoot } from '../../../shared/block/transaction-tree.ts'

const transactions = (count: number) =>
  Array.from({ length: count }, (_, i) => Uint8Array.from({ length: i % 70 }, () => i))

const sha256 = (...parts: readonly Uint8Array[]) => {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return Uint8Array.from(hash.digest())
}

/** RFC 6962 section 2.1 as written, over a list. */
function plainRoot(list: readonly Uint8Array[]): Uint8Array {
  if (list.length === 0) return sha256()
  if (list.length === 1) return sha256(Uint8Array.of(0), list[0] as Uint8Array)
  let k = 1
  while (k * 2 < list.length) k *= 2
  return sha256(Uint8Array.of(1), plainRoot(list.slice(0, k)), plainRoot(list.slice(k)))
}

describe('transaction root', () => {
  it('is that of RFC 6962, for every size', () => {
    for (let count = 0; count <= 130; count++)
      expect(transactionRoot(transactions(count)), `${count}`).toEqual(plainRoot(transactions(count)))
  })

  it('of nothing is SHA-256 of nothing', () => {
    expect(Buffer.from(transactionRoot([])).toString('hex')).toBe(
      'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    )
  })

  it('changes with the order, and when the last one is doubled', () => {
    const [a, b, c] = transactions(5).slice(2) as [Uint8Array, Uint8Array, Uint8Array]
    expect(transactionRoot([a, b, c])).not.toEqual(transactionRoot([b, a, c]))
    expect(transactionRoot([a, b, c])).not.toEqual(transactionRoot([a, b, c, c]))
  })

  it('has no proof for a place that is not there', () => {
    for (const index of [-1, 3, 0.5, Number.NaN])
      expect(() => proveTransaction(transactions(3), index)).toThrow(
        expect.objectContaining({ code: 'transaction-index-invalid' }),
      )
  })
})
