/**
 * The short form of `npm run soak -- fuzz`: a fixed seed, the same targets but those that need a running relay; and the
 * proof that the harness sees what it looks for.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { accept, type Result, reject } from '../../../shared/errors.ts'
import { codecTargets, decoderTarget, findCodecs } from './codec-targets.ts'
import { buildCorpus, type Corpus } from './corpus.ts'
import { clientTargets, type OpenTargets, relayTargets } from './handler-targets.ts'
import { readerTargets } from './reader-targets.ts'
import { type FuzzTarget, runFuzz } from './run.ts'

const SEED = 7
const INPUTS = 20_000
/** The machine that runs all tests at once is slow, not wrong. */
const PATIENT = { inputMs: 10_000 }

let corpus: Corpus
const open: OpenTargets[] = []
beforeAll(async () => {
  corpus = await buildCorpus()
}, 60_000)
afterAll(async () => {
  for (const one of open) await one.close()
})

describe('twenty thousand altered inputs', () => {
  it('into codecs, readers, handlers and validators: nothing is thrown, kept or believed', async () => {
    const relay = await relayTargets(corpus)
    const browser = await clientTargets(corpus)
    open.push(relay, browser)
    const share = (targets: readonly FuzzTarget[], part: number) =>
      targets.map((target) => ({ ...target, share: (target.share / targets.length) * part }))
    const targets = [
      ...share((await codecTargets(corpus)) as FuzzTarget[], 0.78),
      ...share(readerTargets(corpus), 0.15),
      ...share(relay.targets, 0.065),
      ...share(browser.targets, 0.005),
    ]
    const { findings, figures } = await runFuzz({ targets, inputs: INPUTS, seed: SEED, limits: PATIENT, watch: false })
    expect(findings).toEqual([])
    expect(figures.reduce((sum, { inputs }) => sum + inputs, 0)).toBeGreaterThanOrEqual(INPUTS)
  }, 240_000)

  it('knows every codec of the sources', async () => {
    const names = (await findCodecs()).map(({ name }) => name)
    expect(names).toContain('transactionCodec of shared/transaction/transaction.ts')
    expect(names.length).toBeGreaterThan(30)
  })
})

describe('a fault that is planted in a decoder is found', () => {
  const MAGIC = 0xfe

  /** A decoder of `u8 length || bytes` with one fault. */
  function faulty(fault: (bytes: Uint8Array) => Result<Uint8Array> | undefined): FuzzTarget {
    const decode = (bytes: Uint8Array): Result<Uint8Array> =>
      fault(bytes) ?? (bytes[0] === bytes.length - 1 ? accept(bytes.slice(1)) : reject('malformed', 'length'))
    return decoderTarget({
      ...{ name: 'faulty', maxLength: 64, others: [], decode },
      valid: [Uint8Array.of(4, 1, 2, 3, 4), Uint8Array.of(0)],
      encode: (value: Uint8Array) => Uint8Array.of(value.length, ...value),
    }) as FuzzTarget
  }
  const run = (target: FuzzTarget, limits = {}) =>
    runFuzz({ targets: [target], inputs: 2_000, seed: SEED, limits: { ...PATIENT, ...limits }, watch: false })
  const found = async (target: FuzzTarget, limits = {}) => (await run(target, limits)).findings[0]?.message ?? 'nothing'

  it('none is found where none is', async () => {
    expect(await found(faulty(() => undefined))).toBe('nothing')
  })

  it('one that throws on one byte', async () => {
    const target = faulty((bytes) => {
      if (bytes[1] === MAGIC) throw new RangeError('planted')
      return undefined
    })
    const { findings } = await run(target)
    expect(findings[0]).toMatchObject({ target: 'faulty', message: expect.stringContaining('RangeError: planted') })
    // The report makes the input again.
    expect(findings[0]?.input.slice(2, 4)).toBe('fe')
  })

  it('a second form of one value, an input that is changed, a rejection without a code', async () => {
    const second = (bytes: Uint8Array) => (bytes[0] === MAGIC ? accept(bytes.slice(1)) : undefined)
    expect(await found(faulty(second))).toContain('in another form')
    const changes = (bytes: Uint8Array) => {
      if (bytes.length > 2) bytes[1] = 0
      return undefined
    }
    expect(await found(faulty(changes))).toContain('the input was changed')
    expect(await found(faulty((bytes) => (bytes.length > 9 ? reject('Too Long!', 'x') : undefined)))).toContain(
      'no code',
    )
  })

  it('one that is slow, one that asks for much, one that keeps what it reads', async () => {
    const slow = faulty((bytes) => {
      const end = performance.now() + 60
      while (bytes[1] === MAGIC && performance.now() < end);
      return undefined
    })
    expect(await found(slow, { inputMs: 20 })).toMatch(/took \d+ ms/)
    const greedy = faulty((bytes) =>
      bytes[1] === MAGIC ? reject('malformed', String(new Uint8Array(20_000_000).fill(1).length)) : undefined,
    )
    expect(await found(greedy, { allocated: 10_000_000 })).toMatch(/asked for \d+ bytes/)
    const kept: Uint8Array[] = []
    const keeps = faulty(() => {
      kept.push(new Uint8Array(5_000))
      return undefined
    })
    expect(await found(keeps, { grown: 5_000_000 })).toMatch(/kept \d+ bytes/)
  })

  it('one that never ends: the process says where, and dies', async () => {
    const child = fork(fileURLToPath(new URL('./hang-child.ts', import.meta.url)), {
      execArgv: [],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    const said = text(child.stderr as Readable)
    const [, signal] = await once(child, 'exit')
    expect(signal).toBe('SIGKILL')
    expect(await said).toMatch(/^HANG in hangs, input \d+$/m)
  }, 60_000)

  it('a rejection that nobody waits for', async () => {
    const strayed = faulty((bytes) => {
      if (bytes[1] === MAGIC) void Promise.reject(new Error('planted'))
      return undefined
    })
    const others = process.listeners('unhandledRejection')
    process.removeAllListeners('unhandledRejection')
    try {
      expect(await found(strayed)).toContain('unhandled: Error: planted')
    } finally {
      for (const listener of others) process.on('unhandledRejection', listener)
    }
  })
})
