import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  createMempool,
  MAX_MEMPOOL_BYTES,
  MAX_MEMPOOL_IN_FLIGHT,
  MAX_MEMPOOL_PER_GROUP,
  MAX_MEMPOOL_TRANSACTIONS,
  MEMPOOL_LIFETIME_MS,
  type Mempool,
  type MempoolInit,
  RETURN_GRACE_BLOCKS,
} from '../../../node-relay/full-node/mempool.ts'
import { subjectOf } from '../../../node-relay/full-node/mempool-entry.ts'
import type { MempoolLimits } from '../../../node-relay/full-node/mempool-shelf.ts'
import type { SignatureCheck } from '../../../shared/crypto/signature-verifier.ts'
import { accept, reject } from '../../../shared/errors.ts'
import { transactionCodec, transactionIdOf } from '../../../shared/transaction/transaction.ts'
import { blockOf, coordination, policy, register, retire, rosterChange, rotate } from './mempool-samples.ts'

const networkId = new Uint8Array(32).fill(7)
const SIGNED: SignatureCheck = { publicKey: networkId, message: networkId, signature: networkId }

let now: number
let refused: Set<Uint8Array>
let signaturesHold: boolean
let verified: number
/** Resolves the verifications in progress; undefined: they resolve by themselves. */
let gate: Promise<void> | undefined
beforeEach(() => {
  now = 1_000_000
  refused = new Set()
  signaturesHold = true
  verified = 0
  gate = undefined
})

function mempoolWith(limits: Partial<MempoolLimits> = {}): Mempool {
  const verifier: MempoolInit['verifier'] = {
    verify: () => signaturesHold,
    async verifyBatch(checks) {
      verified++
      await gate
      return checks.map(() => signaturesHold)
    },
  }
  const check = (bytes: Uint8Array) =>
    [...refused].some((one) => Buffer.compare(one, bytes) === 0)
      ? reject('rule-broken', 'no')
      : accept({ signatures: [SIGNED] })
  return createMempool({ networkId, now: () => now, verifier, check, limits })
}

async function fill(mempool: Mempool, ...transactions: Uint8Array[]): Promise<void> {
  for (const bytes of transactions) expect(await mempool.add(bytes)).toMatchObject({ ok: true })
}

const added = { ok: true, value: 'added' }
const refusedWith = (code: string) => expect.objectContaining({ ok: false, code })

describe('admission', () => {
  test('takes a good transaction, and knows it again', async () => {
    const mempool = mempoolWith()
    const bytes = register(1)
    expect(await mempool.add(bytes)).toEqual(added)
    expect(mempool.has(transactionIdOf(networkId, bytes))).toBe(true)
    expect(mempool.candidates()).toEqual([bytes])
    expect(await mempool.add(bytes)).toEqual({ ok: true, value: 'duplicate' })
    expect([mempool.size, mempool.byteLength, verified]).toEqual([1, bytes.length, 1])
  })

  test('refuses what does not decode, what breaks a rule, and what is not signed', async () => {
    const mempool = mempoolWith()
    expect(await mempool.add(new Uint8Array([99]))).toEqual(refusedWith('malformed'))
    expect(await mempool.add(new Uint8Array(40_000))).toEqual(refusedWith('too-long'))
    refused.add(register(1))
    expect(await mempool.add(register(1))).toEqual(refusedWith('rule-broken'))
    expect(verified).toBe(0)
    signaturesHold = false
    expect(await mempool.add(register(2))).toEqual(refusedWith('bad-signature'))
    expect(mempool.size).toBe(0)
    signaturesHold = true
    expect(await mempool.add(register(2))).toEqual(added)
  })

  test('the same transaction twice at once is verified once', async () => {
    const mempool = mempoolWith()
    const both = await Promise.all([mempool.add(register(1)), mempool.add(register(1))])
    expect(both).toEqual([added, { ok: true, value: 'duplicate' }])
    expect(verified).toBe(1)
  })

  test('two rivals at once: one stays', async () => {
    const mempool = mempoolWith()
    const both = await Promise.all([mempool.add(retire(1)), mempool.add(rotate(1))])
    expect(both).toEqual([added, refusedWith('conflict')])
  })

  test('refuses more than it can verify at once', async () => {
    const mempool = mempoolWith()
    let open = () => {}
    gate = new Promise((resolve) => {
      open = resolve
    })
    const underway = Array.from({ length: MAX_MEMPOOL_IN_FLIGHT }, (_, i) => mempool.add(register(i, `sponsor ${i}`)))
    expect(await mempool.add(register(9_999))).toEqual(refusedWith('mempool-busy'))
    open()
    expect((await Promise.all(underway)).every(({ ok }) => ok)).toBe(true)
    expect(await mempool.add(register(9_999))).toEqual(added)
  })

  test('what the chain made impossible during the verification does not come in', async () => {
    const mempool = mempoolWith()
    let open = () => {}
    gate = new Promise((resolve) => {
      open = resolve
    })
    const adding = mempool.add(register(1))
    mempool.chainChanged({ undone: [], applied: [blockOf(register(1))] })
    refused.add(register(1))
    open()
    expect(await adding).toEqual(refusedWith('rule-broken'))
    expect(mempool.size).toBe(0)
  })

  test('keeps its own copy', async () => {
    const mempool = mempoolWith()
    const bytes = register(1)
    await mempool.add(bytes)
    bytes.fill(0)
    expect(mempool.candidates()).toEqual([register(1)])
  })
})

