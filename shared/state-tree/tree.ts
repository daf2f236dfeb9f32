import { equalBytes } from '../bytes.ts'
import { LaresError } from '../errors.ts'
import { sha256 as defaultSha256 } from '../hash.ts'
import { runSteps, type Steps } from '../steps.ts'
import {
  commonPrefixLength,
  EMPTY_STATE_ROOT,
  keyBit,
  type Sha256,
  STATE_KEY_LENGTH,
  type StateKey,
  type StateProof,
  type StateProofStep,
} from './node.ts'
import { decodeNodeRecord, type NodeLink, type StateNode } from './record.ts'
import { MAX_VERSION, type NodeRecord, type NodeReference, type StateStorage } from './storage.ts'
import { applyChanges, type StateChange } from './update.ts'

export interface StateLeaf {
  readonly key: StateKey
  readonly value: Uint8Array
}

/** The first `length` bits of `bits` (32 bytes). */
export interface KeyPrefix {
  readonly bits: Uint8Array
  readonly length: number
}

/**
 * One version of the state: never changes. Reading throws {@link LaresError} `state-node-missing` or
 * `state-node-malformed` when the storage does not hold what it must.
 */
export interface StateTree {
  /** 32 bytes: what a header commits to. */
  readonly root: Uint8Array
  /** Where the root node is stored; undefined for the empty tree. */
  readonly reference: NodeReference | undefined
  /** The value of a key, a copy. */
  get(key: StateKey): Uint8Array | undefined
  /** Proof that the key has its value, or that it has none. */
  prove(key: StateKey): StateProof
  /** All leaves, or those under a prefix, in the order of their keys. */
  leaves(prefix?: KeyPrefix): Generator<StateLeaf, void, undefined>
  /**
   * The next version. Nothing is stored: the new tree holds its new nodes in memory, so that blocks can be
   * applied on top of each other and stored later in one batch. Once they are stored, open the tree again from
   * its `reference` to let that memory go.
   * @throws {LaresError} `state-version-invalid`, `state-change-invalid`
   */
  update(init: NextVersion): StateUpdate
  /** The same in steps. This version must stay readable until the last. */
  updateSteps(init: NextVersion): Steps<StateUpdate>
}

export interface NextVersion {
  /** u32, higher than that of the tree it comes after: the block height. */
  readonly version: number
  readonly changes: Iterable<StateChange>
}

export interface StateUpdate {
  readonly tree: StateTree
  readonly root: Uint8Array
  readonly reference: NodeReference | undefined
  /** To store with the block, and to remove when the block is undone. */
  readonly created: readonly NodeRecord[]
  /** To remove once no proof at an earlier height is served, nor a rollback to it possible. */
  readonly stale: readonly NodeReference[]
}

export interface StateTreeInit {
  readonly storage: StateStorage
  /** Root node of the version to open; undefined opens the empty tree. */
  readonly root: NodeReference | undefined
  /** A faster SHA-256 where the platform has one. */
  readonly sha256?: Sha256
}

/** Opens a stored version. Reads nothing yet. */
export function openStateTree({ storage, root, sha256 = defaultSha256 }: StateTreeInit): StateTree {
  const link = root && { version: root.version, hash: root.hash, node: undefined }
  return new StoredStateTree(storage, sha256, link, root?.version ?? -1)
}

/** Inner nodes above this bit depth (a type byte and 12 bits of a hash) are kept decoded: every look-up passes them. */
const KEPT_BIT_DEPTH = 20
/** Decoded inner nodes that one opened tree keeps at most, about 1 kB each. */
export const MAX_KEPT_STATE_NODES = 8192

class StoredStateTree implements StateTree {
  readonly #storage: StateStorage
  readonly #sha256: Sha256
  readonly #link: NodeLink | undefined
  readonly #version: number
  #kept = 0

  constructor(storage: StateStorage, sha256: Sha256, link: NodeLink | undefined, version: number) {
    this.#storage = storage
    this.#sha256 = sha256
    this.#link = link
    this.#version = version
  }

  get root(): Uint8Array {
    return this.#link?.hash ?? EMPTY_STATE_ROOT
  }

