import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createClockGuard } from '../../../node-relay/mining/clock-guard.ts'
import { createHasher, type Hasher } from '../../../node-relay/mining/hasher.ts'
import {
  type BlockSource,
  createMiner,
  type Miner,
  type MinerInit,
  type MiningTemplate,
  refreshMsOf,
  type SubmitOutcome,
} from '../../../node-relay/mining/miner.ts'
import { createSealGuard, MAX_SEALED_PARENTS } from '../../../node-relay/mining/seal-guard.ts'
import { type MinerClock, systemClock } from '../../../node-relay/mining/system-clock.ts'
import { maxAhead } from '../../../shared/chain/clock-rules.ts'
import { expandTarget, meetsTarget } from '../../../shared/chain/target.ts'
import { createNobleVerifier } from '../../../shared/crypto/noble-verifier.ts'
import { createSeedSigner } from '../../../shared/crypto/signer.ts'
import { LaresError } from '../../../shared/errors.ts'
import { type Header, hashHeader, type SealedHeader } from '../../../shared/header/header.ts'
import { sealCheck } from '../../../shared/header/seal.ts'
import { PRESETS } from '../../../shared/params.ts'

const HOUR = 3_600_000
const START = Date.UTC(2026, 4, 1)
const parameters = PRESETS.test
const networkId = new Uint8Array(32).fill(9)
const hashOf = (byte: number) => new Uint8Array(32).fill(byte)

/** Lets everything that is ready run. */
const settle = () => new Promise((resolve) => setImmediate(resolve))

class FakeClock implements MinerClock {
  wall = START
  uptime = 0
  #timers: { at: number; task: () => void }[] = []
  now = () => this.wall
  steady = () => this.uptime
  after(delayMs: number, task: () => void): () => void {
    const timer = { at: this.uptime + delayMs, task }
    this.#timers.push(timer)
    return () => {
      this.#timers = this.#timers.filter((one) => one !== timer)
    }
  }
  get pending(): number {
    return this.#timers.length
  }
  async run(ms: number, stepMs = 50): Promise<void> {
    for (let passed = 0; passed < ms; passed += stepMs) {
      this.wall += stepMs
      this.uptime += stepMs
      const due = this.#timers.filter(({ at }) => at <= this.uptime)
      this.#timers = this.#timers.filter(({ at }) => at > this.uptime)
      for (const { task } of due) task()
      await settle()
    }
  }
}

/** Finds when it is told to. */
class FakeHasher implements Hasher {
  readonly sureShare = 1
  searches: Uint8Array[] = []
  hashes = 0
  find: ((nonce: number) => void) | undefined
  broken = false
  search(
    template: Uint8Array,
    _target: bigint,
    { signal }: { signal?: AbortSignal } = {},
  ): Promise<number | undefined> {
    if (this.broken) return Promise.reject(new LaresError('hasher-failed', 'a mining thread ended'))
    this.searches.push(template)
    return new Promise((resolve, reject) => {
      this.find = resolve
      const cancel = () => reject(new LaresError('search-cancelled', ''))
      if (signal?.aborted) cancel()
      signal?.addEventListener('abort', cancel)
    })
  }
  totals = () => ({ hashes: this.hashes, busyMs: 0 })
  close = () => Promise.resolve()
}

class FakeSource implements BlockSource<MiningTemplate> {
  parent: { hash: Uint8Array; time: number } = { hash: hashOf(1), time: START - 1_000 }
  asked: number[] = []
  submitted: SealedHeader[] = []
  outcome: SubmitOutcome | Error = 'stored'
  wait: string | undefined
  broken: Error | undefined
  tipTime = () => this.parent.time
  async template(time: number) {
    this.asked.push(time)
    if (this.broken) throw this.broken
    if (this.wait !== undefined) return { wait: this.wait }
    return { header: headerOn(this.parent.hash, Math.max(time, this.parent.time + 1)) }
  }
  async submit(sealed: SealedHeader) {
    this.submitted.push(sealed)
    if (this.outcome instanceof Error) throw this.outcome
    if (this.outcome === 'stored') this.parent = { hash: hashHeader(sealed.header), time: sealed.header.time }
    return this.outcome
  }
}

function headerOn(previousHash: Uint8Array, time: number): Header {
  const root = hashOf(0)
  return {
    version: 1,
    height: 5,
    time,
    previousHash,
    transactionRoot: root,
    stateRoot: root,
    historyRoot: root,
    rosterRoot: root,
    target: parameters.initialTarget,
    seat: 0,
    nonce: 0,
  }
}

const key = createSeedSigner(hashOf(3))
let signed: number
let clock: FakeClock
let hasher: FakeHasher
let source: FakeSource
let states: string[]
let miner: Miner

function minerWith(init: Partial<MinerInit<MiningTemplate>> = {}): Miner {
  miner = createMiner({
    networkId,
    parameters,
    hasher,
    clock,
    source,
    guard: createClockGuard({ parameters, genesisTime: START - HOUR }),
    signer: {
      publicKey: key.publicKey,
      sign(message) {
        signed++
        return key.sign(message)
      },
    },
    onState: (state) => states.push(state.kind),
    ...init,
  })
  miner.start()
  return miner
}