describe('conflicts', () => {
  test.each([
    ['one anchor', register(1), register(1, 'other')],
    ['one sequence number of a device', rotate(1), retire(1)],
    ['one roster motion, other signatures', rosterChange(1), rosterChange(1, 1, 9)],
    ['one policy, other signatures', policy(1), policy(1, 9)],
    ['one coordination change, other signatures', coordination(1), coordination(1, 9)],
  ])('%s: the first stays', async (_, first, second) => {
    const mempool = mempoolWith()
    await fill(mempool, first)
    expect(await mempool.add(second)).toEqual(refusedWith('conflict'))
    expect(mempool.candidates()).toEqual([first])
  })

  test('what became impossible makes room for what is possible, unless a reorganization may bring it back', async () => {
    const mempool = mempoolWith()
    await fill(mempool, register(1))
    refused.add(register(1))
    expect(await mempool.add(register(1, 'other'))).toEqual(added)
    expect(mempool.candidates()).toEqual([register(1, 'other')])

    const back = mempoolWith()
    back.chainChanged({ undone: [blockOf(register(1))], applied: [] })
    expect(await back.add(register(1, 'other'))).toEqual(refusedWith('conflict'))
    back.chainChanged({ undone: [], applied: Array.from({ length: RETURN_GRACE_BLOCKS }, () => blockOf()) })
    expect(await back.add(register(1, 'other'))).toEqual(added)
  })

  test.each([
    ['other anchors', register(1), register(2)],
    ['other sequence numbers', rotate(1, 1), rotate(1, 2)],
    ['other devices', rotate(1), rotate(2)],
    ['rival roster motions', rosterChange(1, 1), rosterChange(1, 2)],
  ])('%s wait side by side', async (_, first, second) => {
    const mempool = mempoolWith()
    await fill(mempool, first, second)
    expect(mempool.size).toBe(2)
  })

  test('the recovery key overrides the wallet key, never the other way round, and not itself', async () => {
    const mempool = mempoolWith()
    await fill(mempool, rotate(1))
    expect(await mempool.add(retire(1, 1, 'recovery'))).toEqual({ ok: true, value: 'replaced' })
    expect(mempool.candidates()).toEqual([retire(1, 1, 'recovery')])
    expect(await mempool.add(rotate(1))).toEqual(refusedWith('conflict'))
    expect(await mempool.add(rotate(1, 1, 'recovery'))).toEqual(refusedWith('conflict'))
  })

  test('a recovery replaces even in a full pool', async () => {
    const mempool = mempoolWith({ transactions: 1, perGroup: 1 })
    await fill(mempool, rotate(1))
    expect(await mempool.add(rotate(1, 1, 'recovery'))).toEqual({ ok: true, value: 'replaced' })
  })
})

