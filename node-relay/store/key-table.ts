import { asciiBytes, concatBytes, uintToBytes } from '../../shared/bytes.ts'

/**
 * Keys of the relay's LevelDB. One byte for the table, then big endian numbers or hashes, so that ranges are heights.
 *
 *     m name                       meta: format, genesis, tip, settled, last sealed
 *     h u32 height                 header item of the best chain (sealed header, roster changes)
 *     x hash 32                    u32 height of a header of the best chain
 *     b hash 32                    encoded block, of every branch
 *     B u32 height, hash 32        u32 length of the block: finds those of branches, as long as they may be followed
 *     l u8 level, u32 index        history node of the best chain, 60 bytes
 *     r u32 change number          u32 height, roster change of the best chain
 *     s u32 version, hash 32       node record of the state tree
 *     v u32 version                root reference and stale references of the state after that block
 *     t transaction ID 32          u32 height, u16 index
 */
export const KEYS = {
  meta: (name: 'format' | 'genesis' | 'tip' | 'settled' | 'last-sealed') => key('m', asciiBytes(name)),
  header: (height: number) => key('h', uintToBytes(height, 4)),
  headerHeight: (hash: Uint8Array) => key('x', hash),
  block: (hash: Uint8Array) => key('b', hash),
  blockAt: (height: number, hash: Uint8Array) => key('B', uintToBytes(height, 4), hash),
  history: (level: number, index: number) => key('l', Uint8Array.of(level), uintToBytes(index, 4)),
  rosterChange: (number: number) => key('r', uintToBytes(number, 4)),
  stateNode: (reference: Uint8Array) => key('s', reference),
  stateVersion: (height: number) => key('v', uintToBytes(height, 4)),
  transaction: (id: Uint8Array) => key('t', id),
} as const

/** All state nodes of one version. */
export function stateNodeRange(version: number): { gte: Uint8Array; lt: Uint8Array } {
  return { gte: key('s', uintToBytes(version, 4)), lt: key('s', uintToBytes(version + 1, 4)) }
}

/** All blocks that may still be followed, or left. */
export const BRANCH_RANGE = { gte: key('B'), lt: key('C') }

/** All roster changes, in their order. */
export const ROSTER_LOG_RANGE = { gte: key('r'), lt: key('s') }

/** Blocks of all branches below a height. */
export function blocksBelowRange(height: number): { gte: Uint8Array; lt: Uint8Array } {
  return { gte: key('B'), lt: key('B', uintToBytes(height, 4)) }
}

function key(table: string, ...parts: readonly Uint8Array[]): Uint8Array {
  return concatBytes(asciiBytes(table), ...parts)
}
