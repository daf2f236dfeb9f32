import { decode, encode, type Packet } from 'dns-packet'
import { describe, expect, test } from 'vitest'
import { type AddressRecord, compareProposals, readMessage } from '../../../node-relay/mdns/records.ts'
import { createResponder, type Link, MAX_NAMES, type Responder } from '../../../node-relay/mdns/responder.ts'

/** A network segment with a fake clock: what one sends, all others hear. */
function createSegment() {
  let now = 0
  let tasks: { at: number; task: () => void }[] = []
  const members: { link: Link; responder: Responder }[] = []
  const heard: Packet[] = []

  function send(from: Link, message: Uint8Array): void {
    heard.push(decode(Buffer.from(message)))
    tasks.push({
      at: now + 1,
      task: () => {
        for (const { link, responder } of members) if (link !== from) responder.receive(link, message, undefined)
      },
    })
  }

  return {
    heard,
    now: () => now,
    join(records: readonly AddressRecord[], { name = 'lares', random = 0 } = {}) {
      const names: (string | undefined)[] = []
      const link: Link = { records, send: (message) => send(link, message) }
      const responder = createResponder({
        name,
        links: [link],
        now: () => now,
        after(delay, task) {
          const entry = { at: now + delay, task }
          tasks.push(entry)
          return () => {
            tasks = tasks.filter((other) => other !== entry)
          }
        },
        random: () => random,
        onName: (found) => names.push(found),
      })
      const member = { link, responder, names }
      members.push(member)
      return member
    },
    leave(responder: Responder) {
      members.splice(
        members.findIndex((member) => member.responder === responder),
        1,
      )
    },
    /** Everybody hears it, as from a stranger. */
    say(packet: Packet) {
      for (const { link, responder } of members) responder.receive(link, encode(packet), undefined)
    },
    pass(duration: number) {
      const end = now + duration
      for (;;) {
        const next = tasks.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0]
        if (next === undefined) break
        tasks = tasks.filter((other) => other !== next)
        now = Math.max(now, next.at)
        next.task()
      }
      now = end
    },
  }
}

const A = (address: string): AddressRecord => ({ type: 'A', address })
const AAAA = (address: string): AddressRecord => ({ type: 'AAAA', address })
const ask = (type: 'A' | 'AAAA', name = 'lares.local'): Packet => ({
  type: 'query',
  questions: [{ name, type, class: 'IN' }],
})

