import { compareBytes, equalBytes } from '../bytes.ts'
import { ACCEPT, reject, type Verdict } from '../errors.ts'
import { LABEL, STATUS, withoutRole, withRole } from '../identity/label.ts'
import { type ApprovalCode, checkApproval } from '../transaction/approval.ts'
import { KIND } from '../transaction/kinds.ts'
import { hashCoordinationContent, type TransactionOf } from '../transaction/transaction.ts'
import type { LedgerDraft } from './context.ts'
import { MAX_COORDINATION_NODES } from './records.ts'

export type CoordinationChangeCode =
  | ApprovalCode
  | 'wrong-change-number'
  | 'unknown-device'
  | 'already-a-member'
  | 'coordination-set-full'

/** A coordination node enters or leaves the set, by two thirds of the seats or the owners. */
export function applyCoordinationChange(
  draft: LedgerDraft,
  transaction: TransactionOf<'coordinationChange'>,
): Verdict<CoordinationChangeCode> {
  const { change, approval } = transaction
  const { networkId, height } = draft.block
  const set = draft.coordinationSet
  if (change.setNumber !== set.number + 1)
    return reject('wrong-change-number', `change ${change.setNumber} after set ${set.number}`)
  const record = draft.device(change.deviceId)
  if (record === undefined) return reject('unknown-device', 'the device is not in the ledger')
  const without = set.members.filter((one) => !equalBytes(one.deviceId, change.deviceId))
  const isMember = without.length < set.members.length

  if (change.action === 'add') {
    if (record.status !== STATUS.active) return reject('unknown-device', 'the device is not active')
    if (isMember) return reject('already-a-member', 'the device is in the set')
    if (set.members.length >= MAX_COORDINATION_NODES)
      return reject('coordination-set-full', `all ${MAX_COORDINATION_NODES} places are taken`)
  } else if (!isMember) return reject('unknown-device', 'the device is not in the set')

  const content = hashCoordinationContent(change)
  const checks = checkApproval(draft.roster, approval, {
    networkId,
    kind: KIND.coordinationChange,
    content,
    motion: content,
    height,
  })
  if (!checks.ok) return checks
  draft.signatures.push(...checks.value)

  const members =
    change.action === 'add'
      ? [...without, { deviceId: record.deviceId, sponsor: record.sponsor, sinceHeight: height }].sort((a, b) =>
          compareBytes(a.deviceId, b.deviceId),
        )
      : without
  draft.coordinationSet = { number: change.setNumber, members }
  const label =
    change.action === 'add' ? withRole(record.label, LABEL.coordination) : withoutRole(record.label, LABEL.coordination)
  draft.setRole(record, label)
  return ACCEPT
}
