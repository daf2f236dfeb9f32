import { fullApplicationCodec } from '../../shared/admission/full-application.ts'
import { LaresError, type Result } from '../../shared/errors.ts'
import { challengeOutcomeCodec, challengeRequestCodec } from '../../shared/protocol/challenge-messages.ts'
import {
  fullAnswerCodec,
  type StorageRequest,
  storageAnswerCodec,
  storageRequestCodec,
} from '../../shared/protocol/full-messages.ts'
import {
  blocksCodec,
  blocksRequestCodec,
  checkpointCodec,
  checkpointRequestCodec,
  headersCodec,
  headersRequestCodec,
  proofCodec,
  proofRequestCodec,
  recoveryCodec,
  recoveryRequestCodec,
  refusal,
  submitAnswerCodec,
  transactionsCodec,
  transactionsRequestCodec,
} from '../../shared/protocol/messages.ts'
import type { PeerNetwork } from '../../shared/protocol/transport.ts'
import type { ChallengePassing } from '../devices/pass-challenge.ts'
import type { Examiner } from '../full-admission/examiner.ts'
import type { FullChain } from '../full-node/chain.ts'
import type { ChainReader } from '../full-node/proofs.ts'
import { type CoordinationServingInit, isUnreadable, serveCoordination } from './coordination-handlers.ts'
import { openRequests } from './requests.ts'

export interface ServingInit extends Omit<CoordinationServingInit, 'chain' | 'networkId'> {
  readonly network: PeerNetwork
  readonly chain: FullChain
  readonly reader: ChainReader
  /** Whether this peer may be given a proof now; takes one off what it may have. */
  mayProve(peer: string): boolean
  submit(transaction: Uint8Array): Promise<Result<{ readonly transactionId: Uint8Array }>>
  readonly challenge: ChallengePassing
  /** Hears who wants to become a full node. */
  readonly examiner: Pick<Examiner, 'hear'>
  /** Answers for an own application. */
  showStorage(request: StorageRequest): Promise<Result<{ readonly digest: Uint8Array }>>
}

/** Answers the protocols of shared/protocol: what anyone may ask without a session. */
export async function serve(init: ServingInit): Promise<void> {
  const { network, chain, reader } = init
  const { networkId } = chain.rules
  const requests = openRequests(network, networkId)
  const { open, handle } = requests
  await serveCoordination(requests, {
    ...init,
    networkId,
    chain: () => ({ tip: chain.tip, settledHeight: chain.graph.settled.node.height }),
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
  await handle('fullApplication', async (from, bytes) => {
    const application = open(fullApplicationCodec, bytes)
    if (application === undefined) return 'reject'
    const result = await init.examiner.hear(from, application)
    return fullAnswerCodec.encode(
      result.ok ? { TAG: 'examined', data: result.value } : refusal(result.code, result.detail),
    )
  })
  await handle('storageChallenge', async (_from, bytes) => {
    const request = open(storageRequestCodec, bytes)
    if (request === undefined) return 'reject'
    const result = await init.showStorage(request)
    return storageAnswerCodec.encode(
      result.ok ? { TAG: 'answered', data: { digest: result.value.digest } } : refusal(result.code, result.detail),
    )
  })
}