beforeEach(() => {
  signed = 0
  clock = new FakeClock()
  hasher = new FakeHasher()
  source = new FakeSource()
  states = []
})
afterEach(async () => {
  await miner.stop()
  expect(clock.pending).toBe(0)
  expect(miner.state.kind).toBe('off')
})

describe('miner', () => {
  test('searches the header it got, seals it and hands it in, then goes on above it', async () => {
    const stored: Header[] = []
    minerWith({ onSealed: ({ header }) => stored.push(header) })
    await settle()
    expect(source.asked).toEqual([START])
    hasher.find?.(77)
    await settle()
    const [sealed] = source.submitted
    expect(sealed?.header).toEqual({ ...headerOn(hashOf(1), START), nonce: 77 })
    const check = sealCheck(networkId, hashHeader(sealed!.header), sealed!.seal, key.publicKey)
    expect(await createNobleVerifier().verify(check)).toBe(true)
    expect(stored).toEqual([sealed?.header])
    await clock.run(300)
    hasher.find?.(78)
    await settle()
    expect(source.submitted[1]?.header.previousHash).toEqual(hashHeader(sealed!.header))
    expect(states).toEqual(['mining'])
  })

  test('takes a new template each tenth of a spacing, from 250 ms to 3 s', async () => {
    minerWith()
    await settle()
    await clock.run(1_000)
    expect(source.asked).toEqual([0, 250, 500, 750, 1_000].map((ms) => START + ms))
    expect(refreshMsOf(parameters)).toBe(250)
    expect(refreshMsOf({ spacingMs: 12_000 })).toBe(1_200)
    expect(refreshMsOf(PRESETS.home)).toBe(3_000)
  })

  test('a new tip ends the search at once, and a pause too', async () => {
    minerWith()
    await settle()
    source.parent = { hash: hashOf(2), time: START - 10 }
    miner.refresh()
    await settle()
    expect(source.asked).toHaveLength(2)
    source.wait = 'no seat'
    miner.refresh()
    await settle()
    expect(miner.state).toEqual({ kind: 'waiting', sentence: 'no seat' })
    source.wait = undefined
    miner.refresh()
    await settle()
    expect(miner.state.kind).toBe('mining')
  })

  test('never signs two headers on one parent', async () => {
    source.outcome = 'stale'
    minerWith()
    await settle()
    hasher.find?.(1)
    await clock.run(2_000)
    expect(miner.state.kind).toBe('waiting')
    expect([signed, source.submitted.length]).toEqual([1, 1])
    source.parent = { hash: hashOf(2), time: START - 10 }
    miner.refresh()
    await settle()
    expect(miner.state.kind).toBe('mining')
    source.parent = { hash: hashOf(1), time: START - 1_000 }
    await clock.run(1_000)
    expect([miner.state.kind, signed]).toEqual(['waiting', 1])
  })

  test('nor on one that was sealed before a restart', async () => {
    minerWith({ sealedBefore: [{ parentHash: hashOf(1), headerHash: hashOf(8) }] })
    await clock.run(1_000)
    expect([miner.state.kind, hasher.searches.length]).toEqual(['waiting', 0])
  })

  test('a block that could not be stored is handed in again, the very same', async () => {
    source.outcome = new Error('disk full')
    minerWith()
    await settle()
    hasher.find?.(1)
    await clock.run(3_500)
    expect(miner.state).toMatchObject({ kind: 'failed', sentence: expect.stringContaining('disk full') })
    source.outcome = 'stored'
    await clock.run(1_500)
    expect(miner.state.kind).toBe('mining')
    expect(signed).toBe(1)
    expect(source.submitted.length).toBeGreaterThan(3)
    expect(new Set(source.submitted).size).toBe(1)
  })

  test('what was searched for one key is not sealed with another', async () => {
    let present = key
    const next = createSeedSigner(hashOf(4))
    minerWith({
      signer: {
        get publicKey() {
          return present.publicKey
        },
        sign(message) {
          signed++
          return present.sign(message)
        },
      },
    })
    await settle()
    present = next
    hasher.find?.(1)
    await settle()
    expect(signed).toBe(0)
    await settle()
    hasher.find?.(2)
    await settle()
    expect([signed, source.submitted.length]).toEqual([1, 1])
  })

  test('a key that fails is asked again for the same header', async () => {
    let failures = 2
    minerWith({
      signer: {
        publicKey: key.publicKey,
        sign: (message) => (failures-- > 0 ? Promise.reject(new Error('locked')) : key.sign(message)),
      },
    })
    await settle()
    hasher.find?.(5)
    await clock.run(2_500)
    expect(source.submitted.map(({ header }) => header.nonce)).toEqual([5])
  })

  test('mines on a parent that is as far ahead of the clock as a header may be, right after it', async () => {
    source.parent.time = START + maxAhead(parameters) - 1
    minerWith()
    await settle()
    expect([miner.state.kind, hasher.searches.length]).toEqual(['mining', 1])
    hasher.find?.(5)
    await settle()
    expect(source.submitted.map(({ header }) => header.time)).toEqual([START + maxAhead(parameters)])
  })

  test('waits where its block would be too far ahead of the clock', async () => {
    source.parent.time = START + maxAhead(parameters)
    minerWith()
    await settle()
    expect([miner.state.kind, hasher.searches.length]).toEqual(['waiting', 0])
    await clock.run(300)
    expect(miner.state.kind).toBe('mining')
  })

  test('tells what broke and tries again', async () => {
    source.broken = new Error('no disk')
    minerWith()
    await clock.run(1_500)
    expect(miner.state).toMatchObject({ kind: 'failed', sentence: expect.stringContaining('no disk') })
    source.broken = undefined
    hasher.broken = true
    await clock.run(2_000)
    expect(miner.state).toMatchObject({ kind: 'failed', sentence: expect.stringContaining('thread ended') })
    hasher.broken = false
    await clock.run(2_000)
    expect(miner.state.kind).toBe('mining')
  })

  test('counts hashes per second of the last while', async () => {
    minerWith()
    expect(miner.hashesPerSecond()).toBe(0)
    for (let i = 0; i < 10; i++) {
      await clock.run(1_000)
      hasher.hashes += 5_000
    }
    expect(miner.hashesPerSecond() / 5_000).toBeCloseTo(1, 1)
  })

  test('stops in the middle of anything, and starts again', async () => {
    minerWith()
    await settle()
    await miner.stop()
    expect(clock.pending).toBe(0)
    miner.start()
    await settle()
    expect(miner.state.kind).toBe('mining')
    source.outcome = new Error('disk full')
    hasher.find?.(1)
    await settle()
    await miner.stop()
    expect(miner.state.kind).toBe('off')
  })
})

