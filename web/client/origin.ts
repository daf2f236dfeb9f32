import { ZERO_HASH } from '../../shared/bytes.ts'
import type { ChainNode } from '../../shared/chain/chain-node.ts'
import type { SignatureVerifier } from '../../shared/crypto/signature-verifier.ts'
import { accept, type Result, reject } from '../../shared/errors.ts'
import type { Genesis } from '../../shared/ledger/genesis.ts'
import { checkpointCodec, checkpointRequestCodec } from '../../shared/protocol/messages.ts'
import { checkStart } from '../../shared/sync/start.ts'
import { encodeStartPoint } from '../../shared/sync/start-point.ts'
import type { NetworkRecord } from '../store/local-store.ts'

/** Where this phone's chain begins: the checkpoint of the join link, or genesis. */
export interface Origin {
  readonly genesis: Genesis
  readonly node: ChainNode
  /** Encoded start point of the node. */
  readonly start: Uint8Array
}

/** Hash to ask for: zeros stand for genesis. */
function wantedHash({ checkpoint }: NetworkRecord): Uint8Array {
  return checkpoint.height === 0 ? ZERO_HASH : checkpoint.hash
}

export function originRequest(networkId: Uint8Array, record: NetworkRecord): Uint8Array {
  return checkpointRequestCodec.encode({ networkId, hash: wantedHash(record) })
}

/** Checks a checkpoint answer, from a server or from the own store, against what the join link says. */
export async function readOrigin(
  networkId: Uint8Array,
  record: NetworkRecord,
  bytes: Uint8Array,
  verifier: SignatureVerifier,
): Promise<Result<Origin>> {
  const answer = checkpointCodec.decode(bytes)
  if (!answer.ok) return answer
  const start = checkStart(networkId, wantedHash(record), answer.value)
  if (!start.ok) return start
  const { genesis, node, signatures } = start.value
  if (node.height !== record.checkpoint.height) return reject('wrong-checkpoint', 'the header has another height')
  const verdicts = await verifier.verifyBatch(signatures)
  if (!verdicts.every(Boolean)) return reject('bad-seal', 'the checkpoint is not sealed by its keeper')
  return accept({ genesis, node, start: encodeStartPoint(node, answer.value.range) })
}
