import { createHash } from 'node:crypto'
import fc from 'fast-check'
import type { StateChange } from '../../../shared/state-tree/update.ts'

/** The state tree a second time, the plain way: from all leaves at once, bits as text, tags written out. */

export type Entries = ReadonlyMap<string, Uint8Array>

export function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, 'hex'))
}

export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

export function plainSha256(...parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return Uint8Array.from(hash.digest())
}

export function plainTagged(tag: string, ...parts: readonly Uint8Array[]): Uint8Array {
  return plainSha256(Uint8Array.of(tag.length), Buffer.from(tag, 'ascii'), ...parts)
}

export function referenceRoot(entries: Entries): Uint8Array {
  const leaves = [...entries].map(([key, value]) => ({ key, value, bits: bitsOf(key) }))
  if (leaves.length === 0) return plainTagged('lares/state/empty/1')
  return nodeHash(leaves)
}

interface ReferenceLeaf {
  readonly key: string
  readonly value: Uint8Array
  readonly bits: string
}

function nodeHash(leaves: readonly ReferenceLeaf[]): Uint8Array {
  const [first] = leaves as [ReferenceLeaf]
  if (leaves.length === 1) return plainTagged('lares/state/leaf/1', bytesOf(first.key), plainSha256(first.value))
  let depth = 0
  while (leaves.every(({ bits }) => bits[depth] === first.bits[depth])) depth++
  const [left, right] = ['0', '1'].map((bit) => nodeHash(leaves.filter(({ bits }) => bits[depth] === bit)))
  const prefixBits = first.bits.slice(0, depth).padEnd(256, '0')
  const prefix = Uint8Array.from({ length: 32 }, (_, i) => Number.parseInt(prefixBits.slice(i * 8, i * 8 + 8), 2))
  return plainTagged('lares/state/inner/1', Uint8Array.of(depth), prefix, left as Uint8Array, right as Uint8Array)
}

export function bitsOf(hexKey: string): string {
  return [...bytesOf(hexKey)].map((byte) => byte.toString(2).padStart(8, '0')).join('')
}

/** Applies changes to a copy of the map. */
export function changed(entries: Entries, changes: readonly StateChange[]): Entries {
  const next = new Map(entries)
  for (const { key, value } of changes) {
    if (value === undefined) next.delete(hexOf(key))
    else next.set(hexOf(key), value)
  }
  return next
}

/** Keys spread evenly, and keys that share most of their bits, so that every depth occurs. */
export const anyKey: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.uint8Array({ minLength: 32, maxLength: 32 }),
  fc.array(fc.nat(255), { maxLength: 3 }).map((bits) => {
    const key = new Uint8Array(32)
    for (const bit of bits) key[bit >>> 3] = (key[bit >>> 3] as number) ^ (0x80 >>> (bit & 7))
    return key
  }),
)

export const anyValue = fc.uint8Array({ maxLength: 40 })

/** Changes of distinct keys drawn from a pool, some of them removals. */
export function changesOf(pool: readonly Uint8Array[]): fc.Arbitrary<StateChange[]> {
  return fc
    .uniqueArray(fc.nat(pool.length - 1), { maxLength: pool.length })
    .chain((picked) =>
      fc.tuple(
        ...picked.map((i) =>
          fc.option(anyValue, { nil: undefined, freq: 2 }).map((value) => ({ key: pool[i] as Uint8Array, value })),
        ),
      ),
    )
}

export const anyPool = fc.uniqueArray(anyKey, { minLength: 1, maxLength: 24, selector: hexOf })
