import { hash } from 'node:crypto'
import urkel, { type Hash, type Proof, type Tree } from 'urkel'

let parts: Buffer[] = []

/** The same hash that our tree uses: node:crypto's one-shot SHA-256, which is faster than its streams. */
const SHA256: Hash = {
  id: 'SHA256',
  size: 32,
  zero: Buffer.alloc(32),
  digest: (data: Buffer) => hash('sha256', data, 'buffer'),
  multi: (one: Buffer, two: Buffer, three?: Buffer) =>
    hash('sha256', three === undefined ? Buffer.concat([one, two]) : Buffer.concat([one, two, three]), 'buffer'),
  /** For nodes with a skipped prefix. */
  ctx: {
    init: () => {
      parts = []
    },
    // A copy: urkel uses one buffer for the sizes of all.
    update(part) {
      parts.push(Buffer.from(part))
    },
    final: () => hash('sha256', Buffer.concat(parts), 'buffer'),
  },
}

/** On disk; every commit ends with an fsync of its file. */
export async function openUrkel(directory: string): Promise<Tree> {
  const tree = new urkel.Tree({ hash: SHA256, bits: 256, prefix: directory })
  await tree.open()
  return tree
}

/** Whether the key is in the tree, by the proof. */
export function verifyUrkel(root: Buffer, key: Buffer, proof: Proof): boolean {
  const [code, value] = proof.verify(root, key, SHA256, 256)
  if (code !== 0) throw new Error(`urkel's own proof does not hold: ${code}`)
  return value !== null
}
