import type { ChainNode } from '../../shared/chain/chain-node.ts'
import type { ServiceRecord } from '../../shared/coordination/service-record.ts'
import type { Result, Verdict } from '../../shared/errors.ts'
import {
  type EvidenceRequest,
  evidenceAnswerCodec,
  evidenceRequestCodec,
} from '../../shared/protocol/evidence-request.ts'
import { joinAnswerCodec, type Quoted } from '../../shared/protocol/join-messages.ts'
import {
  endorsementAnswerCodec,
  peersCodec,
  refusal,
  statusCodec,
  statusRequestCodec,
} from '../../shared/protocol/messages.ts'
import { type PairAnswer, pairAnswerCodec } from '../../shared/protocol/pair-messages.ts'
import { serversCodec, serversRequestCodec } from '../../shared/protocol/service-messages.ts'
import type { EndorsingDoor } from '../coordination/endorse.ts'
import type { Requests } from './requests.ts'

export interface CoordinationServingInit {
  readonly networkId: Uint8Array
  /** The chain as it is now: a light view may begin anew elsewhere. */
  chain(): { readonly tip: ChainNode; readonly settledHeight: number }
  /** Label flags of this node, which the roster may change. */
  readonly label: () => number
  readonly now: () => number
  /** Addresses of full nodes. */
  knownPeers(): readonly string[]
  /** What the holders of these seats say of where they serve. */
  serviceRecords(seats: readonly number[]): ServiceRecord[]
  /** What was endorsed by, to who may see it. @param from libp2p peer ID of who asks */
  showEvidence(from: string, request: EvidenceRequest): Promise<Result<Uint8Array>>
  /** undefined: this node is no coordination node, and does not offer the protocols. */
  readonly endorse: EndorsingDoor | undefined
  /** An encoded ask. undefined like `endorse`. */
  readonly quote: ((ask: Uint8Array) => Promise<Result<Quoted>>) | undefined
  /** The same, of who asks for the operator's approval. undefined: nobody approves here. */
  readonly pair: ((ask: Uint8Array) => Promise<Result<PairAnswer>>) | undefined
}

/** Answers what needs no blocks: where the chain stands, who serves where, and what a newcomer asks of a coordination node. */
export async function serveCoordination({ open, handle }: Requests, init: CoordinationServingInit): Promise<void> {
  const { networkId } = init
  await handle('status', async (_from, bytes) => {
    if (open(statusRequestCodec, bytes) === undefined) return 'reject'
    const { tip, settledHeight } = init.chain()
    return statusCodec.encode({
      networkId,
      label: init.label(),
      tip: { height: tip.height, hash: tip.hash, work: tip.work },
      settledHeight,
      time: init.now(),
      recovered: tip.roster.recovered,
      sealedTip: tip.height === 0 ? undefined : tip.sealed,
    })
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
  // Also where this node coordinates no longer: it answers for what it has endorsed.
  await handle('evidence', async (from, bytes) => {
    const request = open(evidenceRequestCodec, bytes)
    if (request === undefined) return 'reject'
    const result = await init.showEvidence(from, request)
    return evidenceAnswerCodec.encode(
      result.ok ? { TAG: 'shown', data: { evidence: result.value } } : refusal(result.code, result.detail),
    )
  })
  const { endorse, quote, pair } = init
  if (pair !== undefined)
    await handle('pair', async (_from, bytes) => {
      const result = await pair(bytes)
      if (isUnreadable(result)) return 'reject'
      return pairAnswerCodec.encode(result.ok ? result.value : refusal(result.code, result.detail))
    })
  if (endorse === undefined || quote === undefined) return
  await handle('join', async (_from, bytes) => {
    const result = await quote(bytes)
    if (isUnreadable(result)) return 'reject'
    return joinAnswerCodec.encode(
      result.ok ? { TAG: 'quoted', data: result.value } : refusal(result.code, result.detail),
    )
  })
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
export function isUnreadable(result: Verdict): boolean {
  return !result.ok && (result.code === 'malformed' || result.code === 'too-long')
}
