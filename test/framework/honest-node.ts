/** An honest full and coordination node without a network: answers the protocols of shared/protocol from a built chain. */
import { blockCodec } from '../../shared/block/block.ts'
import { equalBytes, toHex, ZERO_HASH } from '../../shared/bytes.ts'
import type { ServiceRecord } from '../../shared/coordination/service-record.ts'
import { createNobleVerifier } from '../../shared/crypto/noble-verifier.ts'
import { EMPTY_RANGE, type MountainRange } from '../../shared/history/mountain-range.ts'
import { LABEL } from '../../shared/identity/label.ts'
import { applyTransaction, openBlock } from '../../shared/ledger/apply.ts'
import { genesisCodec } from '../../shared/ledger/genesis.ts'
import { PROTOCOLS } from '../../shared/protocol/ids.ts'
import {
  blocksCodec,
  blocksRequestCodec,
  checkpointCodec,
  checkpointRequestCodec,
  endorsementAnswerCodec,
  headersCodec,
  headersRequestCodec,
  peersCodec,
  proofCodec,
  proofRequestCodec,
  recoveryCodec,
  recoveryRequestCodec,
  refusal,
  statusCodec,
  statusRequestCodec,
  submitAnswerCodec,
  transactionsCodec,
  transactionsRequestCodec,
} from '../../shared/protocol/messages.ts'
import { serversCodec, serversRequestCodec } from '../../shared/protocol/service-messages.ts'
import { type Transaction, transactionCodec, transactionIdOf } from '../../shared/transaction/transaction.ts'
import { endorse, type TestDevice } from './chain-actions.ts'
import type { BuiltBlock, ChainBuilder } from './chain-builder.ts'

/** Answers one request of a protocol (by its ID), or refuses it. */
export type Answer = (protocol: string, request: Uint8Array) => Promise<Uint8Array | 'reject'>

/** Thrown by an answer function: the protocol is not served. */
export class NotServed extends Error {}

export interface HonestNodeInit {
  readonly chain: ChainBuilder
  /** What it takes for the best; default: the chain's own tip, whichever that is when it is asked. */
  readonly tip?: BuiltBlock
  /** What it endorses as; without it, it endorses nobody. */
  readonly coordinator?: TestDevice
  /** Its clock; default: the tip's time. */
  readonly now?: () => number
  /** Addresses of full nodes that it tells of. */
  readonly peers?: readonly string[]
  /** What full nodes say of where they serve. */
  readonly services?: () => readonly ServiceRecord[]
  /** Proofs are served for this many headers below the tip. */
  readonly proofDepth?: number
}

