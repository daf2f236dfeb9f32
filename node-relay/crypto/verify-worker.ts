import { setPriority } from 'node:os'
import { parentPort } from 'node:worker_threads'
import { createNodeVerifier } from './node-verifier.ts'
import { unpackChecks, type VerifyAnswer, type VerifyJob } from './verify-job.ts'

/** Behind the thread that serves: where cores are few, that is not to wait for these. */
const NICENESS = 10
// On Linux this is of the calling thread; elsewhere it would be of the whole process.
if (process.platform === 'linux') setPriority(0, NICENESS)

const verifier = createNodeVerifier()

parentPort?.on('message', ({ id, packed }: VerifyJob) => {
  const verdicts = Uint8Array.from(unpackChecks(packed), (check) => (verifier.verifySync(check) ? 1 : 0))
  const answer: VerifyAnswer = { id, verdicts }
  parentPort?.postMessage(answer, [verdicts.buffer])
})
