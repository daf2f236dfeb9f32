import { equalBytes } from '../bytes.ts'
import type { SignatureCheck } from '../crypto/signature-verifier.ts'
import { accept, type Result, reject } from '../errors.ts'
import { hashHeader } from '../header/header.ts'
import { sealCheck } from '../header/seal.ts'
import { MAX_SEATS, type Member, memberAt, type Roster, rosterRoot, SEATS_BEYOND_RECOVERY } from '../roster/roster.ts'
import { type ApprovalCode, checkApproval, checkOwners, ownerMessage } from '../transaction/approval.ts'
import { KIND } from '../transaction/kinds.ts'
import { hashChangeContent, hashMotion, memberMessage, type RosterChange } from '../transaction/roster-change.ts'

/** Two headers are evidence of equivocation only while they are this many blocks old at most. */
export const EQUIVOCATION_WINDOW = 20_160

const MAX_SEAT = 0xffff

export type RosterChangeCode =
  | ApprovalCode
  | 'wrong-change-number'
  | 'wrong-seat'
  | 'already-a-member'
  | 'roster-full'
  | 'last-seat'
  | 'not-equivocation'
  | 'evidence-too-old'
  | 'key-in-use'
  | 'too-many-seats'
  | 'recovery-too-old'

/** The roster after a change, good only if all signatures hold. */
export interface CheckedRoster {
  readonly roster: Roster
  readonly signatures: readonly SignatureCheck[]
}

/**
 * Verifies one roster change against the roster before it, by nothing else. Pure; the signatures to verify are returned,
 * so that the caller can do them in a batch.
 *
 * @param height of the block that carries the change; undefined when a log is read without its headers, and then the
 *   expiry of votes and the age of evidence, which the sealed headers vouch for, are not looked at
 */
