export interface RateLimitInit {
  /** Units saved up at most. */
  readonly burst: number
  readonly perSecond: number
  /** Bound of the table; the address unused for longest is forgotten, which only gives it a full bucket. */
  readonly maxAddresses: number
  now(): number
}

export interface RateLimit {
  /** Takes units from an address's bucket. @returns ms to wait; 0 when they were there */
  take(address: string, cost: number): number
  readonly size: number
}

/** One token bucket per address (IPv6: per /64, which is what one household holds). */
export function createRateLimit({ burst, perSecond, maxAddresses, now }: RateLimitInit): RateLimit {
  // In order of last use, which a Map keeps when entries are deleted and set again.
  const buckets = new Map<string, { units: number; at: number }>()
  return {
    take(address, cost) {
      const key = householdOf(address)
      const at = now()
      const bucket = buckets.get(key) ?? { units: burst, at }
      buckets.delete(key)
      const units = Math.min(burst, bucket.units + (Math.max(0, at - bucket.at) / 1_000) * perSecond)
      const enough = units >= cost
      buckets.set(key, { units: enough ? units - cost : units, at })
      if (buckets.size > maxAddresses) buckets.delete(buckets.keys().next().value as string)
      return enough ? 0 : Math.ceil(((cost - units) / perSecond) * 1_000)
    },
    get size() {
      return buckets.size
    },
  }
}

/** IPv4 as it is, also when mapped into IPv6; the first four groups of an IPv6 address. */
export function householdOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)
  if (mapped?.[1] !== undefined) return mapped[1]
  if (!address.includes(':')) return address
  const [head = '', tail] = (address.split('%')[0] ?? '').split('::')
  const groups = head === '' ? [] : head.split(':')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  const all = [...groups, ...Array(Math.max(0, 8 - groups.length - after.length)).fill('0'), ...after]
  return `${all.slice(0, 4).join(':')}::/64`
}
