import { LaresError } from '../../../shared/errors.ts'
import type {
  GossipValidator,
  GossipVerdict,
  PeerNetwork,
  ProtocolSpec,
  RequestHandler,
} from '../../../shared/protocol/transport.ts'

export interface FakeNetwork extends PeerNetwork {
  readonly handlers: Map<string, RequestHandler>
  readonly published: { topic: string; bytes: Uint8Array }[]
  /** Own addresses, to be set. */
  own: string[]
  ask(spec: ProtocolSpec, request: Uint8Array): Promise<Uint8Array | 'reject'>
  deliver(topic: string, bytes: Uint8Array): Promise<GossipVerdict>
}

/** The relay's door to the network, with the test on the other side of it. */
export function createFakeNetwork(): FakeNetwork {
  const validators = new Map<string, { maxSize: number; validate: GossipValidator }>()
  const { signal } = new AbortController()
  const network: FakeNetwork = {
    peerId: 'self',
    own: [],
    handlers: new Map(),
    published: [],
    addresses: () => network.own,
    async handle(spec, handler) {
      network.handlers.set(spec.id, handler)
    },
    request: () => Promise.reject(new LaresError('unsupported', 'nobody is here')),
    subscribe: (topic, maxSize, validate) => void validators.set(topic, { maxSize, validate }),
    unsubscribe: (topic) => void validators.delete(topic),
    async publish(topic, bytes) {
      const { maxSize } = validators.get(topic) as { maxSize: number }
      if (bytes.length > maxSize) throw new LaresError('too-long', topic)
      network.published.push({ topic, bytes })
      return 1
    },
    peers: () => [],
    on: () => () => {},
    dial: () => Promise.reject(new LaresError('unsupported', 'nobody is here')),
    async disconnect() {},
    penalise() {},
    async ask(spec, request) {
      const handler = network.handlers.get(spec.id)
      return handler === undefined ? 'reject' : await handler('peer', request, { signal })
    },
    async deliver(topic, bytes) {
      const validator = validators.get(topic)
      if (validator === undefined) throw new Error(`not subscribed to ${topic}`)
      return await validator.validate('peer', bytes)
    },
  }
  return network
}
