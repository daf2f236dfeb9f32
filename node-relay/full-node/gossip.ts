import type { Block } from '../../shared/block/block.ts'
import { compactBlockCodec, compactOf } from '../../shared/block/compact-block.ts'
import { equalBytes, toHex } from '../../shared/bytes.ts'
import type { ChainNode } from '../../shared/chain/chain-node.ts'
import type { Result } from '../../shared/errors.ts'
import { hashHeader } from '../../shared/header/header.ts'
import {
  MAX_GOSSIP_BLOCK_LENGTH,
  MAX_GOSSIP_HEADER_LENGTH,
  MAX_GOSSIP_TRANSACTION_LENGTH,
  topicsOf,
} from '../../shared/protocol/ids.ts'
import { headerItemCodec } from '../../shared/protocol/messages.ts'
import type { GossipValidator, GossipVerdict, PeerNetwork } from '../../shared/protocol/transport.ts'
import type { FullChain } from './chain.ts'

/** Headers published after one change of the chain at most: who missed more asks for them. */
const MAX_PUBLISHED_HEADERS = 8

export interface GossipInit {
  readonly network: PeerNetwork
  readonly chain: FullChain
  /** The door of the mempool. */
  submit(transaction: Uint8Array): Promise<Result<unknown>>
  /** A block that another full node announces. */
  readonly onAnnouncement: GossipValidator
  log(message: string, error?: unknown): void
}

/**
 * Codes by which a transaction shows that its sender cannot be honest. All others depend on the state it was seen at, a
 * bad signature too: a voucher still on its way when its issuer rotates the key is nobody's fault.
 */
const DISHONEST_CODES: ReadonlySet<string> = new Set(['malformed', 'too-long'])

function encodeItem({ sealed, rosterChanges }: ChainNode): Uint8Array {
  return headerItemCodec.encode({ sealed, rosterChanges: [...rosterChanges] })
}

/**
 * A full node's gossip: headers with their seals for light nodes, transactions, and new blocks among full nodes.
 * @returns publishes what has been committed
 */
export function joinGossip(init: GossipInit): {
  publishChange(applied: readonly ChainNode[], blocks: readonly Block[]): void
  publishTransaction(bytes: Uint8Array): void
} {
  const { network, chain } = init
  const topics = topicsOf(chain.rules.networkId)

  async function onHeader(bytes: Uint8Array): Promise<GossipVerdict> {
    const item = headerItemCodec.decode(bytes)
    if (!item.ok) return 'reject'
    // Passed on only when the whole block behind it was validated here, and with the very seal that was: phones hold
    // against us what we pass on.
    const node = chain.graph.get(toHex(hashHeader(item.value.sealed.header)))
    return node !== undefined && equalBytes(encodeItem(node), bytes) ? 'accept' : 'ignore'
  }

  async function onTransaction(bytes: Uint8Array): Promise<GossipVerdict> {
    const result = await init.submit(bytes)
    if (result.ok) return 'accept'
    return DISHONEST_CODES.has(result.code) ? 'reject' : 'ignore'
  }

  network.subscribe(topics.headers, MAX_GOSSIP_HEADER_LENGTH, (_from, bytes) => onHeader(bytes))
  network.subscribe(topics.transactions, MAX_GOSSIP_TRANSACTION_LENGTH, (_from, bytes) => onTransaction(bytes))
  network.subscribe(topics.blocks, MAX_GOSSIP_BLOCK_LENGTH, init.onAnnouncement)

  const publish = (topic: string, bytes: Uint8Array) => {
    network.publish(topic, bytes).catch((error: unknown) => init.log(`could not publish on ${topic}`, error))
  }
  return {
    publishChange(applied, blocks) {
      for (const node of applied.slice(-MAX_PUBLISHED_HEADERS)) publish(topics.headers, encodeItem(node))
      for (const block of blocks.slice(-MAX_PUBLISHED_HEADERS))
        publish(topics.blocks, compactBlockCodec.encode(compactOf(block)))
    },
    publishTransaction: (bytes) => publish(topics.transactions, bytes),
  }
}
