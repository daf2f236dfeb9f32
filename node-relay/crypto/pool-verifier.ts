import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { SignatureCheck, SignatureVerifier } from '../../shared/crypto/signature-verifier.ts'
import { createNodeVerifier } from './node-verifier.ts'
import { isPackable, packChecks, type VerifyAnswer, type VerifyJob } from './verify-job.ts'

/** As many threads as cores, up to this: each takes up to 24 MiB, and more would outrun the thread that feeds them. */
export const MAX_VERIFY_THREADS = 4
/** MiB. A thread holds some imported keys and a few chunks; V8 would let its young objects take 16 MiB or more. */
const THREAD_LIMITS = { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 32 }
/** Below this many checks a batch runs on libuv's threads: there is not enough to share out, and no thread to start. */
export const SMALL_BATCH = 32
/** Checks handed over in one message: 10 to 20 ms of work, so that all threads end a batch at about the same time. */
const CHUNK_CHECKS = 64
/** Chunks copied to one thread at once: the second is there when the first is done, also while the main thread is busy. */
const CHUNKS_PER_THREAD = 4
/** Checks that wait for a thread, as the caller holds them. A batch that would go beyond runs on libuv's threads. */
export const MAX_QUEUED_CHECKS = 65_536
/** A chunk whose thread died this often is done on libuv's threads. */
const MAX_DEATHS = 2
/** Threads without work are ended after this long, ms: an idle relay has none. */
const IDLE_MS = 30_000

export interface PoolVerifierInit {
  /** Threads at most; one for each core unless told. */
  readonly threads?: number
  /** Checks from which a batch is worth the threads. */
  readonly smallBatch?: number
  readonly queuedChecks?: number
  readonly startWorker?: () => Worker
}

export interface PoolVerifier extends SignatureVerifier {
  /** Threads that live now. */
  readonly threads: number
  /** Ends the threads. What they have not answered, and whatever comes later, runs on libuv's threads. */
  close(): Promise<void>
}

interface Chunk {
  readonly checks: readonly SignatureCheck[]
  deaths: number
  settle(verdicts: ArrayLike<boolean | number> | Promise<boolean[]>): void
}

interface Thread {
  readonly worker: Worker
  readonly chunks: Map<number, Chunk>
}

/**
 * Verifies large batches on worker threads, where the key import and the rules before the engine run, too. The threads run
 * the same verifier as {@link createNodeVerifier}, so a verdict does not depend on where it was found.
 */
export function createPoolVerifier(init: PoolVerifierInit = {}): PoolVerifier {
  const limit = Math.min(MAX_VERIFY_THREADS, Math.max(1, init.threads ?? availableParallelism()))
  const { queuedChecks = MAX_QUEUED_CHECKS, startWorker = startVerifyWorker } = init
  const inline = createNodeVerifier()
  // The fallback would hold the event loop, however short the batch.
  const smallBatch = inline.engine === 'noble' ? 0 : (init.smallBatch ?? SMALL_BATCH)
  const threads = new Set<Thread>()
  const queue: Chunk[] = []
  let queued = 0
  let nextId = 1
  let idle: NodeJS.Timeout | undefined
  let isClosed = false

  /** undefined when the system gives no thread. */
  function startThread(): Thread | undefined {
    let worker: Worker
    try {
      worker = startWorker()
    } catch {
      return undefined
    }
    const thread: Thread = { worker, chunks: new Map() }
    worker.on('message', ({ id, verdicts }: VerifyAnswer) => {
      const chunk = thread.chunks.get(id)
      thread.chunks.delete(id)
      chunk?.settle(verdicts)
      dispatch()
    })
    const onEnd = () => {
      if (!threads.delete(thread)) return
      for (const chunk of thread.chunks.values()) giveBack(chunk)
      thread.chunks.clear()
      dispatch()
    }
    worker.on('error', onEnd)
    worker.on('exit', onEnd)
    threads.add(thread)
    return thread
  }

  /** The thread died with it: another does it again. */
  function giveBack(chunk: Chunk): void {
    chunk.deaths++
    if (isClosed || chunk.deaths >= MAX_DEATHS) chunk.settle(inline.verifyBatch(chunk.checks))
    else {
      queue.unshift(chunk)
      queued += chunk.checks.length
    }
  }

  function dispatch(): void {
    for (let chunk = queue[0]; chunk !== undefined; chunk = queue[0]) {
      const thread = leastBusy()
      if (thread === undefined && threads.size > 0) return
      queue.shift()
      queued -= chunk.checks.length
      if (thread === undefined) {
        chunk.settle(inline.verifyBatch(chunk.checks))
        continue
      }
      const job: VerifyJob = { id: nextId++, packed: packChecks(chunk.checks) }
      thread.chunks.set(job.id, chunk)
      // Only work keeps the process alive.
      thread.worker.ref()
      thread.worker.postMessage(job, [job.packed.buffer])
    }
    for (const { worker, chunks } of threads) if (chunks.size === 0) worker.unref()
    rest()
  }

  function leastBusy(): Thread | undefined {
    const [first] = [...threads].sort((a, b) => a.chunks.size - b.chunks.size)
    if (first?.chunks.size === 0) return first
    const another = threads.size < limit ? startThread() : undefined
    if (another !== undefined) return another
    return first !== undefined && first.chunks.size < CHUNKS_PER_THREAD ? first : undefined
  }

  function rest(): void {
    clearTimeout(idle)
    if (isClosed) return
    idle = setTimeout(() => {
      for (const thread of threads) {
        if (thread.chunks.size > 0) continue
        threads.delete(thread)
        void thread.worker.terminate()
      }
    }, IDLE_MS).unref()
  }

  /** Verdicts of checks that can be packed, in order. */
  async function onThreads(checks: readonly SignatureCheck[]): Promise<boolean[]> {
    const chunks: Promise<ArrayLike<boolean | number>>[] = []
    for (let start = 0; start < checks.length; start += CHUNK_CHECKS) {
      const part = checks.slice(start, start + CHUNK_CHECKS)
      chunks.push(new Promise((resolve) => queue.push({ checks: part, deaths: 0, settle: resolve })))
      queued += part.length
    }
    dispatch()
    const verdicts: boolean[] = []
    for (const part of await Promise.all(chunks)) for (const one of Array.from(part)) verdicts.push(Boolean(one))
    return verdicts
  }

  return {
    get threads() {
      return threads.size
    },
    verify: async (check) => (await inline.verifyBatch([check]))[0] === true,
    async verifyBatch(checks) {
      if (isClosed || checks.length < smallBatch || queued + checks.length > queuedChecks)
        return await inline.verifyBatch(checks)
      const packable = checks.filter(isPackable)
      const verdicts = await onThreads(packable)
      if (packable.length === checks.length) return verdicts
      let next = 0
      return checks.map((check) => isPackable(check) && verdicts[next++] === true)
    },
    async close() {
      isClosed = true
      clearTimeout(idle)
      for (const chunk of queue.splice(0)) chunk.settle(inline.verifyBatch(chunk.checks))
      queued = 0
      const ending = [...threads]
      await Promise.all(ending.map(({ worker }) => worker.terminate()))
    },
  }
}

function startVerifyWorker(): Worker {
  const worker = new Worker(new URL('./verify-worker.ts', import.meta.url), { resourceLimits: THREAD_LIMITS })
  worker.unref()
  return worker
}
