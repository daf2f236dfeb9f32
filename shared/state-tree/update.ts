import { compareBytes, equalBytes } from '../bytes.ts'
import { LaresError } from '../errors.ts'
import type { Steps } from '../steps.ts'
import {
  commonPrefixLength,
  hashStateInner,
  hashStateLeaf,
  keyBit,
  keyPrefix,
  MAX_STATE_VALUE_LENGTH,
  type Sha256,
  STATE_KEY_BITS,
  STATE_KEY_LENGTH,
  type StateKey,
} from './node.ts'
import { encodeInnerRecord, encodeLeafRecord, type NodeLink, type StateNode } from './record.ts'
import type { NodeRecord, NodeReference } from './storage.ts'

/** Sets a key to a value (at most MAX_STATE_VALUE_LENGTH bytes), or removes it. Removing what is absent does nothing. */
export interface StateChange {
  readonly key: StateKey
  readonly value: Uint8Array | undefined
}

export interface AppliedChanges {
  readonly root: NodeLink | undefined
  /** Nodes that are part of the new version and of none before. */
  readonly created: readonly NodeRecord[]
  /** Nodes of the version before that are no longer part of the new one. */
  readonly stale: readonly NodeReference[]
}

/** A walk over so many changes and fewer is one step, of a few milliseconds. */
const STEP_CHANGES = 32

/**
 * Applies all changes in one walk, so that every node above them is hashed once. What is unchanged keeps its
 * link, and a change that changes nothing creates nothing. In steps of a few nodes; what is stored must stay readable
 * until the last.
 * @throws {LaresError} `state-change-invalid` on a key or value of wrong length, or a key that occurs twice
 */
export function* applyChanges({
  root,
  version,
  changes,
  load,
  sha256,
}: {
  readonly root: NodeLink | undefined
  readonly version: number
  readonly changes: Iterable<StateChange>
  readonly load: (link: NodeLink) => StateNode
  readonly sha256: Sha256
}): Steps<AppliedChanges> {
  const sorted = sortChanges(changes)
  const created: NodeRecord[] = []
  const stale: NodeReference[] = []

  function markStale({ version, hash }: NodeLink): void {
    stale.push({ version, hash })
  }

  function create(hash: Uint8Array, record: Uint8Array, node: StateNode): NodeLink {
    created.push({ reference: { version, hash }, record })
    return { version, hash, node }
  }

  function createLeaf({ key, value }: StateChange): NodeLink {
    const record = encodeLeafRecord(key, value as Uint8Array)
    // Views into the record, so that a caller who reuses its buffers changes nothing here.
    const ownKey = record.subarray(1, 1 + STATE_KEY_LENGTH)
    const ownValue = record.subarray(1 + STATE_KEY_LENGTH)
    return create(hashStateLeaf(ownKey, sha256(ownValue), sha256), record, {
      kind: 'leaf',
      key: ownKey,
      value: ownValue,
    })
  }

  /** An inner node never has one child: a lone side takes its place as it is. */
  function join(bitDepth: number, anyKey: Uint8Array, left: NodeLink | undefined, right: NodeLink | undefined) {
    if (left === undefined) return right
    if (right === undefined) return left
    return createInner(bitDepth, keyPrefix(anyKey, bitDepth), left, right)
  }

  function createInner(bitDepth: number, prefix: Uint8Array, left: NodeLink, right: NodeLink): NodeLink {
    const hash = hashStateInner(bitDepth, prefix, left.hash, right.hash, sha256)
    const record = encodeInnerRecord(bitDepth, prefix, left, right)
    return create(hash, record, { kind: 'inner', bitDepth, prefix, left, right })
  }

  /** A new subtree of the values to set among `list[from..to)`. */
  function* build(list: readonly StateChange[], from: number, to: number): Steps<NodeLink | undefined> {
    if (from === to) return undefined
    if (to - from >= STEP_CHANGES) yield
    const first = list[from] as StateChange
    if (to - from === 1) return createLeaf(first)
    const depth = commonPrefixLength(first.key, (list[to - 1] as StateChange).key)
    const middle = firstWithBit(list, from, to, depth)
    const left = yield* build(list, from, middle)
    return join(depth, first.key, left, yield* build(list, middle, to))
  }

  function* apply(link: NodeLink | undefined, from: number, to: number): Steps<NodeLink | undefined> {
    if (from === to) return link
    if (to - from >= STEP_CHANGES) yield
    if (link !== undefined) return yield* applyTo(link, load(link), from, to)
    const insertions = sorted.slice(from, to).filter(({ value }) => value !== undefined)
    return yield* build(insertions, 0, insertions.length)
  }

  function* applyTo(link: NodeLink, node: StateNode, from: number, to: number): Steps<NodeLink | undefined> {
    if (from === to) return link
    const anchor = node.kind === 'leaf' ? node.key : node.prefix
    const depth = node.kind === 'leaf' ? STATE_KEY_BITS : node.bitDepth
    const first = sorted[from] as StateChange
    // In a sorted range the first and the last key are the furthest from any other key.
    const shared = Math.min(
      depth,
      commonPrefixLength(first.key, anchor),
      commonPrefixLength((sorted[to - 1] as StateChange).key, anchor),
    )

    if (shared < depth) {
      // Some changes lie beside this node: a branch above it parts them from those that lie within.
      const middle = firstWithBit(sorted, from, to, shared)
      const isLeft = keyBit(anchor, shared) === 0
      const left = yield* isLeft ? applyTo(link, node, from, middle) : apply(undefined, from, middle)
      const right = yield* isLeft ? apply(undefined, middle, to) : applyTo(link, node, middle, to)
      return join(shared, anchor, left, right)
    }

    if (node.kind === 'leaf') {
      // All 256 bits are shared and no key occurs twice: `first` is the one change.
      if (first.value !== undefined && equalBytes(first.value, node.value)) return link
      markStale(link)
      return first.value === undefined ? undefined : createLeaf(first)
    }

    const middle = firstWithBit(sorted, from, to, depth)
    const left = yield* apply(node.left, from, middle)
    const right = yield* apply(node.right, middle, to)
    if (left === node.left && right === node.right) return link
    markStale(link)
    return left === undefined || right === undefined ? (left ?? right) : createInner(depth, anchor, left, right)
  }

  return { root: yield* apply(root, 0, sorted.length), created, stale }
}

function sortChanges(changes: Iterable<StateChange>): readonly StateChange[] {
  const sorted = [...changes].sort((a, b) => compareBytes(a.key, b.key))
  for (const [i, { key, value }] of sorted.entries()) {
    if (key.length !== STATE_KEY_LENGTH) throw new LaresError('state-change-invalid', `key of ${key.length} bytes`)
    if (value !== undefined && value.length > MAX_STATE_VALUE_LENGTH)
      throw new LaresError('state-change-invalid', `value of ${value.length} bytes; at most ${MAX_STATE_VALUE_LENGTH}`)
    const before = sorted[i - 1]
    if (before !== undefined && equalBytes(before.key, key))
      throw new LaresError('state-change-invalid', 'one key is changed twice')
  }
  return sorted
}

/** First position in `list[from..to)` whose key has bit `depth` set; all keys there share the bits before it. */
function firstWithBit(list: readonly StateChange[], from: number, to: number, depth: number): number {
  let low = from
  let high = to
  while (low < high) {
    const middle = (low + high) >>> 1
    if (keyBit((list[middle] as StateChange).key, depth) === 0) low = middle + 1
    else high = middle
  }
  return low
}
