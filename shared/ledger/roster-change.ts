import { equalBytes } from '../bytes.ts'
import { ACCEPT, reject, type Verdict } from '../errors.ts'
import { LABEL, STATUS, withoutRole, withRole } from '../identity/label.ts'
import { checkRosterChange, type RosterChangeCode, seatVacatedBy } from '../proof/roster-change.ts'
import { memberAt } from '../roster/roster.ts'
import type { RosterChange } from '../transaction/roster-change.ts'
import type { LedgerDraft } from './context.ts'

/**
 * Rotations of an epoch that a seat's own key can sign; its recovery key can sign as many more. The log of roster changes
 * is kept for ever, is part of every bundle and fetched by every phone, so no one key may fill it.
 */
export const SEAT_ROTATIONS = 4

export type LedgerRosterChangeCode = RosterChangeCode | 'unknown-device' | 'quota-exceeded'

/** The roster changes, and with it the label of the device whose seat it is. */
export function applyRosterChange(draft: LedgerDraft, change: RosterChange): Verdict<LedgerRosterChangeCode> {
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

  if (action.TAG === 'rotateKey' && action.data.authority.TAG !== 'owners') {
    const { seat } = action.data.rotate
    const epoch = draft.epoch.number
    const known = draft.seat(seat)
    const used = known?.epoch === epoch ? known.rotations : 0
    if (used >= (action.data.authority.TAG === 'recovery' ? 2 * SEAT_ROTATIONS : SEAT_ROTATIONS))
      return reject('quota-exceeded', `${used} key rotations of seat ${seat} in this epoch`)
    draft.setSeat(seat, { epoch, rotations: used + 1 })
  }

  draft.roster = checked.value.roster
  draft.rosterChanges.push(change)
  draft.signatures.push(...checked.value.signatures)
  return ACCEPT
}
