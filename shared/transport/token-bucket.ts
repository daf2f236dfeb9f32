/** How much may be used: so much at once, and so much more each second. */
export interface BucketRate {
  readonly capacity: number
  readonly perSecond: number
  /** How far below zero it goes, so that a debt is over soon. Default: as far as above. */
  readonly debt?: number
}

export interface Buckets {
  /** Tokens that a key has; below zero when it has used more than it had. */
  level(key: string): number
  /** Takes tokens whether they are there or not. */
  take(key: string, tokens: number): void
  /** How long until the key has these tokens, milliseconds. */
  waitMs(key: string, tokens: number): number
}

interface Bucket {
  level: number
  at: number
}

/**
 * Token buckets by key, full at first. When there are too many, the one unused longest is forgotten, which gives it back
 * all its tokens: a new peer ID would, too.
 */
export function createBuckets(rate: BucketRate, maxKeys: number, now: () => number): Buckets {
  const buckets = new Map<string, Bucket>()
  const lowest = -(rate.debt ?? rate.capacity)

  function level(key: string): number {
    const known = buckets.get(key)
    if (known === undefined) return rate.capacity
    const seconds = Math.max(0, now() - known.at) / 1_000
    return Math.min(rate.capacity, known.level + seconds * rate.perSecond)
  }

  return {
    level,
    take(key, tokens) {
      const left = level(key) - tokens
      buckets.delete(key)
      if (buckets.size >= maxKeys) buckets.delete(buckets.keys().next().value as string)
      // Giving back (negative tokens) never makes more than there was.
      buckets.set(key, { level: Math.max(lowest, Math.min(rate.capacity, left)), at: now() })
    },
    waitMs: (key, tokens) => Math.max(0, ((tokens - level(key)) / rate.perSecond) * 1_000),
  }
}