/** @returns the answers of a node that keeps every rule */
export function createHonestNode({
  chain,
  tip,
  coordinator,
  now,
  peers = [],
  services = () => [],
  proofDepth = Number.MAX_SAFE_INTEGER,
}: HonestNodeInit): Answer {
  const verifier = createNobleVerifier()
  const isOurs = (networkId: Uint8Array) => equalBytes(networkId, chain.networkId)
  const best = () => tip ?? chain.tip
  const isBest = (block: BuiltBlock) =>
    block.node.height <= best().node.height && chain.at(block.node.height, best()) === block

  function tryTransaction(transaction: Transaction): { code: string; detail: string } | undefined {
    const { node, tree } = best()
    const time = Math.max(node.sealed.header.time + 1, now?.() ?? 0)
    const draft = openBlock({ state: tree, roster: node.roster }, { ...chain.rules, height: node.height + 1, time })
    const verdict = applyTransaction(draft, transaction)
    if (!verdict.ok) return verdict
    if (draft.signatures.every((check) => verifier.verifySync(check))) return undefined
    return { code: 'bad-signature', detail: 'a signature does not hold' }
  }

  const handlers: Record<string, (request: Uint8Array) => Promise<Uint8Array | 'reject'>> = {
    async [PROTOCOLS.status.id](request) {
      const asked = statusRequestCodec.decode(request)
      if (!asked.ok || !isOurs(asked.value.networkId)) return 'reject'
      const { height, hash, work, sealed } = best().node
      return statusCodec.encode({
        networkId: chain.networkId,
        label: LABEL.full | LABEL.coordination,
        tip: { height, hash, work },
        settledHeight: Math.max(0, height - chain.parameters.settleDepth),
        time: now?.() ?? sealed.header.time,
        recovered: best().node.roster.recovered,
        sealedTip: height === 0 ? undefined : sealed,
      })
    },

    async [PROTOCOLS.peers.id](request) {
      const asked = statusRequestCodec.decode(request)
      return asked.ok && isOurs(asked.value.networkId) ? peersCodec.encode({ addresses: [...peers] }) : 'reject'
    },

    async [PROTOCOLS.servers.id](request) {
      const asked = serversRequestCodec.decode(request)
      if (!asked.ok || !isOurs(asked.value.networkId)) return 'reject'
      return serversCodec.encode({ records: services().filter(({ seat }) => asked.value.seats.includes(seat)) })
    },

    async [PROTOCOLS.recovery.id](request) {
      const asked = recoveryRequestCodec.decode(request)
      if (!asked.ok || !isOurs(asked.value.networkId)) return 'reject'
      const change = (block: BuiltBlock) => block.item.rosterChanges.find(({ action }) => action.TAG === 'recover')
      const block = chain.from(0, best()).findLast((one) => change(one) !== undefined)
      const found = block && change(block)
      return recoveryCodec.encode({ recovered: block && found && { change: found, block: block.item.sealed } })
    },

    async [PROTOCOLS.checkpoint.id](request) {
      const asked = checkpointRequestCodec.decode(request)
      if (!asked.ok || !isOurs(asked.value.networkId)) return 'reject'
      const { hash } = asked.value
      const block = equalBytes(hash, ZERO_HASH) ? chain.first : chain.blocks.get(toHex(hash))
      if (block === undefined || !isBest(block)) return 'reject'
      return checkpointCodec.encode({
        genesis: genesisCodec.encode(chain.genesis),
        genesisHeader: chain.first.block.header,
        sealed: block.item.sealed,
        parent: block.parent?.block.header,
        roster: block.node.roster,
        range: (block.parent?.node.range ?? EMPTY_RANGE) as MountainRange,
      })
    },

    async [PROTOCOLS.headers.id](request) {
      const asked = headersRequestCodec.decode(request)
      if (!asked.ok || !isOurs(asked.value.networkId)) return 'reject'
      const known = asked.value.locator
        .map((hash) => chain.blocks.get(toHex(hash)))
        .find((block) => block && isBest(block))
      const newer = known === undefined ? [] : chain.from(known.node.height + 1, best()).slice(0, asked.value.count)
      return headersCodec.encode({ items: newer.map(({ item }) => item) })
    },

    async [PROTOCOLS.blocks.id](request) {
      const asked = blocksRequestCodec.decode(request)
      if (!asked.ok || !isOurs(asked.value.networkId)) return 'reject'
      const found = asked.value.hashes.flatMap((hash) => chain.blocks.get(toHex(hash)) ?? [])
      return blocksCodec.encode({ blocks: found.map(({ block }) => blockCodec.encode(block)) })
    },

    async [PROTOCOLS.transactions.id](request) {
      const asked = transactionsRequestCodec.decode(request)
      if (!asked.ok || !isOurs(asked.value.networkId)) return 'reject'
      const all = chain.blocks.get(toHex(asked.value.hash))?.block.transactions ?? []
      return transactionsCodec.encode({ transactions: asked.value.places.flatMap((place) => all[place] ?? []) })
    },

    async [PROTOCOLS.proof.id](request) {
      const asked = proofRequestCodec.decode(request)
      if (!asked.ok || !isOurs(asked.value.networkId)) return 'reject'
      const block = chain.blocks.get(toHex(asked.value.headerHash))
      const isKept = block !== undefined && best().node.height - block.node.height <= proofDepth
      return proofCodec.encode({ proof: isKept ? block.tree.prove(asked.value.key) : undefined })
    },

    async [PROTOCOLS.endorse.id](request) {
      const transaction = transactionCodec.decode(request)
      if (!transaction.ok || transaction.value.TAG !== 'register') return 'reject'
      if (coordinator === undefined) return endorsementAnswerCodec.encode(refusal('not-a-coordination-node', 'not me'))
      const register = transaction.value.data
      const endorsement = await endorse(chain, coordinator, register)
      const fault = tryTransaction({ TAG: 'register', data: { ...register, endorsements: [endorsement] } })
      // Alone it may be one too few: the others are the newcomer's business.
      if (fault !== undefined && fault.code !== 'not-enough-endorsements')
        return endorsementAnswerCodec.encode(refusal(fault.code, fault.detail))
      return endorsementAnswerCodec.encode({ TAG: 'endorsed', data: endorsement })
    },

    async [PROTOCOLS.submit.id](request) {
      const transaction = transactionCodec.decode(request)
      if (!transaction.ok) return 'reject'
      const accepted = { transactionId: transactionIdOf(chain.networkId, request) }
      if (chain.waiting.some((bytes) => equalBytes(bytes, request)))
        return submitAnswerCodec.encode({ TAG: 'accepted', data: accepted })
      const fault = tryTransaction(transaction.value)
      if (fault !== undefined) return submitAnswerCodec.encode(refusal(fault.code, fault.detail))
      chain.waiting.push(request)
      return submitAnswerCodec.encode({ TAG: 'accepted', data: accepted })
    },
  }

  return async (protocol, request) => (await handlers[protocol]?.(request)) ?? 'reject'
}
