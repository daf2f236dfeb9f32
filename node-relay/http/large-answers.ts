import type { ServerResponse } from 'node:http'
import { LARGE_ANSWER_TIMEOUT_MS, MAX_LARGE_ANSWERS } from './limits.ts'

/** Lets in a few answers of many megabytes at a time: each stays in memory until its reader has taken all of it. */
export interface LargeAnswers {
  /** False: full, and the asker is to come again. Else the place is kept until the answer has gone, or its time is over. */
  enter(response: ServerResponse): boolean
}

export function createLargeAnswers({
  limit = MAX_LARGE_ANSWERS,
  timeoutMs = LARGE_ANSWER_TIMEOUT_MS,
} = {}): LargeAnswers {
  let underWay = 0
  return {
    enter(response) {
      if (underWay >= limit) return false
      underWay++
      // Who reads slowly would keep the place from all others.
      const timer = setTimeout(() => response.destroy(), timeoutMs)
      timer.unref()
      response.once('close', () => {
        clearTimeout(timer)
        underWay--
      })
      return true
    },
  }
}
