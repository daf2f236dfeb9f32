/** Who of the connected peers has spoken, and was of use: what makes a place safe when there are too few. */
import { expect, it } from 'vitest'
import { watchStandings } from '../../../node-relay/network/standing.ts'
import type {
  GossipValidator,
  GossipVerdict,
  PeerConnection,
  PeerEvent,
  PeerListener,
  PeerSnapshot,
  RequestHandler,
} from '../../../shared/protocol/transport.ts'

const spec = { id: '/test/1', maxRequest: 1, maxResponse: 1, timeoutMs: 1, cost: 1 }
const peer = (peerId: string): PeerConnection => ({ peerId, address: '', transport: 'tcp', direction: 'inbound' })

async function setUp() {
  const listeners = new Map<PeerEvent, PeerListener>()
  let handler: RequestHandler | undefined
  let validator: GossipValidator | undefined
  const standings = watchStandings({
    peers: () => [{ ...peer('early'), connectedAt: 0, penalty: 0 } satisfies PeerSnapshot],
    on: (event, listener) => {
      listeners.set(event, listener)
      return () => {}
    },
    handle: async (_spec, one) => {
      handler = one
    },
    subscribe: (_topic, _size, one) => {
      validator = one
    },
  })
  await standings.watched.handle(spec, async (_from, request) => (request.length === 0 ? 'reject' : request))
  standings.watched.subscribe(
    'topic',
    1,
    async (_from, bytes) => (['accept', 'ignore'] as const)[bytes.length] as GossipVerdict,
  )
  return {
    standings,
    come: (id: string) => listeners.get('connected')?.(peer(id)),
    go: (id: string) => listeners.get('disconnected')?.(peer(id)),
    ask: (id: string, length: number) =>
      handler?.(id, new Uint8Array(length), { signal: new AbortController().signal }),
    say: (id: string, length: number) => validator?.(id, new Uint8Array(length)),
  }
}

it('a question that was answered is a word, one that was rejected is none', async () => {
  const { standings, come, ask } = await setUp()
  come('a')
  expect(await ask('a', 0)).toBe('reject')
  expect(standings.of('a')).toEqual({ hasSpoken: false, isUseful: false })
  expect(await ask('a', 1)).toEqual(new Uint8Array(1))
  expect(standings.of('a')).toEqual({ hasSpoken: true, isUseful: false })
  await ask('early', 1)
  expect(standings.of('early').hasSpoken).toBe(true)
})

it('what was new and good is of use, and stays so; what was of none is nothing', async () => {
  const { standings, come, ask, say } = await setUp()
  come('a')
  await say('a', 1)
  expect(standings.of('a')).toEqual({ hasSpoken: false, isUseful: false })
  await say('a', 0)
  await ask('a', 1)
  expect(standings.of('a')).toEqual({ hasSpoken: true, isUseful: true })
})

it('who leaves is forgotten, also when its answer comes later', async () => {
  const { standings, come, go, ask, say } = await setUp()
  come('a')
  await say('a', 0)
  go('a')
  expect(standings.of('a')).toEqual({ hasSpoken: false, isUseful: false })
  await ask('a', 1)
  expect(standings.of('a').hasSpoken).toBe(false)
})
