import { compareBytes, uintToBytes } from '../bytes.ts'
import { TAGS, taggedHash } from '../hash.ts'
import type { Member } from '../roster/roster.ts'

/** Servers that stand by for a device, after its primary. */
export const BACKUPS = 2

const SEAT_LENGTH = 2

/** What decides a device's servers besides the roster. Fixed for its life. */
export interface AssignedDevice {
  /** Hash of the block that registered it, 32 bytes: nobody knew it when the device ID was made. */
  readonly blockHash: Uint8Array
  /** 32 bytes: devices of one block are told apart by it. It commits to the network. */
  readonly deviceId: Uint8Array
}

type Server = Pick<Member, 'seat'>

/** Who serves a device. All are undefined or empty when there is nobody to choose from. */
export interface Serving<M extends Server> {
  readonly primary: M | undefined
  /** At most {@link BACKUPS}, the next in order. */
  readonly backups: readonly M[]
}

/**
 * The members in the order in which they serve a device: rendezvous hashing, highest random weight first (Thaler and
 * Ravishankar, "Using name-based mappings to increase hit rates", 1998). Every member's weight is its own, so a change of
 * the roster moves only the devices of who left, and to who came only its share.
 *
 * @param members of the settled roster; how they are listed does not matter. Each has the full role: admission gives it,
 *   and leaving the roster takes it
 */
export function serversInOrder<M extends Server>(device: AssignedDevice, members: readonly M[]): M[] {
  return members
    .map((member) => ({ member, weight: weightOf(device, member) }))
    .sort((a, b) => compareBytes(b.weight, a.weight) || a.member.seat - b.member.seat)
    .map(({ member }) => member)
}

/**
 * Who serves a device now: the first in order is the primary, the next two are the backups. Who is at its limit is passed
 * over for the time, and the next serves; nobody else moves.
 *
 * @param isBusy whether a member has said, signed, that it is at its limit
 */
export function assign<M extends Server>(
  device: AssignedDevice,
  members: readonly M[],
  isBusy: (member: M) => boolean = () => false,
): Serving<M> {
  const [primary, ...others] = serversInOrder(device, members).filter((member) => !isBusy(member))
  return { primary, backups: others.slice(0, BACKUPS) }
}

/**
 * `H(tag, blockHash, deviceId, u16 seat)`, compared as a big endian number. By the seat and not by a key: a seat is given
 * in turn and never twice, while keys could be tried until one lands on the device that its owner is after.
 */
function weightOf({ blockHash, deviceId }: AssignedDevice, { seat }: Server): Uint8Array {
  return taggedHash(TAGS.assignment, blockHash, deviceId, uintToBytes(seat, SEAT_LENGTH))
}
