import { equalBytes } from '../bytes.ts'
import { ACCEPT, reject, type Verdict } from '../errors.ts'
import { LABEL, STATUS, withoutRole, withRole } from '../identity/label.ts'
import { checkRosterChange, type RosterChangeCode, seatVacatedBy } from '../proof/roster-change.ts'
import { memberAt } from '../roster/roster.ts'
import type { RosterChange } from '../transaction/roster-change.ts'
import type { LedgerDraft } from './context.ts'

/** The roster changes, and with it the label of the device whose seat it is. */
export function applyRosterChange(
  draft: LedgerDraft,
  change: RosterChange,
): Verdict<RosterChangeCode | 'unknown-device'> {
  const { networkId, height } = draft.block
  const before = draft.roster
  const checked = checkRosterChange(before, change, { networkId, height })
  if (!checked.ok) return checked

  const { action } = change
  const vacated = seatVacatedBy(change)
  const subject =
    action.TAG === 'admit'
      ? { deviceId: action.data.admit.deviceId, walletId: action.data.admit.walletId }
      : vacated && { deviceId: vacated.deviceId, walletId: memberAt(before, vacated.seat)?.walletId }
  const record = subject && draft.device(subject.deviceId)
  // A keeper of genesis that never registered has no device, and must not be beyond removal for that.
  const hasNone = record === undefined && action.TAG === 'remove'
  if (subject !== undefined && !hasNone) {
    if (record === undefined || subject.walletId === undefined || !equalBytes(record.walletId, subject.walletId))
      return reject('unknown-device', 'the seat is not that of this device')
    if (action.TAG === 'admit' && record.status !== STATUS.active)
      return reject('unknown-device', 'the device is not active')
    // One wallet key may have several IDs. Nobody approves which one is named here, and the right to vouch goes with the seat.
    if ((action.TAG === 'leave' || action.TAG === 'equivocation') && (record.label & LABEL.full) === 0)
      return reject('unknown-device', 'the seat is that of another ID of this wallet')
    const label = action.TAG === 'admit' ? withRole(record.label, LABEL.full) : withoutRole(record.label, LABEL.full)
    draft.setRole(record, label)
  }

  draft.roster = checked.value.roster
  draft.rosterChanges.push(change)
  draft.signatures.push(...checked.value.signatures)
  return ACCEPT
}
