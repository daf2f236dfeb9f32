import { parentPort, workerData } from 'node:worker_threads'
import { BATCH_NONCES, type HashAnswer, type HashJob, type HashWorkerData, SLICE_MS } from './hash-job.ts'
import { searchBatch } from './search-batch.ts'

const { control, counters, share } = workerData as HashWorkerData

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

/** Works a slice, idles for its share, and so on, until it finds, runs out or is called off. */
function search({ job, template, target, first, step, end }: HashJob): number | undefined {
  const header = Buffer.from(template)
  const targetText = Buffer.from(target).toString('latin1')
  let nonce = first
  while (nonce < end && isWanted(job)) {
    const begin = coreTime()
    let worked = 0
    let hashes = 0
    let found: number | undefined
    while (worked < SLICE_MS && nonce < end && found === undefined && isWanted(job)) {
      const count = Math.min(BATCH_NONCES, Math.ceil((end - nonce) / step))
      found = searchBatch(header, targetText, nonce, step, count)
      hashes += found === undefined ? count : (found - nonce) / step + 1
      nonce += count * step
      worked = coreTime() - begin
    }
    Atomics.add(counters, 0, BigInt(hashes))
    Atomics.add(counters, 1, BigInt(Math.round(worked * 1000)))
    if (found !== undefined) return found
    // Sleeps without a timer, and wakes at once when another job is wanted.
    if (share < 1) Atomics.wait(control, 0, job, worked / share - worked)
  }
  return undefined
}

parentPort?.on('message', (job: HashJob) => {
  const answer: HashAnswer = { job: job.job, nonce: search(job) }
  parentPort?.postMessage(answer)
})
