import { uintToBytes } from '../bytes.ts'
import { TAGS, taggedHash } from '../hash.ts'

/**
 * scrypt (RFC 7914) with `128 × N × r` = 16 MiB of memory for each try: a phone has that, and a machine that computes
 * thousands of tries at once needs as many times 16 MiB. The output has 32 bytes.
 */
export const PUZZLE_SCRYPT = { N: 2 ** 14, r: 8, p: 1, dkLen: 32 } as const

/** scrypt with {@link PUZZLE_SCRYPT}, by whatever computes it here. */
export type Scrypt = (password: Uint8Array, salt: Uint8Array) => Promise<Uint8Array>

/** What a puzzle is bound to. */
export interface PuzzleSubject {
  readonly networkId: Uint8Array
  /** Of who is to pay. */
  readonly walletKey: Uint8Array
  /** Encoded quote, which has a nonce. */
  readonly quote: Uint8Array
}

/** The output of one try: 32 bytes. The counter has 6 bytes, big endian, and is the salt. */
export function tryPuzzle(
  { networkId, walletKey, quote }: PuzzleSubject,
  counter: number,
  scrypt: Scrypt,
): Promise<Uint8Array> {
  return scrypt(taggedHash(TAGS.puzzle, networkId, walletKey, quote), uintToBytes(counter, 6))
}

/** Whether an output is below 2^256 / iterations: one in `iterations` is. */
export function isSolution(output: Uint8Array, iterations: number): boolean {
  const value = output.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
  return value * BigInt(iterations) < 1n << 256n
}

/**
 * Tries until it is solved: `iterations` times on average, with luck less, one time in seven more than twice as often.
 *
 * @param onTry called after each try that failed, with how many there were
 * @returns the counter
 */
export async function solvePuzzle(
  subject: PuzzleSubject,
  iterations: number,
  scrypt: Scrypt,
  { onTry, signal }: { readonly onTry?: (tries: number) => void; readonly signal?: AbortSignal } = {},
): Promise<number> {
  for (let counter = 0; ; counter++) {
    signal?.throwIfAborted()
    if (isSolution(await tryPuzzle(subject, counter, scrypt), iterations)) return counter
    onTry?.(counter + 1)
  }
}
