import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  MAX_STATE_PROOF_LENGTH,
  type StateProof,
  stateProofCodec,
  verifyStateProof,
} from '../../../shared/proof/state-proof.ts'
import { createMemoryStateStorage } from '../../../shared/state-tree/memory-storage.ts'
import { EMPTY_STATE_ROOT } from '../../../shared/state-tree/node.ts'
import { openStateTree } from '../../../shared/state-tree/tree.ts'
import { anyKey, anyPool, hexOf, plainSha256 } from '../state-tree/reference.ts'
import { cut, foldStateProof } from './fold.ts'
import { MASKS } from './masks.ts'

const key = (...bytes: number[]) => Uint8Array.from({ length: 32 }, (_, i) => bytes[i] ?? 0)
const hash = (fill: number) => new Uint8Array(32).fill(fill)

function treeOf(keys: readonly Uint8Array[]) {
  const tree = openStateTree({ storage: createMemoryStateStorage(), root: undefined })
  return tree.update({ version: 0, changes: keys.map((k) => ({ key: k, value: Uint8Array.of(1, ...k) })) }).tree
}

function reencoded(proof: StateProof): StateProof {
  const decoded = stateProofCodec.decode(stateProofCodec.encode(proof))
  if (!decoded.ok) throw new Error(decoded.detail)
  return decoded.value
}

