import { nativeSha256 } from '../../../node-relay/crypto/native-hash.ts'
import { sha256, TAGS, tagged } from '../../../shared/hash.ts'
import { stateProofCodec, verifyStateProof } from '../../../shared/proof/state-proof.ts'
import { createMemoryStateStorage } from '../../../shared/state-tree/memory-storage.ts'
import { openStateTree, type StateTree } from '../../../shared/state-tree/tree.ts'
import { alternate, type Bench, type Measure, median, type Ratio, rounded, seconds } from './figure.ts'
import { sampleKey, sampleRecord } from './sample-keys.ts'

const SIZES = [1_000, 10_000, 100_000]
const QUICK_SIZES = [200]
const PROOFS = 1_000
const ROUNDS = 7

/** Bytes and time of presence and absence proofs, against the hashes that any verifier of such a tree must make. */
export const proofs: Bench = async ({ quick, say }) => {
  const rounds = quick ? 1 : ROUNDS
  const measures: Measure[] = []
  const ratios: Ratio[] = []
  for (const size of quick ? QUICK_SIZES : SIZES) {
    say(`proofs: a tree of ${size} devices`)
    const tree = treeOf(size)
    const count = Math.min(size, PROOFS)
    for (const kind of ['presence', 'absence'] as const) {
      const keys = Array.from({ length: count }, (_, index) =>
        kind === 'presence' ? sampleKey(Math.floor((index * size) / count)) : sampleKey(index, 'absent'),
      )
      const encoded = keys.map((key) => stateProofCodec.encode(tree.prove(key)))
      const hashes = encoded.map(hashesOf)
      const times = await alternate(rounds, {
        ours: () =>
          seconds(() => {
            for (const [index, key] of keys.entries()) verify(tree.root, key, encoded[index] as Uint8Array, kind)
          }),
        hashes: () =>
          seconds(() => {
            for (const run of hashes) run()
          }),
      })
      const lengths = encoded.map(({ length }) => length)
      measures.push(
        { name: `${kind} proof at ${size}: median bytes`, value: median(lengths), unit: 'bytes' },
        { name: `${kind} proof at ${size}: longest`, value: Math.max(...lengths), unit: 'bytes' },
        { name: `${kind} proof at ${size}: verify`, value: rounded((times.ours / count) * 1e6), unit: 'µs' },
        {
          name: `${kind} proof at ${size}: its hashes alone`,
          value: rounded((times.hashes / count) * 1e6),
          unit: 'µs',
        },
      )
      ratios.push({ name: `${kind} at ${size}: hashes alone / verify`, value: rounded(times.hashes / times.ours) })
    }
  }
  return {
    name: 'proofs',
    question: 'Bytes and verification time of state proofs, against the hashes alone that they need.',
    rounds,
    measures,
    ratios,
    notes: [
      `Values are device records of ${sampleRecord(0).length} bytes; ${PROOFS} proofs of each kind, medians over them and the rounds.`,
      'verify: decode the bytes, check every rule of the path, hash up to the root, with the portable SHA-256 that a browser uses, on one thread of Node.',
      'its hashes alone: the same number of hashes of the same lengths with the same function, on bytes that lie ready.',
    ],
  }
}

function treeOf(size: number): StateTree {
  const storage = createMemoryStateStorage()
  const changes = Array.from({ length: size }, (_, index) => ({ key: sampleKey(index), value: sampleRecord(index) }))
  return openStateTree({ storage, root: undefined, sha256: nativeSha256 }).update({ version: 1, changes }).tree
}

function verify(root: Uint8Array, key: Uint8Array, bytes: Uint8Array, kind: 'presence' | 'absence'): void {
  const proof = stateProofCodec.decode(bytes)
  const verdict = proof.ok ? verifyStateProof({ root, key, proof: proof.value }) : proof
  if (!verdict.ok || (verdict.value.absent === true) !== (kind === 'absence'))
    throw new Error('the proof does not hold')
}

/** Just the hashes of one proof: a leaf or an inner node at the end, an inner node for each step. */
function hashesOf(bytes: Uint8Array): () => void {
  const decoded = stateProofCodec.decode(bytes)
  if (!decoded.ok) throw new Error(decoded.detail)
  const { path, terminal } = decoded.value
  const some = new Uint8Array(32)
  const inner = tagged(TAGS.stateInner, Uint8Array.of(0), some, some, some)
  const leaf = tagged(TAGS.stateLeaf, some, some)
  const value = terminal.TAG === 'present' ? terminal.data.value : undefined
  return () => {
    if (value !== undefined) sha256(value)
    sha256(terminal.TAG === 'divergingInner' ? inner : leaf)
    for (let step = 0; step < path.length; step++) sha256(inner)
  }
}
