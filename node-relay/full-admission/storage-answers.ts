import { storageDigest } from '../../shared/admission/storage-challenge.ts'
import { equalBytes } from '../../shared/bytes.ts'
import type { SignatureVerifier } from '../../shared/crypto/signature-verifier.ts'
import { accept, type Result, reject } from '../../shared/errors.ts'
import { validateRequestTime } from '../../shared/protocol/evidence-request.ts'
import { type StorageRequest, storageMessage } from '../../shared/protocol/full-messages.ts'
import { memberAt } from '../../shared/roster/roster.ts'
import type { FullChain } from '../full-node/chain.ts'
import { Pace } from '../pace.ts'

export interface StorageAnswersInit {
  readonly chain: Pick<FullChain, 'tip'>
  readonly verifier: SignatureVerifier
  /** Of this relay while it applies for a seat. */
  applicant(): Uint8Array | undefined
  hashAt(height: number): Uint8Array | undefined
  blockAt(height: number): Uint8Array | undefined
  now(): number
}

export type StorageCode =
  | 'not-applying'
  | 'not-a-member'
  | 'busy'
  | 'bad-signature'
  | 'unknown-header'
  | 'block-missing'
  | 'request-too-old'
  | 'request-ahead'

/** Shows full nodes that this relay has the blocks, while it applies for a seat. One challenge of each seat at a time. */
export function createStorageAnswers(init: StorageAnswersInit) {
  const { chain, verifier } = init
  /** Seats that are being answered: as many as the roster has. */
  const underWay = new Set<number>()

  return async (request: StorageRequest): Promise<Result<{ digest: Uint8Array }, StorageCode>> => {
    const { seat, height } = request
    const own = init.applicant()
    // Nobody computes an answer for another applicant.
    if (own === undefined || !equalBytes(own, request.deviceId))
      return reject('not-applying', 'this relay does not apply for a seat with this device')
    const member = memberAt(chain.tip.roster, seat)
    if (member === undefined) return reject('not-a-member', 'only full nodes are answered')
    const time = validateRequestTime(request.time, init.now())
    if (!time.ok) return time
    if (underWay.has(seat)) return reject('busy', 'a challenge of this seat is being answered')
    underWay.add(seat)
    try {
      const message = storageMessage(request)
      if (!(await verifier.verify({ publicKey: member.sealingKey, message, signature: request.signature })))
        return reject('bad-signature', 'the challenge is not signed by that seat')
      const hash = init.hashAt(height)
      if (hash === undefined || !equalBytes(hash, request.headerHash))
        return reject('unknown-header', 'this header is not in the best chain here')
      const digest = await new Pace().run(storageDigest(message, height, init.blockAt))
      return digest === undefined ? reject('block-missing', 'a block is not here') : accept({ digest })
    } finally {
      underWay.delete(seat)
    }
  }
}
