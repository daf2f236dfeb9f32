import { describe, expect, it } from 'vitest'
import {
  createReconnector,
  MAX_KEPT_RELAYS,
  RECONNECT_MAX_MS,
  RECONNECT_MIN_MS,
} from '../../../web/network/reconnect.ts'
import { createFakeTransportClock } from '../../framework/network-doubles.ts'

function setUp() {
  const clock = createFakeTransportClock()
  const dials: { address: string; at: number }[] = []
  const state = { reachable: false, connected: new Set<string>() }
  const reconnector = createReconnector({
    clock,
    // Without jitter: the longest wait of each step.
    random: () => 1,
    isConnected: (peerId) => state.connected.has(peerId),
    async dial(address) {
      dials.push({ address, at: clock.now() })
      if (!state.reachable) throw new Error('unreachable')
      const peerId = address.split('@')[1] as string
      state.connected.add(peerId)
      reconnector.connected(peerId)
    },
    log: () => {},
  })
  const lose = (peerId: string) => {
    state.connected.delete(peerId)
    reconnector.disconnected(peerId)
  }
  return { clock, dials, state, reconnector, lose }
}

describe('the reconnector', () => {
  it('tries all addresses in order, then waits twice as long each time, up to the longest wait', async () => {
    const { clock, dials, reconnector } = setUp()
    reconnector.keep('relay', ['direct@relay', 'socket@relay'])
    await clock.advance(5 * 60_000)
    expect(dials.slice(0, 4).map(({ address }) => address)).toEqual([
      'direct@relay',
      'socket@relay',
      'direct@relay',
      'socket@relay',
    ])
    const starts = dials.filter(({ address }) => address === 'direct@relay').map(({ at }) => at)
    const waits = starts.slice(1).map((at, i) => at - (starts[i] as number))
    expect(waits.slice(0, 7)).toEqual([1, 2, 4, 8, 16, 30, 30].map((factor) => factor * RECONNECT_MIN_MS))
    expect(Math.max(...waits)).toBe(RECONNECT_MAX_MS)
  })

  it('is quiet while connected, and comes back soon after a loss', async () => {
    const { clock, dials, state, reconnector, lose } = setUp()
    state.reachable = true
    reconnector.keep('relay', ['direct@relay', 'socket@relay'])
    await clock.advance(60_000)
    expect(dials.map(({ address }) => address)).toEqual(['direct@relay'])
    expect(reconnector.waiting()).toEqual([])
    lose('relay')
    expect(reconnector.waiting()).toEqual([{ peerId: 'relay', nextTryAt: clock.now() + RECONNECT_MIN_MS }])
    await clock.advance(RECONNECT_MIN_MS)
    expect(dials).toHaveLength(2)
    expect(state.connected.has('relay')).toBe(true)
  })

  it('tries at once when poked, and starts again from the shortest wait', async () => {
    const { clock, dials, state, reconnector } = setUp()
    reconnector.keep('relay', ['direct@relay'])
    await clock.advance(40_000)
    const before = dials.length
    reconnector.poke()
    await clock.advance(0)
    expect(dials).toHaveLength(before + 1)
    await clock.advance(RECONNECT_MIN_MS)
    expect(dials).toHaveLength(before + 2)
    state.reachable = true
    reconnector.poke()
    await clock.advance(60_000)
    expect(dials).toHaveLength(before + 3)
  })

  it('stops for a peer that is forgotten and for all when ended', async () => {
    const { clock, dials, reconnector } = setUp()
    reconnector.keep('one', ['direct@one'])
    reconnector.keep('two', ['direct@two'])
    await clock.advance(0)
    reconnector.forget('one')
    await clock.advance(60_000)
    expect(dials.filter(({ address }) => address === 'direct@one')).toHaveLength(1)
    reconnector.end()
    expect(clock.pending()).toBe(0)
  })

  it('keeps at most so many relays', () => {
    const { reconnector } = setUp()
    for (let i = 0; i < MAX_KEPT_RELAYS; i++) reconnector.keep(`relay-${i}`, [])
    expect(() => reconnector.keep('one more', [])).toThrow('more than')
    expect(() => reconnector.keep('relay-0', ['new@relay-0'])).not.toThrow()
  })
})
