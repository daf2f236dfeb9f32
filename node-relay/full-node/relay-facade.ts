import { labelOf } from '../../shared/admission/label-of.ts'
import type { DeviceProfile } from '../../shared/admission/profile.ts'
import { toHex } from '../../shared/bytes.ts'
import { accept, LaresError, type Rejection, type Result, reject } from '../../shared/errors.ts'
import { formatDeviceId, networkTagOf, parseDeviceId } from '../../shared/identity/device-id.ts'
import { STATUS } from '../../shared/identity/label.ts'
import { policyOf } from '../../shared/ledger/policy.ts'
import { formatJoinLink } from '../../shared/protocol/join-link.ts'
import type { PeerNetwork } from '../../shared/protocol/transport.ts'
import type { SmallDeviceDoor } from '../devices/door.ts'
import type { BlockAnswer, DeviceAnswer, DeviceQuestionCode, JoinInfo, RelayFacade, RelayStatus } from '../facade.ts'
import type { FleetDoor } from '../fleet/door.ts'
import type { ChainStore } from '../store/chain-store.ts'
import type { FullChain } from './chain.ts'
import type { IncidentLog } from './incidents.ts'
import type { PeerDesk } from './peer-desk.ts'
import type { ChainReader } from './proofs.ts'
import { deviceRecords, deviceRow, epochOf, recordOf } from './views.ts'

/** Blocks in one answer, bytes: one full block always fits. */
const MAX_BLOCKS_ANSWER_BYTES = 8 * 1024 * 1024
/** Addresses in a join link: a QR code grows with each. */
const MAX_JOIN_ADDRESSES = 3

export interface FacadeInit {
  readonly chain: FullChain
  readonly store: ChainStore
  readonly reader: ChainReader
  readonly network: Pick<PeerNetwork, 'addresses'>
  readonly incidents: IncidentLog
  readonly deviceId: Uint8Array
  readonly roles: readonly string[]
  readonly name: string
  readonly version: string
  readonly startedAt: number
  mining(): RelayStatus['mining']
  profile(): DeviceProfile
  readonly peers: Pick<PeerDesk, 'rows' | 'out'>
  keepers(): RelayStatus['keepers']
  pendingTransactions(): number
  devices(): number
  readonly smallDevices: SmallDeviceDoor
  submit(transaction: Uint8Array): Promise<Result<{ readonly transactionId: Uint8Array }>>
  readonly fleet: FleetDoor
  readonly recovery: RelayFacade['recovery']
  readonly roster: RelayFacade['roster']
  readonly full: RelayFacade['full']
  readonly pairing: RelayFacade['pairing']
  readonly wallet: RelayFacade['wallet']
  readonly policy: RelayFacade['policy']
  readonly evidence: RelayFacade['evidence']
  confirmClock(): void
  backup: RelayFacade['backup']
}