describe('state proofs of a tree', () => {
  it('show the value of a present key and the absence of any other', () => {
    const seen = new Set<string>()
    fc.assert(
      fc.property(anyPool, fc.array(anyKey, { maxLength: 10 }), (pool, others) => {
        const tree = treeOf(pool)
        const held = new Set(pool.map(hexOf))
        for (const asked of [...pool, ...others]) {
          const proof = tree.prove(asked)
          seen.add(proof.terminal.TAG)
          expect(foldStateProof(asked, proof)).toEqual(tree.root)
          expect(verifyStateProof({ root: tree.root, key: asked, proof: reencoded(proof) })).toEqual({
            ok: true,
            value: held.has(hexOf(asked)) ? { value: Uint8Array.of(1, ...asked) } : { absent: true },
          })
        }
      }),
      { numRuns: 300 },
    )
    expect([...seen].sort()).toEqual(['divergingInner', 'otherLeaf', 'present'])
  })

  it('show that everything is absent from the empty tree', () => {
    const proof = reencoded(treeOf([]).prove(key(5)))
    expect(verifyStateProof({ root: EMPTY_STATE_ROOT, key: key(5), proof })).toEqual({
      ok: true,
      value: { absent: true },
    })
    expect(verifyStateProof({ root: treeOf([key(1)]).root, key: key(5), proof })).toMatchObject({ code: 'wrong-root' })
  })

  it('hold for the deepest path and the longest value', () => {
    const asked = key()
    // One neighbour leaving at each of the 256 bits.
    const neighbours = Array.from({ length: 256 }, (_, bit) => {
      const neighbour = key()
      neighbour[bit >>> 3] = 0x80 >>> (bit & 7)
      return neighbour
    })
    const value = new Uint8Array(65_535).fill(7)
    const tree = treeOf(neighbours).update({ version: 1, changes: [{ key: asked, value }] }).tree
    const proof = tree.prove(asked)
    expect(proof.path).toHaveLength(256)
    const encoded = stateProofCodec.encode(proof)
    expect(encoded).toHaveLength(MAX_STATE_PROOF_LENGTH)
    expect(verifyStateProof({ root: tree.root, key: asked, proof: reencoded(proof) }).ok).toBe(true)
    expect(stateProofCodec.decode(new Uint8Array(MAX_STATE_PROOF_LENGTH + 1))).toMatchObject({ code: 'too-long' })
  })

  it('give no verdict for another key, unless that key is absent for the same reason', () => {
    fc.assert(
      fc.property(anyPool, anyKey, anyKey, (pool, asked, other) => {
        fc.pre(hexOf(asked) !== hexOf(other))
        const tree = treeOf(pool)
        for (const from of [asked, pool[0] as Uint8Array]) {
          const verdict = verifyStateProof({ root: tree.root, key: other, proof: tree.prove(from) })
          if (verdict.ok) expect(verdict.value).toEqual(tree.get(other) ? { value: tree.get(other) } : { absent: true })
        }
        // Never: a present key shown as absent by any proof made for another.
        for (const present of pool) {
          const verdict = verifyStateProof({ root: tree.root, key: present, proof: tree.prove(other) })
          expect(verdict.ok && verdict.value.absent === true).toBe(false)
        }
      }),
      { numRuns: 300 },
    )
  })

  it('give no verdict when any byte is changed, one is cut off or one is added', () => {
    const keys = [key(0x00), key(0x01), key(0x80, 1), key(0x80, 2), key(0xf0, 0, 1)]
    const tree = treeOf(keys)
    const terminals = new Set<string>()
    for (const asked of [keys[0], keys[3], key(0x02), key(0x90), key(0xf0)] as Uint8Array[]) {
      const proof = tree.prove(asked)
      terminals.add(proof.terminal.TAG)
      const encoded = stateProofCodec.encode(proof)
      const judge = (bytes: Uint8Array) => {
        const decoded = stateProofCodec.decode(bytes)
        return decoded.ok ? verifyStateProof({ root: tree.root, key: asked, proof: decoded.value }) : decoded
      }
      expect(judge(encoded).ok).toBe(true)
      for (let i = 0; i < encoded.length; i++) {
        for (const mask of MASKS) {
          const bent = encoded.slice()
          bent[i] = (bent[i] as number) ^ mask
          if (judge(bent).ok) expect.fail(`byte ${i} ^ ${mask} of ${proof.terminal.TAG} still gives a verdict`)
        }
        expect(judge(encoded.subarray(0, i)).ok).toBe(false)
      }
      expect(judge(Uint8Array.of(...encoded, 0)).ok).toBe(false)
      // Nor when any bit of the root or the key is.
      for (let bit = 0; bit < 256; bit++) {
        const bend = (bytes: Uint8Array) =>
          bytes.map((byte, i) => (i === bit >>> 3 ? byte ^ (0x80 >>> (bit & 7)) : byte))
        expect(verifyStateProof({ root: bend(tree.root), key: asked, proof }).ok).toBe(false)
        if (proof.terminal.TAG === 'present')
          expect(verifyStateProof({ root: tree.root, key: bend(asked), proof }).ok).toBe(false)
      }
    }
    expect(terminals.size).toBe(3)
  })
})

/**
 * Each forged shape is judged under the very root its hashes lead to, so that nothing but the one check rejects it;
 * beside it stands the nearest shape that is right.
 */