export function checkRosterChange(
  roster: Roster,
  change: RosterChange,
  context: { networkId: Uint8Array; height: number | undefined },
): Result<CheckedRoster, RosterChangeCode> {
  const { networkId, height } = context
  const { changeNumber, action } = change
  if (changeNumber !== roster.changeNumber + 1)
    return reject('wrong-change-number', `change ${changeNumber} after roster ${roster.changeNumber}`)
  const content = hashChangeContent(changeNumber, action)
  const approvedBy = { networkId, kind: KIND.rosterChange, content, motion: hashMotion(action), height }
  const next = (change: Partial<Roster>, signatures: readonly SignatureCheck[]): Result<CheckedRoster, never> =>
    accept({ roster: { ...roster, changeNumber, previousRoot: rosterRoot(roster), ...change }, signatures })

  switch (action.TAG) {
    case 'admit': {
      const { seat, walletId, sealingKey, recoveryKey } = action.data.admit
      if (seat !== roster.nextSeat || seat >= MAX_SEAT)
        return reject('wrong-seat', `seat ${seat}; the next is ${roster.nextSeat}`)
      if (roster.members.length >= MAX_SEATS) return reject('roster-full', `all ${MAX_SEATS} seats are taken`)
      if (roster.members.some((member) => equalBytes(member.walletId, walletId)))
        return reject('already-a-member', 'this wallet has a seat')
      if (keyInUse(roster, sealingKey)) return reject('key-in-use', 'another seat has this sealing key')
      const checks = checkApproval(roster, action.data.approval, approvedBy)
      if (!checks.ok) return checks
      const members = [...roster.members, { seat, walletId, sealingKey, recoveryKey }]
      return next({ members, nextSeat: seat + 1 }, checks.value)
    }
    case 'remove': {
      const left = without(roster, action.data.remove.seat)
      if (!left.ok) return left
      const checks = checkApproval(roster, action.data.approval, approvedBy)
      return checks.ok ? next({ members: left.value.members }, checks.value) : checks
    }
    case 'leave': {
      const left = without(roster, action.data.leave.seat)
      if (!left.ok) return left
      const message = memberMessage(networkId, content)
      return next({ members: left.value.members }, [
        { publicKey: left.value.member.sealingKey, message, signature: action.data.signature },
      ])
    }
    case 'rotateKey': {
      const { seat, sealingKey, recoveryKey } = action.data.rotate
      const member = memberAt(roster, seat)
      if (member === undefined) return reject('not-a-member', `seat ${seat} is not in the roster`)
      if (keyInUse(roster, sealingKey)) return reject('key-in-use', 'a seat has this sealing key')
      const { authority } = action.data
      if (authority.TAG === 'member' && !equalBytes(recoveryKey, member.recoveryKey))
        return reject('not-a-member', 'only the recovery key or the owners change the recovery key')
      const members = roster.members.map((one) => (one.seat === seat ? { ...one, sealingKey, recoveryKey } : one))
      if (authority.TAG === 'owners') {
        const checks = checkOwners(roster, authority.data, ownerMessage(networkId, KIND.rosterChange, content))
        return checks.ok ? next({ members }, checks.value) : checks
      }
      const publicKey = authority.TAG === 'member' ? member.sealingKey : member.recoveryKey
      return next({ members }, [{ publicKey, message: memberMessage(networkId, content), signature: authority.data }])
    }
    case 'equivocation': {
      const { first, second } = action.data
      const left = without(roster, first.header.seat)
      if (!left.ok) return left
      const firstHash = hashHeader(first.header)
      const secondHash = hashHeader(second.header)
      if (
        first.header.seat !== second.header.seat ||
        equalBytes(firstHash, secondHash) ||
        !equalBytes(first.header.previousHash, second.header.previousHash)
      )
        return reject('not-equivocation', 'not two headers of one seat on one parent')
      if (height !== undefined && first.header.height + EQUIVOCATION_WINDOW < height)
        return reject('evidence-too-old', `headers of height ${first.header.height}`)
      const { sealingKey } = left.value.member
      return next({ members: left.value.members }, [
        sealCheck(networkId, firstHash, first.seal, sealingKey),
        sealCheck(networkId, secondHash, second.seal, sealingKey),
      ])
    }
    case 'owners': {
      const checks = checkOwners(roster, action.data.signatures, ownerMessage(networkId, KIND.rosterChange, content))
      return checks.ok ? next({ owners: action.data.owners }, checks.value) : checks
    }
    case 'recover': {
      const { recovery, signatures } = action.data
      const { seat, sealingKey, recoveryKey, time } = recovery
      if (memberAt(roster, seat) === undefined) return reject('not-a-member', `seat ${seat} is not in the roster`)
      if (keyInUse(roster, sealingKey)) return reject('key-in-use', 'a seat has this sealing key')
      if (roster.members.length >= SEATS_BEYOND_RECOVERY)
        return reject('too-many-seats', `${roster.members.length} seats: the others have the chain`)
      // Or an old statement could take a network back a second time.
      if (time <= roster.recovered) return reject('recovery-too-old', 'there is a newer recovery')
      const checks = checkOwners(roster, signatures, ownerMessage(networkId, KIND.rosterChange, content))
      if (!checks.ok) return checks
      const members = roster.members.map((one) => (one.seat === seat ? { ...one, sealingKey, recoveryKey } : one))
      return next({ members, recovered: time }, checks.value)
    }
  }
}

/** The seat that loses its member by this change, if any: the ledger takes the role from that device. */
export function seatVacatedBy(change: RosterChange): { deviceId: Uint8Array; seat: number } | undefined {
  const { action } = change
  if (action.TAG === 'remove') return action.data.remove
  if (action.TAG === 'leave') return action.data.leave
  if (action.TAG === 'equivocation') return { deviceId: action.data.deviceId, seat: action.data.first.header.seat }
  return undefined
}

function keyInUse(roster: Roster, sealingKey: Uint8Array): boolean {
  return roster.members.some((member) => equalBytes(member.sealingKey, sealingKey))
}

function without(
  roster: Roster,
  seat: number,
): Result<{ member: Member; members: Member[] }, 'not-a-member' | 'last-seat'> {
  const member = memberAt(roster, seat)
  if (member === undefined) return reject('not-a-member', `seat ${seat} is not in the roster`)
  if (roster.members.length === 1) return reject('last-seat', 'the last seat is never removed')
  return accept({ member, members: roster.members.filter((one) => one.seat !== seat) })
}
