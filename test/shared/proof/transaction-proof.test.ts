import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { hashTransactionLeaf, hashTransactionNode } from '../../../shared/block/transaction-node.ts'
import { proveTransaction, transactionRoot } from '../../../shared/block/transaction-tree.ts'
import {
  MAX_TRANSACTION_PROOF_LENGTH,
  transactionProofCodec,
  verifyInclusion,
  verifyTransactionProof,
} from '../../../shared/proof/transaction-proof.ts'
import { MASKS } from './masks.ts'

const transactions = (count: number) => Array.from({ length: count }, (_, i) => Uint8Array.of(i, i >>> 8, 7))

describe('transaction proofs', () => {
  it('hold for every transaction of blocks of every size up to 70, and for no other place or transaction', () => {
    for (let count = 1; count <= 70; count++) {
      const list = transactions(count)
      const root = transactionRoot(list)
      for (const [index, transaction] of list.entries()) {
        const proof = proveTransaction(list, index)
        expect(verifyTransactionProof({ root, transaction, proof }), `${index} of ${count}`).toEqual({ ok: true })
        expect(verifyTransactionProof({ root, transaction: Uint8Array.of(1), proof })).toMatchObject({
          code: 'wrong-root',
        })
        if (count > 1) {
          const elsewhere = { ...proof, index: (index + 1) % count }
          expect(verifyTransactionProof({ root, transaction, proof: elsewhere }).ok).toBe(false)
        }
      }
    }
  })

  it('give no verdict when any byte of the siblings or the index is changed, cut off or added', () => {
    const list = transactions(11)
    const root = transactionRoot(list)
    for (const index of [0, 5, 10]) {
      const encoded = transactionProofCodec.encode(proveTransaction(list, index))
      const judge = (bytes: Uint8Array) => {
        const decoded = transactionProofCodec.decode(bytes)
        return decoded.ok
          ? verifyTransactionProof({ root, transaction: list[index] as Uint8Array, proof: decoded.value })
          : decoded
      }
      expect(judge(encoded).ok).toBe(true)
      for (let i = 0; i < encoded.length; i++) {
        expect(judge(encoded.subarray(0, i)).ok).toBe(false)
        // The count is not committed to: other counts of the same shape hold as well, and that is documented.
        if (i >= 4 && i < 8) continue
        for (const mask of MASKS) {
          const bent = encoded.slice()
          bent[i] = (bent[i] as number) ^ mask
          if (judge(bent).ok) expect.fail(`byte ${i} ^ ${mask} still gives a verdict`)
        }
      }
      expect(judge(Uint8Array.of(...encoded, 0)).ok).toBe(false)
    }
  })

  it('cannot pass an inner node off as a transaction', () => {
    const list = transactions(4)
    const [a, b, c, d] = list.map(hashTransactionLeaf) as [Uint8Array, Uint8Array, Uint8Array, Uint8Array]
    const root = transactionRoot(list)
    const proof = { index: 0, count: 2, siblings: [hashTransactionNode(c, d)] }
    expect(verifyInclusion({ root, leafHash: hashTransactionNode(a, b), proof })).toEqual({ ok: true })
    const transaction = Uint8Array.of(...a, ...b)
    expect(verifyTransactionProof({ root, transaction, proof })).toMatchObject({ code: 'wrong-root' })
    expect(verifyTransactionProof({ root, transaction: Uint8Array.of(1, ...a, ...b), proof }).ok).toBe(false)
  })

  it('say what is wrong with their form', () => {
    const list = transactions(5)
    const root = transactionRoot(list)
    const transaction = list[4] as Uint8Array
    const proof = proveTransaction(list, 4)
    const code = (bent: Partial<typeof proof>, bentRoot = root) => {
      const verdict = verifyTransactionProof({ root: bentRoot, transaction, proof: { ...proof, ...bent } })
      return verdict.ok || verdict.code
    }
    expect(code({})).toBe(true)
    expect(code({}, new Uint8Array(31))).toBe('wrong-length')
    expect(code({ siblings: [new Uint8Array(33)] })).toBe('wrong-length')
    expect(code({ siblings: [] })).toBe('path-length')
    expect(code({ siblings: [...proof.siblings, root] })).toBe('path-length')
    for (const [index, count] of [
      [5, 5],
      [0, 0],
      [-1, 5],
      [0.5, 5],
      [4, 2 ** 33],
      [2 ** 64, 2 ** 64],
    ] as const)
      expect(code({ index, count })).toBe('index-out-of-range')
    const longest = { index: 1, count: 0xffff_ffff, siblings: Array.from({ length: 32 }, () => root) }
    expect(transactionProofCodec.encode(longest)).toHaveLength(MAX_TRANSACTION_PROOF_LENGTH)
  })
})

// Written by others (transparency-dev/merkle), kept outside the project.
const folder = path.join(
  process.env['LARES_VECTORS'] ?? path.resolve(import.meta.dirname, '../../../../shared/vectors'),
  'rfc6962/inclusion',
)
const present = existsSync(folder)
if (!present) console.warn(`not run: the RFC 6962 inclusion vectors are not at ${folder} (set LARES_VECTORS)`)

describe.skipIf(!present)(`RFC 6962 inclusion vectors${present ? '' : ` (not run: nothing at ${folder})`}`, () => {
  interface Vector {
    readonly leafIdx: number
    readonly treeSize: number
    readonly root: string
    readonly leafHash: string
    readonly proof: readonly string[] | null
    readonly wantErr: boolean
  }
  const files = present ? readdirSync(folder, { recursive: true, encoding: 'utf8' }) : []
  const vectors = files
    .filter((file) => file.endsWith('.json'))
    .map((file) => ({ file, vector: JSON.parse(readFileSync(path.join(folder, file), 'utf8')) as Vector }))
  const bytes = (base64: string) => Uint8Array.from(Buffer.from(base64, 'base64'))

  it('has good and bad cases', () => {
    expect(vectors.some(({ vector }) => vector.wantErr)).toBe(true)
    expect(vectors.some(({ vector }) => !vector.wantErr)).toBe(true)
  })

  it.each(vectors)('$file', ({ vector }) => {
    const verdict = verifyInclusion({
      root: bytes(vector.root),
      leafHash: bytes(vector.leafHash),
      proof: { index: vector.leafIdx, count: vector.treeSize, siblings: (vector.proof ?? []).map(bytes) },
    })
    expect(verdict.ok).toBe(!vector.wantErr)
  })
})
