import type { Patience } from './door.ts'

/** Requests held open for news, of all and for one subject; more are told to ask again later. */
export const MAX_WAITERS = 256
export const MAX_WAITERS_PER_SUBJECT = 4

export interface Waiters {
  readonly size: number
  /**
   * Waits for {@link wake} of the subject, the end of patience, or the caller's signal, whichever is first.
   * @returns false, at once, when no more can wait
   */
  wait(subject: string, patience: Patience): Promise<boolean>
  /** Lets everyone go on who waits for the subject. */
  wake(subject: string): void
}

/** @param after runs a task once after so many ms, and returns what calls it off */
export function createWaiters(
  after: (ms: number, task: () => void) => () => void,
  limits: { readonly total?: number; readonly perSubject?: number } = {},
): Waiters {
  const { total = MAX_WAITERS, perSubject = MAX_WAITERS_PER_SUBJECT } = limits
  const waiting = new Map<string, Set<() => void>>()
  let size = 0
  return {
    get size() {
      return size
    },
    wait(subject, { waitMs, signal }) {
      const others = waiting.get(subject) ?? new Set()
      if (size >= total || others.size >= perSubject) return Promise.resolve(false)
      return new Promise((resolve) => {
        const done = () => {
          if (!others.delete(done)) return
          size--
          if (others.size === 0) waiting.delete(subject)
          cancel()
          signal?.removeEventListener('abort', done)
          resolve(true)
        }
        waiting.set(subject, others)
        others.add(done)
        size++
        const cancel = after(waitMs, done)
        if (signal?.aborted === true) done()
        else signal?.addEventListener('abort', done, { once: true })
      })
    },
    wake(subject) {
      for (const done of [...(waiting.get(subject) ?? [])]) done()
    },
  }
}
