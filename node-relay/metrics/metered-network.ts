import { LaresError } from '../../shared/errors.ts'
import type { PeerNetwork } from '../../shared/protocol/transport.ts'
import type { Meter } from './meter.ts'

/** The same network, counted: requests both ways, gossip both ways. */
export function meterNetwork<Network extends PeerNetwork>(
  network: Network,
  meter: Meter,
  now: () => number = () => performance.now(),
): Network {
  return {
    ...network,
    handle: (spec, handler) =>
      network.handle(spec, async (from, bytes, context) => {
        const start = now()
        let outcome = 'failed'
        try {
          const answer = await handler(from, bytes, context)
          outcome = answer === 'reject' ? 'rejected' : 'answered'
          return answer
        } finally {
          // Past its deadline nobody hears the answer any more.
          meter.request('in', spec.id, context.signal.aborted ? 'late' : outcome, now() - start)
        }
      }),
    async request(peerId, spec, bytes, options) {
      const start = now()
      let outcome = 'answered'
      try {
        return await network.request(peerId, spec, bytes, options)
      } catch (error) {
        outcome = error instanceof LaresError ? error.code : 'failed'
        throw error
      } finally {
        meter.request('out', spec.id, outcome, now() - start)
      }
    },
    subscribe: (topic, maxSize, validate) =>
      network.subscribe(topic, maxSize, async (from, bytes) => {
        const verdict = await validate(from, bytes)
        meter.gossip(kindOf(topic), verdict)
        return verdict
      }),
    publish(topic, bytes) {
      meter.gossip(kindOf(topic), 'published')
      return network.publish(topic, bytes)
    },
  }
}

/** `/lares/<network>/headers/1` without the network: it belongs into no label. */
function kindOf(topic: string): string {
  return topic.split('/').at(-2) ?? topic
}
