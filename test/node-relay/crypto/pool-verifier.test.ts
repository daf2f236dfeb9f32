/** Signatures on worker threads: the same verdicts, in order, whatever becomes of the threads. */
import { Worker } from 'node:worker_threads'
import { afterEach, describe, expect, test } from 'vitest'
import { createPoolVerifier, type PoolVerifier, SMALL_BATCH } from '../../../node-relay/crypto/pool-verifier.ts'
import { isPackable, packChecks, unpackChecks } from '../../../node-relay/crypto/verify-job.ts'
import type { SignatureCheck } from '../../../shared/crypto/signature-verifier.ts'
import { craftSignatures, RFC_8032_VECTORS, signatureSeed } from '../../framework/signatures.ts'

const SEED = signatureSeed()
const WORKER = new URL('../../../node-relay/crypto/verify-worker.ts', import.meta.url)
const crafted = craftSignatures(SEED, 40)
const expected = crafted.map((check) => check.expected)
const [vector] = RFC_8032_VECTORS
const opened: PoolVerifier[] = []

function open(init: Parameters<typeof createPoolVerifier>[0]): PoolVerifier {
  const pool = createPoolVerifier(init)
  opened.push(pool)
  return pool
}

/** Starts real threads and remembers them. */
function watchedWorkers() {
  const workers: Worker[] = []
  const startWorker = () => {
    const worker = new Worker(WORKER)
    workers.push(worker)
    return worker
  }
  return { workers, startWorker }
}

afterEach(async () => {
  for (const pool of opened.splice(0)) await pool.close()
})

describe(`signatures on worker threads, LARES_TEST_SEED=${SEED}`, () => {
  test('verdicts are those of each class, in order, and nothing starts before there is work', async () => {
    const pool = open({ threads: 2 })
    expect(pool.threads).toBe(0)
    expect(await pool.verifyBatch(crafted)).toEqual(expected)
    expect(pool.threads).toBe(2)
    expect(await pool.verifyBatch([])).toEqual([])
    expect(await pool.verify(vector)).toBe(true)
    expect(await pool.verify({ ...vector, message: Uint8Array.of(1) })).toBe(false)
  })

  test('a small batch starts no thread', async () => {
    const pool = open({ threads: 2 })
    const small = crafted.slice(0, SMALL_BATCH - 1)
    expect(await pool.verifyBatch(small)).toEqual(expected.slice(0, SMALL_BATCH - 1))
    expect(pool.threads).toBe(0)
  })

  test('wrong lengths are false among the others, and touch no neighbour', async () => {
    const pool = open({ threads: 1, smallBatch: 0 })
    const bad: SignatureCheck[] = [
      { ...vector, publicKey: new Uint8Array(31) },
      { ...vector, signature: new Uint8Array(0) },
      { ...vector, publicKey: new Uint8Array(33) },
    ]
    const checks = [bad[0], vector, bad[1], vector, bad[2], { ...vector, message: new Uint8Array(70_000) }]
    expect(await pool.verifyBatch(checks as SignatureCheck[])).toEqual([false, true, false, true, false, false])
    expect(await pool.verifyBatch(bad)).toEqual([false, false, false])
  })

  test('a thread that dies is replaced, and its part done again', async () => {
    const { workers, startWorker } = watchedWorkers()
    const pool = open({ threads: 2, startWorker })
    const verdicts = pool.verifyBatch(crafted)
    await workers[0]?.terminate()
    expect(await verdicts).toEqual(expected)
    expect(await pool.verifyBatch(crafted)).toEqual(expected)
    expect(workers.length).toBeGreaterThan(2)
    expect(pool.threads).toBe(2)
  })

  test('threads that cannot live, or cannot be started, leave the work to libuv', async () => {
    let started = 0
    const dying = open({
      threads: 2,
      startWorker() {
        started++
        return new Worker('process.exit(1)', { eval: true })
      },
    })
    expect(await dying.verifyBatch(crafted)).toEqual(expected)
    expect(started).toBeGreaterThan(1)
    const none = open({
      startWorker() {
        throw new Error('no thread')
      },
    })
    expect(await none.verifyBatch(crafted)).toEqual(expected)
  })

  test('closing ends the threads; what is under way and what comes later still gets its verdicts', async () => {
    const pool = open({ threads: 2 })
    const underWay = pool.verifyBatch(crafted)
    await pool.close()
    expect(pool.threads).toBe(0)
    expect(await underWay).toEqual(expected)
    expect(await pool.verifyBatch(crafted)).toEqual(expected)
    expect(pool.threads).toBe(0)
  })

  test('beyond the bound of the queue a batch is verified all the same, and without the threads', async () => {
    const { workers, startWorker } = watchedWorkers()
    const pool = open({ threads: 1, queuedChecks: crafted.length - 1, startWorker })
    expect(await pool.verifyBatch(crafted)).toEqual(expected)
    expect(workers).toHaveLength(0)
    const both = await Promise.all([pool.verifyBatch(crafted.slice(1)), pool.verifyBatch(crafted)])
    expect(both).toEqual([expected.slice(1), expected])
  })

  test('what is packed unpacks to the same', () => {
    const checks = crafted
      .filter(isPackable)
      .map(({ publicKey, message, signature }) => ({ publicKey, message, signature }))
    expect(unpackChecks(packChecks(checks))).toEqual(checks)
    expect(unpackChecks(packChecks([]))).toEqual([])
  })
})
