import { fromHex, toHex } from '../../shared/bytes.ts'
import { keeperActivity } from '../../shared/chain/keepers.ts'
import { accept, LaresError, type Rejection, reject } from '../../shared/errors.ts'
import { formatDeviceId } from '../../shared/identity/device-id.ts'
import { type CoordinationSet, coordinationSetCodec } from '../../shared/ledger/records.ts'
import { COORDINATION_SET_KEY } from '../../shared/ledger/state-keys.ts'
import { twoThirds } from '../../shared/roster/roster.ts'
import type { RosterDesk } from '../roster/door.ts'
import { formatMotion } from '../roster/motion.ts'
import type { LightChain } from './light-chain.ts'
import type { LightDevice } from './light-device.ts'
import type { LightView } from './light-view.ts'

export interface LightDeskInit {
  readonly chain: LightChain
  readonly view: LightView
  readonly device: LightDevice
}

/** `lares roster` at a node without blocks: it asks to be let in; votes and changes are the relays'. */
export function createLightDesk({ chain, view, device }: LightDeskInit): RosterDesk {
  const { networkId } = chain.rules

  /** @throws {LaresError} when it cannot be proven now */
  async function coordinationSet(): Promise<CoordinationSet> {
    const proven = await view.state.read(COORDINATION_SET_KEY)
    if (!proven.ok) throw new LaresError(proven.code, unavailable(proven.detail).detail)
    const set = proven.value && coordinationSetCodec.decode(proven.value)
    return set?.ok ? set.value : { number: 0, members: [] }
  }

  const isMember = ({ members }: CoordinationSet) =>
    members.some(({ deviceId }) => toHex(deviceId) === toHex(device.deviceId ?? new Uint8Array()))

  return {
    async view() {
      const { roster, sealed } = chain.tip
      const activity = keeperActivity(chain.graph)
      const set = await coordinationSet()
      const { record } = device
      return {
        networkId: toHex(networkId),
        isLight: true,
        height: sealed.header.height,
        changeNumber: roster.changeNumber,
        votesNeeded: twoThirds(roster.members.length),
        owners: { threshold: roster.owners.threshold, keys: roster.owners.keys.map(toHex) },
        seats: roster.members.map(({ seat }, i) => ({
          seat,
          deviceId: undefined,
          addresses: [],
          isOwn: false,
          // In the order of the roster, too.
          sealed: activity[i]?.sealed ?? 0,
        })),
        coordination: set.members.map(({ deviceId }) => formatDeviceId(networkId, deviceId)),
        own: {
          deviceId: record && formatDeviceId(networkId, record.deviceId),
          seat: undefined,
          coordinates: isMember(set),
        },
      }
    },
    async register(voucher, recoveryKey) {
      const refused = view.obstacle()
      return refused === undefined ? await device.register(voucher, fromHex(recoveryKey)) : unavailable(refused.detail)
    },
    async propose(remove) {
      if (remove !== undefined) return atARelay('Propose it')
      const { deviceId } = device.record ?? {}
      if (deviceId === undefined)
        return reject(
          'not-registered',
          'This node is not in the ledger yet: add --voucher with a voucher of this network.',
        )
      const set = await coordinationSet()
      if (isMember(set)) return reject('already-a-member', 'This node is a coordination node already.')
      const data = { setNumber: set.number + 1, action: 'add' as const, deviceId }
      return accept(formatMotion({ networkId, items: [{ TAG: 'coordination', data }] }))
    },
    vote: async () => reject('no-seat', 'This node holds no seat, so it has no vote.'),
    submit: async () => atARelay('Hand it in'),
  }
}

function atARelay(what: string): Rejection {
  return reject('light-node', `${what} at a relay: this node has no blocks.`)
}

/** To a person that was just a moment too early, mostly. */
function unavailable(why: string): Rejection {
  return reject('not-ready', `This node does not see the ledger as it is now (${why}).`)
}
