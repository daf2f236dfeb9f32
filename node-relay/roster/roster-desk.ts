import { equalBytes, fromHex, toHex } from '../../shared/bytes.ts'
import { keeperActivity } from '../../shared/chain/keepers.ts'
import type { Signer } from '../../shared/crypto/signer.ts'
import { accept, type Result, reject } from '../../shared/errors.ts'
import { formatDeviceId } from '../../shared/identity/device-id.ts'
import { LABEL, STATUS } from '../../shared/identity/label.ts'
import type { DeviceRecord } from '../../shared/identity/record.ts'
import { type CoordinationSet, coordinationSetCodec } from '../../shared/ledger/records.ts'
import { COORDINATION_SET_KEY } from '../../shared/ledger/state-keys.ts'
import { parseVoucher } from '../../shared/protocol/voucher-text.ts'
import { memberAt, twoThirds } from '../../shared/roster/roster.ts'
import type { Approval } from '../../shared/transaction/approval.ts'
import { transactionCodec } from '../../shared/transaction/transaction.ts'
import { registerWithVoucher } from '../device-agent/registration.ts'
import { parseSubject } from '../devices/subject.ts'
import type { FullChain } from '../full-node/chain.ts'
import { deviceOfWallet, deviceRecords } from '../full-node/views.ts'
import type { RosterDesk, SubmittedApproval } from './door.ts'
import {
  formatMotion,
  formatVote,
  hashOfMotion,
  type Motion,
  type MotionItem,
  parseMotion,
  parseVote,
  transactionOf,
  type Vote,
  voteMessageOf,
} from './motion.ts'

/** Blocks for which a vote counts: a day of the home preset. */
export const VOTE_BLOCKS = 2_880

export interface RosterDeskInit {
  readonly chain: FullChain
  readonly wallet: Signer
  /** The key that seals, and votes. */
  sealing(): Signer
  readonly walletId: Uint8Array
  /** Its chain is as far as that of the others. */
  isUpToDate(): boolean
  /** This relay admits newcomers where the set has it. */
  readonly coordinates: boolean
  /** Takes a registration without endorsements, collects them and hands it in. */
  join(application: Uint8Array): Promise<Result<unknown>>
  submit(transaction: Uint8Array): Promise<Result<unknown>>
}

