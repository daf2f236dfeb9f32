import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { verifyStateProof } from '../../../shared/proof/state-proof.ts'
import { type Bench, median, rounded, seconds } from './figure.ts'
import { sampleKey, sampleRecord } from './sample-keys.ts'
import { openDiskTree } from './state-disk.ts'
import { openUrkel, verifyUrkel } from './urkel.ts'

const BATCH = 1_000
/** Batches each side inserts before the other has its turn. */
const BATCHES_A_ROUND = 10
const ROUNDS = 12
const PROOFS = 2_000

/** Inserts and proofs of our state tree against npm `urkel`: same hash, same keys, values and batches, both on disk. */
export const stateTree: Bench = async ({ quick, say }) => {
  const [rounds, batches, batch, proofs] = quick ? [2, 1, 100, 50] : [ROUNDS, BATCHES_A_ROUND, BATCH, PROOFS]
  const directory = await mkdtemp(join(tmpdir(), 'lares-bench-'))
  const ours = await openDiskTree(join(directory, 'ours'))
  const theirs = await openUrkel(join(directory, 'urkel'))
  const rates = { ours: [] as number[], theirs: [] as number[], ourProofs: [] as number[], theirProofs: [] as number[] }
  let size = 0

  type Commits = readonly (readonly { readonly key: Uint8Array; readonly value: Uint8Array }[])[]
  async function insertOurs(commits: Commits): Promise<void> {
    for (const entries of commits) await ours.insert(entries)
  }
  async function insertTheirs(commits: Commits): Promise<void> {
    for (const entries of commits) {
      const transaction = theirs.txn()
      for (const { key, value } of entries) await transaction.insert(buffer(key), buffer(value))
      await transaction.commit()
    }
  }
  const asked = (round: number) =>
    Array.from({ length: proofs }, (_, index) => sampleKey(((index + round) * 7_919) % size))
  async function proveOurs(keys: readonly Uint8Array[]): Promise<void> {
    for (const key of keys) ours.tree.prove(key)
  }
  async function proveTheirs(keys: readonly Uint8Array[]): Promise<void> {
    for (const key of keys) await theirs.prove(buffer(key))
  }

  for (let round = 0; round < rounds; round++) {
    say(`state tree: round ${round + 1} of ${rounds}, ${size} keys`)
    const added = batches * batch
    // Made before the clock runs: the keys of a sample are hashes, too.
    const commits = Array.from({ length: batches }, (_, index) => entriesOf(size + index * batch, batch))
    const order = round % 2 === 0 ? (['ours', 'theirs'] as const) : (['theirs', 'ours'] as const)
    for (const side of order)
      rates[side].push(added / (await seconds(() => (side === 'ours' ? insertOurs(commits) : insertTheirs(commits)))))
    size += added
    const keys = asked(round)
    for (const side of order) {
      const time = await seconds(() => (side === 'ours' ? proveOurs(keys) : proveTheirs(keys)))
      rates[side === 'ours' ? 'ourProofs' : 'theirProofs'].push(proofs / time)
    }
  }
  await verifyBoth()
  await ours.close()
  await theirs.close()
  await rm(directory, { recursive: true })

  /** Both prove what was put in: a benchmark of a tree that lost something would say nothing. */
  async function verifyBoth(): Promise<void> {
    for (const key of [sampleKey(0), sampleKey(size - 1), sampleKey(0, 'absent')]) {
      const verdict = verifyStateProof({ root: ours.tree.root, key, proof: ours.tree.prove(key) })
      const present = verifyUrkel(theirs.rootHash(), buffer(key), await theirs.prove(buffer(key)))
      if (!verdict.ok || (verdict.value.absent !== true) !== present) throw new Error('the trees do not agree')
    }
  }

  const middle = {
    ours: median(rates.ours),
    theirs: median(rates.theirs),
    ourProofs: median(rates.ourProofs),
    theirProofs: median(rates.theirProofs),
  }
  const last = (list: readonly number[]) => list.at(-1) as number
  return {
    name: 'state-tree',
    question: 'State-tree inserts and proofs a second, against npm urkel with the same hash, both committing to disk.',
    rounds,
    measures: [
      { name: 'inserts, ours', value: rounded(middle.ours), unit: '1/s' },
      { name: 'inserts, urkel', value: rounded(middle.theirs), unit: '1/s' },
      { name: `inserts at ${size} keys, ours`, value: rounded(last(rates.ours)), unit: '1/s' },
      { name: `inserts at ${size} keys, urkel`, value: rounded(last(rates.theirs)), unit: '1/s' },
      { name: 'proofs, ours', value: rounded(middle.ourProofs), unit: '1/s' },
      { name: 'proofs, urkel', value: rounded(middle.theirProofs), unit: '1/s' },
      { name: `proofs at ${size} keys, ours`, value: rounded(last(rates.ourProofs)), unit: '1/s' },
      { name: `proofs at ${size} keys, urkel`, value: rounded(last(rates.theirProofs)), unit: '1/s' },
    ],
    ratios: [
      { name: 'inserts: ours / urkel', value: rounded(middle.ours / middle.theirs), target: 1 },
      { name: 'proofs: ours / urkel', value: rounded(middle.ourProofs / middle.theirProofs), target: 1 },
    ],
    notes: [
      `Up to ${size} keys of 32 bytes, values of ${sampleRecord(0).length} bytes, commits of ${batch}; each side inserts ${batches * batch}, then the other; then ${proofs} proofs of random present keys each.`,
      'Both hash with node:crypto. Ours: classic-level, one batch with sync a commit, node cache of 32,768 as on the relay. urkel: its own files, fsync at each commit, its default cache.',
      'Ours keeps every version readable and notes what went stale, as the relay does for two thousand blocks; urkel keeps every root in its append-only files, too.',
      'Proofs are made, not encoded. Both verify at the end of the run.',
    ],
  }
}

function entriesOf(start: number, count: number): { key: Uint8Array; value: Uint8Array }[] {
  return Array.from({ length: count }, (_, index) => ({
    key: sampleKey(start + index),
    value: sampleRecord(start + index),
  }))
}

function buffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
