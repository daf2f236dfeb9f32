import { uptime } from 'node:os'

/** The clocks a miner lives by; tests bring their own. */
export interface MinerClock {
  /** Wall clock, ms since the Unix epoch. */
  now(): number
  /** Counts on whatever the wall clock is set to, ms; through sleep too, where the system can. */
  steady(): number
  /** Runs `task` once after `delayMs`; returns the function that calls it off. */
  after(delayMs: number, task: () => void): () => void
}

/**
 * The clocks of this machine. `os.uptime()` counts the time asleep on Linux (CLOCK_BOOTTIME), Windows and macOS, unlike
 * `performance.now()`: so a night's sleep is told from a clock set by hand.
 */
export const systemClock: MinerClock = {
  now: Date.now,
  steady: () => uptime() * 1000,
  after(delayMs, task) {
    const timer = setTimeout(task, delayMs)
    return () => clearTimeout(timer)
  },
}
