/** What `lares status` prints, made of what the relay answers. Pure. */
import { labelSentence } from '../../shared/admission/label-words.ts'
import { SEALED_WINDOW } from '../../shared/chain/keepers.ts'
import type { KeeperRow, LightStatus, PeerRow } from '../facade.ts'
import type { AdminStatus } from '../http/admin-socket.ts'
import { countOf, formatDuration, formatTable, formatTime } from './text.ts'

/** Lines of each list that are printed; the rest is counted, and --json has it all. */
export const MAX_PRINTED = { peers: 40, keepers: 40, incidents: 20 } as const

const MB = 1_000_000

const TRANSPORTS: Readonly<Record<string, string>> = {
  'webrtc-direct': 'WebRTC-direct',
  webrtc: 'WebRTC',
  websocket: 'WebSocket',
  tcp: 'TCP',
  circuit: 'relayed',
}

/** @param now ms since the Unix epoch */
export function describeStatus(relay: AdminStatus, now: number): string {
  const facts = relay.light === undefined ? relayFacts(relay, now) : lightFacts(relay, relay.light, now)
  return [facts, ...describeKeepers(relay, now), ...describePeers(relay, now), ...describeIncidents(relay)].join('\n')
}

function relayFacts(relay: AdminStatus, now: number): string {
  const { tip, settled } = relay
  return formatTable([
    ['Device ID', relay.deviceId ?? 'comes with the first block'],
    ['Network', relay.networkId],
    ['Roles', relay.roles.join(', ')],
    ['Fits by measure', labelSentence(relay.fits)],
    ['Running', `${formatDuration(now - relay.startedAt)}, version ${relay.version}, process ${relay.pid}`],
    ['Tip', `${tip.height}, ${formatTime(tip.time)}`],
    [
      'Settled',
      `${settled.height}, ${formatTime(settled.time)}, ${settled.keepersSeen} of ${countOf(settled.keepers, 'keeper')} seen`,
    ],
    ['Mining', relay.mining.sentence],
    ['Hash rate', `${Math.round(relay.mining.hashesPerSecond)} hashes a second`],
    [
      'Devices',
      `${relay.devices}, ${relay.devicesAlive} alive by lease, ${countOf(relay.pendingTransactions, 'transaction')} waiting`,
    ],
    ['Open at', relay.doors.urls.join('  ')],
    ['Metrics', relay.doors.metricsUrl ?? 'off'],
    ['Join link', relay.doors.joinUrl],
  ])
}

/** Of a node without blocks: what it does not have is not spoken of as if it were zero. */
function lightFacts(node: AdminStatus, light: LightStatus, now: number): string {
  const { tip, settled } = node
  return formatTable([
    ['Device ID', node.deviceId ?? 'none yet: "lares roster propose --voucher TEXT"'],
    ['Network', node.networkId],
    ['Role', 'coordination alone: no blocks, no mining, no page'],
    ['Fits by measure', labelSentence(node.fits)],
    ['Running', `${formatDuration(now - node.startedAt)}, version ${node.version}, process ${node.pid}`],
    ['Tip', `${tip.height}, ${formatTime(tip.time)}`],
    [
      'Settled',
      `${settled.height}, ${formatTime(settled.time)}, ${settled.keepersSeen} of ${countOf(settled.keepers, 'keeper')} seen`,
    ],
    ['Follows', `${light.phase}, by ${countOf(light.servers, 'full node')}`],
    ['Newcomers', newcomerWords(light)],
    ['Memory', `${Math.round(light.memory.resident / MB)} MB, ${Math.round(light.memory.heap / MB)} of them objects`],
    ['Metrics', node.doors.metricsUrl ?? 'off'],
  ])
}

function newcomerWords({ admits, obstacle }: LightStatus): string {
  if (!admits) return 'not in the coordination set: "lares roster propose" asks for it'
  if (obstacle === undefined) return 'endorsed by this node'
  const why =
    obstacle === 'view-clock'
      ? 'set the clock of this machine, most full nodes have another time'
      : 'what is settled here is too old to judge by'
  return `turned away for now (${obstacle}): ${why}`
}