/** Makes, votes on and hands in the changes of roster and coordination set. Nothing here decides: the ledger does. */
export function createRosterDesk(init: RosterDeskInit): RosterDesk {
  const { chain } = init
  const { networkId } = chain.rules

  const textOf = (deviceId: Uint8Array) => formatDeviceId(networkId, deviceId)

  function coordinationSet(): CoordinationSet {
    const bytes = chain.state.get(COORDINATION_SET_KEY)
    const set = bytes && coordinationSetCodec.decode(bytes)
    return set?.ok ? set.value : { number: 0, members: [] }
  }

  /** The device of each wallet, in one walk; where it has several, the one with the seat, then the first that is active. */
  function devicesOf(walletIds: readonly Uint8Array[]): Map<string, DeviceRecord> {
    const wanted = new Set(walletIds.map(toHex))
    const found = new Map<string, DeviceRecord>()
    for (const record of deviceRecords(chain.state)) {
      const wallet = toHex(record.walletId)
      if (!wanted.has(wallet) || record.status !== STATUS.active) continue
      if (!found.has(wallet) || (record.label & LABEL.full) !== 0) found.set(wallet, record)
    }
    return found
  }

  const deviceOf = (walletId: Uint8Array) => deviceOfWallet(chain.state, walletId)

  function ownSeat() {
    const { publicKey } = init.sealing()
    return chain.tip.roster.members.find(({ sealingKey }) => equalBytes(sealingKey, publicKey))
  }

  /** A place in the set for the device, or its end. */
  function coordinationItem(action: 'add' | 'remove', deviceId: Uint8Array): MotionItem[] {
    const set = coordinationSet()
    const isMember = set.members.some((member) => equalBytes(member.deviceId, deviceId))
    if (isMember !== (action === 'remove')) return []
    return [{ TAG: 'coordination', data: { setNumber: set.number + 1, action, deviceId } }]
  }

  function proposeRemoval(seat: number): Result<MotionItem[]> {
    const { roster } = chain.tip
    const member = memberAt(roster, seat)
    if (member === undefined) return reject('not-a-member', `There is no seat ${seat}; "lares roster show" lists them.`)
    if (roster.members.length === 1)
      return reject('last-seat', 'The last seat is never taken away: give out another first.')
    const deviceId = deviceOf(member.walletId)?.deviceId ?? member.walletId
    return accept([{ TAG: 'remove', data: { deviceId, seat } }, ...coordinationItem('remove', deviceId)])
  }

  function proposeEndOf(idText: string): Result<MotionItem[]> {
    const deviceId = parseSubject(networkId, idText)
    if (!deviceId.ok) return deviceId
    const items = coordinationItem('remove', deviceId.value)
    return items.length > 0
      ? accept(items)
      : reject('not-a-coordination-node', 'This is no coordination node; "lares roster show" lists them.')
  }

  function proposeOwn(): Result<MotionItem[]> {
    const record = deviceOf(init.walletId)
    if (record === undefined)
      return reject(
        'not-registered',
        'This relay is not in the ledger yet: add --voucher with a voucher of this network.',
      )
    const { deviceId, walletId, recoveryKey } = record
    const items: MotionItem[] = init.coordinates ? coordinationItem('add', deviceId) : []
    if (ownSeat() === undefined)
      items.unshift({
        TAG: 'admit',
        data: {
          deviceId,
          walletId,
          sealingKey: init.sealing().publicKey,
          recoveryKey,
          seat: chain.tip.roster.nextSeat,
        },
      })
    return items.length > 0 ? accept(items) : reject('already-a-member', 'This relay has a seat already.')
  }

  /** Read with the roster as it is: one that speaks of an earlier one is void. */
  function readMotion(text: string): Result<Motion> {
    const motion = parseMotion(text)
    if (!motion.ok) return motion
    if (!equalBytes(motion.value.networkId, networkId))
      return reject('another-network', 'This motion is for another network.')
    const set = coordinationSet()
    const { nextSeat } = chain.tip.roster
    for (const item of motion.value.items)
      if (
        (item.TAG === 'admit' && item.data.seat !== nextSeat) ||
        (item.TAG === 'remove' && memberAt(chain.tip.roster, item.data.seat) === undefined) ||
        (item.TAG === 'coordination' && item.data.setNumber !== set.number + 1)
      )
        return reject(
          'motion-outdated',
          'The roster has changed since this was proposed: run "lares roster propose" again.',
        )
    return motion
  }

  function approvalOf(motion: Motion, submitted: SubmittedApproval): Result<Approval[]> {
    if ('owners' in submitted) {
      if (submitted.owners.length !== motion.items.length)
        return reject('not-enough-owners', 'Each change of the motion must be signed.')
      return accept(
        submitted.owners.map((signatures) => ({
          TAG: 'owners',
          data: signatures.map(({ owner, signature }) => ({ owner, signature: fromHex(signature) })),
        })),
      )
    }
    const id = hashOfMotion(motion)
    const votes = new Map<number, Vote>()
    for (const text of submitted.votes) {
      const vote = parseVote(text)
      if (!vote.ok) return vote
      if (!equalBytes(vote.value.motion, id) || vote.value.signatures.length !== motion.items.length)
        return reject('another-motion', 'One of the votes is for another motion.')
      votes.set(vote.value.seat, vote.value)
    }
    const sorted = [...votes.values()].sort((a, b) => a.seat - b.seat)
    return accept(
      motion.items.map((_, i) => ({
        TAG: 'votes',
        data: sorted.map(({ seat, expires, signatures }) => ({
          seat,
          expires,
          signature: signatures[i] as Uint8Array,
        })),
      })),
    )
  }

  return {
    view() {
      const { roster, sealed } = chain.tip
      const { height } = sealed.header
      const activity = keeperActivity(chain.graph)
      const own = ownSeat()
      const devices = devicesOf([init.walletId, ...roster.members.map(({ walletId }) => walletId)])
      const record = devices.get(toHex(init.walletId))
      const { members } = coordinationSet()
      return {
        networkId: toHex(networkId),
        isLight: false,
        height,
        changeNumber: roster.changeNumber,
        votesNeeded: twoThirds(roster.members.length),
        owners: { threshold: roster.owners.threshold, keys: roster.owners.keys.map(toHex) },
        seats: roster.members.map(({ seat, walletId }, i) => {
          const device = devices.get(toHex(walletId))
          return {
            seat,
            deviceId: device && textOf(device.deviceId),
            addresses: device?.addresses ?? [],
            isOwn: seat === own?.seat,
            // In the order of the roster, too.
            sealed: activity[i]?.sealed ?? 0,
          }
        }),
        coordination: members.map(({ deviceId }) => textOf(deviceId)),
        own: {
          deviceId: record && textOf(record.deviceId),
          seat: own?.seat,
          coordinates: record !== undefined && members.some(({ deviceId }) => equalBytes(deviceId, record.deviceId)),
        },
      }
    },

    async register(text, recoveryKey) {
      const voucher = parseVoucher(text, networkId)
      if (!voucher.ok) return voucher
      if (deviceOf(init.walletId) !== undefined) return accept(null)
      if (!init.isUpToDate())
        return reject('not-ready', 'This relay is still fetching the chain; try again in a moment.')
      // Nobody can vouch before the first block has registered its founder.
      if (chain.tip.height === 0) return reject('not-ready', 'This network has no block yet; try again in a moment.')
      const { transaction } = await registerWithVoucher(voucher.value, init.wallet, fromHex(recoveryKey))
      const joined = await init.join(transaction)
      return joined.ok ? accept(null) : joined
    },

    propose(remove) {
      const items =
        remove === undefined
          ? proposeOwn()
          : 'seat' in remove
            ? proposeRemoval(remove.seat)
            : proposeEndOf(remove.deviceId)
      return items.ok ? accept(formatMotion({ networkId, items: items.value })) : items
    },

    async vote(text) {
      const motion = readMotion(text)
      if (!motion.ok) return motion
      const seat = ownSeat()
      if (seat === undefined) return reject('no-seat', 'This relay holds no seat, so it has no vote.')
      const expires = chain.tip.height + VOTE_BLOCKS
      const signatures: Uint8Array[] = []
      for (const item of motion.value.items)
        signatures.push(await init.sealing().sign(voteMessageOf(networkId, item, expires)))
      return accept(formatVote({ motion: hashOfMotion(motion.value), seat: seat.seat, expires, signatures }))
    },

    async submit(text, submitted) {
      const motion = readMotion(text)
      if (!motion.ok) return motion
      const approvals = approvalOf(motion.value, submitted)
      if (!approvals.ok) return approvals
      const changeNumber = chain.tip.roster.changeNumber + 1
      for (const [i, item] of motion.value.items.entries()) {
        const transaction = transactionOf(item, approvals.value[i] as Approval, changeNumber)
        const taken = await init.submit(transactionCodec.encode(transaction))
        if (!taken.ok) return taken
      }
      return accept(null)
    },
  }
}
