/** Feeds mutated inputs to what must take anything: nothing may be thrown, hang, or eat memory. */
import { writeSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { getHeapStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Worker } from 'node:worker_threads'
import { FuzzRandom } from './random.ts'

export interface FuzzTarget<Input = unknown> {
  /** Unique; part of what its inputs follow from. */
  readonly name: string
  /** Its part of all inputs, in relation to the others'. */
  readonly share: number
  make(random: FuzzRandom): Input
  /** Throws or rejects when something is wrong with what became of the input. */
  check(input: Input): void | Promise<void>
  /** The input as text, for a report; default JSON with bytes as hex. */
  show?(input: Input): string
}

export interface FuzzFinding {
  readonly target: string
  /** With seed and target's name it makes the input again. */
  readonly index: number
  readonly message: string
  readonly input: string
}

export interface FuzzFigures {
  readonly name: string
  readonly inputs: number
  readonly seconds: number
  /** Slowest input, ms of processor time. */
  readonly maxMs: number
  /** Most heap and buffers that one input asked for between two collections, bytes. */
  readonly maxAllocated: number
  /** Growth of heap and buffers over all inputs, after garbage collections, bytes. */
  readonly grown: number
}

export interface FuzzReport {
  readonly figures: readonly FuzzFigures[]
  readonly findings: readonly FuzzFinding[]
  /** Most resident memory of the process, bytes. */
  readonly peakRss: number
}

export interface FuzzInit {
  readonly targets: readonly FuzzTarget[]
  readonly inputs: number
  readonly seed: number
  readonly limits?: Partial<FuzzLimits>
  /** Kills the process when one input does not end, which no exception can report. Default true. */
  readonly watch?: boolean
  readonly onTarget?: (figures: FuzzFigures) => void
}

export interface FuzzLimits {
  /** One input, ms of processor time. */
  readonly inputMs: number
  /** One input, bytes beyond its own and what came to be by the way. */
  readonly allocated: number
  /** All inputs of a target, bytes after garbage collection. */
  readonly grown: number
  /** One input, ms of the process's processor time, before the process is killed. */
  readonly hangMs: number
}

const MB = 1_000_000
const LIMITS: FuzzLimits = { inputMs: 1_000, allocated: 96 * MB, grown: 24 * MB, hangMs: 30_000 }
/** Findings kept of one target; more of the same say no more. */
const FINDINGS_KEPT = 10
/** Characters of an input in a report. */
const SHOWN = 4_000
/** Resident memory is read every so many inputs. */
const RSS_EVERY = 1_024

/** Memory that is still held is looked at again, so often and so many ms apart: what has leaked stays. */
const LOOKS = 30
const LOOK_MS = 100

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

export async function runFuzz(init: FuzzInit): Promise<FuzzReport> {
  const limits = { ...LIMITS, ...init.limits }
  const shares = init.targets.reduce((sum, { share }) => sum + share, 0)
  const figures: FuzzFigures[] = []
  const findings: FuzzFinding[] = []
  let peakRss = 0
  const watchdog = init.watch === false ? undefined : startWatchdog(limits.hangMs)
  let current: { target: FuzzTarget; index: number; input: unknown } | undefined
  const stray = (error: unknown) =>
    current && note(current.target, current.index, current.input, `unhandled: ${text(error)}`)
  process.on('unhandledRejection', stray)
  process.on('uncaughtException', stray)

  function note(target: FuzzTarget, index: number, input: unknown, message: string): void {
    if (findings.filter((one) => one.target === target.name).length >= FINDINGS_KEPT) return
    const shown = input === undefined ? '' : (target.show ?? show)(input).slice(0, SHOWN)
    findings.push({ target: target.name, index, message, input: shown })
  }

  collectGarbage()
  let settled = heap()
  try {
    for (const target of init.targets) {
      const inputs = Math.max(1, Math.ceil((init.inputs * target.share) / shares))
      const started = performance.now()
      let maxMs = 0
      let maxAllocated = 0
      for (let index = 0; index < inputs; index++) {
        const input = target.make(new FuzzRandom(init.seed, target.name, index))
        current = { target, index, input }
        watchdog?.beat(target.name, index)
        const before = heap()
        const cpu = process.cpuUsage()
        try {
          const outcome = target.check(input)
          if (outcome !== undefined) await outcome
        } catch (error) {
          note(target, index, input, text(error))
        }
        const { user } = process.cpuUsage(cpu)
        // Negative when a collection ran in between: then this input says nothing.
        const allocated = heap() - before
        if (user / 1_000 > limits.inputMs) note(target, index, input, `took ${Math.round(user / 1_000)} ms`)
        if (allocated > limits.allocated) note(target, index, input, `asked for ${allocated} bytes`)
        maxMs = Math.max(maxMs, user / 1_000)
        maxAllocated = Math.max(maxAllocated, allocated)
        if (index % RSS_EVERY === 0) peakRss = Math.max(peakRss, process.memoryUsage.rss())
      }
      const seconds = (performance.now() - started) / 1_000
      // What was thrown into the air lands before the next target; sockets that were cut off take a while to let go.
      let grown = await growth(settled)
      for (let look = 0; look < LOOKS && grown > limits.grown; look++) {
        await pause(LOOK_MS)
        grown = await growth(settled)
      }
      settled += grown
      if (grown > limits.grown) note(target, inputs, undefined, `kept ${grown} bytes after ${inputs} inputs`)
      const one = { name: target.name, inputs, seconds, maxMs, maxAllocated, grown }
      figures.push(one)
      init.onTarget?.(one)
    }
  } finally {
    process.off('unhandledRejection', stray)
    process.off('uncaughtException', stray)
    await watchdog?.stop()
  }
  return { figures, findings, peakRss: Math.max(peakRss, process.memoryUsage.rss()) }
}

/** Heap and buffers beyond what there was, bytes, after a garbage collection. */
async function growth(before: number): Promise<number> {
  await new Promise((resolve) => setImmediate(resolve))
  collectGarbage()
  return heap() - before
}

function heap(): number {
  const { used_heap_size: used, external_memory: external } = getHeapStatistics()
  return used + external
}

function text(error: unknown): string {
  return error instanceof Error
    ? `${error.name}: ${error.message}\n${error.stack?.split('\n').slice(1, 4).join('\n')}`
    : String(error)
}

/** A value as text: JSON, with bytes as hex. */
export function show(input: unknown): string {
  if (input instanceof Uint8Array) return Buffer.from(input).toString('hex')
  if (typeof input === 'string') return input
  return JSON.stringify(input, (_key, value: unknown) =>
    value instanceof Uint8Array
      ? Buffer.from(value).toString('hex')
      : typeof value === 'bigint'
        ? String(value)
        : value,
  )
}

interface Watchdog {
  beat(target: string, index: number): void
  stop(): Promise<number>
}

/**
 * A thread that kills the process when no new input begins while it works for so long; a hang leaves no other way to say
 * so. Work is counted, not time: a machine with other work may leave it waiting for minutes.
 */
function startWatchdog(hangMs: number): Watchdog {
  const shared = new SharedArrayBuffer(256)
  const count = new BigInt64Array(shared, 0, 1)
  const name = new Uint8Array(shared, 8)
  let last = ''
  const worker = new Worker(
    `const { workerData } = require('node:worker_threads')
     const { writeSync } = require('node:fs')
     const count = new BigInt64Array(workerData.shared, 0, 1), name = new Uint8Array(workerData.shared, 8)
     let seen = -1n, since = 0
     setInterval(() => {
       const now = Atomics.load(count, 0)
       const { user, system } = process.cpuUsage()
       const worked = (user + system) / 1000
       if (now !== seen) { seen = now; since = worked; return }
       if (worked - since < workerData.hangMs) return
       writeSync(2, 'HANG in ' + Buffer.from(name).toString().replaceAll('\\0', '') + ', input ' + (now & 0xffffffffn) + '\\n')
       process.kill(process.pid, 'SIGKILL')
     }, 1000)`,
    { eval: true, workerData: { shared, hangMs } },
  )
  worker.unref()
  worker.on('error', (error) => writeSync(2, `the watchdog failed: ${error.message}\n`))
  let beats = 0n
  return {
    beat(target, index) {
      if (target !== last) {
        last = target
        name.fill(0)
        new TextEncoder().encodeInto(target, name)
        beats += 1n << 32n
      }
      Atomics.store(count, 0, (beats & ~0xffffffffn) | BigInt(index))
    },
    stop: () => worker.terminate(),
  }
}
