import { parentPort, workerData } from 'node:worker_threads'
import { BATCH_NONCES, type HashAnswer, type HashJob, type HashWorkerData, REST_MS, SLICE_MS } from './hash-job.ts'
import { searchBatch } from './search-batch.ts'

const { control, counters } = workerData as HashWorkerData

function isWanted(job: number): boolean {
  return Atomics.load(control, 0) === job
}

/**
 * Core time of this thread, ms. Not the clock's: on a busy PC a slice takes longer without working more, and the share would
 * shrink with every other program that runs.
 */
function coreTime(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}

/** What was worked is rested for until then, also by the next search: most are called off, or find, within one slice. */
let restUntil = 0

/** Sleeps without a timer, and wakes at once when another job is wanted. */
function rest(job: number): void {
  const ms = restUntil - performance.now()
  if (ms > 0) Atomics.wait(control, 0, job, ms)
}

/** Works a slice, idles for its share, and so on, until it finds, runs out or is called off. */
function search({ job, template, target, share, first, step, end }: HashJob): number | undefined {
  const sliceMs = Math.min(SLICE_MS, REST_MS * share)
  const header = Buffer.from(template)
  const targetText = Buffer.from(target).toString('latin1')
  let nonce = first
  for (;;) {
    rest(job)
    if (nonce >= end || !isWanted(job)) return undefined
    const begin = coreTime()
    let worked = 0
    let hashes = 0
    let found: number | undefined
    while (worked < sliceMs && nonce < end && found === undefined && isWanted(job)) {
      const count = Math.min(BATCH_NONCES, Math.ceil((end - nonce) / step))
      found = searchBatch(header, targetText, nonce, step, count)
      hashes += found === undefined ? count : (found - nonce) / step + 1
      nonce += count * step
      worked = coreTime() - begin
    }
    Atomics.add(counters, 0, BigInt(hashes))
    Atomics.add(counters, 1, BigInt(Math.round(worked * 1000)))
    restUntil = performance.now() + worked / share - worked
    if (found !== undefined) return found
  }
}

parentPort?.on('message', (job: HashJob) => {
  const answer: HashAnswer = { job: job.job, nonce: search(job) }
  parentPort?.postMessage(answer)
})
