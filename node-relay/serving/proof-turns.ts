import { MAX_RATED_PEERS } from '../../shared/protocol/transport.ts'
import { createBuckets } from '../../shared/transport/token-bucket.ts'

/** Proofs for one peer without a session. With one it is bound by its rate of requests alone, 200 a second. */
export const PROOFS_WITHOUT_SESSION = { capacity: 400, perSecond: 50 } as const

export interface ProofTurnsInit {
  hasSession(peer: string): boolean
  now(): number
}

/** @returns whether a peer may be given a proof now */
export function createProofTurns({ hasSession, now }: ProofTurnsInit): (peer: string) => boolean {
  const buckets = createBuckets(PROOFS_WITHOUT_SESSION, MAX_RATED_PEERS, now)
  return (peer) => {
    if (hasSession(peer)) return true
    if (buckets.waitMs(peer, 1) > 0) return false
    buckets.take(peer, 1)
    return true
  }
}
