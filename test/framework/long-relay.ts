/**
 * A relay with a long chain that gives it away slowly, for real browsers: a built chain with real work and seals, served by
 * the relay's own network host in a process of its own, so that a sync takes some seconds. It endorses, takes registrations
 * and rotations, and makes a block a second.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const CHILD = fileURLToPath(new URL('./long-relay-child.ts', import.meta.url))
const START_TIMEOUT_MS = 240_000
const ANSWER_TIMEOUT_MS = 60_000

export interface LongRelayInit {
  /** Blocks before it starts. */
  readonly blocks: number
  /** Headers in one answer, and how long each answer waits, ms. */
  readonly headersPerAnswer: number
  readonly answerDelayMs: number
}

/** Test → process. */
export type ToLongRelay = { readonly kind: 'voucher' | 'hashes'; readonly id: number }
/** Process → test; id 0 when it has started, with a join link's fragment. */
export interface FromLongRelay {
  readonly id: number
  readonly value: string | readonly string[]
}

export interface LongRelay {
  /** Fragment with a join link from genesis. */
  readonly join: string
  /** A fresh voucher as text. */
  voucher(): Promise<string>
  /** Hashes of the chain by height, hex. */
  hashes(): Promise<readonly string[]>
  stop(): Promise<void>
}

export async function startLongRelay(init: LongRelayInit): Promise<LongRelay> {
  const child = fork(CHILD, [JSON.stringify(init)], { execArgv: [] })
  const waiting = new Map<number, (value: FromLongRelay['value']) => void>()
  let nextId = 1
  child.on('message', ({ id, value }: FromLongRelay) => {
    waiting.get(id)?.(value)
    waiting.delete(id)
  })

  function answerTo(id: number, timeoutMs: number): Promise<FromLongRelay['value']> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('the relay does not answer')), timeoutMs)
      const ended = (code: number | null) => reject(new Error(`the relay ended with ${code}`))
      child.once('exit', ended)
      waiting.set(id, (value) => {
        clearTimeout(timer)
        child.off('exit', ended)
        resolve(value)
      })
    })
  }
  function ask(kind: ToLongRelay['kind']): Promise<FromLongRelay['value']> {
    const id = nextId++
    const answer = answerTo(id, ANSWER_TIMEOUT_MS)
    child.send({ kind, id } satisfies ToLongRelay)
    return answer
  }

  return {
    join: (await answerTo(0, START_TIMEOUT_MS)) as string,
    voucher: async () => (await ask('voucher')) as string,
    hashes: async () => (await ask('hashes')) as readonly string[],
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const gone = once(child, 'exit')
      child.kill('SIGKILL')
      await gone
    },
  }
}