describe('a clock that is wrong', () => {
  test.each([20, -20])('set by %i years: stops with a sentence, goes on when put right', async (years) => {
    minerWith()
    await clock.run(1_000)
    clock.wall += years * 365 * 24 * HOUR
    await clock.run(60_000)
    const searches = hasher.searches.length
    expect(miner.state).toMatchObject({ kind: 'clock', sentence: expect.stringMatching(/^Mining is stopped .*clock/) })
    hasher.find?.(1)
    await clock.run(60_000)
    expect([hasher.searches.length, signed]).toEqual([searches, 0])
    clock.wall -= years * 365 * 24 * HOUR
    await clock.run(500)
    expect(miner.state.kind).toBe('mining')
  })

  test('what is found while the machine wakes up is not sealed with the time before its sleep', async () => {
    minerWith()
    await clock.run(1_000)
    clock.wall += 8 * HOUR
    hasher.find?.(1)
    await clock.run(1_000)
    expect([miner.state.kind, signed]).toEqual(['clock', 0])
    await clock.run(10_000)
    expect(miner.state.kind).toBe('mining')
    expect(source.asked.at(-1)).toBeGreaterThan(START + 8 * HOUR)
  })

  test('nor where the steady clock counts the sleep, so that nothing looks like a step', async () => {
    minerWith()
    await clock.run(1_000)
    clock.wall += 8 * HOUR
    clock.uptime += 8 * HOUR
    hasher.find?.(1)
    await settle()
    expect([signed, source.submitted.length]).toEqual([0, 0])
    await clock.run(1_000)
    hasher.find?.(2)
    await settle()
    expect(source.submitted[0]?.header.time).toBeGreaterThan(START + 8 * HOUR)
  })
})

describe('seal guard', () => {
  test('knows its parents, refuses a second header, keeps a bounded number', () => {
    const guard = createSealGuard([{ parentHash: hashOf(1), headerHash: hashOf(2) }])
    guard.note({ parentHash: hashOf(1), headerHash: hashOf(2) })
    expect(() => guard.note({ parentHash: hashOf(1), headerHash: hashOf(3) })).toThrow(
      expect.objectContaining({ code: 'would-equivocate' }),
    )
    const numbered = (i: number) => {
      const hash = hashOf(255)
      new DataView(hash.buffer).setUint32(0, i)
      return hash
    }
    for (let i = 0; i < MAX_SEALED_PARENTS; i++) guard.note({ parentHash: numbered(i), headerHash: hashOf(2) })
    expect(guard.hasSealedOn(hashOf(1))).toBe(false)
    expect(guard.hasSealedOn(numbered(0))).toBe(true)
  })
})

test('with real threads and the real clock, blocks meet their target', async () => {
  const real = createHasher({ share: 1 })
  source.parent.time = systemClock.now() - 1_000
  const three = Promise.withResolvers<void>()
  minerWith({
    hasher: real,
    clock: systemClock,
    guard: createClockGuard({ parameters, genesisTime: START }),
    onSealed: () => source.submitted.length >= 3 && three.resolve(),
  })
  await three.promise
  await miner.stop()
  await real.close()
  const target = expandTarget(parameters.initialTarget) as bigint
  for (const { header } of source.submitted) expect(meetsTarget(hashHeader(header), target)).toBe(true)
  const times = source.submitted.map(({ header }) => header.time)
  expect(times).toEqual([...new Set(times)].sort((a, b) => a - b))
})
