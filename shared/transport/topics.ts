import { LaresError } from '../errors.ts'
import type { PENALTY_POINTS } from '../protocol/penalty-points.ts'
import {
  GOSSIP_RATE,
  type GossipValidator,
  type GossipVerdict,
  IGNORED_ALLOWED,
  IGNORED_WINDOW_MS,
  MAX_GOSSIP_MESSAGE,
  MAX_RATED_PEERS,
  MAX_TOPICS,
  MAX_VALIDATIONS_PER_PEER,
  USELESS_ALLOWED,
} from '../protocol/transport.ts'
import type { LibraryGossip } from './ports.ts'
import { createTally } from './tally.ts'
import { createBuckets } from './token-bucket.ts'

export interface TopicComponents {
  gossip: LibraryGossip
  /** Milliseconds since the Unix epoch. */
  now(): number
  charge(peerId: string, code: keyof typeof PENALTY_POINTS): void
  log(message: string, error?: unknown): void
}

export interface Topics {
  subscribe(topic: string, maxSize: number, validate: GossipValidator): void
  unsubscribe(topic: string): void
  publish(topic: string, bytes: Uint8Array): Promise<number>
}

/** Gossip topics with size limits and validators; rejected messages are charged to the neighbour that sent them. */
export function createTopics({ gossip, now, charge, log }: TopicComponents): Topics {
  const sizes = new Map<string, number>()
  const judging = new Map<string, number>()
  const useless = createBuckets(GOSSIP_RATE, MAX_RATED_PEERS, now)
  const ignored = (allowed: number) =>
    createTally({ allowed, windowMs: IGNORED_WINDOW_MS, maxKeys: MAX_RATED_PEERS, now })
  const ignoredAsUseless = ignored(USELESS_ALLOWED)
  const ignoredAsTooMany = ignored(IGNORED_ALLOWED)

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
    const isUseless = useless.level(from) < 1
    if (isUseless || already >= MAX_VALIDATIONS_PER_PEER) {
      // What is ignored of an honest neighbour comes with its block, or is asked for.
      const tally = isUseless ? ignoredAsUseless : ignoredAsTooMany
      if (tally.add(from)) {
        tally.clear(from)
        charge(from, 'gossip-flood')
      }
      return 'ignore'
    }
    judging.set(from, already + 1)
    useless.take(from, 1)
    try {
      const verdict = await validate(from, data)
      if (verdict === 'reject') charge(from, 'gossip-rejected')
      if (verdict === 'accept') useless.take(from, -1)
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
