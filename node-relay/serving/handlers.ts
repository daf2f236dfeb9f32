import { equalBytes } from '../../shared/bytes.ts'
import type { Codec } from '../../shared/codec.ts'
import type { ServiceRecord } from '../../shared/coordination/service-record.ts'
import { LaresError, type Result, type Verdict } from '../../shared/errors.ts'
import { challengeOutcomeCodec, challengeRequestCodec } from '../../shared/protocol/challenge-messages.ts'
import {
  type EvidenceRequest,
  evidenceAnswerCodec,
  evidenceRequestCodec,
} from '../../shared/protocol/evidence-request.ts'
import { PROTOCOLS, type ProtocolName } from '../../shared/protocol/ids.ts'
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
import type { PeerNetwork, RequestHandler } from '../../shared/protocol/transport.ts'
import { previousVersion } from '../../shared/protocol/versions.ts'
import type { EndorsingDoor } from '../coordination/endorse.ts'
import type { ChallengePassing } from '../devices/pass-challenge.ts'
import type { FullChain } from '../full-node/chain.ts'
import type { ChainReader } from '../full-node/proofs.ts'

export interface ServingInit {
  readonly network: PeerNetwork
  readonly chain: FullChain
  readonly reader: ChainReader
  /** Label flags of this node, which the roster may change. */
  readonly label: () => number
  readonly now: () => number
  /** Whether this peer may be given a proof now; takes one off what it may have. */
  mayProve(peer: string): boolean
  /** Addresses of full nodes, our own first. */
  knownPeers(): readonly string[]
  /** What the holders of these seats say of where they serve. */
  serviceRecords(seats: readonly number[]): ServiceRecord[]
  submit(transaction: Uint8Array): Promise<Result<{ readonly transactionId: Uint8Array }>>
  /** What was endorsed by, to who may see it. @param from libp2p peer ID of who asks */
  showEvidence(from: string, request: EvidenceRequest): Promise<Result<Uint8Array>>
  readonly challenge: ChallengePassing
  /** undefined: this node is no coordination node, and does not offer the protocols. */
  readonly endorse: EndorsingDoor | undefined
}

/** Answers the protocols of shared/protocol: what anyone may ask without a session. */
export async function serve(init: ServingInit): Promise<void> {
  const { network, chain, reader } = init
  const { networkId } = chain.rules

  /** A request that does not decode, or is for another network, is refused and charged to its sender. */
  const open = <Value extends { networkId: Uint8Array }>(codec: Codec<Value>, bytes: Uint8Array): Value | undefined => {
    const request = codec.decode(bytes)
    return request.ok && equalBytes(request.value.networkId, networkId) ? request.value : undefined
  }

  /** In the newest version, and in the one before where there is one. */
  const handle = async (protocol: ProtocolName, handler: RequestHandler): Promise<void> => {
    await network.handle(PROTOCOLS[protocol], handler)
    const previous = previousVersion(protocol)
    if (previous === undefined) return
    await network.handle(previous.spec, async (...request) => {
      const answer = await handler(...request)
      return answer === 'reject' ? answer : previous.toOld(answer)
    })
  }

  await handle('status', async (_from, bytes) => {
    if (open(statusRequestCodec, bytes) === undefined) return 'reject'
    const { tip, graph } = chain
    return statusCodec.encode({
      networkId,
      label: init.label(),
      tip: { height: tip.height, hash: tip.hash, work: tip.work },
      settledHeight: graph.settled.node.height,
      time: init.now(),
      recovered: tip.roster.recovered,
      sealedTip: tip.height === 0 ? undefined : tip.sealed,
    })
  })
  await handle('recovery', async (_from, bytes) => {
    if (open(recoveryRequestCodec, bytes) === undefined) return 'reject'
    return recoveryCodec.encode({ recovered: await reader.recovery() })
  })
  await handle('checkpoint', async (_from, bytes) => {
    const request = open(checkpointRequestCodec, bytes)
    if (request === undefined) return 'reject'
    const answer = await reader.checkpoint(request.hash)
    // A phone that holds a header which is not here has done no wrong: it is refused without being charged.
    if (answer === undefined)
      throw new LaresError('unknown-header', 'the checkpoint asked for is not in the best chain')
    return checkpointCodec.encode(answer)
  })
  await handle('headers', async (_from, bytes) => {
    const request = open(headersRequestCodec, bytes)
    if (request === undefined) return 'reject'
    return headersCodec.encode({ items: reader.headersAfter(request.locator, request.count) })
  })
  await handle('proof', async (from, bytes) => {
    const request = open(proofRequestCodec, bytes)
    if (request === undefined) return 'reject'
    if (!init.mayProve(from)) throw new LaresError('too-many-proofs', 'many proofs for a peer without a session')
    return proofCodec.encode({ proof: reader.stateProof(request.headerHash, request.key) })
  })
  await handle('blocks', async (_from, bytes) => {
    const request = open(blocksRequestCodec, bytes)
    if (request === undefined) return 'reject'
    return blocksCodec.encode({ blocks: reader.blocks(request.hashes) })
  })
  await handle('peers', async (_from, bytes) => {
    if (open(statusRequestCodec, bytes) === undefined) return 'reject'
    return peersCodec.encode({ addresses: [...init.knownPeers()] })
  })
  await handle('servers', async (_from, bytes) => {
    const request = open(serversRequestCodec, bytes)
    if (request === undefined) return 'reject'
    return serversCodec.encode({ records: init.serviceRecords(request.seats) })
  })
  await handle('transactions', async (_from, bytes) => {
    const request = open(transactionsRequestCodec, bytes)
    if (request === undefined) return 'reject'
    return transactionsCodec.encode({ transactions: reader.transactions(request.hash, request.places) })
  })
  await handle('submit', async (_from, bytes) => {
    const result = await init.submit(bytes)
    if (isUnreadable(result)) return 'reject'
    return submitAnswerCodec.encode(
      result.ok
        ? { TAG: 'accepted', data: { transactionId: result.value.transactionId } }
        : refusal(result.code, result.detail),
    )
  })
  await handle('challenge', async (from, bytes) => {
    const request = open(challengeRequestCodec, bytes)
    return request === undefined ? 'reject' : challengeOutcomeCodec.encode(await init.challenge(from, request))
  })
  // Also where this node coordinates no longer: it answers for what it has endorsed.
  await handle('evidence', async (from, bytes) => {
    const request = open(evidenceRequestCodec, bytes)
    if (request === undefined) return 'reject'
    const result = await init.showEvidence(from, request)
    return evidenceAnswerCodec.encode(
      result.ok ? { TAG: 'shown', data: { evidence: result.value } } : refusal(result.code, result.detail),
    )
  })
  const { endorse } = init
  if (endorse === undefined) return
  for (const protocol of ['endorse', 'endorseCertified', 'witness'] as const)
    await handle(protocol, async (_from, bytes) => {
      const result = await endorse[protocol](bytes)
      if (isUnreadable(result)) return 'reject'
      return endorsementAnswerCodec.encode(
        result.ok ? { TAG: 'endorsed', data: result.value } : refusal(result.code, result.detail),
      )
    })
}

/** No transaction at all: charged to its sender like any request that does not decode. */
function isUnreadable(result: Verdict): boolean {
  return !result.ok && (result.code === 'malformed' || result.code === 'too-long')
}
