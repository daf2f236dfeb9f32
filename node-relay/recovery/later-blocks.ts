import type { ChainNode } from '../../shared/chain/chain-node.ts'
import type { SignatureVerifier } from '../../shared/crypto/signature-verifier.ts'
import { hashHeader } from '../../shared/header/header.ts'
import { sealCheck } from '../../shared/header/seal.ts'
import { LABEL } from '../../shared/identity/label.ts'
import { PROTOCOLS } from '../../shared/protocol/ids.ts'
import { type Status, statusCodec, statusRequestCodec } from '../../shared/protocol/messages.ts'
import type { PeerNetwork } from '../../shared/protocol/transport.ts'
import { memberAt } from '../../shared/roster/roster.ts'

/** A header above the own tip that somebody showed, sealed by a keeper that this relay knows. */
export interface LaterHeader {
  readonly height: number
  readonly hash: Uint8Array
  /** Header time, ms. */
  readonly time: number
  /** Shown by a full node, which may have the bodies too. */
  readonly byFullNode: boolean
}

/** Asks peers and phones for blocks above the own tip: what a restored relay must know of before it seals anything. */
export interface LaterBlocks {
  /** Peers that have answered so far. */
  readonly answered: number
  readonly newest: LaterHeader | undefined
  /** Asks all that are connected now and were not asked in this round. */
  ask(): Promise<void>
}

/** Peers whose answer is remembered; beyond them nobody is asked again. */
export const MAX_ASKED_PEERS = 1_024

export function createLaterBlocks(init: {
  readonly network: Pick<PeerNetwork, 'peers' | 'request'>
  readonly networkId: Uint8Array
  readonly verifier: SignatureVerifier
  readonly tip: () => ChainNode
}): LaterBlocks {
  const { network, networkId, verifier } = init
  const request = statusRequestCodec.encode({ networkId })
  const answered = new Set<string>()
  let newest: LaterHeader | undefined

  async function judge({ label, sealedTip }: Status): Promise<void> {
    const tip = init.tip()
    if (sealedTip === undefined) return
    const { header, seal } = sealedTip
    if (header.height <= Math.max(tip.height, newest?.height ?? 0)) return
    // A height alone anyone can claim; a seal only a keeper can make. A key that was changed since is not known here.
    const keeper = memberAt(tip.roster, header.seat)
    const hash = hashHeader(header)
    if (keeper === undefined || !(await verifier.verify(sealCheck(networkId, hash, seal, keeper.sealingKey)))) return
    newest = { height: header.height, hash, time: header.time, byFullNode: (label & LABEL.full) !== 0 }
  }

  return {
    get answered() {
      return answered.size
    },
    get newest() {
      return newest !== undefined && newest.height > init.tip().height ? newest : undefined
    },
    async ask() {
      await Promise.all(
        network.peers().map(async ({ peerId }) => {
          if (answered.size >= MAX_ASKED_PEERS) return
          // Who does not serve this, or is gone, says nothing.
          const bytes = await network.request(peerId, PROTOCOLS.status, request).catch(() => undefined)
          const status = bytes && statusCodec.decode(bytes)
          if (!status?.ok) return
          answered.add(peerId)
          await judge(status.value)
        }),
      )
    },
  }
}
