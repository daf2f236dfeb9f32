import { toHex } from '../../shared/bytes.ts'
import type { Presence } from './door.ts'

/** Devices whose newest lease is remembered; when full, the one that renewed longest ago is forgotten. */
export const MAX_LEASES = 65_536

export interface LeaseTable {
  readonly size: number
  /** The newest lease, ended or not. */
  newest(deviceId: Uint8Array): Presence | undefined
  put(deviceId: Uint8Array, presence: Presence): void
  /** Leases that have not ended. */
  countAlive(now: number): number
}

/** The newest lease of each device, in memory: after a restart, devices say again that they are alive. */
export function createLeaseTable(limit = MAX_LEASES): LeaseTable {
  // In order of renewal, which a Map keeps when entries are deleted and set again.
  const leases = new Map<string, Presence>()
  return {
    get size() {
      return leases.size
    },
    newest: (deviceId) => leases.get(toHex(deviceId)),
    put(deviceId, presence) {
      const key = toHex(deviceId)
      leases.delete(key)
      leases.set(key, presence)
      if (leases.size > limit) leases.delete(leases.keys().next().value as string)
    },
    countAlive(now) {
      let alive = 0
      for (const { until } of leases.values()) if (until > now) alive++
      return alive
    },
  }
}