describe('forged shapes', () => {
  const asked = key(0b1010_0000)
  const judge = (proof: StateProof) => verifyStateProof({ root: foldStateProof(asked, proof), key: asked, proof })
  const step = (bitDepth: number) => ({ bitDepth, sibling: hash(bitDepth) })
  const present: StateProof['terminal'] = { TAG: 'present', data: { value: Uint8Array.of(1) } }
  const otherLeaf = (leaf: Uint8Array): StateProof['terminal'] => ({
    TAG: 'otherLeaf',
    data: { key: leaf, valueHash: hash(9) },
  })
  const inner = (bitDepth: number, prefix: Uint8Array): StateProof['terminal'] => ({
    TAG: 'divergingInner',
    data: { bitDepth, prefix, left: hash(1), right: hash(2) },
  })
  const empty: StateProof['terminal'] = { TAG: 'empty', data: undefined }

  it.each([
    ['a depth twice', [3, 3], 'path-order'],
    ['a depth going up', [0, 5, 4], 'path-order'],
    ['rising depths', [0, 4, 5], undefined],
    ['the last depth', [0, 255], undefined],
  ])('path with %s', (_, depths, code) => {
    const verdict = judge({ path: depths.map(step), terminal: present })
    if (code === undefined) expect(verdict.ok).toBe(true)
    else expect(verdict).toMatchObject({ ok: false, code })
  })

  it.each([-1, 256, 1.5, Number.NaN])('path with depth %d, which no encoding has', (bitDepth) => {
    const proof: StateProof = { path: [{ bitDepth, sibling: hash(1) }], terminal: present }
    expect(verifyStateProof({ root: hash(0), key: asked, proof })).toMatchObject({ code: 'path-order' })
    const terminal = inner(bitDepth, hash(0))
    expect(verifyStateProof({ root: hash(0), key: asked, proof: { path: [], terminal } })).toMatchObject({
      code: 'path-order',
    })
  })

  it.each([
    ['below a path', [2], 'terminal-off-path'],
    ['alone', [], undefined],
  ])('empty tree %s', (_, depths, code) => {
    const verdict = judge({ path: depths.map(step), terminal: empty })
    if (code === undefined) expect(verdict).toEqual({ ok: true, value: { absent: true } })
    else expect(verdict).toMatchObject({ ok: false, code })
  })

  it.each([
    ['the asked one', [2], asked, 'terminal-not-absent'],
    ['the asked one, without a path', [], asked, 'terminal-not-absent'],
    ['of the other side of the last step', [2], key(0b1000_0000), 'terminal-off-path'],
    ['parting from the key above the last step', [2], key(0b1110_0000), 'terminal-off-path'],
    ['parting right below the last step', [2], key(0b1011_0000), undefined],
    ['parting at the very last bit', [2], Uint8Array.of(...asked.subarray(0, 31), 1), undefined],
    ['parting at the first bit, without a path', [], key(0), undefined],
  ])('other leaf that is %s', (_, depths, leaf, code) => {
    const verdict = judge({ path: depths.map(step), terminal: otherLeaf(leaf) })
    if (code === undefined) expect(verdict).toEqual({ ok: true, value: { absent: true } })
    else expect(verdict).toMatchObject({ ok: false, code })
  })

  it.each([
    ['above which the key lies', [], 3, cut(asked, 3), 'terminal-not-absent'],
    ['of depth 0, which every key lies under', [], 0, key(), 'terminal-not-absent'],
    ['that parts from the key only at its own depth', [], 3, key(0b1011_0000 & 0b1110_0000), 'terminal-not-absent'],
    ['with the parting bit after its depth', [], 2, key(0b1011_0000), 'terminal-off-path'],
    [
      'with stray bits far after its depth',
      [],
      4,
      Uint8Array.of(...key(0b1011_0000).subarray(0, 31), 1),
      'terminal-off-path',
    ],
    ['at the depth of the last step', [4], 4, key(0b1011_0000), 'path-order'],
    ['higher than the last step', [4], 2, key(0b1100_0000), 'path-order'],
    ['of the other side of the last step', [2], 5, key(0b1000_0000), 'terminal-off-path'],
    ['that parts above the last step', [2], 5, key(0b0010_0000), 'terminal-off-path'],
    ['that parts between the last step and its depth', [2], 5, key(0b1011_0000), undefined],
    ['that parts at the last bit before its depth', [2], 4, key(0b1011_0000), undefined],
    ['that parts at the first bit, without a path', [], 1, key(0), undefined],
    ['of depth 255', [2], 255, Uint8Array.of(...asked.subarray(0, 31), 2), undefined],
  ])('inner node %s', (_, depths, bitDepth, prefix, code) => {
    const verdict = judge({ path: depths.map(step), terminal: inner(bitDepth, prefix) })
    if (code === undefined) expect(verdict).toEqual({ ok: true, value: { absent: true } })
    else expect(verdict).toMatchObject({ ok: false, code })
  })

  it('hashes, keys and values of wrong length', () => {
    const short = new Uint8Array(31)
    const wrong: [string, Parameters<typeof verifyStateProof>[0]][] = [
      ['root', { root: short, key: asked, proof: { path: [], terminal: present } }],
      ['key', { root: hash(0), key: short, proof: { path: [], terminal: present } }],
      ...(
        [
          { path: [{ bitDepth: 1, sibling: short }], terminal: present },
          { path: [], terminal: { TAG: 'present', data: { value: new Uint8Array(65_536) } } },
          { path: [], terminal: otherLeaf(short) },
          { path: [], terminal: { TAG: 'otherLeaf', data: { key: key(1), valueHash: short } } },
          { path: [], terminal: inner(1, short) },
          {
            path: [],
            terminal: { TAG: 'divergingInner', data: { bitDepth: 1, prefix: key(), left: short, right: hash(1) } },
          },
          {
            path: [],
            terminal: { TAG: 'divergingInner', data: { bitDepth: 1, prefix: key(), left: hash(1), right: short } },
          },
        ] satisfies StateProof[]
      ).map((proof, i): [string, Parameters<typeof verifyStateProof>[0]] => [
        `proof ${i}`,
        { root: hash(0), key: asked, proof },
      ]),
    ]
    for (const [what, input] of wrong)
      expect(verifyStateProof(input), what).toMatchObject({ ok: false, code: 'wrong-length' })
  })

  it('a step left out, added or swapped leads elsewhere', () => {
    const keys = [key(0x00), key(0x80), key(0xa0), key(0xb0), key(0xbf)]
    const tree = treeOf(keys)
    const proof = tree.prove(key(0xb0))
    expect(proof.path.length).toBeGreaterThan(2)
    const rejected = (path: StateProof['path']) =>
      expect(verifyStateProof({ root: tree.root, key: key(0xb0), proof: { ...proof, path } }).ok).toBe(false)
    for (const i of proof.path.keys()) rejected(proof.path.toSpliced(i, 1))
    for (let depth = 0; depth < 256; depth++) {
      const at = proof.path.findIndex(({ bitDepth }) => bitDepth >= depth)
      rejected(proof.path.toSpliced(at === -1 ? proof.path.length : at, 0, { bitDepth: depth, sibling: hash(depth) }))
    }
    for (let i = 1; i < proof.path.length; i++) {
      const [a, b] = proof.path.slice(i - 1, i + 1) as [StateProof['path'][0], StateProof['path'][0]]
      const swapped = [
        { ...a, sibling: b.sibling },
        { ...b, sibling: a.sibling },
      ]
      rejected(proof.path.toSpliced(i - 1, 2, ...swapped))
    }
  })

  it('a present key cannot be denied with nodes that are truly in the tree', () => {
    const keys = [key(0x00), key(0x80), key(0xa0), key(0xb0), key(0xbf)]
    const tree = treeOf(keys)
    // Every prefix of the true path, ended by every leaf and by an inner node of every absence proof.
    const terminals: StateProof['terminal'][] = [empty]
    for (const leaf of keys)
      terminals.push({ TAG: 'otherLeaf', data: { key: leaf, valueHash: plainSha256(Uint8Array.of(1, ...leaf)) } })
    for (let first = 0; first < 256; first++) {
      const { terminal } = tree.prove(key(first, 1))
      if (terminal.TAG === 'divergingInner') terminals.push(terminal)
    }
    expect(terminals.some(({ TAG }) => TAG === 'divergingInner')).toBe(true)
    for (const denied of keys) {
      const { path } = tree.prove(denied)
      for (let length = 0; length <= path.length; length++)
        for (const terminal of terminals) {
          const proof = { path: path.slice(0, length), terminal }
          expect(verifyStateProof({ root: tree.root, key: denied, proof }).ok).toBe(false)
        }
    }
  })
})
