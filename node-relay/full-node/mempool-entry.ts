import { toHex } from '../../shared/bytes.ts'
import type { Evidence } from '../../shared/transaction/register.ts'
import { hashChangeContent, type RosterAction } from '../../shared/transaction/roster-change.ts'
import { hashCoordinationContent, hashPolicy, type Transaction } from '../../shared/transaction/transaction.ts'

/** Place in a block, first to last: what others may stand on goes first. */
export const BLOCK_ORDER = {
  rosterChange: 0,
  policy: 1,
  coordinationChange: 2,
  seatRecovery: 3,
  own: 4,
  register: 5,
} as const
/** What is worth keeping when there is no room, least to most. */
export const WORTH = { registerWithoutVoucher: 0, register: 1, own: 2, governance: 3 } as const

/** What the mempool has to know of a transaction. */
export interface MempoolSubject {
  readonly order: number
  readonly worth: number
  /** Who answers for it: bounded, so that nobody fills the pool alone. */
  readonly group: string
  /** Of the transactions with one claim, only one can ever be in the chain. */
  readonly claim: string
  /** Signed by the recovery key, which overrides the wallet key. */
  readonly byRecovery: boolean
}

export function subjectOf(transaction: Transaction): MempoolSubject {
  switch (transaction.TAG) {
    case 'register': {
      const { claim, evidence } = transaction.data
      const worth =
        evidence.TAG === 'voucher' || evidence.TAG === 'owners' ? WORTH.register : WORTH.registerWithoutVoucher
      const order = BLOCK_ORDER.register
      return { order, worth, group: sponsorOf(evidence), claim: `anchor ${toHex(claim.anchor)}`, byRecovery: false }
    }
    case 'rotate':
      return own(transaction.data.rotate, transaction.data.authority.TAG === 'recovery')
    case 'retire':
      return own(transaction.data.retire, transaction.data.authority.TAG === 'recovery')
    case 'evidence':
      return own(transaction.data.renewal, transaction.data.authority.TAG === 'recovery')
    case 'incident': {
      const { deviceId } = transaction.data.incident.claimed
      const group = `incident of ${toHex(deviceId)}`
      return { order: BLOCK_ORDER.own, worth: WORTH.own, group, claim: group, byRecovery: false }
    }
    // One motion with many sets of signatures under it is one claim; rival motions wait side by side.
    case 'rosterChange': {
      const { changeNumber, action } = transaction.data
      const claim = `roster ${toHex(hashChangeContent(changeNumber, action))}`
      return bySeat(action, claim) ?? governance(BLOCK_ORDER.rosterChange, claim)
    }
    case 'coordinationChange':
      return governance(
        BLOCK_ORDER.coordinationChange,
        `set ${toHex(hashCoordinationContent(transaction.data.change))}`,
      )
    case 'policy':
      return governance(BLOCK_ORDER.policy, `policy ${toHex(hashPolicy(transaction.data.policy))}`)
  }
}

/**
 * A change for which a key of the seat itself is enough; undefined where owners, votes or evidence stand behind it. Such
 * changes cost the seat nothing, so they must neither fill the room of governance nor take the change number before it:
 * else a thief with one key puts off its removal for ever. For the same reason the recovery key has its own room.
 */
function bySeat(action: RosterAction, claim: string): MempoolSubject | undefined {
  const common = { worth: WORTH.own, claim, byRecovery: false }
  if (action.TAG === 'leave') return { ...common, order: BLOCK_ORDER.own, group: `seat ${action.data.leave.seat}` }
  if (action.TAG !== 'rotateKey') return undefined
  const { rotate, authority } = action.data
  if (authority.TAG === 'member') return { ...common, order: BLOCK_ORDER.own, group: `seat ${rotate.seat}` }
  if (authority.TAG === 'recovery')
    return { ...common, order: BLOCK_ORDER.seatRecovery, group: `recovery of seat ${rotate.seat}` }
  return undefined
}

function own({ deviceId, sequence }: { deviceId: Uint8Array; sequence: number }, byRecovery: boolean): MempoolSubject {
  const group = `device ${toHex(deviceId)}`
  return { order: BLOCK_ORDER.own, worth: WORTH.own, group, claim: `${group} ${sequence}`, byRecovery }
}

function governance(order: number, claim: string): MempoolSubject {
  return { order, worth: WORTH.governance, group: 'governance', claim, byRecovery: false }
}

function sponsorOf(evidence: Evidence): string {
  switch (evidence.TAG) {
    case 'voucher':
      return `sponsor ${toHex(evidence.data.voucher.issuer)}`
    case 'approval':
      return `sponsor ${toHex(evidence.data.issuer)}`
    case 'certificate':
      return `issuer ${toHex(evidence.data.issuer)}`
    case 'owners':
      return 'owners'
  }
}
