/** A relay under watch: the command line's `start` in a process of its own that tells its memory, handles and faults. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import MEMORY_FLAGS from '../../node-relay/memory-flags.json' with { type: 'json' }
import type { FastClock } from './fast-clock.ts'

const CHILD = fileURLToPath(new URL('./soak-relay-child.ts', import.meta.url))
const PATIENCE_MS = 120_000
/** pino's number for "error"; such a line, or a worse one, is a fault. */
const ERROR_LEVEL = 50

export interface SoakRelayInit {
  /** Of the command line: `start …`. */
  readonly args: readonly string[]
  /** The built page. */
  readonly webRoot: string
  readonly clock?: FastClock | undefined
}

export interface RelaySample {
  /** Bytes. */
  readonly rss: number
  /** The part of it that is the process's own, and the part that maps files (LevelDB reads its tables so); Linux, elsewhere 0. */
  readonly anonymous: number
  readonly mapped: number
  /** After a garbage collection: heap in use and what buffers hold outside of it, bytes. */
  readonly heap: number
  /** Sockets, timers, requests: whatever Node counts as active. */
  readonly handles: number
  readonly height: number
  readonly peers: number
}

/** Test → process. */
export type ToSoakRelay =
  | { readonly kind: 'sample'; readonly id: number }
  | { readonly kind: 'plant-leak'; readonly bytes: number }
  | { readonly kind: 'plant-rejection' }
  | { readonly kind: 'stop' }

/** Process → test. */
export type FromSoakRelay =
  | { readonly kind: 'sample'; readonly id: number; readonly sample: RelaySample }
  | { readonly kind: 'fault'; readonly text: string }

export interface SoakRelay {
  /** `http://127.0.0.1:…/#join=…` */
  readonly pageUrl: string
  sample(): Promise<RelaySample>
  /** Holds on to so much more. */
  plantLeak(bytes: number): void
  plantRejection(): void
  stop(): Promise<void>
}

export async function startSoakRelay(init: SoakRelayInit, onFault: (text: string) => void): Promise<SoakRelay> {
  const child = fork(CHILD, [JSON.stringify(init)], {
    execArgv: MEMORY_FLAGS.relay,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  let stopping = false
  const waiting = new Map<number, (sample: RelaySample) => void>()
  let lastId = 0
  child.on('message', (message: FromSoakRelay) => {
    if (message.kind === 'fault') return onFault(message.text)
    waiting.get(message.id)?.(message.sample)
    waiting.delete(message.id)
  })
  child.once('exit', (code) => {
    if (!stopping) onFault(`the relay ended with ${code}`)
  })
  createInterface(child.stderr as Readable).on('line', (line) => {
    if (isFault(line)) onFault(line)
  })
  const pageUrl = await banner(child)
  const send = (message: ToSoakRelay) => child.send(message)
  return {
    pageUrl,
    sample: () =>
      new Promise((resolve, reject) => {
        const id = ++lastId
        const timer = setTimeout(() => reject(new Error('the relay does not answer')), PATIENCE_MS)
        waiting.set(id, (sample) => {
          clearTimeout(timer)
          resolve(sample)
        })
        send({ kind: 'sample', id })
      }),
    plantLeak: (bytes) => void send({ kind: 'plant-leak', bytes }),
    plantRejection: () => void send({ kind: 'plant-rejection' }),
    async stop() {
      stopping = true
      if (child.exitCode !== null || child.signalCode !== null) return
      const gone = once(child, 'exit')
      send({ kind: 'stop' })
      await gone
    },
  }
}

/** A log line of level error or worse, or a line that is no log line at all. */
function isFault(line: string): boolean {
  if (line.trim() === '') return false
  try {
    return (JSON.parse(line) as { readonly level: number }).level >= ERROR_LEVEL
  } catch {
    return true
  }
}

/** The page's address on this machine, with the join link, once all is printed. */
function banner(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let output = ''
    const timer = setTimeout(() => reject(new Error(`the relay did not start:\n${output}`)), PATIENCE_MS)
    child.once('exit', (code) => reject(new Error(`the relay ended with ${code}:\n${output}`)))
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      if (/Ctrl-C stops the relay/.test(output)) return
      output += text
      const local = /http:\/\/127\.0\.0\.1:\d+\//.exec(output)?.[0]
      const join = /https?:\/\/\S+(#join=\S+)/.exec(output)?.[1]
      if (!/Ctrl-C stops the relay/.test(output) || local === undefined || join === undefined) return
      clearTimeout(timer)
      resolve(local + join)
    })
  })
}