describe('bounds', () => {
  test('are those of LIMITS.md', () => {
    expect([MAX_MEMPOOL_TRANSACTIONS, MAX_MEMPOOL_BYTES, MAX_MEMPOOL_PER_GROUP]).toEqual([8_192, 16_777_216, 1_024])
  })

  test('a sponsor fills its own share only', async () => {
    const mempool = mempoolWith({ perGroup: 2 })
    await fill(mempool, register(1), register(2))
    expect(await mempool.add(register(3))).toEqual(refusedWith('group-full'))
    expect(await mempool.add(register(3, 'other'))).toEqual(added)
  })

  test('the least worthy leave first, the newest of them before the older', async () => {
    const mempool = mempoolWith({ transactions: 5 })
    const [vouched, certified, approved, own] = [
      register(1),
      register(2, 'ca', 'certificate'),
      register(3, 'op', 'approval'),
      rotate(1),
    ]
    await fill(mempool, vouched, certified, approved, own, register(4, 'x', 'owners'))
    expect(await mempool.add(register(5, 'ca', 'certificate'))).toEqual(refusedWith('mempool-full'))
    await fill(mempool, register(5))
    expect(mempool.has(transactionIdOf(networkId, approved))).toBe(false)
    await fill(mempool, policy(1))
    expect(mempool.has(transactionIdOf(networkId, certified))).toBe(false)
    expect(await mempool.add(register(6))).toEqual(refusedWith('mempool-full'))
    await fill(mempool, rotate(2), rotate(3), rosterChange(1))
    expect(mempool.candidates()).toEqual([rosterChange(1), policy(1), own, rotate(2), rotate(3)])
    expect(await mempool.add(rotate(4))).toEqual(refusedWith('mempool-full'))
  })

  test('bytes count too: as many leave as it takes, and none when that is not enough', async () => {
    const small = register(1, 'ca', 'certificate')
    const big = register(9, 'x', 'voucher', 0, ['a'.repeat(250), 'b'.repeat(100)])
    const mempool = mempoolWith({ bytes: 3 * small.length + rotate(1).length })
    await fill(mempool, small, register(2, 'ca', 'certificate'), rotate(1))
    await fill(mempool, register(3, 'ca', 'certificate'))
    expect(big.length).toBeGreaterThan(2 * small.length)
    expect(big.length).toBeLessThanOrEqual(3 * small.length)
    await fill(mempool, big)
    expect(mempool.candidates()).toEqual([rotate(1), big])
    expect(await mempool.add(register(4, 'x', 'voucher', 0, ['a'.repeat(255), 'b'.repeat(255)]))).toEqual(
      refusedWith('mempool-full'),
    )
    expect(mempool.size).toBe(2)
  })

  test('nothing waits for more than a day', async () => {
    const mempool = mempoolWith()
    await fill(mempool, register(1))
    now += MEMPOOL_LIFETIME_MS
    await fill(mempool, register(2))
    expect(mempool.size).toBe(2)
    now++
    expect(mempool.candidates()).toEqual([register(2)])
    expect(await mempool.add(register(1))).toEqual(added)
  })
})

describe('blocks', () => {
  test('take their candidates in order', async () => {
    const mempool = mempoolWith()
    await fill(mempool, register(2), rotate(1), coordination(1), register(1), policy(1), rosterChange(1), retire(2))
    expect(mempool.candidates()).toEqual([
      rosterChange(1),
      policy(1),
      coordination(1),
      rotate(1),
      retire(2),
      register(2),
      register(1),
    ])
  })

  test('what is in the chain no longer waits, nor what it makes impossible', async () => {
    const mempool = mempoolWith()
    await fill(mempool, register(1), rotate(1), register(2))
    mempool.chainChanged({ undone: [], applied: [blockOf(register(1), retire(1))] })
    expect(mempool.candidates()).toEqual([register(2)])
  })

  test('what a reorganization takes off waits again, in its order, unless the new branch has it', async () => {
    const mempool = mempoolWith()
    await fill(mempool, register(9))
    const undone = [blockOf(register(3)), blockOf(register(1), register(2))]
    mempool.chainChanged({ undone, applied: [blockOf(register(2))] })
    expect(mempool.candidates()).toEqual([register(9), register(1), register(3)])
  })

  test('a refused one goes; one that came back has a few blocks of grace', async () => {
    const mempool = mempoolWith()
    await fill(mempool, register(1))
    mempool.chainChanged({ undone: [blockOf(rosterChange(1))], applied: [] })
    mempool.drop(register(1))
    mempool.drop(rosterChange(1))
    mempool.drop(register(77))
    expect(mempool.candidates()).toEqual([rosterChange(1)])
    for (let i = 0; i < RETURN_GRACE_BLOCKS; i++) {
      mempool.drop(rosterChange(1))
      expect(mempool.size).toBe(1)
      mempool.chainChanged({ undone: [], applied: [blockOf()] })
    }
    mempool.drop(rosterChange(1))
    expect(mempool.size).toBe(0)
  })

  test('a reorganization cannot overfill it', async () => {
    const mempool = mempoolWith({ transactions: 3 })
    await fill(mempool, register(1), register(2))
    mempool.chainChanged({ undone: [blockOf(register(3), register(4), rotate(1))], applied: [] })
    expect(mempool.candidates()).toEqual([rotate(1), register(1), register(2)])
  })
})

