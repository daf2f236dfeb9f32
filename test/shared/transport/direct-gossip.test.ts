import { describe, expect, it } from 'vitest'
import { createDirectGossip } from '../../../shared/transport/direct-gossip.ts'
import type { ByteStream, Connection } from '../../../shared/transport/ports.ts'
import { createFakeConnection } from '../../framework/network-doubles.ts'

const CIRCUIT = '/ip4/127.0.0.1/tcp/1/ws/p2p/relay/p2p-circuit/p2p/peer'
const DIRECT = '/webrtc/p2p/peer'

type Topology = {
  onConnect(peer: { toString(): string }, connection: Connection): void
  onDisconnect(peer: { toString(): string }): void
}
type Handler = (stream: ByteStream, connection: Connection) => void

/** A registrar that remembers, a gossip that writes down what it is told. */
async function setUp() {
  const handlers: Handler[] = []
  const topologies: Topology[] = []
  const told: string[] = []
  const registrar = {
    handle: async (_protocol: string, handler: Handler) => void handlers.push(handler),
    unhandle: async () => {},
    register: async (protocol: string, topology: unknown) => {
      topologies.push(topology as Topology)
      return protocol
    },
    unregister: () => {},
  }
  const direct = createDirectGossip()
  const nothing = { privateKey: 0, peerId: 0, peerStore: 0, connectionManager: 0, logger: 0 }
  const wrapped = direct.wrap({ ...nothing, registrar }).registrar
  const gossip = {
    onConnect: (peer: { toString(): string }, connection: Connection) => void told.push(`+${peer} ${connection.id}`),
    onDisconnect: (peer: { toString(): string }) => void told.push(`-${peer}`),
  }
  await wrapped.register('/meshsub/1.2.0', gossip)
  await wrapped.register('/meshsub/1.1.0', gossip)
  await wrapped.handle('/meshsub/1.2.0', (_stream, connection) => void told.push(`stream ${connection.id}`))
  const library = topologies[0] as Topology
  const handler = handlers[0] as Handler
  return { direct, library, handler, told }
}

const peer = { toString: () => 'peer' }

describe('gossip on direct connections', () => {
  it('is not told of relayed connections, nor given streams on them', async () => {
    const { library, handler, told } = await setUp()
    const circuit = createFakeConnection('peer', CIRCUIT)
    const aborted: Error[] = []
    const stream = { abort: (error: Error) => void aborted.push(error) } as unknown as ByteStream
    library.onConnect(peer, circuit)
    handler(stream, circuit)
    expect(told).toEqual([])
    expect(aborted).toHaveLength(1)
  })

  it('is told of direct ones, once for all versions of the protocol on a refresh', async () => {
    const { direct, library, handler, told } = await setUp()
    const connection = createFakeConnection('peer', DIRECT)
    library.onConnect(peer, connection)
    handler({} as ByteStream, connection)
    direct.refresh([createFakeConnection('peer', CIRCUIT), connection])
    expect(told).toEqual([`+peer ${connection.id}`, `stream ${connection.id}`, `+peer ${connection.id}`])
  })

  it('moves to the other direct connection when one closes, and lets go when only a relayed one is left', async () => {
    const { direct, library, told } = await setUp()
    const first = createFakeConnection('peer', DIRECT)
    const second = createFakeConnection('peer', DIRECT)
    library.onConnect(peer, first)
    told.length = 0
    direct.refresh([second])
    expect(told).toEqual([`+peer ${second.id}`])
    told.length = 0
    direct.refresh([createFakeConnection('peer', CIRCUIT)])
    expect(told).toEqual(['-peer'])
    told.length = 0
    direct.refresh([second])
    expect(told).toEqual([])
  })
})
