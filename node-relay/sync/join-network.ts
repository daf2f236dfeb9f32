import { ZERO_HASH } from '../../shared/bytes.ts'
import type { SignatureVerifier } from '../../shared/crypto/signature-verifier.ts'
import { LaresError, type Result, reject } from '../../shared/errors.ts'
import type { Genesis } from '../../shared/ledger/genesis.ts'
import { PROTOCOLS } from '../../shared/protocol/ids.ts'
import type { JoinLink } from '../../shared/protocol/join-link.ts'
import { checkpointCodec, checkpointRequestCodec } from '../../shared/protocol/messages.ts'
import type { PeerNetwork } from '../../shared/protocol/transport.ts'
import { type ChainStart, checkStart } from '../../shared/sync/start.ts'
import { encodeStartPoint } from '../../shared/sync/start-point.ts'

/** All addresses of the link are tried within this time, ms. */
const PATIENCE_MS = 60_000

/** A start as it was fetched, and encoded as a start point, to be kept. */
export type FetchedStart = ChainStart & { readonly bytes: Uint8Array }

/**
 * Gets the genesis of the network that a join link names from the first of its relays that gives it. Nothing of it is
 * believed: it must hash to the network ID of the link.
 * @throws {LaresError} `cannot-join`, with a sentence for a person
 */
export async function fetchGenesis(network: Pick<PeerNetwork, 'dial' | 'request'>, link: JoinLink): Promise<Genesis> {
  // Nobody seals genesis.
  return (await fetchFrom(network, link, (peer, signal) => askStart(network, peer, link.networkId, ZERO_HASH, signal)))
    .genesis
}

/** Gets the settled header that a join link names, with its roster; its seal is verified. @throws as {@link fetchGenesis} */
export async function fetchStart(
  network: Pick<PeerNetwork, 'dial' | 'request'>,
  verifier: SignatureVerifier,
  link: JoinLink,
): Promise<FetchedStart> {
  return await fetchFrom(network, link, async (peer, signal) => {
    const start = await askStart(network, peer, link.networkId, link.checkpoint.hash, signal)
    if (!start.ok) return start
    const verdicts = await verifier.verifyBatch(start.value.signatures)
    return verdicts.every(Boolean) ? start : reject('bad-seal', 'the seal of the checkpoint does not hold')
  })
}

async function askStart(
  network: Pick<PeerNetwork, 'request'>,
  peer: string,
  networkId: Uint8Array,
  hash: Uint8Array,
  signal: AbortSignal,
): Promise<Result<FetchedStart>> {
  const request = checkpointRequestCodec.encode({ networkId, hash })
  const answer = checkpointCodec.decode(await network.request(peer, PROTOCOLS.checkpoint, request, { signal }))
  const start = answer.ok ? checkStart(networkId, hash, answer.value) : answer
  if (!answer.ok || !start.ok) return start as Extract<typeof start, { ok: false }>
  return { ok: true, value: { ...start.value, bytes: encodeStartPoint(start.value.node, answer.value.range) } }
}

async function fetchFrom<Value>(
  network: Pick<PeerNetwork, 'dial'>,
  { addresses }: JoinLink,
  ask: (peer: string, signal: AbortSignal) => Promise<Result<Value>>,
): Promise<Value> {
  const signal = AbortSignal.timeout(PATIENCE_MS)
  let fault = 'the link names no address'
  for (const address of addresses) {
    try {
      const { peerId } = await network.dial(address, { signal })
      const answer = await ask(peerId, signal)
      if (answer.ok) return answer.value
      fault = `${address} answers for another network (${answer.code})`
    } catch (error) {
      fault = `${address} does not answer (${error instanceof Error ? error.message : String(error)})`
    }
  }
  throw new LaresError(
    'cannot-join',
    `No relay of this network was reached: ${fault}. Check that one runs and is in the same network, or ask its owner for a new link.`,
  )
}
