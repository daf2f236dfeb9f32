import { compactTarget, expandTarget } from '../../shared/chain/target.ts'
import { LaresError } from '../../shared/errors.ts'
import { HEADER_LENGTH } from '../../shared/header/header.ts'
import type { NetworkParameters } from '../../shared/params.ts'
import type { Hasher } from './hasher.ts'

/** Long enough for several slices of a thread on its duty cycle and for the compiler to warm up, ms. */
const MEASURE_MS = 500
const ANY_HASH = (1n << 256n) - 1n

/**
 * Hashes per second that this machine makes at least within the hasher's share: it searches for a hash that does not exist for
 * half a second.
 */
export async function measureHashRate(hasher: Hasher, measureMs = MEASURE_MS): Promise<number> {
  // The threads start before the clock does.
  await hasher.search(new Uint8Array(HEADER_LENGTH), ANY_HASH)
  const before = hasher.totals()
  try {
    await hasher.search(new Uint8Array(HEADER_LENGTH), 0n, { signal: AbortSignal.timeout(measureMs) })
  } catch (error) {
    if (!(error instanceof LaresError) || error.code !== 'search-cancelled') throw error
  }
  const after = hasher.totals()
  const busyMs = after.busyMs - before.busyMs
  return busyMs === 0 ? 0 : ((after.hashes - before.hashes) / busyMs) * 1000 * hasher.sureShare
}

/**
 * The compact target at which a hash rate finds one block each spacing: what a new network starts with. Never easier
 * than the limit.
 */
export function initialTargetFor(
  hashesPerSecond: number,
  { spacingMs, targetLimit }: Pick<NetworkParameters, 'spacingMs' | 'targetLimit'>,
): number {
  const limit = expandTarget(targetLimit)
  if (limit === undefined) throw new LaresError('bad-parameters', `target limit ${targetLimit.toString(16)}`)
  const hashesPerBlock = BigInt(Math.max(1, Math.floor((hashesPerSecond * spacingMs) / 1000)))
  const target = (1n << 256n) / hashesPerBlock - 1n
  return compactTarget(target < limit ? target : limit)
}
