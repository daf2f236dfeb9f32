import { equalBytes } from '../../shared/bytes.ts'
import type { ForkGraph } from '../../shared/chain/fork-graph.ts'
import { LABEL } from '../../shared/identity/label.ts'
import { PAGE_PROTOCOLS, PROTOCOLS } from '../../shared/protocol/ids.ts'
import { statusCodec, statusRequestCodec } from '../../shared/protocol/messages.ts'

/** Protocols that this device answers too: a restored relay learns from it what it had sealed, and it proves that it is there. */
export const SERVED_PROTOCOLS = [PROTOCOLS.status, PAGE_PROTOCOLS.provePresence, PROTOCOLS.challenge] as const

/** @returns undefined where this device does not answer: another network, or nothing is known yet */
export function answerStatus(
  request: Uint8Array,
  { networkId, graph, now }: { networkId: Uint8Array; graph: ForkGraph | undefined; now: number },
): Uint8Array | undefined {
  const asked = statusRequestCodec.decode(request)
  if (!asked.ok || graph === undefined || !equalBytes(asked.value.networkId, networkId)) return undefined
  const { tip, settled } = graph
  return statusCodec.encode({
    networkId,
    label: LABEL.lightweight,
    tip: { height: tip.height, hash: tip.hash, work: tip.work },
    settledHeight: settled.node.height,
    time: now,
    recovered: tip.roster.recovered,
    sealedTip: tip.height === 0 ? undefined : tip.sealed,
  })
}
