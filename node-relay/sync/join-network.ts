import { ZERO_HASH } from '../../shared/bytes.ts'
import { LaresError } from '../../shared/errors.ts'
import type { Genesis } from '../../shared/ledger/genesis.ts'
import { PROTOCOLS } from '../../shared/protocol/ids.ts'
import type { JoinLink } from '../../shared/protocol/join-link.ts'
import { checkpointCodec, checkpointRequestCodec } from '../../shared/protocol/messages.ts'
import type { PeerNetwork } from '../../shared/protocol/transport.ts'
import { checkStart } from '../../shared/sync/start.ts'

/** All addresses of the link are tried within this time, ms. */
const PATIENCE_MS = 60_000

/**
 * Gets the genesis of the network that a join link names from the first of its relays that gives it. Nothing of it is
 * believed: it must hash to the network ID of the link.
 * @throws {LaresError} `cannot-join`, with a sentence for a person
 */
export async function fetchGenesis(
  network: Pick<PeerNetwork, 'dial' | 'request'>,
  { networkId, addresses }: JoinLink,
): Promise<Genesis> {
  const signal = AbortSignal.timeout(PATIENCE_MS)
  const request = checkpointRequestCodec.encode({ networkId, hash: ZERO_HASH })
  let fault = 'the link names no address'
  for (const address of addresses) {
    try {
      const { peerId } = await network.dial(address, { signal })
      const answer = checkpointCodec.decode(await network.request(peerId, PROTOCOLS.checkpoint, request, { signal }))
      const start = answer.ok ? checkStart(networkId, ZERO_HASH, answer.value) : answer
      if (start.ok) return start.value.genesis
      fault = `${address} answers for another network (${start.code})`
    } catch (error) {
      fault = `${address} does not answer (${error instanceof Error ? error.message : String(error)})`
    }
  }
  throw new LaresError(
    'cannot-join',
    `No relay of this network was reached: ${fault}. Check that one runs and is in the same network, or ask its owner for a new link.`,
  )
}