describe('mDNS responder', () => {
  test('probes three times, announces twice, then answers', () => {
    const segment = createSegment()
    const { responder, names } = segment.join([A('192.168.7.2'), AAAA('fd00::2')])
    segment.pass(700)
    expect(responder.name).toBeUndefined()
    expect(segment.heard.map(({ type, authorities }) => [type, authorities?.length])).toEqual(
      Array(3).fill(['query', 2]),
    )
    segment.pass(3_000)
    expect(responder.name).toBe('lares.local')
    expect(names).toEqual(['lares.local'])
    expect(segment.heard.slice(3).map(({ type }) => type)).toEqual(['response', 'response'])

    segment.heard.length = 0
    segment.say(ask('A', 'LARES.local'))
    expect(segment.heard[0]?.answers).toMatchObject([
      { name: 'lares.local', type: 'A', data: '192.168.7.2', ttl: 120, flush: true, class: 'IN' },
      { name: 'lares.local', type: 'AAAA', data: 'fd00::2', ttl: 120 },
    ])
    expect(segment.heard[0]?.additionals).toMatchObject([{ type: 'NSEC', data: { rrtypes: ['A', 'AAAA'] } }])
  })

  test('says nothing to other names, other types, known answers, and not twice within a second', () => {
    const segment = createSegment()
    segment.join([A('192.168.7.2')])
    segment.pass(5_000)
    segment.heard.length = 0
    segment.say(ask('A', 'other.local'))
    segment.say({ type: 'query', questions: [{ name: 'lares.local', type: 'TXT', class: 'IN' }] })
    segment.say({ ...ask('A'), answers: [{ name: 'lares.local', type: 'A', ttl: 100, data: '192.168.7.2' }] })
    expect(segment.heard).toEqual([])
    segment.say({ ...ask('A'), answers: [{ name: 'lares.local', type: 'A', ttl: 10, data: '192.168.7.2' }] })
    segment.say(ask('A'))
    expect(segment.heard).toHaveLength(1)
    segment.pass(1_000)
    segment.say(ask('AAAA'))
    expect(segment.heard).toHaveLength(2)
  })

  test('ordinary DNS askers get their question back, alone', () => {
    const segment = createSegment()
    const { responder, link } = segment.join([A('192.168.7.2'), AAAA('fd00::2')])
    segment.pass(5_000)
    segment.heard.length = 0
    const replies: Packet[] = []
    responder.receive(link, encode({ ...ask('A'), id: 777 }), (message) => replies.push(decode(Buffer.from(message))))
    expect(segment.heard).toEqual([])
    expect(replies).toMatchObject([
      { id: 777, questions: [{ type: 'A' }], answers: [{ type: 'A', data: '192.168.7.2', ttl: 10, flush: false }] },
    ])
  })

  test('who comes later takes the next name', () => {
    const segment = createSegment()
    const first = segment.join([A('192.168.7.2')])
    segment.pass(5_000)
    const second = segment.join([A('192.168.7.3')])
    segment.pass(5_000)
    const third = segment.join([A('192.168.7.1')])
    segment.pass(5_000)
    expect([first, second, third].map(({ responder }) => responder.name)).toEqual([
      'lares.local',
      'lares-2.local',
      'lares-3.local',
    ])
    expect(first.names).toEqual(['lares.local'])
  })

  test('of two that start together, the later address wins', () => {
    for (const random of [0, 0.5]) {
      const segment = createSegment()
      const low = segment.join([A('192.168.7.2')])
      const high = segment.join([A('192.168.7.9')], { random })
      segment.pass(10_000)
      expect([low.responder.name, high.responder.name]).toEqual(['lares-2.local', 'lares.local'])
    }
  })

  test('one host on two interfaces of one network is not its own rival', () => {
    const segment = createSegment()
    const { responder, link } = segment.join([A('192.168.7.2')])
    segment.pass(5_000)
    responder.receive(
      link,
      encode({ type: 'response', answers: [{ name: 'lares.local', type: 'A', ttl: 120, data: '192.168.7.2' }] }),
      undefined,
    )
    expect(responder.name).toBe('lares.local')
  })

  test('a name taken by another later is given up when the other stands by it, kept when not', () => {
    const segment = createSegment()
    const { responder, names } = segment.join([A('192.168.7.2')])
    segment.pass(5_000)
    const claim: Packet = {
      type: 'response',
      answers: [{ name: 'lares.local', type: 'A', ttl: 120, data: '192.168.7.66' }],
    }
    segment.say(claim)
    expect(responder.name).toBeUndefined()
    segment.pass(5_000)
    expect(responder.name).toBe('lares.local')
    segment.say(claim)
    segment.pass(300)
    segment.say(claim)
    segment.pass(5_000)
    expect(names).toEqual(['lares.local', 'lares.local', 'lares-2.local'])
  })

  test('who answers to every name ends the search', () => {
    const segment = createSegment()
    const { responder, names } = segment.join([A('192.168.7.2')])
    for (let attempt = 1; attempt <= MAX_NAMES + 1; attempt++) {
      const name = attempt === 1 ? 'lares.local' : `lares-${attempt}.local`
      segment.say({ type: 'response', answers: [{ name, type: 'A', ttl: 120, data: '192.168.7.66' }] })
    }
    segment.pass(10_000)
    expect(names).toEqual([undefined])
    expect(responder.name).toBeUndefined()
  })

  test('takes its name back when it stops', () => {
    const segment = createSegment()
    const { responder } = segment.join([A('192.168.7.2')])
    segment.pass(5_000)
    segment.heard.length = 0
    responder.stop()
    expect(segment.heard[0]?.answers).toMatchObject([{ ttl: 0, data: '192.168.7.2' }])
    const next = segment.join([A('192.168.7.3')])
    segment.pass(5_000)
    expect(next.responder.name).toBe('lares.local')
  })

  test('foreign bytes do no harm', () => {
    const segment = createSegment()
    const { responder, link } = segment.join([A('192.168.7.2')])
    segment.pass(5_000)
    const good = encode(ask('A'))
    for (let length = 0; length < good.length; length++) responder.receive(link, good.subarray(0, length), undefined)
    // A name that points to itself.
    const loop = Buffer.from('000000000001000000000000c00c00010001', 'hex')
    expect(readMessage(loop, 'lares.local')).toBeUndefined()
    responder.receive(link, loop, undefined)
    for (let byte = 0; byte < 256; byte++) responder.receive(link, Buffer.alloc(64, byte), undefined)
    expect(responder.name).toBe('lares.local')
  })
})

test('proposals compare by type, then bytes; the longer list wins (RFC 6762 section 8.2)', () => {
  expect(compareProposals([A('1.2.3.4')], [A('1.2.3.4')])).toBe(0)
  expect(compareProposals([A('169.254.99.200')], [A('169.254.200.50')])).toBeLessThan(0)
  expect(compareProposals([AAAA('::1')], [A('255.0.0.0')])).toBeGreaterThan(0)
  expect(compareProposals([A('1.2.3.4'), AAAA('::1')], [A('1.2.3.4')])).toBeGreaterThan(0)
  expect(compareProposals([AAAA('::1'), A('1.2.3.4')], [A('1.2.3.4'), AAAA('0::1')])).toBe(0)
})