  get reference(): NodeReference | undefined {
    return this.#link && { version: this.#link.version, hash: this.#link.hash }
  }

  get(key: StateKey): Uint8Array | undefined {
    checkKey(key)
    let link = this.#link
    while (link !== undefined) {
      const node = this.#load(link)
      if (node.kind === 'leaf') return equalBytes(node.key, key) ? node.value.slice() : undefined
      // Prefixes passed need no look: a key outside them ends at a leaf that is not its own.
      link = keyBit(key, node.bitDepth) === 0 ? node.left : node.right
    }
    return undefined
  }

  prove(key: StateKey): StateProof {
    checkKey(key)
    const path: StateProofStep[] = []
    let link = this.#link
    while (link !== undefined) {
      const node = this.#load(link)
      if (node.kind === 'leaf') {
        if (equalBytes(node.key, key))
          return { path, terminal: { TAG: 'present', data: { value: node.value.slice() } } }
        const valueHash = this.#sha256(node.value)
        return { path, terminal: { TAG: 'otherLeaf', data: { key: node.key, valueHash } } }
      }
      const { bitDepth, prefix, left, right } = node
      if (commonPrefixLength(key, prefix) < bitDepth) {
        const data = { bitDepth, prefix, left: left.hash, right: right.hash }
        return { path, terminal: { TAG: 'divergingInner', data } }
      }
      const goLeft = keyBit(key, bitDepth) === 0
      path.push({ bitDepth, sibling: goLeft ? right.hash : left.hash })
      link = goLeft ? left : right
    }
    return { path, terminal: { TAG: 'empty', data: undefined } }
  }

  *leaves({ bits, length }: KeyPrefix = { bits: new Uint8Array(STATE_KEY_LENGTH), length: 0 }) {
    checkKey(bits)
    // Open subtrees, leftmost last: never more than one for each bit of a key.
    const open: NodeLink[] = this.#link === undefined ? [] : [this.#link]
    for (let link = open.pop(); link !== undefined; link = open.pop()) {
      const node = this.#load(link)
      if (node.kind === 'leaf') {
        if (commonPrefixLength(node.key, bits) >= length) yield { key: node.key.slice(), value: node.value.slice() }
        continue
      }
      if (commonPrefixLength(node.prefix, bits) < Math.min(length, node.bitDepth)) continue
      const wanted = node.bitDepth < length ? keyBit(bits, node.bitDepth) : undefined
      if (wanted !== 0) open.push(node.right)
      if (wanted !== 1) open.push(node.left)
    }
  }

  update(init: NextVersion): StateUpdate {
    return runSteps(this.updateSteps(init))
  }

  *updateSteps({ version, changes }: NextVersion): Steps<StateUpdate> {
    // Versions only rise along a branch: two updates with one version could create what the other calls stale.
    if (!Number.isSafeInteger(version) || version <= this.#version || version > MAX_VERSION)
      throw new LaresError('state-version-invalid', `version ${version} after ${this.#version}`)
    const { root, created, stale } = yield* applyChanges({
      root: this.#link,
      version,
      changes,
      load: (link) => this.#load(link),
      sha256: this.#sha256,
    })
    const tree = new StoredStateTree(this.#storage, this.#sha256, root, version)
    return { tree, root: tree.root, reference: tree.reference, created, stale }
  }

  #load(link: NodeLink): StateNode {
    if (link.node !== undefined) return link.node
    const record = this.#storage.get(link)
    if (record === undefined)
      throw new LaresError('state-node-missing', `node of version ${link.version} is not in the storage`)
    const node = decodeNodeRecord(record)
    if (!node.ok) throw new LaresError('state-node-malformed', `node of version ${link.version}: ${node.detail}`)
    if (node.value.kind === 'inner' && node.value.bitDepth < KEPT_BIT_DEPTH && this.#kept < MAX_KEPT_STATE_NODES) {
      this.#kept++
      link.node = node.value
    }
    return node.value
  }
}

function checkKey(key: Uint8Array): void {
  if (key.length !== STATE_KEY_LENGTH) throw new LaresError('state-key-invalid', `key of ${key.length} bytes`)
}
