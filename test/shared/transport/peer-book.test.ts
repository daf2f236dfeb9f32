import { describe, expect, it } from 'vitest'
import { CIRCUIT_LINGER_MS, type PeerEvent } from '../../../shared/protocol/transport.ts'
import { createPeerBook } from '../../../shared/transport/peer-book.ts'
import { createFakeConnection, createFakeTransportClock } from '../../framework/network-doubles.ts'

const CIRCUIT = '/ip4/127.0.0.1/tcp/1/ws/p2p/relay/p2p-circuit/p2p/peer'
const DIRECT = '/ip4/127.0.0.1/tcp/1/ws/p2p/relay/p2p-circuit/webrtc/p2p/peer'

function setUp() {
  const clock = createFakeTransportClock()
  const book = createPeerBook(clock, () => {})
  const events: string[] = []
  for (const event of ['connected', 'changed', 'disconnected'] satisfies PeerEvent[])
    book.on(event, ({ transport }) => events.push(`${event} ${transport}`))
  return { clock, book, events }
}

describe('the peer book', () => {
  it('tells of the first, the better and the last connection of a peer', () => {
    const { book, events } = setUp()
    const circuit = createFakeConnection('peer', CIRCUIT)
    const direct = createFakeConnection('peer', DIRECT)
    book.opened(circuit)
    book.opened(circuit)
    book.opened(direct)
    expect(book.best('peer')).toBe(direct)
    book.closed(circuit)
    book.closed(direct)
    book.closed(direct)
    expect(events).toEqual(['connected circuit', 'changed webrtc', 'disconnected webrtc'])
    expect(book.peerIds()).toEqual([])
  })

  it('does not call a second connection of the same worth a change', () => {
    const { book, events } = setUp()
    book.opened(createFakeConnection('peer', DIRECT))
    book.opened(createFakeConnection('peer', DIRECT))
    book.opened(createFakeConnection('peer', CIRCUIT))
    expect(events).toEqual(['connected webrtc'])
  })

  it('falls back to the relayed connection when the direct one breaks', () => {
    const { book, events } = setUp()
    const direct = createFakeConnection('peer', DIRECT)
    book.opened(direct)
    book.opened(createFakeConnection('peer', CIRCUIT))
    book.closed(direct)
    expect(events).toEqual(['connected webrtc', 'changed circuit'])
  })

  it('closes the relayed connection a while after a direct one is open, and only then', async () => {
    const { clock, book } = setUp()
    const circuit = createFakeConnection('peer', CIRCUIT)
    const direct = createFakeConnection('peer', DIRECT)
    book.opened(circuit)
    await clock.advance(10 * CIRCUIT_LINGER_MS)
    expect(circuit.status).toBe('open')
    book.opened(direct)
    await clock.advance(CIRCUIT_LINGER_MS - 1)
    expect(circuit.status).toBe('open')
    await clock.advance(1)
    expect(circuit.status).toBe('closed')
    expect(direct.status).toBe('open')
  })

  it('keeps the relayed connection when the direct one has gone in the meantime', async () => {
    const { clock, book } = setUp()
    const circuit = createFakeConnection('peer', CIRCUIT)
    const direct = createFakeConnection('peer', DIRECT)
    book.opened(circuit)
    book.opened(direct)
    direct.status = 'closed'
    book.closed(direct)
    await clock.advance(10 * CIRCUIT_LINGER_MS)
    expect(circuit.status).toBe('open')
  })

  it('survives a listener that throws', () => {
    const { book, events } = setUp()
    book.on('connected', () => {
      throw new Error('listener')
    })
    const last: string[] = []
    book.on('connected', () => last.push('heard'))
    book.opened(createFakeConnection('peer', DIRECT))
    expect(events).toEqual(['connected webrtc'])
    expect(last).toEqual(['heard'])
  })
})
