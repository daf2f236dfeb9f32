import type { TransportClock } from '../protocol/transport.ts'

export interface Timers extends TransportClock {
  /** Calls off everything that is pending; later calls of `after` do nothing. */
  end(): void
}

/** A clock whose pending tasks can all be called off at once. Bounded by what its users start: one task per peer or stream. */
export function createTimers(clock: TransportClock): Timers {
  const pending = new Set<() => void>()
  let ended = false
  return {
    now: clock.now,
    after(delayMs, task) {
      if (ended) return () => {}
      const cancel = () => {
        pending.delete(cancel)
        stop()
      }
      const stop = clock.after(delayMs, () => {
        pending.delete(cancel)
        task()
      })
      pending.add(cancel)
      return cancel
    },
    end() {
      ended = true
      for (const cancel of [...pending]) cancel()
    },
  }
}
