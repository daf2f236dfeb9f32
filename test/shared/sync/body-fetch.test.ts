/** Bodies from several peers that answer as fast, as late or as little as a test says; seeds are printed. */
import { beforeAll, describe, expect, it } from 'vitest'
import { blockCodec } from '../../../shared/block/block.ts'
import { toHex } from '../../../shared/bytes.ts'
import type { ChainNode } from '../../../shared/chain/chain-node.ts'
import { BodyFetch, type BodyRequest, MAX_BODIES_AHEAD, MAX_BODY_PEERS } from '../../../shared/sync/body-fetch.ts'
import { ChainBuilder } from '../../framework/chain-builder.ts'
import { seededRandom } from '../../node-relay/mining/seeded-random.ts'

const BLOCKS = 300
const chain = new ChainBuilder()
let nodes: readonly ChainNode[]

beforeAll(async () => {
  await chain.mineMany(BLOCKS)
  nodes = chain.from(1).map(({ node }) => node)
})

const bodyOf = (hash: Uint8Array) => blockCodec.encode(chain.blocks.get(toHex(hash))?.block as never)

interface TestPeer {
  /** ms until it answers; Infinity: never */
  readonly delay: () => number
  /** How many of those asked it has. */
  readonly share?: number
}

/** Runs until all is taken, or the time is up. @returns ms it took, requests by peer, most bodies held ahead */
function run(peers: Readonly<Record<string, TestPeer>>, limitMs = 600_000) {
  const fetch = new BodyFetch()
  fetch.want(nodes)
  const work = nodes.at(-1)?.work ?? 0n
  for (const peer of Object.keys(peers)) fetch.peerStands(peer, work)
  const due: { at: number; request: BodyRequest; hashes: readonly Uint8Array[] }[] = []
  const asked: Record<string, number> = {}
  const taken: string[] = []
  let now = 0
  for (; taken.length < nodes.length && now < limitMs; now += 10) {
    for (const one of due.filter(({ at }) => at <= now)) {
      due.splice(due.indexOf(one), 1)
      expect(fetch.answered(one.request.id, one.hashes.map(bodyOf), now)).toBeUndefined()
    }
    for (let body = fetch.take(); body !== undefined; body = fetch.take()) taken.push(body.node.id)
    for (const request of fetch.next(now)) {
      asked[request.peer] = (asked[request.peer] ?? 0) + 1
      const { delay, share = 1 } = peers[request.peer] as TestPeer
      const at = now + delay()
      const hashes = request.hashes.slice(0, Math.ceil(share * request.hashes.length))
      if (at < Number.POSITIVE_INFINITY) due.push({ at, request, hashes })
    }
  }
  expect(taken).toEqual(nodes.slice(0, taken.length).map(({ id }) => id))
  return { now, asked, taken: taken.length }
}

describe('fetching bodies', () => {
  it('hands them out in order, from all that have them', () => {
    const { asked, taken } = run({ a: { delay: () => 50 }, b: { delay: () => 50 }, c: { delay: () => 50 } })
    expect(taken).toBe(BLOCKS)
    expect(Object.keys(asked).sort()).toEqual(['a', 'b', 'c'])
  })

  it('is faster from three than from one', () => {
    const one = run({ a: { delay: () => 400 } })
    const three = run({ a: { delay: () => 400 }, b: { delay: () => 400 }, c: { delay: () => 400 } })
    expect(three.now).toBeLessThan(one.now / 2)
  })

  it('is not held up by one that never answers, and asks it less and less', () => {
    const alone = run({ a: { delay: () => 100 } })
    const { now, asked, taken } = run({ silent: { delay: () => Number.POSITIVE_INFINITY }, a: { delay: () => 100 } })
    expect(taken).toBe(BLOCKS)
    expect(now).toBeLessThan(alone.now + 25_000)
    expect(asked['silent']).toBeLessThan(6)
  })

  it('gives the slow one less to do', () => {
    const { asked } = run({ slow: { delay: () => 1_500 }, fast: { delay: () => 30 } })
    expect(asked['fast']).toBeGreaterThan(3 * (asked['slow'] ?? 0))
  })

  it('comes to an end with peers that have only some, in any order of answers', () => {
    const seed = Math.floor(Math.random() * 2 ** 31)
    console.log(`seed ${seed}`)
    const random = seededRandom(seed)
    const moody = { delay: () => (random() < 0.1 ? Number.POSITIVE_INFINITY : 10 + random() * 3_000), share: 0.4 }
    expect(run({ a: moody, b: moody, c: moody }, 3_600_000).taken).toBe(BLOCKS)
  })

  it('holds no more ahead than it says, and asks no more peers', () => {
    const fetch = new BodyFetch()
    fetch.want(nodes)
    for (let i = 0; i < 2 * MAX_BODY_PEERS; i++) fetch.peerStands(`p${i}`, 1n << 100n)
    const ids = new Set<string>()
    const peers = new Set<string>()
    for (let round = 0; round < 100; round++)
      for (const { id, peer, hashes } of fetch.next(0)) {
        peers.add(peer)
        for (const hash of hashes) ids.add(toHex(hash))
        // All but the first, so that nothing can be taken.
        fetch.answered(id, hashes.filter((hash) => toHex(hash) !== nodes[0]?.id).map(bodyOf), 0)
      }
    expect(fetch.take()).toBeUndefined()
    expect(ids.size).toBe(MAX_BODIES_AHEAD)
    expect(peers.size).toBe(MAX_BODY_PEERS)
  })

  it('asks nobody for more than its work claims', () => {
    const fetch = new BodyFetch()
    fetch.want(nodes)
    fetch.peerStands('short', nodes[4]?.work ?? 0n)
    expect(fetch.next(0).flatMap(({ hashes }) => hashes).length).toBe(5)
  })

  it('names what an honest peer never sends', () => {
    const fetch = new BodyFetch()
    fetch.want(nodes.slice(0, 20))
    fetch.peerStands('a', 1n << 100n)
    const [first, second] = fetch.next(0) as [BodyRequest, BodyRequest]
    expect(fetch.answered(first.id, [Uint8Array.of(1)], 1)).toBe('malformed')
    expect(fetch.answered(second.id, [bodyOf(nodes[200]?.hash as Uint8Array)], 1)).toBe('foreign-body')
    expect(fetch.take()).toBeUndefined()
  })

  it('what is no longer wanted is let go', () => {
    const fetch = new BodyFetch()
    fetch.want(nodes.slice(0, 5))
    fetch.peerStands('a', 1n << 100n)
    const [request] = fetch.next(0) as [BodyRequest]
    fetch.want(nodes.slice(2, 5))
    expect(fetch.answered(request.id, request.hashes.map(bodyOf), 1)).toBeUndefined()
    expect(fetch.take()?.node.id).toBe(nodes[2]?.id)
    expect(fetch.missing).toBe(2)
  })
})
