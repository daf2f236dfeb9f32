import { POWER, REACHABILITY } from '../../shared/admission/hardware.ts'
import { type DeviceProfile, profileOf } from '../../shared/admission/profile.ts'
import { sha256d } from '../../shared/hash.ts'
import { HEADER_LENGTH } from '../../shared/header/header.ts'
import type { Hardware, PagePort } from './ports.ts'

/** Long enough for the compiler to warm up, short enough not to be noticed, ms. */
const BENCHMARK_MS = 50
/** Hashes between two looks at the clock. */
const BATCH = 64

/**
 * What this device is, by its own measure; others measure how long it is there, too, and theirs counts.
 *
 * @param lived its lifetime in the network
 */
export async function measureProfile(
  hardware: () => Promise<Hardware>,
  page: PagePort,
  lived: Pick<DeviceProfile, 'lifetimeSeconds' | 'availability'>,
): Promise<DeviceProfile> {
  // The battery is known to pages only. One that does not answer leaves it open.
  const [measured, power] = await Promise.all([hardware(), page.call({ call: 'power' }).catch(() => POWER.unknown)])
  // Others reach a browser by the circuit of a relay alone: nobody can dial it.
  return profileOf({ ...measured, ...lived, power, reachability: REACHABILITY.nobody })
}

/** Header hashes a second on this thread, with the code that checks headers. @param now ms, of a clock that only goes on */
export function benchmarkHashes(now: () => number): number {
  const header = new Uint8Array(HEADER_LENGTH)
  const start = now()
  let hashes = 0
  while (now() - start < BENCHMARK_MS) {
    for (let i = 0; i < BATCH; i++) header.set(sha256d(header))
    hashes += BATCH
  }
  return (1_000 * hashes) / (now() - start)
}
