import type { TransportClock } from '../../shared/protocol/transport.ts'

/** The machine's time and timers. Timers do not keep the process alive. */
export const systemClock: TransportClock = {
  now: () => Date.now(),
  after(delayMs, task) {
    const timer = setTimeout(task, delayMs)
    timer.unref()
    return () => clearTimeout(timer)
  },
}
