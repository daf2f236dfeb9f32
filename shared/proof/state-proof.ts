import * as P from 'micro-packed'
import { equalBytes } from '../bytes.ts'
import { createCodec, hash32 } from '../codec.ts'
import { accept, type Rejection, type Result, reject } from '../errors.ts'
import { sha256 } from '../hash.ts'
import {
  commonPrefixLength,
  EMPTY_STATE_ROOT,
  hashStateInner,
  hashStateLeaf,
  isHash,
  keyBit,
  keyPrefix,
  MAX_STATE_VALUE_LENGTH,
  STATE_KEY_BITS,
  type StateKey,
  type StateProof,
} from '../state-tree/node.ts'

export type { StateProof } from '../state-tree/node.ts'

export type StateProofCode =
  /** Root, key or a hash is not 32 bytes, or the value is longer than a value may be. */
  | 'wrong-length'
  /** Bit depths are not strictly increasing within 0..255. */
  | 'path-order'
  /** The terminal node does not stand where the path ends. */
  | 'terminal-off-path'
  /** The terminal node does not rule the asked key out. */
  | 'terminal-not-absent'
  /** The hashes do not lead to the root. */
  | 'wrong-root'

export type StateProofValue =
  | { readonly value: Uint8Array; readonly absent?: never }
  | { readonly absent: true; readonly value?: never }

/**
 * `u16 steps || steps × (u8 bitDepth || sibling 32) || terminal`, the steps from the root down; terminal is one of
 * - `u8 0`: the tree is empty
 * - `u8 1 || u16 length || value`: the asked key's own leaf
 * - `u8 2 || key 32 || valueHash 32`: another leaf
 * - `u8 3 || u8 bitDepth || prefix 32 || left 32 || right 32`: an inner node that the asked key does not lie under
 */
export const stateProofCoder: P.CoderType<StateProof> = P.struct({
  path: P.array(P.U16BE, P.struct({ bitDepth: P.U8, sibling: hash32 })),
  terminal: P.mappedTag(P.U8, {
    empty: [0, P.constant(undefined)],
    present: [1, P.struct({ value: P.bytes(P.U16BE) })],
    otherLeaf: [2, P.struct({ key: hash32, valueHash: hash32 })],
    divergingInner: [3, P.struct({ bitDepth: P.U8, prefix: hash32, left: hash32, right: hash32 })],
  }),
})

export const MAX_STATE_PROOF_LENGTH = 2 + STATE_KEY_BITS * 33 + 1 + 2 + MAX_STATE_VALUE_LENGTH

export const stateProofCodec = createCodec('state proof', MAX_STATE_PROOF_LENGTH, stateProofCoder)

/**
 * What a state root says about a key: its value, or that it has none. Sound for a root made by the rules of the
 * tree: there, the way to a key is fixed, and each node commits to where it stands. Uses hashes alone, never throws.
 */
export function verifyStateProof({
  root,
  key,
  proof,
}: {
  readonly root: Uint8Array
  readonly key: StateKey
  readonly proof: StateProof
}): Result<StateProofValue, StateProofCode> {
  if (!isHash(root) || !isHash(key)) return reject('wrong-length', 'root and key must be 32 bytes')

  // Depths only grow on the way down, so no level can be passed twice or out of order.
  let lastDepth = -1
  for (const { bitDepth, sibling } of proof.path) {
    if (!isHash(sibling)) return reject('wrong-length', 'sibling must be 32 bytes')
    if (!isBitDepth(bitDepth) || bitDepth <= lastDepth) return reject('path-order', `${bitDepth} after ${lastDepth}`)
    lastDepth = bitDepth
  }

  const terminal = hashTerminal(key, lastDepth, proof.terminal)
  if (!terminal.ok) return terminal

  // Each inner node is hashed with the asked key's own prefix and the child on the asked key's own side: a path
  // that belongs to another place of the tree cannot lead to the root.
  let hash = terminal.value
  for (const { bitDepth, sibling } of proof.path.toReversed()) {
    const prefix = keyPrefix(key, bitDepth)
    hash =
      keyBit(key, bitDepth) === 0
        ? hashStateInner(bitDepth, prefix, hash, sibling)
        : hashStateInner(bitDepth, prefix, sibling, hash)
  }
  if (!equalBytes(hash, root)) return reject('wrong-root', 'the proof leads to another state root')

  return accept(proof.terminal.TAG === 'present' ? { value: proof.terminal.data.value } : { absent: true })
}

/** Checks that the terminal fits the asked key below an inner node at `lastDepth` (-1: at the root), and hashes it. */
function hashTerminal(
  key: StateKey,
  lastDepth: number,
  terminal: StateProof['terminal'],
): Result<Uint8Array, StateProofCode> {
  switch (terminal.TAG) {
    case 'empty':
      // Inner nodes have two children that are not empty: only a whole tree can be.
      return lastDepth === -1 ? accept(EMPTY_STATE_ROOT) : offPath('an empty tree has no path')

    case 'present': {
      const { value } = terminal.data
      if (value.length > MAX_STATE_VALUE_LENGTH) return reject('wrong-length', `value of ${value.length} bytes`)
      return accept(hashStateLeaf(key, sha256(value)))
    }

    case 'otherLeaf': {
      const { key: otherKey, valueHash } = terminal.data
      if (!isHash(otherKey) || !isHash(valueHash)) return reject('wrong-length', 'leaf fields must be 32 bytes')
      const shared = commonPrefixLength(key, otherKey)
      if (shared <= lastDepth) return offPath('the other leaf lies elsewhere')
      if (shared === STATE_KEY_BITS) return reject('terminal-not-absent', 'the other leaf is the asked one')
      return accept(hashStateLeaf(otherKey, valueHash))
    }

    case 'divergingInner': {
      const { bitDepth, prefix, left, right } = terminal.data
      if (![prefix, left, right].every(isHash)) return reject('wrong-length', 'inner fields must be 32 bytes')
      if (!isBitDepth(bitDepth) || bitDepth <= lastDepth) return reject('path-order', `${bitDepth} after ${lastDepth}`)
      if (!equalBytes(prefix, keyPrefix(prefix, bitDepth))) return offPath('the prefix has bits after its depth')
      const shared = commonPrefixLength(key, prefix)
      if (shared <= lastDepth) return offPath('the inner node lies elsewhere')
      // Bits from `bitDepth` on are not part of the prefix: differing there rules nothing out.
      if (shared >= bitDepth) return reject('terminal-not-absent', 'the asked key lies under the inner node')
      return accept(hashStateInner(bitDepth, prefix, left, right))
    }
  }
}

function offPath(detail: string): Rejection<'terminal-off-path'> {
  return reject('terminal-off-path', detail)
}

function isBitDepth(depth: number): boolean {
  return Number.isInteger(depth) && depth >= 0 && depth < STATE_KEY_BITS
}