/** The node as its doors see it. */
export function createFacade(init: FacadeInit): RelayFacade {
  const { chain, network } = init
  const { networkId } = chain.rules

  function join(): JoinInfo {
    const { node } = chain.graph.settled
    const addresses = joinAddresses(network.addresses())
    const linkTo = (count: number) =>
      formatJoinLink({
        version: 1,
        networkId,
        checkpoint: { height: node.height, hash: node.hash },
        addresses: addresses.slice(0, count),
        name: init.name,
      })
    return {
      networkId: toHex(networkId),
      name: init.name,
      checkpoint: { height: node.height, hash: toHex(node.hash) },
      addresses,
      link: linkTo(MAX_JOIN_ADDRESSES),
      shortLink: linkTo(1),
    }
  }

  async function device(idText: string): Promise<Result<DeviceAnswer, DeviceQuestionCode>> {
    const id = parseDeviceId(idText)
    if (!id.ok) return id as Rejection<'malformed-id'>
    if (toHex(id.value.networkTag) !== toHex(networkTagOf(networkId)))
      return reject('unknown-network', 'This ID is of another network.')
    const { deviceId } = id.value
    const settled = chain.graph.settled.node
    const state = chain.stateAt(settled.height)
    let bundle: Uint8Array | undefined
    try {
      bundle = await init.reader.bundle(deviceId)
    } catch (error) {
      // A network whose keepers slept for long, or changed thousands of times: a phone follows it all the same.
      if (error instanceof LaresError && error.code === 'unencodable')
        return reject(
          'proof-too-large',
          'A proof for offline use would be too long now. Ask on the page, or try again later.',
        )
      throw error
    }
    if (state === undefined || bundle === undefined)
      return reject('not-ready', 'The settled state is not kept yet. Try again in a minute.')
    const record = recordOf(state, deviceId)
    const atTip = recordOf(chain.state, deviceId)
    return accept({
      deviceId: formatDeviceId(networkId, deviceId),
      state: record === undefined ? 'not-in-ledger' : record.status === STATUS.retired ? 'retired' : 'registered',
      pending: record === undefined && atTip !== undefined,
      record: record && deviceRow(networkId, record, epochOf(state)),
      bundle,
    })
  }

  return {
    status: () => {
      const { tip, graph } = chain
      const { node, keepersSeen, keepers } = graph.settled
      return {
        networkId: toHex(networkId),
        deviceId: recordOf(chain.state, init.deviceId) && formatDeviceId(networkId, init.deviceId),
        roles: init.roles,
        version: init.version,
        startedAt: init.startedAt,
        tip: { height: tip.height, hash: tip.id, time: tip.sealed.header.time },
        settled: { height: node.height, hash: node.id, time: node.sealed.header.time, keepersSeen, keepers },
        work: tip.work.toString(),
        mining: init.mining(),
        peers: init.peers.rows(),
        droppedPeers: init.peers.out(),
        keepers: init.keepers(),
        pendingTransactions: init.pendingTransactions(),
        devices: init.devices(),
        devicesAlive: init.smallDevices.countAlive(),
        incidents: init.incidents.list(),
      }
    },
    labelDecision: () => labelOf(init.profile(), policyOf(chain.state).label),
    join,
    fleet: init.fleet,
    recovery: init.recovery,
    roster: init.roster,
    full: init.full,
    pairing: init.pairing,
    wallet: init.wallet,
    policy: init.policy,
    evidence: init.evidence,
    confirmClock: () => init.confirmClock(),
    backup: () => init.backup(),
    smallDevices: init.smallDevices,
    blocks(from, limit) {
      const answers: BlockAnswer[] = []
      let length = 0
      for (let height = from; height <= chain.tip.height && answers.length < limit; height++) {
        const node = chain.graph.at(height)
        const hash = node?.hash ?? init.reader.hashAt(height)
        const bytes = hash && init.store.blockBytes(hash)
        if (hash === undefined || bytes === undefined) break
        length += bytes.length
        if (answers.length > 0 && length > MAX_BLOCKS_ANSWER_BYTES) break
        answers.push({ height, hash: toHex(hash), bytes })
      }
      return answers
    },
    device,
    async submit(transaction) {
      const result = await init.submit(transaction)
      return result.ok ? accept({ transactionId: toHex(result.value.transactionId) }) : result
    },
    devices(after, limit) {
      const rows: ReturnType<RelayFacade['devices']>[number][] = []
      const epoch = epochOf(chain.state)
      let started = after === undefined
      for (const record of deviceRecords(chain.state)) {
        if (rows.length >= limit) break
        const row = deviceRow(networkId, record, epoch)
        if (started) rows.push({ ...row, presence: init.smallDevices.presence(row.deviceId) })
        else started = row.deviceId === after
      }
      return rows
    },
  }
}

/** What a browser can dial, best first: WebRTC-direct, then WebSockets; loopback last, since it helps only this machine. */
export function joinAddresses(addresses: readonly string[]): string[] {
  const rank = (address: string) => {
    const loopback = /^\/(ip4\/127\.|ip6\/::1\/)/.test(address) ? 10 : 0
    if (address.includes('/webrtc-direct')) return loopback
    return address.includes('/ws') ? loopback + 1 : Number.POSITIVE_INFINITY
  }
  return addresses.filter((address) => Number.isFinite(rank(address))).sort((a, b) => rank(a) - rank(b))
}
