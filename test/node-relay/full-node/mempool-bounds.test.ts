/**
 * Transactions that come in any order and at once, blocks that come and go, drops, and a clock that is set to and fro: the
 * pool keeps within its bounds after each step. A day later it is empty, and takes any good transaction.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createMempool, MEMPOOL_LIFETIME_MS, type Mempool } from '../../../node-relay/full-node/mempool.ts'
import { subjectOf } from '../../../node-relay/full-node/mempool-entry.ts'
import type { MempoolLimits } from '../../../node-relay/full-node/mempool-shelf.ts'
import { accept, reject } from '../../../shared/errors.ts'
import { transactionCodec, transactionIdOf } from '../../../shared/transaction/transaction.ts'
import { PROPERTY_TIMEOUT_MS, propertyRuns } from '../../framework/property-runs.ts'
import { blockOf, coordination, policy, register, retire, rosterChange, rotate } from './mempool-samples.ts'

const networkId = new Uint8Array(32).fill(7)
const SIGNED = { publicKey: networkId, message: networkId, signature: networkId }

const small = fc.integer({ min: 0, max: 7 })
const by = fc.constantFrom('wallet' as const, 'recovery' as const)
const evidence = fc.constantFrom('voucher' as const, 'owners' as const, 'approval' as const, 'certificate' as const)
const goodTransaction = fc.oneof(
  fc
    .tuple(small, fc.constantFrom('a', 'b', 'c'), evidence, small, small)
    .map(([anchor, sponsor, kind, variant, length]) =>
      register(anchor, sponsor, kind, variant, ['x'.repeat(length * 30)]),
    ),
  fc.tuple(small, small, by, small).map((all) => rotate(...all)),
  fc.tuple(small, small, by, small).map((all) => retire(...all)),
  fc.tuple(small, small).map((all) => policy(...all)),
  fc.tuple(small, small).map((all) => coordination(...all)),
  fc.tuple(small, small, small).map((all) => rosterChange(...all)),
)
const anyTransaction = fc.oneof({ weight: 12, arbitrary: goodTransaction }, fc.uint8Array({ maxLength: 80 }))
const blocks = fc.array(fc.array(anyTransaction, { maxLength: 5 }), { maxLength: 3 })
const step = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constant('add' as const),
      bytes: anyTransaction,
      fate: fc.constantFrom('good', 'good', 'good', 'rule broken', 'bad signature'),
      /** Its signatures are still being verified when the next steps come. */
      slow: fc.boolean(),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('verified' as const), which: fc.nat(20) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('chain' as const), undone: blocks, applied: blocks }) },
  fc.record({ kind: fc.constant('drop' as const), bytes: anyTransaction }),
  fc.record({
    kind: fc.constant('clock' as const),
    ms: fc.oneof(
      fc.integer({ min: 0, max: MEMPOOL_LIFETIME_MS }),
      fc.integer({ min: -4 * 365 * MEMPOOL_LIFETIME_MS, max: 4 * 365 * MEMPOOL_LIFETIME_MS }),
    ),
  }),
)
const limits: fc.Arbitrary<MempoolLimits> = fc.record({
  transactions: fc.integer({ min: 1, max: 12 }),
  bytes: fc.integer({ min: 600, max: 4_000 }),
  perGroup: fc.integer({ min: 1, max: 4 }),
})

class Pool {
  readonly mempool: Mempool
  now = 1_000_000
  readonly #fates = new Map<string, string>()
  readonly #verifying: (() => void)[] = []
  readonly #adding: Promise<unknown>[] = []
  isSlow = false

  constructor(bounds: MempoolLimits) {
    this.mempool = createMempool({
      networkId,
      now: () => this.now,
      limits: bounds,
      check: (bytes) =>
        this.#fates.get(bytes.join()) === 'rule broken'
          ? reject('rule-broken', 'no')
          : accept({ signatures: [{ ...SIGNED, message: bytes }] }),
      verifier: {
        verify: () => true,
        verifyBatch: async (checks) => {
          if (this.isSlow) await new Promise<void>((resolve) => this.#verifying.push(resolve))
          return checks.map(({ message }) => this.#fates.get(message.join()) !== 'bad signature')
        },
      },
    })
  }

  async add(bytes: Uint8Array, fate: string, slow: boolean): Promise<void> {
    this.#fates.set(bytes.join(), fate)
    this.isSlow = slow
    const adding = this.mempool.add(bytes)
    this.#adding.push(adding)
    if (!slow) await Promise.race([adding, new Promise((resolve) => setImmediate(resolve))])
  }

  async verified(which: number): Promise<void> {
    this.#verifying.splice(which % Math.max(1, this.#verifying.length), 1)[0]?.()
    await new Promise((resolve) => setImmediate(resolve))
  }

  async finish(): Promise<void> {
    this.isSlow = false
    for (const resolve of this.#verifying.splice(0)) resolve()
    await Promise.all(this.#adding)
  }
}

function expectWithin({ mempool }: Pool, bounds: MempoolLimits): void {
  expect(mempool.size).toBeLessThanOrEqual(bounds.transactions)
  expect(mempool.byteLength).toBeLessThanOrEqual(bounds.bytes)
  const waiting = mempool.candidates()
  expect(waiting.length).toBe(mempool.size)
  expect(waiting.reduce((sum, { length }) => sum + length, 0)).toBe(mempool.byteLength)
  const groups = new Map<string, number>()
  for (const bytes of waiting) {
    const decoded = transactionCodec.decode(bytes)
    if (!decoded.ok) throw new Error(decoded.detail)
    const { group } = subjectOf(decoded.value)
    groups.set(group, (groups.get(group) ?? 0) + 1)
    expect(mempool.has(transactionIdOf(networkId, bytes))).toBe(true)
  }
  for (const count of groups.values()) expect(count).toBeLessThanOrEqual(bounds.perGroup)
}

test('it keeps its bounds under any input, and an idle pool takes any good transaction', {
  timeout: PROPERTY_TIMEOUT_MS,
}, async () => {
  await fc.assert(
    fc.asyncProperty(
      limits,
      fc.array(step, { minLength: 10, maxLength: 60 }),
      goodTransaction,
      async (bounds, steps, last) => {
        const pool = new Pool(bounds)
        for (const one of steps) {
          if (one.kind === 'add') await pool.add(one.bytes, one.fate, one.slow)
          else if (one.kind === 'verified') await pool.verified(one.which)
          else if (one.kind === 'drop') pool.mempool.drop(one.bytes)
          else if (one.kind === 'clock') pool.now += one.ms
          else {
            const made = (list: Uint8Array[][]) => list.map((all) => blockOf(...all))
            pool.mempool.chainChanged({ undone: made(one.undone), applied: made(one.applied) })
          }
          expectWithin(pool, bounds)
        }
        await pool.finish()
        expectWithin(pool, bounds)
        pool.now += MEMPOOL_LIFETIME_MS + 1
        expect(pool.mempool.candidates()).toEqual([])
        expect([pool.mempool.size, pool.mempool.byteLength]).toEqual([0, 0])
        // Whatever came and went before: no claim, no share of a sponsor, no verification is still taken.
        fc.pre(last.length <= bounds.bytes)
        const added = pool.add(last, 'good', false)
        await added
        expect(pool.mempool.candidates()).toEqual([last])
      },
    ),
    propertyRuns(100),
  )
})
