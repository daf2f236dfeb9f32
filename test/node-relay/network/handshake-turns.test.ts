/** When handshakes begin: a crowd from one address is spread over time and holds up nobody else; what waits is bounded. */
import { describe, expect, it } from 'vitest'
import { createHandshakeTurns, type TurnLimits } from '../../../node-relay/network/handshake-turns.ts'
import { createFakeTransportClock } from '../../framework/network-doubles.ts'

const LIMITS: TurnLimits = {
  perHost: { burst: 2, perSecond: 4 },
  total: { burst: 4, perSecond: 10 },
  turnsPerBan: 4,
  maxTurnsAhead: 6,
  maxPerHost: 8,
  maxWaiting: 12,
  maxWaitMs: 1_500,
  handshakeMs: 1_000,
}

function setUp() {
  const clock = createFakeTransportClock(1_000_000)
  const turns = createHandshakeTurns(LIMITS, clock)
  const log: string[] = []
  const enter = (name: string, host?: string, leaves = true) => {
    const connection = {}
    void turns.enter(connection, host).then((mayEnter) => {
      log.push(`${clock.now() - 1_000_000} ${name} ${mayEnter ? 'in' : 'away'}`)
      if (mayEnter && leaves) turns.leave(connection)
    })
    return connection
  }
  return { clock, turns, log, enter }
}

describe('a crowd from one address', () => {
  it('has its burst at once, and then a turn each interval', async () => {
    const { clock, log, enter } = setUp()
    for (let i = 0; i < 5; i++) enter(`${i}`, 'a')
    await clock.advance(0)
    expect(log).toEqual(['0 0 in', '0 1 in'])
    await clock.advance(1_000)
    expect(log.slice(2)).toEqual(['250 2 in', '500 3 in', '750 4 in'])
    expect(clock.pending()).toBe(0)
  })

  it('lets others pass', async () => {
    const { clock, log, enter } = setUp()
    for (let i = 0; i < 6; i++) enter(`crowd ${i}`, 'a')
    await clock.advance(100)
    enter('other', 'b')
    await clock.advance(0)
    expect(log.at(-1)).toBe('100 other in')
  })

  it('waits longer after somebody who came from there was banned, and not for ever', async () => {
    const { clock, turns, log, enter } = setUp()
    turns.setBack('a')
    enter('back again', 'a')
    enter('other', 'b')
    await clock.advance(0)
    expect(log).toEqual(['0 other in'])
    await clock.advance(1_000)
    expect(log.slice(1)).toEqual(['750 back again in'])
    for (let i = 0; i < 9; i++) turns.setBack('a')
    enter('honest', 'a')
    await clock.advance(1_500)
    expect(log.slice(2)).toEqual(['2250 honest in'])
  })

  it('is turned away beyond what one address may have waiting and in handshakes', async () => {
    const { clock, log, enter, turns } = setUp()
    const connections = Array.from({ length: 8 }, (_, i) => enter(`${i}`, 'a', false))
    enter('one more', 'a')
    await clock.advance(0)
    expect(log).toContain('0 one more away')
    // One that never finishes its handshake has ended a second later; one that finishes makes room at once.
    turns.leave(connections[0] as object)
    enter('after it', 'a')
    enter('too early', 'a')
    await clock.advance(0)
    expect(log.at(-1)).toBe('0 too early away')
    await clock.advance(1_100)
    enter('later', 'a')
    await clock.advance(0)
    expect(log.some((line) => line.includes('later away'))).toBe(false)
  })

  it('is turned away when its turn does not come in time', async () => {
    const { clock, log, enter } = setUp()
    for (let i = 0; i < 8; i++) enter(`${i}`, 'a', false)
    await clock.advance(2_000)
    expect(log.filter((line) => line.endsWith(' in'))).toHaveLength(7)
    expect(log.at(-1)).toBe('1500 7 away')
    expect(clock.pending()).toBe(0)
  })
})

describe('many addresses', () => {
  it('share the turns of all, the one with the fewest first', async () => {
    const { clock, log, enter } = setUp()
    for (const host of ['a', 'b', 'c']) for (let i = 0; i < 2; i++) enter(`${host}${i}`, host)
    await clock.advance(50)
    enter('d0', 'd')
    await clock.advance(1_000)
    const order = log.map((line) => line.split(' ')[1])
    expect(order.slice(0, 4)).toEqual(['a0', 'a1', 'b0', 'b1'])
    expect(order.indexOf('d0')).toBeLessThan(order.indexOf('c1'))
    expect(log).toHaveLength(7)
  })

  it('are turned away when too many wait', async () => {
    const { clock, log, enter } = setUp()
    for (let i = 0; i < 18; i++) enter(`${i}`, `host ${i}`)
    await clock.advance(0)
    expect(log.filter((line) => line.endsWith(' in'))).toHaveLength(4)
    expect(log.filter((line) => line.endsWith(' away'))).toHaveLength(2)
  })
})
