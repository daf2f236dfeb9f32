import * as P from 'micro-packed'
import { bytes64, createCodec, hash32, u48 } from '../codec.ts'
import { TAGS, tagged } from '../hash.ts'

/**
 * `networkId 32 || deviceId 32 || holderKey 32 || claimantKey 32 || nonce 32 || u48 time || signature 64`: who is present
 * in a device's name proves against a second claim that it is.
 */
export const duelProofCoder = P.struct({
  networkId: hash32,
  deviceId: hash32,
  /** Raw libp2p key of the session that holds the lease. */
  holderKey: hash32,
  /** Of the session that has claimed it. */
  claimantKey: hash32,
  nonce: hash32,
  time: u48,
  signature: bytes64,
})

export type DuelProof = P.UnwrapCoder<typeof duelProofCoder>

export const DUEL_PROOF_LENGTH = 230
export const duelProofCodec = createCodec<DuelProof>('duel proof', DUEL_PROOF_LENGTH, duelProofCoder)

export function duelProofMessage(proof: Omit<DuelProof, 'signature'>): Uint8Array {
  const { networkId, deviceId, holderKey, claimantKey, nonce, time } = proof
  return tagged(TAGS.duelProof, networkId, deviceId, holderKey, claimantKey, nonce, u48.encode(time))
}
