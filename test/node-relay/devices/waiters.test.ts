import { beforeEach, describe, expect, it } from 'vitest'
import { createWaiters, type Waiters } from '../../../node-relay/devices/waiters.ts'

let timers: Map<() => void, number>
let waiters: Waiters

beforeEach(() => {
  timers = new Map()
  waiters = createWaiters(
    (ms, task) => {
      timers.set(task, ms)
      return () => timers.delete(task)
    },
    { total: 3, perSubject: 2 },
  )
})

/** Whether a promise is done, now. */
async function isDone(promise: Promise<unknown>): Promise<boolean> {
  let done = false
  void promise.then(() => {
    done = true
  })
  await Promise.resolve()
  await Promise.resolve()
  return done
}

describe('waiting', () => {
  it('ends with news of the subject, and of no other', async () => {
    const first = waiters.wait('a', { waitMs: 100 })
    const second = waiters.wait('b', { waitMs: 100 })
    waiters.wake('a')
    expect([await isDone(first), await isDone(second)]).toEqual([true, false])
    expect([waiters.size, timers.size]).toEqual([1, 1])
    waiters.wake('b')
    expect([await second, waiters.size, timers.size]).toEqual([true, 0, 0])
  })

  it('ends with patience', async () => {
    const waiting = waiters.wait('a', { waitMs: 100 })
    const [[task, ms]] = [...timers] as [[() => void, number]]
    expect(ms).toBe(100)
    task()
    expect([await waiting, waiters.size]).toEqual([true, 0])
  })

  it('ends when the asker hangs up, also before it began', async () => {
    const ending = new AbortController()
    const waiting = waiters.wait('a', { waitMs: 100, signal: ending.signal })
    ending.abort()
    await waiting
    await waiters.wait('a', { waitMs: 100, signal: ending.signal })
    expect([waiters.size, timers.size]).toEqual([0, 0])
  })

  it('is refused at once when too many wait, and open again when one has gone', async () => {
    const held = [waiters.wait('a', { waitMs: 100 }), waiters.wait('a', { waitMs: 100 })]
    expect(await waiters.wait('a', { waitMs: 100 })).toBe(false)
    held.push(waiters.wait('b', { waitMs: 100 }))
    expect(await waiters.wait('c', { waitMs: 100 })).toBe(false)
    waiters.wake('a')
    expect(await Promise.all(held.slice(0, 2))).toEqual([true, true])
    held.push(waiters.wait('a', { waitMs: 100 }))
    expect(waiters.size).toBe(2)
  })
})
