import * as P from 'micro-packed'
import { bytes64, checked, createCodec, hash32, u48 } from '../codec.ts'
import { sha256, TAGS, tagged } from '../hash.ts'
import { sealedHeaderCoder } from '../header/header.ts'
import { ownersCoder } from '../roster/roster.ts'
import { approvalCoder, ownerSignaturesCoder } from './approval.ts'

export const admitCoder = P.struct({
  deviceId: hash32,
  walletId: hash32,
  sealingKey: hash32,
  recoveryKey: hash32,
  /** The seat it takes: the roster's next. */
  seat: P.U16BE,
})
export const removeCoder = P.struct({ deviceId: hash32, seat: P.U16BE })
const rotateKeyCoder = P.struct({ seat: P.U16BE, sealingKey: hash32, recoveryKey: hash32 })

const placeCoder = P.struct({ height: P.U32BE, hash: hash32 })

/**
 * The owners' word that a relay was restored from a backup and goes on from there with a new key. Blocks above the base
 * that its old key sealed are lost; whoever has them leaves them.
 */
const recoverCoder = checked(
  P.struct({
    seat: P.U16BE,
    sealingKey: hash32,
    recoveryKey: hash32,
    /** The header that the block with this change stands on: the tip of the backup. */
    base: placeCoder,
    /** The newest header above it that anybody showed; the base where nobody did. */
    lost: placeCoder,
    /** When the backup was made, ms. */
    backupTime: u48,
    /** When this was signed, ms: of two recoveries the later one counts. */
    time: u48,
  }),
  ({ base, lost }) => (lost.height >= base.height ? undefined : 'the lost header is below the base'),
)

export type Recovery = P.UnwrapCoder<typeof recoverCoder>

/** A recovery by itself, as the owners are asked to sign it. */
export const recoveryCodec = createCodec<Recovery>('recovery', 256, recoverCoder)

/** Who replaces a sealing key: the key itself, the seat's recovery key, or the owners (a stolen or restored relay). */
const rotateAuthorityCoder = P.mappedTag(P.U8, {
  member: [1, bytes64],
  recovery: [2, bytes64],
  owners: [3, ownerSignaturesCoder],
})

const actionCoder = P.mappedTag(P.U8, {
  admit: [1, P.struct({ admit: admitCoder, approval: approvalCoder })],
  remove: [2, P.struct({ remove: removeCoder, approval: approvalCoder })],
  /** A member leaves by its own signature. */
  leave: [3, P.struct({ leave: removeCoder, signature: bytes64 })],
  rotateKey: [4, P.struct({ rotate: rotateKeyCoder, authority: rotateAuthorityCoder })],
  /** Two sealed headers of one seat on one parent. */
  equivocation: [5, P.struct({ deviceId: hash32, first: sealedHeaderCoder, second: sealedHeaderCoder })],
  /** The owners replace themselves. */
  owners: [6, P.struct({ owners: ownersCoder, signatures: ownerSignaturesCoder })],
  /** A restored relay goes on below what was settled. */
  recover: [7, P.struct({ recovery: recoverCoder, signatures: ownerSignaturesCoder })],
})

export type RosterAction = P.UnwrapCoder<typeof actionCoder>

/** The only way a roster changes. It verifies by itself against the roster before it. */
export const rosterChangeCoder = P.struct({
  /** Number of the roster it makes: the one before plus one. */
  changeNumber: P.U32BE,
  action: actionCoder,
})

export type RosterChange = P.UnwrapCoder<typeof rosterChangeCoder>

/**
 * Hash of what a change does, without the signatures under it. Members vote on this motion: it names the action, the
 * subject and the subject's incarnation (its seat).
 */
export function hashMotion(action: RosterAction): Uint8Array {
  switch (action.TAG) {
    case 'admit':
      return sha256(P.tuple([P.U8, admitCoder]).encode([1, action.data.admit]))
    case 'remove':
      return sha256(P.tuple([P.U8, removeCoder]).encode([2, action.data.remove]))
    case 'leave':
      return sha256(P.tuple([P.U8, removeCoder]).encode([3, action.data.leave]))
    case 'rotateKey':
      return sha256(P.tuple([P.U8, rotateKeyCoder]).encode([4, action.data.rotate]))
    case 'owners':
      return sha256(P.tuple([P.U8, ownersCoder]).encode([6, action.data.owners]))
    case 'recover':
      return sha256(P.tuple([P.U8, recoverCoder]).encode([7, action.data.recovery]))
    case 'equivocation':
      return sha256(
        P.tuple([P.U8, sealedHeaderCoder, sealedHeaderCoder]).encode([5, action.data.first, action.data.second]),
      )
  }
}

/** Motion and change number: what owners and single members sign, good for one change only. 32 bytes. */
export function hashChangeContent(changeNumber: number, action: RosterAction): Uint8Array {
  return sha256(P.tuple([P.U32BE, hash32]).encode([changeNumber, hashMotion(action)]))
}

/** What a member signs to leave or to rotate its own key. */
export function memberMessage(networkId: Uint8Array, contentHash: Uint8Array): Uint8Array {
  return tagged(TAGS.memberSignature, networkId, contentHash)
}
