import type { AdminStatus } from '../http/admin-socket.ts'
import { askRelay, dataDirOf } from './admin-client.ts'
import { type Command, DATA_DIR_FLAG, EXIT_OK, JSON_FLAG } from './command.ts'
import { countOf, formatDuration, formatJson, formatTable, formatTime } from './text.ts'

export const status: Command = {
  name: 'status',
  parameters: '',
  summary: 'what the running relay does',
  flags: { 'data-dir': DATA_DIR_FLAG, json: JSON_FLAG },
  positionals: [],
  async run(input, context) {
    const answer = await askRelay<AdminStatus>(dataDirOf(input, context), '/status')
    context.print(input.values['json'] === true ? formatJson(answer) : describe(answer, context.now()))
    return EXIT_OK
  },
}

function describe(relay: AdminStatus, now: number): string {
  const { tip, settled } = relay
  const lines = formatTable([
    ['Device ID', relay.deviceId ?? 'comes with the first block'],
    ['Network', relay.networkId],
    ['Roles', relay.roles.join(', ')],
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
  const peers = relay.peers.map(({ peerId, transport, address, roundTrip, penalty }) => [
    `  ${peerId}`,
    transport,
    address,
    roundTrip === undefined ? '' : `${Math.round(roundTrip)} ms`,
    penalty > 0 ? `penalty ${penalty}` : '',
  ])
  const incidents = relay.incidents.map(({ at, sentence }) => `  ${formatTime(at)}  ${sentence}`)
  return [
    lines,
    `Peers: ${peers.length === 0 ? 'none' : peers.length}`,
    ...(peers.length === 0 ? [] : [formatTable(peers)]),
    ...(incidents.length === 0 ? [] : ['Incidents:', ...incidents]),
  ].join('\n')
}
