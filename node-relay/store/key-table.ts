import { asciiBytes, uintToBytes } from '../../shared/bytes.ts'

/**
 * Keys of the relay's LevelDB. One byte for the table, then big endian numbers or hashes, so that ranges are heights.
 * What stands on the right is followed by u32 CRC-32 over key and content (checked-level.ts), all but `m format`.
 *
 *     m name                       meta: format, genesis, tip, settled, last sealed, restored, migration
 *     h u32 height                 header item of the best chain (sealed header, roster changes)
 *     x hash 32                    u32 height of a header of the best chain
 *     b hash 32                    encoded block, of every branch
 *     B u32 height, hash 32        u32 length of the block: finds those of branches, as long as they may be followed
 *     g u32 height, parent hash 32 hash of the header that this relay sealed on that parent, as long as it may be followed
 *     l u8 level, u32 index        history node of the best chain, 60 bytes
 *     r u32 change number          u32 height, roster change of the best chain
 *     s u32 version, hash 32       node record of the state tree
 *     v u32 version                root reference and stale references of the state after that block
 *     t transaction ID 32          u32 height, u16 index
 */
export const KEYS = {
  meta: (name: 'format' | 'genesis' | 'tip' | 'settled' | 'last-sealed' | 'restored' | 'migration') =>
    key('m', asciiBytes(name)),
  header: (height: number) => key('h', uintToBytes(height, 4)),
  headerHeight: (hash: Uint8Array) => key('x', hash),
  block: (hash: Uint8Array) => key('b', hash),
  blockAt: (height: number, hash: Uint8Array) => key('B', uintToBytes(height, 4), hash),
  sealedOn: (height: number, parentHash: Uint8Array) => key('g', uintToBytes(height, 4), parentHash),
  history: (level: number, index: number) => key('l', Uint8Array.of(level), uintToBytes(index, 4)),
  rosterChange: (number: number) => key('r', uintToBytes(number, 4)),
  stateNode: (reference: Uint8Array) => key('s', reference),
  stateVersion: (height: number) => key('v', uintToBytes(height, 4)),
  transaction: (id: Uint8Array) => key('t', id),
} as const

export interface KeyRange {
  readonly gte: Uint8Array
  readonly lt: Uint8Array
}

/** What a table holds, for people; and the length of its keys, where it is fixed. */
export const TABLES: Readonly<Record<string, { readonly name: string; readonly keyLength: number | undefined }>> = {
  m: { name: 'meta record', keyLength: undefined },
  h: { name: 'header', keyLength: 5 },
  x: { name: 'header index', keyLength: 33 },
  b: { name: 'block', keyLength: 33 },
  B: { name: 'block index', keyLength: 37 },
  g: { name: 'seal record', keyLength: 37 },
  l: { name: 'history node', keyLength: 6 },
  r: { name: 'roster change', keyLength: 5 },
  s: { name: 'state node', keyLength: 37 },
  v: { name: 'state version', keyLength: 5 },
  t: { name: 'transaction index', keyLength: 33 },
}

/** `block`, `meta record tip`: what a record is, for people. */
export function describeKey(key: Uint8Array): string {
  const table = String.fromCharCode(key[0] ?? 0)
  const known = TABLES[table]
  if (known === undefined) return 'record of no known kind'
  return table === 'm' ? `${known.name} ${Buffer.from(key.subarray(1)).toString('latin1')}` : known.name
}

/** All records of one table. */
export function tableRange(table: 'h' | 'x' | 'b' | 'B' | 'g' | 'l' | 'r' | 's' | 'v' | 't'): KeyRange {
  return { gte: key(table), lt: key(String.fromCharCode(table.charCodeAt(0) + 1)) }
}

/** All state nodes of one version. */
export function stateNodeRange(version: number): KeyRange {
  return { gte: key('s', uintToBytes(version, 4)), lt: key('s', uintToBytes(version + 1, 4)) }
}

/** Blocks of all branches below a height. */
export function blocksBelowRange(height: number): KeyRange {
  return { gte: key('B'), lt: key('B', uintToBytes(height, 4)) }
}

/** Own seals below a height. */
export function sealsBelowRange(height: number): KeyRange {
  return { gte: key('g'), lt: key('g', uintToBytes(height, 4)) }
}

/** Written out by hand: a full block writes tens of thousands of records. */
function key(table: string, ...parts: readonly Uint8Array[]): Uint8Array {
  let length = 1
  for (const part of parts) length += part.length
  const out = new Uint8Array(length)
  out[0] = table.charCodeAt(0)
  let at = 1
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}
