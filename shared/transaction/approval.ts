import * as P from 'micro-packed'
import { bytes64, checked } from '../codec.ts'
import type { SignatureCheck } from '../crypto/signature-verifier.ts'
import { accept, type Result, reject } from '../errors.ts'
import { TAGS, tagged } from '../hash.ts'
import { MAX_OWNERS, MAX_SEATS, memberAt, type Roster, twoThirds } from '../roster/roster.ts'

const ownerSignaturesCoder = checked(P.array(P.U8, P.struct({ owner: P.U8, signature: bytes64 })), (list) =>
  list.length <= MAX_OWNERS && ascending(list.map(({ owner }) => owner))
    ? undefined
    : 'owner signatures are not sorted by owner',
)
const votesCoder = checked(
  P.array(P.U16BE, P.struct({ seat: P.U16BE, expires: P.U32BE, signature: bytes64 })),
  (list) =>
    list.length <= MAX_SEATS && ascending(list.map(({ seat }) => seat)) ? undefined : 'votes are not sorted by seat',
)

/** Who stands behind a change: the votes of two thirds of all seats, or m of n owner keys. */
export const approvalCoder = P.mappedTag(P.U8, { votes: [1, votesCoder], owners: [2, ownerSignaturesCoder] })

export type Approval = P.UnwrapCoder<typeof approvalCoder>
export type OwnerSignatures = P.UnwrapCoder<typeof ownerSignaturesCoder>
export { ownerSignaturesCoder }

export type ApprovalCode = 'not-enough-owners' | 'unknown-owner' | 'not-enough-votes' | 'not-a-member' | 'vote-expired'

/** What an owner signs: tag, network ID, a byte for the kind of transaction, and the hash of what is approved. */
export function ownerMessage(networkId: Uint8Array, kind: number, contentHash: Uint8Array): Uint8Array {
  return tagged(TAGS.ownerSignature, networkId, Uint8Array.of(kind), contentHash)
}

/** What a member signs as a vote: tag, network ID, the kind, the hash of the motion, and the last height it counts at. */
export function voteMessage(networkId: Uint8Array, kind: number, motionHash: Uint8Array, expires: number): Uint8Array {
  return tagged(TAGS.vote, networkId, Uint8Array.of(kind), motionHash, P.U32BE.encode(expires))
}

/** The signatures that must hold for m of n owners to stand behind it. */
export function checkOwners(
  roster: Roster,
  signatures: OwnerSignatures,
  message: Uint8Array,
): Result<SignatureCheck[], 'not-enough-owners' | 'unknown-owner'> {
  if (signatures.length < roster.owners.threshold)
    return reject('not-enough-owners', `${signatures.length} of ${roster.owners.threshold} owner signatures`)
  const checks: SignatureCheck[] = []
  for (const { owner, signature } of signatures) {
    const publicKey = roster.owners.keys[owner]
    if (publicKey === undefined) return reject('unknown-owner', `no owner has number ${owner}`)
    checks.push({ publicKey, message, signature })
  }
  return accept(checks)
}

/**
 * The signatures that must hold for the approval to stand. Owners sign `content` (which names the change number, so it
 * cannot be used again); members vote on `motion` (subject, incarnation, action), each with an expiry height.
 *
 * @param height of the block that carries it, or undefined when the log is read without its headers
 */
export function checkApproval(
  roster: Roster,
  approval: Approval,
  subject: { networkId: Uint8Array; kind: number; content: Uint8Array; motion: Uint8Array; height: number | undefined },
): Result<SignatureCheck[], ApprovalCode> {
  const { networkId, kind, height } = subject
  if (approval.TAG === 'owners')
    return checkOwners(roster, approval.data, ownerMessage(networkId, kind, subject.content))
  const needed = twoThirds(roster.members.length)
  if (approval.data.length < needed) return reject('not-enough-votes', `${approval.data.length} of ${needed} votes`)
  const checks: SignatureCheck[] = []
  for (const { seat, expires, signature } of approval.data) {
    const member = memberAt(roster, seat)
    if (member === undefined) return reject('not-a-member', `seat ${seat} is not in the roster`)
    if (height !== undefined && height > expires)
      return reject('vote-expired', `the vote of seat ${seat} was good up to block ${expires}`)
    checks.push({
      publicKey: member.sealingKey,
      message: voteMessage(networkId, kind, subject.motion, expires),
      signature,
    })
  }
  return accept(checks)
}

function ascending(numbers: readonly number[]): boolean {
  return numbers.every((value, i) => i === 0 || (numbers[i - 1] as number) < value)
}
