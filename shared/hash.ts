import { sha256 as nobleSha256 } from '@noble/hashes/sha2.js'
import { asciiBytes, concatBytes } from './bytes.ts'

let compute: (bytes: Uint8Array) => Uint8Array = nobleSha256

/**
 * Has everything here hash with the platform's own SHA-256 from now on: a relay hashes each transaction of a block some
 * fifteen times. The results are the same, so it matters neither when nor whether this is called.
 */
export function installSha256(native: (bytes: Uint8Array) => Uint8Array): void {
  compute = native
}

/** SHA-256 (FIPS 180-4). 32 bytes. */
export function sha256(bytes: Uint8Array): Uint8Array {
  return compute(bytes)
}

/** SHA-256 of SHA-256: the header hash. 32 bytes. */
export function sha256d(bytes: Uint8Array): Uint8Array {
  return compute(compute(bytes))
}

/**
 * Every domain tag of the protocol. One place, so that no two uses can share a tag.
 * A tag is hashed as one length byte and its ASCII characters, so no tag is a prefix of another.
 */
export const TAGS = {
  genesis: 'lares/genesis/1',
  deviceId: 'lares/device-id/1',
  walletId: 'lares/wallet-id/1',
  anchorVoucher: 'lares/anchor/voucher/1',
  anchorCertificate: 'lares/anchor/certificate/1',
  anchorOwner: 'lares/anchor/owner/1',
  stateKey: 'lares/state/key/1',
  stateEmpty: 'lares/state/empty/1',
  stateLeaf: 'lares/state/leaf/1',
  stateInner: 'lares/state/inner/1',
  historyLeaf: 'lares/history/leaf/1',
  historyNode: 'lares/history/node/1',
  historyRoot: 'lares/history/root/1',
  roster: 'lares/roster/1',
  seal: 'lares/seal/1',
  transactionId: 'lares/transaction-id/1',
  rotate: 'lares/rotate/1',
  rotateNewKey: 'lares/rotate/new-key/1',
  retire: 'lares/retire/1',
  ownerSignature: 'lares/owner/1',
  voucher: 'lares/voucher/1',
  voucherClaim: 'lares/voucher/claim/1',
  certificateClaim: 'lares/certificate/claim/1',
  certificateRenewal: 'lares/certificate/renewal/1',
  evidenceRequest: 'lares/evidence-request/1',
  renewal: 'lares/renewal/1',
  renewalEndorsement: 'lares/renewal/endorsement/1',
  incidentEndorsement: 'lares/incident/endorsement/1',
  approval: 'lares/approval/1',
  endorsement: 'lares/endorsement/1',
  registration: 'lares/registration/1',
  vote: 'lares/vote/1',
  memberSignature: 'lares/member/1',
  directory: 'lares/directory/1',
  fleetFile: 'lares/fleet/1',
  lease: 'lares/lease/1',
  challengeAnswer: 'lares/challenge-answer/1',
  relayTime: 'lares/relay-time/1',
  assignment: 'lares/assignment/1',
  serviceRecord: 'lares/service-record/1',
  session: 'lares/session/1',
  duelProof: 'lares/duel-proof/1',
  fullApplication: 'lares/full-application/1',
  fullStatement: 'lares/full-statement/1',
  storageRequest: 'lares/storage-request/1',
  storageStep: 'lares/storage-step/1',
  joinAsk: 'lares/join-ask/1',
  joinQuote: 'lares/join-quote/1',
  puzzle: 'lares/puzzle/1',
  pairAsk: 'lares/pair-ask/1',
} as const

export type Tag = (typeof TAGS)[keyof typeof TAGS]

const tagPrefixes = new Map<Tag, Uint8Array>(
  Object.values(TAGS).map((tag) => [tag, concatBytes(Uint8Array.of(tag.length), asciiBytes(tag))]),
)

/** `u8 length || tag || parts`: what is hashed, or signed, under a domain tag. */
export function tagged(tag: Tag, ...parts: readonly Uint8Array[]): Uint8Array {
  return joinTagged(tag, parts)
}

/** Without handing the parts on one by one: a relay does this a hundred thousand times for a full block. */
function joinTagged(tag: Tag, parts: readonly Uint8Array[]): Uint8Array {
  const prefix = tagPrefixes.get(tag) as Uint8Array
  let length = prefix.length
  for (const part of parts) length += part.length
  const out = new Uint8Array(length)
  out.set(prefix)
  let offset = prefix.length
  for (const part of parts) {
    out.set(part, offset)
    offset += part.length
  }
  return out
}

/** SHA-256 of {@link tagged}. 32 bytes. Variable-length parts must carry their own length. */
export function taggedHash(tag: Tag, ...parts: readonly Uint8Array[]): Uint8Array {
  return compute(joinTagged(tag, parts))
}
