import { randomBytes } from 'node:crypto'
import { cpuUsage } from 'node:process'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, describe, expect, test } from 'vitest'
import { initialTargetFor, measureHashRate } from '../../../node-relay/mining/calibrate.ts'
import { createHasher, type Hasher, type HasherInit } from '../../../node-relay/mining/hasher.ts'
import { expandTarget, meetsTarget, workOfTarget } from '../../../shared/chain/target.ts'
import { sha256d } from '../../../shared/hash.ts'
import { HEADER_LENGTH } from '../../../shared/header/header.ts'
import { PRESETS } from '../../../shared/params.ts'

const open: Hasher[] = []
function hasherWith(init: HasherInit): Hasher {
  const hasher = createHasher(init)
  open.push(hasher)
  return hasher
}
afterEach(async () => {
  await Promise.all(open.splice(0).map((hasher) => hasher.close()))
})

const newTemplate = () => Uint8Array.from(randomBytes(HEADER_LENGTH))

function withNonce(template: Uint8Array, nonce: number): Uint8Array {
  const header = Uint8Array.from(template)
  new DataView(header.buffer).setUint32(HEADER_LENGTH - 4, nonce)
  return header
}

describe('hasher', () => {
  test.each([1, 3])('finds a nonce whose SHA-256d meets the target, with %i threads', async (threads) => {
    const hasher = hasherWith({ threads, share: threads })
    const template = newTemplate()
    const target = (1n << 246n) - 1n
    const nonce = await hasher.search(template, target)
    expect(nonce).toBeDefined()
    expect(meetsTarget(sha256d(withNonce(template, nonce as number)), target)).toBe(true)
    expect(hasher.totals().hashes).toBeGreaterThan(0)
  })

  test('the hash equal to the target meets it, one above does not', async () => {
    const hasher = hasherWith({ share: 1, nonceSpace: 1 })
    const template = newTemplate()
    const exact = BigInt(`0x${Buffer.from(sha256d(withNonce(template, 0))).toString('hex')}`)
    expect(await hasher.search(template, exact)).toBe(0)
    expect(await hasher.search(template, exact - 1n)).toBeUndefined()
  })

  test.each([1, 3])('tries every nonce once and says when they are used up, with %i threads', async (threads) => {
    const nonceSpace = 10_007
    const hasher = hasherWith({ threads, share: threads, nonceSpace })
    expect(await hasher.search(newTemplate(), 0n)).toBeUndefined()
    expect(hasher.totals().hashes).toBe(nonceSpace)
  })

  test('a signal calls a search off promptly, even in the middle of a long idle', async () => {
    const hasher = hasherWith({ share: 0.001 })
    await hasher.search(newTemplate(), (1n << 256n) - 1n)
    const abort = new AbortController()
    const search = hasher.search(newTemplate(), 0n, { signal: abort.signal })
    await delay(50)
    const begin = performance.now()
    abort.abort()
    await expect(search).rejects.toMatchObject({ code: 'search-cancelled' })
    expect(performance.now() - begin).toBeLessThan(500)
    // The thread rests for what it worked, about a second, and takes the next.
    expect(await hasher.search(newTemplate(), (1n << 256n) - 1n)).toBe(0)
  })

  test('a newer search calls off the one before; an aborted signal starts none', async () => {
    const hasher = hasherWith({ share: 1 })
    const first = hasher.search(newTemplate(), 0n)
    const second = hasher.search(newTemplate(), (1n << 256n) - 1n)
    await expect(first).rejects.toMatchObject({ code: 'search-cancelled' })
    expect(await second).toBe(0)
    await expect(hasher.search(newTemplate(), 1n, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'search-cancelled',
    })
  })

  test('close ends a search; a closed hasher starts none', async () => {
    const hasher = hasherWith({ share: 1 })
    const search = hasher.search(newTemplate(), 0n)
    const rejected = expect(search).rejects.toMatchObject({ code: 'search-cancelled' })
    await hasher.close()
    await rejected
    await expect(hasher.search(newTemplate(), 0n)).rejects.toMatchObject({ code: 'search-cancelled' })
  })

  test('keeps to its share of one core over all threads', async () => {
    const hasher = hasherWith({ threads: 2, share: 0.1 })
    await hasher.search(newTemplate(), (1n << 256n) - 1n)
    const before = hasher.totals().busyMs
    const cpuBefore = cpuUsage()
    const abort = new AbortController()
    const search = hasher.search(newTemplate(), 0n, { signal: abort.signal })
    const begin = performance.now()
    await delay(2_000)
    abort.abort()
    await expect(search).rejects.toThrow()
    const elapsed = performance.now() - begin
    const { user, system } = cpuUsage(cpuBefore)
    // One slice over at most for each thread; the process does nothing else meanwhile.
    expect((hasher.totals().busyMs - before) / elapsed).toBeLessThan(0.13)
    expect((user + system) / 1000 / elapsed).toBeLessThan(0.25)
    expect(hasher.totals().busyMs - before).toBeGreaterThan(0)
  })

  test('keeps to its share over many searches that find within a slice', async () => {
    const hasher = hasherWith({ share: 0.05 })
    await hasher.search(newTemplate(), (1n << 256n) - 1n)
    const before = hasher.totals().busyMs
    const begin = performance.now()
    while (performance.now() - begin < 1_500) await hasher.search(newTemplate(), (1n << 256n) / 1_000n)
    const share = (hasher.totals().busyMs - before) / (performance.now() - begin)
    expect(share).toBeGreaterThan(0)
    expect(share).toBeLessThan(0.065)
  })

  test('leaves to the rest of the program what that takes of the share', async () => {
    const full = hasherWith({ share: 0.2 })
    expect(full.sureShare).toBe(0.2)
    // As much as the whole share: half of it is always for mining.
    const shared = hasherWith({ share: 0.2, otherMs: () => 0.2 * 1_000 * performance.now() })
    expect(shared.sureShare).toBe(0.1)
    const busy = async (hasher: Hasher) => {
      await hasher.search(newTemplate(), (1n << 256n) - 1n)
      await hasher.search(newTemplate(), (1n << 256n) - 1n)
      const before = hasher.totals().busyMs
      await expect(hasher.search(newTemplate(), 0n, { signal: AbortSignal.timeout(1_500) })).rejects.toThrow()
      return hasher.totals().busyMs - before
    }
    expect(await busy(shared)).toBeLessThan(0.75 * (await busy(full)))
  })

  test.each([{ threads: 0 }, { threads: 1.5 }, { share: 0 }, { share: 1.01 }, { share: Number.NaN }])(
    'refuses %j',
    (init) => {
      expect(() => createHasher(init)).toThrow(expect.objectContaining({ code: 'bad-hasher' }))
    },
  )
})

describe('calibration', () => {
  test('measures a rate within the share', async () => {
    const full = await measureHashRate(hasherWith({ share: 1 }), 200)
    const tenth = await measureHashRate(hasherWith({ share: 0.1 }), 300)
    expect(full).toBeGreaterThan(1_000)
    // The machine may be busy with other tests; the share itself is a factor of ten.
    expect(tenth).toBeLessThan(full / 2)
    expect(tenth).toBeGreaterThan(0)
  })

  test.each([
    ['home', 5_000],
    ['home', 120_000],
    ['test', 40_000],
  ] as const)('%s network, %i hashes/s: one block each spacing is expected', (preset, rate) => {
    const parameters = PRESETS[preset]
    const work = Number(workOfTarget(expandTarget(initialTargetFor(rate, parameters)) as bigint))
    expect(work / ((rate * parameters.spacingMs) / 1000)).toBeCloseTo(1, 2)
  })

  test.each([0, 1, 7])('never easier than the limit: %i hashes/s', (rate) => {
    expect(initialTargetFor(rate, PRESETS.test)).toBe(PRESETS.test.targetLimit)
  })
})
