import { bytesToUint } from '../bytes.ts'
import { sha256, TAGS, taggedHash } from '../hash.ts'
import type { Steps } from '../steps.ts'

/** Ranges that one challenge reads, one after the other. */
export const STORAGE_STEPS = 64
/** Blocks of a range. */
export const STORAGE_RANGE_BLOCKS = 4
/** A challenge ends with the range in which it has read so much, bytes: full blocks take as long as many empty ones. */
export const STORAGE_BUDGET = 16 * 1024 * 1024
/**
 * An answer that comes later does not count, ms. Each range is known only when the one before was read, so whoever has no
 * blocks has to ask for {@link STORAGE_STEPS} of them in turn: 31 ms each, with a full node that answers it as often.
 */
export const STORAGE_DEADLINE_MS = 2_000
/** The last settled blocks are not asked for: an applicant may be a moment behind. */
export const STORAGE_MARGIN_BLOCKS = 8

/** Of the first digest that choose a height: far more than there are heights. */
const CHOOSING_BYTES = 6

/**
 * The answer to a storage challenge: a chain of digests over whole blocks, where each digest chooses the next range.
 * Whoever can compute it has the blocks at hand, or gets them one after the other in that time.
 *
 * @param message what the examiner signed: its nonce and the applicant's device ID are in it, so nothing can be asked ahead
 *   of time or passed off as another's
 * @param height of the highest block that may be read; they begin at 1
 * @param blockAt encoded block of the best chain
 * @returns 32 bytes; undefined: a block is not here
 */
export function* storageDigest(
  message: Uint8Array,
  height: number,
  blockAt: (height: number) => Uint8Array | undefined,
): Steps<Uint8Array | undefined> {
  let digest: Uint8Array = sha256(message)
  let read = 0
  for (let step = 0; step < STORAGE_STEPS && read < STORAGE_BUDGET; step++) {
    const first = 1 + Number(bytesToUint(digest.subarray(0, CHOOSING_BYTES)) % BigInt(height))
    for (let at = first; at < first + STORAGE_RANGE_BLOCKS && at <= height; at++) {
      const block = blockAt(at)
      if (block === undefined) return undefined
      read += block.length
      digest = taggedHash(TAGS.storageStep, digest, block)
    }
    yield
  }
  return digest
}
