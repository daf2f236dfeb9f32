import { base64urlnopad } from '@scure/base'
import * as P from 'micro-packed'
import { concatBytes, equalBytes } from '../../shared/bytes.ts'
import { bytes64, checked, createCodec, hash32 } from '../../shared/codec.ts'
import { accept, type Result, reject } from '../../shared/errors.ts'
import { sha256 } from '../../shared/hash.ts'
import { formatDeviceId } from '../../shared/identity/device-id.ts'
import { type Approval, ownerMessage, voteMessage } from '../../shared/transaction/approval.ts'
import { KIND } from '../../shared/transaction/kinds.ts'
import {
  admitCoder,
  hashChangeContent,
  hashMotion,
  type RosterAction,
  removeCoder,
} from '../../shared/transaction/roster-change.ts'
import {
  coordinationContentCoder,
  hashCoordinationContent,
  type Transaction,
} from '../../shared/transaction/transaction.ts'

/** Tells a slip of the finger from another motion. Bytes. */
const CHECKSUM_LENGTH = 4
const MAX_MOTION_LENGTH = 1_024
/** A seat and a place in the coordination set. */
const MAX_MOTION_ITEMS = 2

const itemCoder = P.mappedTag(P.U8, {
  admit: [1, admitCoder],
  remove: [2, removeCoder],
  coordination: [3, coordinationContentCoder],
})

export type MotionItem = P.UnwrapCoder<typeof itemCoder>

const version = checked(P.U8, (value) => (value === 1 ? undefined : `unknown version ${value}`))
const motionCodec = createCodec(
  'motion',
  MAX_MOTION_LENGTH,
  P.struct({
    version,
    networkId: hash32,
    items: checked(P.array(P.U8, itemCoder), ({ length }) =>
      length >= 1 && length <= MAX_MOTION_ITEMS ? undefined : `${length} changes; 1 to ${MAX_MOTION_ITEMS}`,
    ),
  }),
)

/** What is to change in roster and coordination set: handed from relay to relay as text, and voted on as a whole. */
export interface Motion {
  readonly networkId: Uint8Array
  readonly items: readonly MotionItem[]
}

const voteCodec = createCodec(
  'vote',
  MAX_MOTION_LENGTH,
  P.struct({ version, motion: hash32, seat: P.U16BE, expires: P.U32BE, signatures: P.array(P.U8, bytes64) }),
)

/** One seat's vote for each item of a motion. */
export interface Vote {
  /** SHA-256 of the encoded motion. */
  readonly motion: Uint8Array
  readonly seat: number
  /** Last height at which it counts. */
  readonly expires: number
  readonly signatures: readonly Uint8Array[]
}

export type MotionTextCode = 'malformed-motion' | 'malformed-vote'

export function formatMotion({ networkId, items }: Motion): string {
  return withChecksum(motionCodec.encode({ version: 1, networkId, items: [...items] }))
}

export function parseMotion(text: string): Result<Motion, MotionTextCode> {
  const bytes = withoutChecksum(text)
  const motion = bytes && motionCodec.decode(bytes)
  return motion?.ok
    ? accept(motion.value)
    : reject('malformed-motion', 'This is no motion: copy the whole text that "lares roster propose" has printed.')
}

export function hashOfMotion({ networkId, items }: Motion): Uint8Array {
  return sha256(motionCodec.encode({ version: 1, networkId, items: [...items] }))
}

export function formatVote(vote: Vote): string {
  return withChecksum(voteCodec.encode({ version: 1, ...vote, signatures: [...vote.signatures] }))
}

export function parseVote(text: string): Result<Vote, MotionTextCode> {
  const bytes = withoutChecksum(text)
  const vote = bytes && voteCodec.decode(bytes)
  return vote?.ok
    ? accept(vote.value)
    : reject('malformed-vote', 'This is no vote: copy the whole text that "lares roster vote" has printed.')
}

/** What a member signs for one item. */
export function voteMessageOf(networkId: Uint8Array, item: MotionItem, expires: number): Uint8Array {
  const kind = item.TAG === 'coordination' ? KIND.coordinationChange : KIND.rosterChange
  const motion = item.TAG === 'coordination' ? hashCoordinationContent(item.data) : hashMotion(actionOf(item))
  return voteMessage(networkId, kind, motion, expires)
}

/** What an owner signs for one item. @param changeNumber of the roster that it makes */
export function ownerMessageOf(networkId: Uint8Array, item: MotionItem, changeNumber: number): Uint8Array {
  return item.TAG === 'coordination'
    ? ownerMessage(networkId, KIND.coordinationChange, hashCoordinationContent(item.data))
    : ownerMessage(networkId, KIND.rosterChange, hashChangeContent(changeNumber, actionOf(item)))
}

/** The transaction that carries one item out. */
export function transactionOf(item: MotionItem, approval: Approval, changeNumber: number): Transaction {
  return item.TAG === 'coordination'
    ? { TAG: 'coordinationChange', data: { change: item.data, approval } }
    : { TAG: 'rosterChange', data: { changeNumber, action: actionOf(item, approval) } }
}

/** A motion for a person, one sentence for each item. */
export function describeMotion({ networkId, items }: Motion): string[] {
  return items.map((item) => {
    const device = formatDeviceId(networkId, item.data.deviceId)
    if (item.TAG === 'admit') return `Seat ${item.data.seat} is given to the relay ${device}: it may mine and vote.`
    if (item.TAG === 'remove') return `Seat ${item.data.seat} is taken from the relay ${device}.`
    return item.data.action === 'add'
      ? `${device} becomes a coordination node: it admits newcomers.`
      : `${device} is no longer a coordination node.`
  })
}

const NO_APPROVAL: Approval = { TAG: 'owners', data: [] }

function actionOf(item: Exclude<MotionItem, { TAG: 'coordination' }>, approval = NO_APPROVAL): RosterAction {
  return item.TAG === 'admit'
    ? { TAG: 'admit', data: { admit: item.data, approval } }
    : { TAG: 'remove', data: { remove: item.data, approval } }
}

function withChecksum(bytes: Uint8Array): string {
  return base64urlnopad.encode(concatBytes(bytes, sha256(bytes).subarray(0, CHECKSUM_LENGTH)))
}

function withoutChecksum(text: string): Uint8Array | undefined {
  let bytes: Uint8Array
  try {
    bytes = base64urlnopad.decode(text.replace(/\s+/g, ''))
  } catch {
    // Not base64url at all; the caller says so.
    return undefined
  }
  const content = bytes.subarray(0, -CHECKSUM_LENGTH)
  return equalBytes(sha256(content).subarray(0, CHECKSUM_LENGTH), bytes.subarray(-CHECKSUM_LENGTH))
    ? content
    : undefined
}
