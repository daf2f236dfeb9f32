import { Worker } from 'node:worker_threads'
import { uintToBytes } from '../../shared/bytes.ts'
import { LaresError } from '../../shared/errors.ts'
import { type HashAnswer, type HashJob, type HashWorkerData, NONCE_SPACE } from './hash-job.ts'
import { LEAST_OF_SHARE, ShareMeter } from './share-meter.ts'

/** A small share of one core: a home PC must stay usable. */
const DEFAULT_SHARE = 0.05
/** More threads than any home PC has cores would only cost memory. */
const MAX_THREADS = 64

export interface HasherInit {
  /** Worker threads; 1 unless told. The share is split among them. */
  readonly threads?: number
  /** Share of one core over all threads, above 0; 0.05 unless told. A thread uses one core at most. */
  readonly share?: number
  /** Core time that this process has used otherwise, ms: then the share is for both, and hashing takes what is left of it. */
  readonly otherMs?: () => number
  /** Nonces to try for one header: all 2^32 unless told. */
  readonly nonceSpace?: number
}

export interface Hasher {
  /** What it takes of one core at least while it searches: all of its share, unless other work counts against it. */
  readonly sureShare: number
  /**
   * Searches the nonces of an encoded header (the nonce is its last four bytes) for a SHA-256d of at most the target.
   * The work is done in worker threads; a search in progress is called off by the next one.
   *
   * @param target 0 to 2^256 - 1
   * @returns a nonce, or undefined when none of them meets the target
   * @throws {LaresError} `search-cancelled` by the signal, a newer search or close(); `hasher-failed` when a thread died
   */
  search(template: Uint8Array, target: bigint, options?: { readonly signal?: AbortSignal }): Promise<number | undefined>
  /** Work done since the start. */
  totals(): HashTotals
  close(): Promise<void>
}

export interface HashTotals {
  readonly hashes: number
  /** Core time spent on them, ms, summed over threads. */
  readonly busyMs: number
}

interface Search {
  readonly job: number
  waiting: number
  readonly settle: (outcome: { readonly nonce: number | undefined } | LaresError) => void
}

/** @throws {LaresError} `bad-hasher` on a number of threads or a share that makes no sense: a fault of the caller */
export function createHasher(init: HasherInit = {}): Hasher {
  const { threads = 1, share = DEFAULT_SHARE, nonceSpace = NONCE_SPACE } = init
  if (!Number.isInteger(threads) || threads < 1 || threads > MAX_THREADS)
    throw new LaresError('bad-hasher', `${threads} threads; 1 to ${MAX_THREADS}`)
  if (!(share > 0 && share <= threads))
    throw new LaresError('bad-hasher', `share ${share}; above 0, at most one core a thread`)

  const control = new Int32Array(new SharedArrayBuffer(4))
  const counters = new BigInt64Array(new SharedArrayBuffer(16))
  const data: HashWorkerData = { control, counters }
  const { otherMs } = init
  let meter: ShareMeter | undefined
  const workers = new Set<Worker>()
  let current: Search | undefined
  let closed = false

  /** Every change of the number calls off whatever runs under the one before. */
  function nextJob(): number {
    const job = (Atomics.load(control, 0) + 1) | 0
    Atomics.store(control, 0, job)
    Atomics.notify(control, 0)
    return job
  }

  function callOff(why: LaresError): void {
    const search = current
    if (search === undefined) return
    nextJob()
    search.settle(why)
  }

  function onAnswer({ job, nonce }: HashAnswer): void {
    if (current === undefined || current.job !== job) return
    current.waiting--
    if (nonce === undefined && current.waiting > 0) return
    const { settle } = current
    nextJob()
    settle({ nonce })
  }

  function startWorker(): Worker {
    const worker = new Worker(new URL('./hash-worker.ts', import.meta.url), { workerData: data })
    worker.on('message', onAnswer)
    // A thread that died is missed by its search at once, and replaced by the next search.
    const onEnd = (error?: unknown) => {
      workers.delete(worker)
      if (!closed) callOff(new LaresError('hasher-failed', 'a mining thread ended', { cause: error }))
    }
    worker.on('error', onEnd)
    worker.on('exit', () => onEnd())
    workers.add(worker)
    return worker
  }

  return {
    sureShare: otherMs === undefined ? share : LEAST_OF_SHARE * share,
    search(template, target, { signal } = {}) {
      const cancelled = () => new LaresError('search-cancelled', 'the search was called off')
      callOff(cancelled())
      if (closed || signal?.aborted) return Promise.reject(cancelled())
      const targetBytes = uintToBytes(target, 32)
      while (workers.size < threads) startWorker()
      return new Promise((resolve, reject) => {
        const onAbort = () => callOff(cancelled())
        signal?.addEventListener('abort', onAbort, { once: true })
        const job = nextJob()
        current = {
          job,
          waiting: threads,
          settle(outcome) {
            current = undefined
            signal?.removeEventListener('abort', onAbort)
            if (outcome instanceof LaresError) reject(outcome)
            else resolve(outcome.nonce)
          },
        }
        if (otherMs !== undefined) meter ??= new ShareMeter({ share, otherMs })
        const threadShare = (meter?.left() ?? share) / threads
        let first = 0
        for (const worker of workers) {
          const order: HashJob = {
            job,
            template,
            target: targetBytes,
            share: threadShare,
            first,
            step: threads,
            end: nonceSpace,
          }
          worker.postMessage(order)
          first++
        }
      })
    },
    totals() {
      return { hashes: Number(Atomics.load(counters, 0)), busyMs: Number(Atomics.load(counters, 1)) / 1000 }
    },
    async close() {
      closed = true
      callOff(new LaresError('search-cancelled', 'the hasher was closed'))
      await Promise.all([...workers].map((worker) => worker.terminate()))
    },
  }
}
