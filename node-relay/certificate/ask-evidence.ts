import { equalBytes } from '../../shared/bytes.ts'
import type { Signer } from '../../shared/crypto/signer.ts'
import { LaresError } from '../../shared/errors.ts'
import { sha256 } from '../../shared/hash.ts'
import {
  type EvidenceRequest,
  evidenceAnswerCodec,
  evidenceRequestCodec,
  evidenceRequestMessage,
} from '../../shared/protocol/evidence-request.ts'
import { PROTOCOLS } from '../../shared/protocol/ids.ts'
import { pointsFor } from '../../shared/protocol/offence-points.ts'
import type { PeerNetwork } from '../../shared/protocol/transport.ts'
import { MAX_ENDORSEMENTS } from '../../shared/transaction/register.ts'
import type { FullChain } from '../full-node/chain.ts'
import { recordOf } from '../full-node/views.ts'
import type { ShowingCode } from './show-evidence.ts'

/** Connected peers asked where no endorser has shown it: one may be an endorser whose address is not in the ledger. */
const MAX_PEERS_ASKED = 16
/** For all of it, ms: the command line waits longer. */
const ASKING_MS = 30_000

export const EVIDENCE_NOT_HERE: ShowingCode = 'evidence-not-here'

export interface AskingInit {
  readonly chain: FullChain
  readonly network: PeerNetwork
  /** The key that seals. */
  sealing(): Signer
  readonly now: () => number
}

export interface AskedEndorser {
  readonly deviceId: Uint8Array
  /** `shown`, the code of its refusal, or why it could not be asked. */
  readonly answer: string
}

export interface AskedEvidence {
  /** Encoded, and that of the hash. */
  readonly evidence: Uint8Array | undefined
  /** Those that were asked. */
  readonly endorsers: readonly AskedEndorser[]
}

/**
 * Asks the endorsers of a device for what they keep, and then who is connected. What comes is what was asked for, or it is
 * charged to its sender; nothing else about it is believed.
 * @param hash SHA-256 of the encoded evidence
 * @param endorsers device IDs, likely ones first: as many are asked at once as a transaction has endorsements
 */
export async function askForEvidence(
  { chain, network, sealing, now }: AskingInit,
  hash: Uint8Array,
  endorsers: readonly Uint8Array[],
): Promise<AskedEvidence> {
  const signer = sealing()
  const seat = chain.tip.roster.members.find(({ sealingKey }) => equalBytes(sealingKey, signer.publicKey))?.seat
  if (seat === undefined)
    return { evidence: undefined, endorsers: endorsers.map((deviceId) => ({ deviceId, answer: 'not-a-member' })) }
  const signal = AbortSignal.timeout(ASKING_MS)
  const asked = new Set<string>()
  let evidence: Uint8Array | undefined

  async function ask(peer: string): Promise<string> {
    asked.add(peer)
    const open = { networkId: chain.rules.networkId, evidence: hash, time: now(), seat: seat as number }
    const signature = await signer.sign(evidenceRequestMessage(open, { asker: network.peerId, asked: peer }))
    const request: EvidenceRequest = { ...open, signature }
    const bytes = await network.request(peer, PROTOCOLS.evidence, evidenceRequestCodec.encode(request), { signal })
    const answer = evidenceAnswerCodec.decode(bytes)
    if (!answer.ok) return charge(peer, answer.code)
    if (answer.value.TAG === 'refused') return answer.value.data.code
    if (!equalBytes(sha256(answer.value.data.evidence), hash)) return charge(peer, 'wrong-evidence')
    evidence ??= answer.value.data.evidence
    return 'shown'
  }

  function charge(peer: string, code: string): string {
    network.penalise(peer, pointsFor(code), code)
    return code
  }

  async function askEndorser(deviceId: Uint8Array): Promise<AskedEndorser> {
    const { addresses } = recordOf(chain.state, deviceId) ?? { addresses: [] }
    // This relay itself: it has looked already.
    if (addresses.some((address) => address.endsWith(`/p2p/${network.peerId}`)))
      return { deviceId, answer: EVIDENCE_NOT_HERE }
    let answer = 'no-address'
    for (const address of addresses) {
      try {
        const { peerId } = await network.dial(address, { signal })
        answer = await ask(peerId)
        break
      } catch (error) {
        answer = codeOf(error)
      }
    }
    return { deviceId, answer }
  }

  const answers: AskedEndorser[] = []
  for (let i = 0; i < endorsers.length && evidence === undefined && !signal.aborted; i += MAX_ENDORSEMENTS)
    answers.push(...(await Promise.all(endorsers.slice(i, i + MAX_ENDORSEMENTS).map(askEndorser))))
  for (const { peerId } of network.peers().slice(0, MAX_PEERS_ASKED)) {
    if (evidence !== undefined || signal.aborted) break
    // One that does not answer is one less.
    if (!asked.has(peerId)) await ask(peerId).catch(() => undefined)
  }
  return { evidence, endorsers: answers }
}

function codeOf(error: unknown): string {
  if (error instanceof LaresError) return error.code
  throw error
}
