import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  AddressBook,
  MAX_ADDRESSES_PER_NODE,
  MAX_CONFIGURED_PEERS,
  MAX_NEW_PEERS,
  MAX_NEW_PER_SOURCE,
  MAX_TRIED_PEERS,
} from '../../../node-relay/sync/address-book.ts'

const addressOf = (peer: string, port = 1) => `/ip4/192.168.1.20/tcp/${port}/p2p/${peer}`
const nobody = () => false

function createBook() {
  return new AddressBook({ ownPeerId: 'own', random: (below) => below - 1 })
}

describe('the address book', () => {
  it('offers what a person named, and never ourselves', () => {
    const book = createBook()
    book.configure([addressOf('one'), addressOf('one', 2), addressOf('own'), 'nonsense'])
    expect(book.next(nobody, 0, 0)).toEqual([{ peer: 'one', addresses: [addressOf('one'), addressOf('one', 2)] }])
    expect(book.next((peer) => peer === 'one', 8, 0)).toEqual([])
  })

  it('draws from those that answered and from those that others spoke of', () => {
    const book = createBook()
    for (let i = 0; i < 8; i++) book.hear([addressOf(`peer${i}`)], `source${i}`)
    for (let i = 0; i < 4; i++) book.answered(`peer${i}`, undefined)
    const chosen = book.next(nobody, 4, 0).map(({ peer }) => Number(peer.slice(4)))
    expect(chosen.filter((peer) => peer < 4)).toHaveLength(2)
    expect(chosen.filter((peer) => peer >= 4)).toHaveLength(2)
  })

  it('leaves alone longer and longer who is not reached, and forgets who never was', () => {
    const book = createBook()
    book.configure([addressOf('one')])
    book.hear([addressOf('two')], 'source')
    book.failed('one', 0)
    expect(book.next(nobody, 0, 4_999)).toEqual([])
    expect(book.next(nobody, 0, 5_000)).toHaveLength(1)
    book.failed('one', 5_000)
    expect(book.next(nobody, 0, 14_999)).toEqual([])
    for (let i = 0; i < 4; i++) book.failed('two', 0)
    expect(book.size).toBe(1)
    for (let i = 0; i < 40; i++) book.failed('one', 0)
    expect(book.next(nobody, 0, 5 * 60_000)).toHaveLength(1)
  })

  it('dials first the address that worked', () => {
    const book = createBook()
    book.configure([addressOf('one', 1), addressOf('one', 2)])
    book.answered('one', addressOf('one', 2))
    expect(book.next(nobody, 0, 0)[0]?.addresses[0]).toBe(addressOf('one', 2))
  })

  it('tells and keeps only what answered, or a person named', () => {
    const book = createBook()
    book.configure([addressOf('one')])
    book.hear([addressOf('two'), addressOf('three')], 'source')
    book.answered('two', addressOf('two'))
    expect(book.good()).toEqual([addressOf('one'), addressOf('two')])
  })

  it('is not filled by one source, and a crowd of sources does not push out who answered', () => {
    const book = createBook()
    book.hear([addressOf('honest')], 'friend')
    book.answered('honest', undefined)
    book.hear([addressOf('hopeful')], 'friend')
    for (let i = 0; i < 100; i++) book.hear([addressOf(`evil${i}`)], 'liar')
    expect(book.size).toBe(2 + MAX_NEW_PER_SOURCE)
    for (let source = 0; source < 40; source++)
      for (let i = 0; i < 40; i++) book.hear([addressOf(`sybil${source}x${i}`)], `liar${source}`)
    expect(book.size).toBe(1 + MAX_NEW_PEERS)
    expect(book.good()).toEqual([addressOf('honest')])
    expect(book.next(nobody, 1_000, 0).map(({ peer }) => peer)).toContain('hopeful')
  })

  it('keeps its bounds whatever it hears', () => {
    const peer = fc.integer({ min: 0, max: 600 }).map((n) => `p${n}`)
    const step = fc.oneof(
      fc.record({ do: fc.constant('configure'), peer, port: fc.nat(20) }),
      fc.record({ do: fc.constant('hear'), peer, port: fc.nat(20), source: fc.nat(50) }),
      fc.record({ do: fc.constant('answered'), peer }),
      fc.record({ do: fc.constant('failed'), peer }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 2_000 }), (steps) => {
        const book = createBook()
        for (const one of steps) {
          if (one.do === 'configure' && 'port' in one) book.configure([addressOf(one.peer, one.port)])
          if (one.do === 'hear' && 'source' in one) book.hear([addressOf(one.peer, one.port)], `s${one.source}`)
          if (one.do === 'answered') book.answered(one.peer, undefined)
          if (one.do === 'failed') book.failed(one.peer, 0)
        }
        expect(book.size).toBeLessThanOrEqual(MAX_CONFIGURED_PEERS + MAX_TRIED_PEERS + MAX_NEW_PEERS)
        const all = book.next(nobody, 10_000, Number.MAX_SAFE_INTEGER)
        for (const { addresses } of all) expect(addresses.length).toBeLessThanOrEqual(MAX_ADDRESSES_PER_NODE)
      }),
      { numRuns: 50 },
    )
  })
})