function describeKeepers({ keepers, tip, light }: AdminStatus, now: number): string[] {
  // Who sleeps is worth knowing first.
  const rows = [...keepers].sort((a, b) => Number(b.isAsleep) - Number(a.isAsleep))
  const blocks = Math.min(tip.height, SEALED_WINDOW)
  const table = rows.map((keeper) => [
    `  seat ${keeper.seat}`,
    keeper.deviceId ?? (light === undefined ? 'never registered' : ''),
    keeperWords(keeper, blocks, now),
    keepers.length > 1 ? serviceWords(keeper) : '',
    keeper.isOwn ? 'this relay' : '',
  ])
  return section(`Keepers, and what they sealed of the last ${countOf(blocks, 'block')}:`, table, MAX_PRINTED.keepers)
}

/** `63 blocks, the last 12 seconds ago`; of one that sleeps, since when, and what that means. */
export function keeperWords(keeper: KeeperRow, blocks: number, now: number): string {
  const { sealed, last, silent, isAsleep } = keeper
  const ago = last && `${formatDuration(Math.max(0, now - last.time))} ago`
  if (isAsleep)
    return last === undefined
      ? `ASLEEP: has sealed none of the last ${silent} blocks; its turn passes to others`
      : `ASLEEP: has not sealed since block ${last.height}, ${ago}; its turn passes to others`
  if (last === undefined) return blocks === 0 ? 'none yet' : 'none so far'
  return `${countOf(sealed, 'block')}, the last ${ago}`
}

/** Whether devices are sent to it; with one keeper there is nobody else. */
export function serviceWords({ service }: Pick<KeeperRow, 'service'>): string {
  if (service === undefined) return 'does not say where it serves'
  return service.isBusy ? 'at its limit: new devices go to others' : 'serves'
}

function describePeers({ peers, droppedPeers }: AdminStatus, now: number): string[] {
  if (peers.length === 0 && droppedPeers.length === 0) return ['Peers: none']
  const rank = (peer: PeerRow) =>
    peer.penalty > 0 ? 0 : peer.label !== undefined ? 1 : peer.height === undefined ? 3 : 2
  const table = [...peers]
    .sort((a, b) => rank(a) - rank(b))
    .map((peer) => [
      `  …${peer.peerId.slice(-8)}`,
      labelWords(peer),
      peer.height === undefined ? '' : `block ${peer.height}`,
      TRANSPORTS[peer.transport] ?? peer.transport,
      peer.roundTrip === undefined ? '' : `${Math.round(peer.roundTrip)} ms`,
      peer.penalty > 0 ? `${countOf(peer.penalty, 'penalty point')}` : '',
      peer.address,
    ])
  const dropped = droppedPeers.map(
    ({ peerId, code, at, until }) =>
      `  …${peerId.slice(-8)} was sent away ${formatDuration(now - at)} ago (${code}) and is kept out for ${formatDuration(until - now)}`,
  )
  return [...section(`Peers: ${peers.length}`, table, MAX_PRINTED.peers), ...dropped]
}

/** The ledger's word for a device that it knows; else what the peer says of itself, as its own word. */
export function labelWords({ label, saidLabel }: PeerRow): string {
  if (label !== undefined) return label
  return saidLabel === undefined ? 'unknown' : `unknown, says ${saidLabel}`
}

function describeIncidents({ incidents }: AdminStatus): string[] {
  if (incidents.length === 0) return []
  const lines = incidents.slice(0, MAX_PRINTED.incidents).map(({ at, sentence }) => `  ${formatTime(at)}  ${sentence}`)
  return ['Incidents, newest first:', ...lines, ...more(incidents.length - lines.length)]
}

function section(title: string, table: readonly (readonly string[])[], most: number): string[] {
  if (table.length === 0) return [title]
  return [title, formatTable(table.slice(0, most)), ...more(table.length - most)]
}

function more(count: number): string[] {
  return count > 0 ? [`  and ${count} more; --json has them all`] : []
}
