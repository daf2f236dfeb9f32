export interface Tally {
  /** Counts one more of this key; true when the allowance of the window is used up, and from then on. */
  add(key: string): boolean
  /** Begins the key anew. */
  clear(key: string): void
}

/**
 * Counts slips within a window, for what costs nothing when it happens now and then. When there are too many keys, the one
 * whose window began first is forgotten.
 */
export function createTally(init: {
  readonly allowed: number
  readonly windowMs: number
  readonly maxKeys: number
  readonly now: () => number
}): Tally {
  const { allowed, windowMs, maxKeys, now } = init
  const counts = new Map<string, { count: number; readonly since: number }>()
  return {
    add(key) {
      const known = counts.get(key)
      if (known !== undefined && now() - known.since < windowMs && now() >= known.since) {
        known.count++
        return known.count > allowed
      }
      counts.delete(key)
      if (counts.size >= maxKeys) counts.delete(counts.keys().next().value as string)
      counts.set(key, { count: 1, since: now() })
      return allowed < 1
    },
    clear: (key) => void counts.delete(key),
  }
}
