import { LaresError } from '../errors.ts'
import {
  type GossipValidator,
  type GossipVerdict,
  MAX_GOSSIP_MESSAGE,
  MAX_TOPICS,
  MAX_VALIDATIONS_PER_PEER,
  type PENALTY_POINTS,
} from '../protocol/transport.ts'
import type { LibraryGossip } from './ports.ts'

export interface TopicComponents {
  gossip: LibraryGossip
  charge(peerId: string, code: keyof typeof PENALTY_POINTS): void
  log(message: string, error?: unknown): void
}

export interface Topics {
  subscribe(topic: string, maxSize: number, validate: GossipValidator): void
  unsubscribe(topic: string): void
  publish(topic: string, bytes: Uint8Array): Promise<number>
}

/** Gossip topics with size limits and validators; rejected messages are charged to the neighbour that sent them. */
export function createTopics({ gossip, charge, log }: TopicComponents): Topics {
  const sizes = new Map<string, number>()
  const judging = new Map<string, number>()

  async function judge(
    from: string,
    data: Uint8Array,
    maxSize: number,
    validate: GossipValidator,
  ): Promise<GossipVerdict> {
    if (data.length > maxSize) {
      charge(from, 'gossip-too-long')
      return 'reject'
    }
    const already = judging.get(from) ?? 0
    if (already >= MAX_VALIDATIONS_PER_PEER) {
      charge(from, 'gossip-flood')
      return 'ignore'
    }
    judging.set(from, already + 1)
    try {
      const verdict = await validate(from, data)
      if (verdict === 'reject') charge(from, 'gossip-rejected')
      return verdict
    } catch (error) {
      log('a gossip validator failed', error)
      return 'ignore'
    } finally {
      const left = (judging.get(from) ?? 1) - 1
      if (left === 0) judging.delete(from)
      else judging.set(from, left)
    }
  }

  return {
    subscribe(topic, maxSize, validate) {
      if (sizes.has(topic)) throw new Error(`topic ${topic} has its validator already`)
      if (sizes.size >= MAX_TOPICS) throw new Error(`more than ${MAX_TOPICS} topics`)
      if (maxSize > MAX_GOSSIP_MESSAGE) throw new Error(`gossip messages are at most ${MAX_GOSSIP_MESSAGE} bytes`)
      sizes.set(topic, maxSize)
      gossip.topicValidators.set(topic, (from, message) => judge(from.toString(), message.data, maxSize, validate))
      gossip.subscribe(topic)
    },
    unsubscribe(topic) {
      if (!sizes.delete(topic)) return
      gossip.topicValidators.delete(topic)
      gossip.unsubscribe(topic)
    },
    async publish(topic, bytes) {
      const maxSize = sizes.get(topic) ?? MAX_GOSSIP_MESSAGE
      if (bytes.length > maxSize)
        throw new LaresError('too-long', `message of ${bytes.length} bytes; ${topic} takes ${maxSize}`)
      const { recipients } = await gossip.publish(topic, bytes)
      return recipients.length
    },
  }
}