describe('under any input', () => {
  const small = fc.integer({ min: 0, max: 5 })
  const by = fc.constantFrom('wallet' as const, 'recovery' as const)
  const anyTransaction = fc.oneof(
    fc
      .tuple(
        small,
        fc.constantFrom('a', 'b', 'c'),
        fc.constantFrom('voucher', 'owners', 'approval', 'certificate' as const),
        small,
      )
      .map(([anchor, sponsor, kind, length]) => register(anchor, sponsor, kind, 0, ['x'.repeat(length * 40)])),
    fc.tuple(small, small, by, small).map(([device, sequence, key, variant]) => rotate(device, sequence, key, variant)),
    fc.tuple(small, small, by).map(([device, sequence, key]) => retire(device, sequence, key)),
    small.map((number) => policy(number)),
    small.map((number) => coordination(number)),
    fc.tuple(small, small).map(([number, seat]) => rosterChange(number, seat)),
    fc.uint8Array({ maxLength: 64 }),
  )
  const step = fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({ kind: fc.constant('add' as const), bytes: anyTransaction, good: fc.boolean() }),
    },
    fc.record({ kind: fc.constant('drop' as const), bytes: anyTransaction }),
    fc.record({
      kind: fc.constant('wait' as const),
      ms: fc.integer({ min: -MEMPOOL_LIFETIME_MS, max: MEMPOOL_LIFETIME_MS }),
    }),
    fc.record({
      kind: fc.constant('chain' as const),
      undone: fc.array(fc.array(anyTransaction, { maxLength: 4 }), { maxLength: 2 }),
      applied: fc.array(fc.array(anyTransaction, { maxLength: 4 }), { maxLength: 2 }),
    }),
  )

  test('it keeps its bounds, one of each claim, and its books', async () => {
    const limits = { transactions: 8, bytes: 2_400, perGroup: 3 }
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60 }), async (steps) => {
        const mempool = mempoolWith(limits)
        for (const one of steps) {
          if (one.kind === 'add') {
            signaturesHold = one.good
            const result = await mempool.add(one.bytes)
            if (result.ok && result.value !== 'duplicate') expect(one.good).toBe(true)
          } else if (one.kind === 'drop') mempool.drop(one.bytes)
          else if (one.kind === 'wait') now += one.ms
          else {
            const blocks = (list: Uint8Array[][]) => list.map((transactions) => blockOf(...transactions))
            mempool.chainChanged({ undone: blocks(one.undone), applied: blocks(one.applied) })
          }
          const waiting = mempool.candidates()
          const subjects = waiting.map((bytes) => {
            const decoded = transactionCodec.decode(bytes)
            if (!decoded.ok) throw new Error('a malformed transaction waits')
            return subjectOf(decoded.value)
          })
          const groups = Map.groupBy(subjects, ({ group }) => group)
          expect(waiting.length).toBe(mempool.size)
          expect(waiting.length).toBeLessThanOrEqual(limits.transactions)
          expect(waiting.reduce((sum, bytes) => sum + bytes.length, 0)).toBe(mempool.byteLength)
          expect(mempool.byteLength).toBeLessThanOrEqual(limits.bytes)
          for (const group of groups.values()) expect(group.length).toBeLessThanOrEqual(limits.perGroup)
          expect(new Set(subjects.map(({ claim }) => claim)).size).toBe(waiting.length)
          const orders = subjects.map(({ order }) => order)
          expect(orders).toEqual([...orders].sort((a, b) => a - b))
        }
      }),
      { numRuns: 150 },
    )
  })
})
