import type { FullApplication } from '../../shared/admission/full-application.ts'
import { STORAGE_DEADLINE_MS, STORAGE_MARGIN_BLOCKS, storageDigest } from '../../shared/admission/storage-challenge.ts'
import { equalBytes } from '../../shared/bytes.ts'
import type { Signer } from '../../shared/crypto/signer.ts'
import { storageAnswerCodec, storageMessage, storageRequestCodec } from '../../shared/protocol/full-messages.ts'
import { PROTOCOLS } from '../../shared/protocol/ids.ts'
import { statusRequestCodec } from '../../shared/protocol/messages.ts'
import type { PeerNetwork } from '../../shared/protocol/transport.ts'
import type { FullChain } from '../full-node/chain.ts'
import { Pace } from '../pace.ts'
import { peerOf } from '../sync/address-book.ts'
import type { Measure } from './examiner.ts'

/** Small requests that are asked at once to see how many are answered in a second. */
const CAPACITY_REQUESTS = 64
/** Longest wait for all of them, and for a connection, ms. */
const PATIENCE_MS = 5_000

export interface MeasureInit {
  readonly network: Pick<PeerNetwork, 'peers' | 'dial' | 'request'>
  /** Opens a new connection, even to who is connected, and closes it. @throws when it cannot be opened */
  probe(address: string, signal: AbortSignal): Promise<void>
  readonly chain: Pick<FullChain, 'graph' | 'rules'>
  /** Encoded block of the best chain; undefined: not here. */
  blockAt(height: number): Uint8Array | undefined
  sealing(): Signer
  now(): number
}

/** Measures applicants at the addresses that they name, never at those that they came from. */
export function createMeasure(init: MeasureInit): Measure {
  const { network, chain, now } = init
  const { networkId } = chain.rules

  const peerOfApplicant = ({ addresses }: FullApplication) => peerOf(addresses[0] as string) as string

  /** Over a connection that is open, or a new one. A request over none fails. */
  async function connect(application: FullApplication): Promise<string> {
    const peer = peerOfApplicant(application)
    if (network.peers().some(({ peerId }) => peerId === peer)) return peer
    for (const address of application.addresses) {
      const connected = await network.dial(address, { signal: AbortSignal.timeout(PATIENCE_MS) }).catch(() => undefined)
      if (connected?.peerId === peer) break
    }
    return peer
  }

  return {
    async reach({ addresses }) {
      for (const address of addresses)
        try {
          await init.probe(address, AbortSignal.timeout(PATIENCE_MS))
          return true
        } catch {
          // Another one may do.
        }
      return false
    },

    async capacity(application) {
      const peer = await connect(application)
      const request = statusRequestCodec.encode({ networkId })
      const signal = AbortSignal.timeout(PATIENCE_MS)
      const start = now()
      const answers = await Promise.all(
        Array.from({ length: CAPACITY_REQUESTS }, () =>
          network.request(peer, PROTOCOLS.status, request, { signal }).then(
            () => 1,
            () => 0,
          ),
        ),
      )
      const answered = answers.reduce<number>((sum, one) => sum + one, 0)
      return Math.floor((1_000 * answered) / Math.max(1, now() - start))
    },

    async storage(application, seat, nonce) {
      const height = chain.graph.settled.node.height - STORAGE_MARGIN_BLOCKS
      const node = height < 1 ? undefined : chain.graph.at(height)
      if (node === undefined) return undefined
      const { deviceId } = application
      const content = { networkId, deviceId, nonce, height, headerHash: node.hash, time: now(), seat }
      const message = storageMessage(content)
      const expected = await new Pace().run(storageDigest(message, height, init.blockAt))
      // What is not here cannot be asked of others.
      if (expected === undefined) return undefined
      const signature = await init.sealing().sign(message)
      const peer = await connect(application)
      const start = now()
      const request = storageRequestCodec.encode({ ...content, signature })
      const bytes = await network
        .request(peer, PROTOCOLS.storageChallenge, request, { signal: AbortSignal.timeout(STORAGE_DEADLINE_MS) })
        .catch(() => undefined)
      const answer = bytes && storageAnswerCodec.decode(bytes)
      const isInTime = now() - start <= STORAGE_DEADLINE_MS
      return isInTime && answer?.ok === true && answer.value.TAG === 'answered'
        ? equalBytes(answer.value.data.digest, expected)
        : false
    },
  }
}
