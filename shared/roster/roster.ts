import * as P from 'micro-packed'
import { compareBytes } from '../bytes.ts'
import { checked, createCodec, hash32, u48 } from '../codec.ts'
import { TAGS, taggedHash } from '../hash.ts'

/** Most seats a network can have. */
export const MAX_SEATS = 256
export const MAX_OWNERS = 16
/** From this many seats on the others go on without one, and the owners cannot take the chain back. */
export const SEATS_BEYOND_RECOVERY = 4
const MAX_ROSTER_LENGTH = 32 * 1024

/** A full node with the right to seal blocks. */
const memberCoder = P.struct({
  /** Never given twice in a network, so it also is the member's incarnation: a vote for an earlier stay is void. */
  seat: P.U16BE,
  /** Wallet ID of the device's first wallet key. */
  walletId: hash32,
  /** Ed25519 key that seals headers and signs votes. */
  sealingKey: hash32,
  /** Ed25519 key that may replace the sealing key. */
  recoveryKey: hash32,
})

export type Member = P.UnwrapCoder<typeof memberCoder>

/** m-of-n owner keys, sorted. */
export const ownersCoder = checked(
  P.struct({ threshold: P.U8, keys: P.array(P.U8, hash32) }),
  ({ threshold, keys }) => {
    if (keys.length === 0 || keys.length > MAX_OWNERS) return `${keys.length} owner keys; 1 to ${MAX_OWNERS}`
    if (threshold < 1 || threshold > keys.length) return `threshold ${threshold} of ${keys.length} owner keys`
    return strictlyAscending(keys, compareBytes) ? undefined : 'owner keys are not sorted, or one is there twice'
  },
)

export type Owners = P.UnwrapCoder<typeof ownersCoder>

export const rosterCoder = P.struct({
  changeNumber: P.U32BE,
  previousRoot: hash32,
  nextSeat: P.U16BE,
  /** Time of the newest recovery statement of the owners, ms; 0 for none. It only rises. */
  recovered: u48,
  owners: ownersCoder,
  members: checked(P.array(P.U16BE, memberCoder), (members) => {
    if (members.length === 0 || members.length > MAX_SEATS) return `${members.length} members; 1 to ${MAX_SEATS}`
    return strictlyAscending(members, (a, b) => a.seat - b.seat) ? undefined : 'members are not sorted by seat'
  }),
})

/** The list of seats, with all that is needed to verify the next change: see roster/change.ts. */
export type Roster = P.UnwrapCoder<typeof rosterCoder>

export const rosterCodec = createCodec<Roster>('roster', MAX_ROSTER_LENGTH, rosterCoder)

/** H(tag, encoded roster): members, change number, owners and the previous roster root. 32 bytes. */
export function rosterRoot(roster: Roster): Uint8Array {
  return taggedHash(TAGS.roster, rosterCodec.encode(roster))
}

export function memberAt(roster: Roster, seat: number): Member | undefined {
  return roster.members.find((member) => member.seat === seat)
}

/** Smallest number of seats that is at least two thirds of all seats. */
export function twoThirds(seats: number): number {
  return Math.ceil((2 * seats) / 3)
}

function strictlyAscending<Value>(values: readonly Value[], compare: (a: Value, b: Value) => number): boolean {
  return values.every((value, i) => i === 0 || compare(values[i - 1] as Value, value) < 0)
}
