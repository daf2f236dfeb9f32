/** What peers may ask: the flows of honest peers pass, floods do not, and nobody is crowded out by others. */
import { describe, expect, it } from 'vitest'
import { MAX_HEADERS_ANSWER_LENGTH, PROTOCOLS } from '../../../shared/protocol/ids.ts'
import {
  ANSWER_BYTES_PER_TOKEN,
  HOST_RATE,
  MAX_RATED_PEERS,
  MAX_TOKEN_WAIT_MS,
  PEER_RATE,
  TOTAL_RATE,
} from '../../../shared/protocol/transport.ts'
import { askerOf, createRequestBudget } from '../../../shared/transport/request-budget.ts'
import { createBuckets } from '../../../shared/transport/token-bucket.ts'
import { createFakeConnection } from '../../framework/network-doubles.ts'

const HOME = { peer: 'home', host: undefined }

function setUp() {
  const clock = { ms: 1_000_000 }
  const budget = createRequestBudget(() => clock.ms)
  /** Asks one after the other for so long; says what came of it. */
  function run(asker: typeof HOME, flow: { cost: number; length: number; perSecond: number; seconds: number }) {
    let answered = 0
    let refused = 0
    const end = clock.ms + flow.seconds * 1_000
    while (clock.ms < end) {
      const wait = budget.pay(asker, flow.cost)
      if (wait === undefined) refused++
      else {
        answered++
        budget.payAnswer(asker, flow.length)
      }
      clock.ms += (wait ?? 0) + 1_000 / flow.perSecond
    }
    return { refused, perSecond: answered / flow.seconds }
  }
  return { clock, budget, run }
}

describe('the rate of a peer', () => {
  it.each([
    ['a phone that verifies three thousand headers a second', PROTOCOLS.headers.cost, 330_000, 3],
    ['a relay that syncs twenty thousand headers a second', PROTOCOLS.headers.cost, 330_000, 20],
    ['a relay that fetches two thousand small blocks a second', PROTOCOLS.blocks.cost, 16 * 400, 125],
    ['a technician who audits a hundred devices a second', PROTOCOLS.proof.cost, 2_000, 100],
    ['a phone that registers', PROTOCOLS.submit.cost + PROTOCOLS.endorse.cost, 200, 1],
  ])('lets %s pass at full speed', (_who, cost, length, perSecond) => {
    const { run } = setUp()
    const result = run(HOME, { cost, length, perSecond, seconds: 600 })
    expect(result.refused).toBe(0)
    expect(result.perSecond).toBeGreaterThan(0.98 * perSecond)
  })

  it('slows down who asks faster, one after the other, and refuses nothing', () => {
    const { run } = setUp()
    for (const { cost, maxResponse } of Object.values(PROTOCOLS)) {
      const { refused, perSecond } = run(HOME, { cost, length: maxResponse, perSecond: 5_000, seconds: 60 })
      expect(refused).toBe(0)
      expect(perSecond * (cost + Math.floor(maxResponse / ANSWER_BYTES_PER_TOKEN))).toBeLessThan(
        PEER_RATE.perSecond + PEER_RATE.capacity / 30,
      )
    }
  })

  it('refuses what would have to wait for long', () => {
    const { budget } = setUp()
    let tokens = 0
    while (budget.pay(HOME, 10) !== undefined) tokens += 10
    expect(tokens).toBeGreaterThanOrEqual(PEER_RATE.capacity)
    expect(tokens).toBeLessThanOrEqual(PEER_RATE.capacity + (PEER_RATE.perSecond * MAX_TOKEN_WAIT_MS) / 1_000)
  })

  it('is over soon, whatever was taken', () => {
    const { clock, budget } = setUp()
    for (let i = 0; i < 100; i++) budget.payAnswer(HOME, MAX_HEADERS_ANSWER_LENGTH)
    expect(budget.pay(HOME, 1)).toBeUndefined()
    clock.ms += (1_001 * PEER_RATE.debt) / PEER_RATE.perSecond
    expect(budget.pay(HOME, 1)).toBeLessThan(10)
  })
})

describe('the rate of many', () => {
  it('is that of a public address for all peers behind it, and of none behind a shared one', () => {
    const { budget } = setUp()
    const used = (host: string | undefined, prefix: string) => {
      let tokens = 0
      for (let i = 0; i < 20; i++) while (budget.pay({ peer: `${prefix}${i}`, host }, 50) === 0) tokens += 50
      return tokens
    }
    expect(used('203.0.113.9', 'public ')).toBeLessThanOrEqual(HOST_RATE.capacity + 50)
    expect(used(undefined, 'home ')).toBeGreaterThan(HOST_RATE.capacity)
    const at = (address: string) => askerOf(createFakeConnection('peer', address)).host
    expect(at('/ip4/203.0.113.9/tcp/1')).toBe('203.0.113.9')
    expect(at('/ip4/192.168.1.9/tcp/1')).toBeUndefined()
    expect(at('/ip4/127.0.0.1/udp/1/webrtc-direct')).toBeUndefined()
  })

  it('holds back the greedy when all together ask too much, and serves who asks little', () => {
    const { budget } = setUp()
    const greedy = Array.from({ length: 40 }, (_, i) => ({ peer: `greedy ${i}`, host: undefined }))
    for (let round = 0; round < 1_000; round++) for (const asker of greedy) budget.pay(asker, 20)
    expect(greedy.map((asker) => budget.pay(asker, 2)).filter((wait) => wait === 0)).toEqual([])
    expect(TOTAL_RATE.capacity).toBeLessThan(greedy.length * PEER_RATE.capacity)
    for (let used = 0; used < PEER_RATE.capacity / 2; used += 4)
      expect(budget.pay({ peer: 'phone', host: undefined }, 4)).toBe(0)
  })

  it('is remembered for so many peers', () => {
    const buckets = createBuckets({ capacity: 10, perSecond: 1 }, MAX_RATED_PEERS, () => 5)
    buckets.take('first', 4)
    for (let i = 1; i < MAX_RATED_PEERS; i++) buckets.take(`peer ${i}`, 1)
    expect(buckets.level('first')).toBe(6)
    buckets.take('one more', 1)
    expect(buckets.level('first')).toBe(10)
    expect(buckets.level('peer 1')).toBe(9)
  })
})
