/** A whole relay in a process of its own, whose clocks the test sets. It really mines, at the test preset. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { RelayStatus } from '../../node-relay/facade.ts'

const CHILD = fileURLToPath(new URL('./clock-relay-child.ts', import.meta.url))
const START_TIMEOUT_MS = 60_000

/** Test → process. */
export type ToClockRelay =
  | { readonly kind: 'status'; readonly id: number }
  /** How far the two clocks are from this machine's, ms. */
  | { readonly kind: 'set'; readonly id: number; readonly wall: number; readonly steady: number }
  | { readonly kind: 'stop'; readonly id: number }

/** Process → test: id 0 when it has started. */
export interface FromClockRelay {
  readonly id: number
  readonly status: RelayStatus
}

export interface ClockRelay {
  status(): Promise<RelayStatus>
  /** Sets both clocks, as an offset from this machine's; resolves with the status after that. */
  setClocks(offset: { readonly wall: number; readonly steady: number }): Promise<RelayStatus>
  /** Ctrl-C's way out. */
  stop(): Promise<void>
}

export async function startClockRelay(init: { readonly dataDir: string; readonly mineShare: number }) {
  const child = fork(CHILD, [JSON.stringify(init)], { execArgv: [] })
  const waiting = new Map<number, (status: RelayStatus) => void>()
  let nextId = 1
  child.on('message', ({ id, status }: FromClockRelay) => {
    waiting.get(id)?.(status)
    waiting.delete(id)
  })

  function answerTo(id: number): Promise<RelayStatus> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('the relay does not answer')), START_TIMEOUT_MS)
      const ended = (code: number | null) => reject(new Error(`the relay ended with ${code}`))
      child.once('exit', ended)
      waiting.set(id, (status) => {
        clearTimeout(timer)
        child.off('exit', ended)
        resolve(status)
      })
    })
  }
  function ask(make: (id: number) => ToClockRelay): Promise<RelayStatus> {
    const id = nextId++
    const answer = answerTo(id)
    child.send(make(id))
    return answer
  }

  await answerTo(0)
  const relay: ClockRelay = {
    status: () => ask((id) => ({ kind: 'status', id })),
    setClocks: (offset) => ask((id) => ({ kind: 'set', id, ...offset })),
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const gone = once(child, 'exit')
      child.send({ kind: 'stop', id: nextId++ } satisfies ToClockRelay)
      await gone
    },
  }
  return relay
}
