import { equalBytes } from '../bytes.ts'
import type { SignatureCheck } from '../crypto/signature-verifier.ts'
import { accept, type Result, reject } from '../errors.ts'
import { hashHeader } from '../header/header.ts'
import { sealCheck } from '../header/seal.ts'
import type { RecoveryAnswer } from '../protocol/messages.ts'
import { memberAt, type Roster, SEATS_BEYOND_RECOVERY } from '../roster/roster.ts'
import { checkOwners, ownerMessage } from '../transaction/approval.ts'
import { KIND } from '../transaction/kinds.ts'
import { hashChangeContent, type Recovery } from '../transaction/roster-change.ts'
import type { ChainStart } from './start.ts'

export type RecoveryCode =
  | 'not-a-recovery'
  | 'recovery-too-old'
  | 'too-many-seats'
  | 'wrong-recovery'
  | 'not-enough-owners'
  | 'unknown-owner'

export interface CheckedRecovery {
  readonly recovery: Recovery
  /** Hash of the block that carries it: where a node goes on that has left what is lost. */
  readonly blockHash: Uint8Array
  readonly signatures: readonly SignatureCheck[]
}

/**
 * Judges a recovery by the owners that this node knows, whatever it has settled since: the one way, besides two thirds of
 * the seats, to leave a settled header (DESIGN 2). Good only if all signatures hold. The block is checked once more, with
 * its roster, by {@link isRecoveredStart}.
 *
 * @param known roster of this node's own tip
 */
export function checkRecovery(
  known: Roster,
  networkId: Uint8Array,
  { change, block }: RecoveryAnswer,
): Result<CheckedRecovery, RecoveryCode> {
  const { action, changeNumber } = change
  if (action.TAG !== 'recover') return reject('not-a-recovery', `this is ${action.TAG}`)
  const { recovery, signatures } = action.data
  if (recovery.time <= known.recovered) return reject('recovery-too-old', 'this recovery is part of the chain already')
  if (known.members.length >= SEATS_BEYOND_RECOVERY)
    return reject('too-many-seats', `${known.members.length} seats: the others have the chain`)
  const { header, seal } = block
  const { base, seat, sealingKey } = recovery
  if (header.height !== base.height + 1 || !equalBytes(header.previousHash, base.hash) || header.seat !== seat)
    return reject('wrong-recovery', 'the block is not the first after the recovery')
  const content = hashChangeContent(changeNumber, action)
  const owners = checkOwners(known, signatures, ownerMessage(networkId, KIND.rosterChange, content))
  if (!owners.ok) return owners
  const blockHash = hashHeader(header)
  return accept({
    recovery,
    blockHash,
    signatures: [...owners.value, sealCheck(networkId, blockHash, seal, sealingKey)],
  })
}

/** Whether a start at the block of a recovery has the roster that this recovery leads to. */
export function isRecoveredStart(
  { node }: Pick<ChainStart, 'node'>,
  { recovery, blockHash }: CheckedRecovery,
): boolean {
  const member = memberAt(node.roster, recovery.seat)
  return (
    equalBytes(node.hash, blockHash) &&
    node.roster.recovered === recovery.time &&
    member !== undefined &&
    equalBytes(member.sealingKey, recovery.sealingKey)
  )
}
