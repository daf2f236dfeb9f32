/** Who goes when there is no room for a newcomer: the silent first; never who was dialled from here or was useful. */
import { describe, expect, it } from 'vitest'
import {
  FAIR_SHARE_OF_HOST,
  type Occupant,
  SILENT_GRACE_MS,
  whoGivesWay,
} from '../../../node-relay/network/give-way.ts'

const NOW = 1_000_000
const OLD = NOW - SILENT_GRACE_MS

let count = 0
function occupant(host: string | undefined, init: Partial<Occupant> = {}): Occupant {
  return {
    ...{ id: `${count++}`, host, direction: 'inbound', openedAt: OLD, hasSpoken: false, isUseful: false },
    ...init,
  }
}

const spoken = (host: string | undefined, init: Partial<Occupant> = {}) => occupant(host, { hasSpoken: true, ...init })
const full = (host?: string) => ({ host, refusal: 'full' as const })

describe('when all places are taken', () => {
  it('the oldest silent one of the address with most of them goes', () => {
    const oldest = occupant('b', { openedAt: OLD - 2 })
    const all = [occupant('a', { openedAt: OLD - 9 }), occupant('b'), oldest, spoken('b', { openedAt: OLD - 20 })]
    expect(whoGivesWay(all, full('c'), NOW)).toBe(oldest)
  })

  it('a silent one over another relay goes, too', () => {
    const relayed = occupant(undefined)
    expect(whoGivesWay([relayed, spoken('a')], full('c'), NOW)).toBe(relayed)
  })

  it('nobody goes who has just come, has spoken, was useful, or was dialled', () => {
    const all = [
      occupant('a', { openedAt: OLD + 1 }),
      spoken('a'),
      occupant('a', { isUseful: true }),
      occupant('a', { direction: 'outbound' }),
    ]
    expect(whoGivesWay(all, full('c'), NOW)).toBeUndefined()
  })

  it('the youngest of an address with far too many goes, though it speaks', () => {
    const crowd = Array.from({ length: FAIR_SHARE_OF_HOST }, (_, i) => spoken('a', { openedAt: OLD - i }))
    const others = [spoken('c'), spoken(undefined), ...crowd.map(() => spoken('x', { isUseful: true }))]
    expect(whoGivesWay([...crowd, ...others], full('c'), NOW)).toBeUndefined()
    const youngest = spoken('a', { openedAt: OLD + 1 })
    expect(whoGivesWay([...crowd, youngest, ...others], full('c'), NOW)).toBe(youngest)
    // Nor for one more of about as many.
    const half = Array.from({ length: FAIR_SHARE_OF_HOST / 2 }, () => spoken('c'))
    expect(whoGivesWay([...crowd, youngest, ...half], full('c'), NOW)).toBeUndefined()
    expect(whoGivesWay([...crowd, youngest], full('a'), NOW)).toBeUndefined()
  })
})

describe('when the places of one address are taken', () => {
  it('only a silent one of that address goes', () => {
    const silent = occupant('a')
    const all = [occupant('b', { openedAt: OLD - 9 }), silent, spoken('a')]
    expect(whoGivesWay(all, { host: 'a', refusal: 'address-full' }, NOW)).toBe(silent)
    const rest = all.filter((one) => one !== silent)
    expect(whoGivesWay(rest, { host: 'a', refusal: 'address-full' }, NOW)).toBeUndefined()
  })
})
