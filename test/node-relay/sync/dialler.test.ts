import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { AddressBook } from '../../../node-relay/sync/address-book.ts'
import { createDialler, type Dialler, type RecordedNode } from '../../../node-relay/sync/dialler.ts'
import { LaresError } from '../../../shared/errors.ts'
import { PROTOCOLS } from '../../../shared/protocol/ids.ts'
import { peersCodec } from '../../../shared/protocol/messages.ts'
import { createPeers, type Peers } from './peers.ts'

const addressOf = (peer: string, port = 1) => `/ip4/192.168.1.20/tcp/${port}/p2p/${peer}`

let now: number
let rounds: { at: number; task: () => void }[]
let peers: Peers
let dialled: string[]
let reachable: Set<string>
let recorded: RecordedNode[]
let dialler: Dialler

beforeEach(() => {
  now = 0
  rounds = []
  peers = createPeers()
  dialled = []
  reachable = new Set()
  recorded = []
})
afterEach(() => dialler.stop())

function start(): void {
  dialler = createDialler({
    network: {
      ...peers.network,
      peerId: 'own',
      async dial(address) {
        dialled.push(address)
        if (!reachable.has(address)) throw new LaresError('timeout', address)
        return { peerId: 'x', address, transport: 'tcp', direction: 'outbound' }
      },
    },
    networkId: new Uint8Array(32),
    book: new AddressBook({ ownPeerId: 'own', random: () => 0 }),
    clock: {
      now: () => now,
      after(ms, task) {
        const entry = { at: now + ms, task }
        rounds.push(entry)
        return () => void rounds.splice(rounds.indexOf(entry), 1)
      },
    },
    recorded: () => recorded,
    remember: () => {},
    log: () => {},
  })
}

/** Rounds of dialling until a time, and what they began. */
async function until(ms: number): Promise<void> {
  for (let next = rounds[0]; next !== undefined && next.at <= ms; next = rounds[0]) {
    rounds.shift()
    now = next.at
    next.task()
    await new Promise((resolve) => setImmediate(resolve))
  }
  now = ms
}

describe('full nodes in the ledger', () => {
  it('are dialled at the start, each address in turn, and never ourselves', async () => {
    recorded = [
      { device: 'a', addresses: [addressOf('one'), addressOf('one', 2), '/ip4/192.168.1.20/tcp/3', 'nonsense'] },
      { device: 'b', addresses: [addressOf('own')] },
    ]
    reachable.add(addressOf('one', 2))
    start()
    await until(0)
    await new Promise((resolve) => setImmediate(resolve))
    expect(dialled).toEqual([addressOf('one'), addressOf('one', 2)])
  })

  it('are dialled when their records change', async () => {
    start()
    await until(20_000)
    expect(dialled).toEqual([])
    recorded = [{ device: 'a', addresses: [addressOf('one')] }]
    dialler.recordsChanged()
    await until(30_000)
    expect(dialled).toContain(addressOf('one'))
  })

  it('are not forgotten for good when they sleep', async () => {
    recorded = [{ device: 'a', addresses: [addressOf('one')] }]
    start()
    await until(9 * 60_000)
    const before = dialled.length
    expect(before).toBe(4)
    await until(11 * 60_000)
    expect(dialled.length).toBeGreaterThan(before)
  })

  it('are hints like others: one device cannot fill the book', async () => {
    recorded = [{ device: 'a', addresses: Array.from({ length: 40 }, (_, i) => addressOf(`peer${i}`)) }]
    start()
    await until(9 * 60_000)
    expect(new Set(dialled).size).toBe(16)
  })
})

describe('full nodes that others know', () => {
  /** Times that each peer was asked whom it knows. */
  const asked = (peer: string) =>
    peers.asked.filter((one) => one.peer === peer && one.protocol === PROTOCOLS.peers.id).length

  function meet(count: number, told: () => string[] = () => []): void {
    for (let i = 0; i < count; i++) {
      peers.connect(`peer${i}`, async () => peersCodec.encode({ addresses: told() }))
      dialler.foundFullNode(`peer${i}`)
    }
  }

  it('are asked for soon again while there are few: one that came meanwhile is reached without the first', async () => {
    start()
    const told: string[] = []
    meet(1, () => told)
    await until(0)
    told.push(addressOf('late'))
    await until(30_000)
    expect(dialled).toContain(addressOf('late'))
  })

  it('are asked for seldom once there are enough', async () => {
    start()
    meet(4)
    await until(9 * 60_000)
    expect(asked('peer0')).toBe(1)
    await until(11 * 60_000)
    expect(asked('peer0')).toBe(2)
  })
})
