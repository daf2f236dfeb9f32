import { statSync } from 'node:fs'
import { join } from 'node:path'
import type { RelayConfig } from '../config.ts'
import type { DataDir } from '../data-dir.ts'
import { assertPortsFree } from '../free-ports.ts'
import { CHAIN_FILE } from '../light-node/folder.ts'
import { openLightAdmin } from '../light-node/light-admin.ts'
import { createLightNode } from '../light-node/light-node.ts'
import type { CliContext } from './command.ts'
import { hostsForPeers } from './hosts.ts'
import { openLog } from './open-log.ts'

/** Runs a node that is a coordination node and nothing else. @throws {LaresError} with a sentence for a person */
export async function openCoordination(
  config: RelayConfig,
  dataDir: DataDir,
  context: CliContext,
  onStop: (close: () => unknown) => void,
): Promise<void> {
  const { log, logFile } = openLog(config, dataDir, context.version)
  const hosts = hostsForPeers(config.listen)
  await assertPortsFree(hosts, [
    { protocol: 'UDP', port: config.udpPort, flag: 'udp-port' },
    { protocol: 'TCP', port: config.tcpPort, flag: 'tcp-port' },
  ])
  // Counting takes memory, so only who asks for it pays.
  const metrics = config.metrics?.asked === true ? await openMeter(config.metrics) : undefined
  if (metrics !== undefined) onStop(metrics.server.close)
  const node = await createLightNode({
    dataDir: dataDir.path,
    version: context.version,
    hosts,
    udpPort: config.udpPort,
    tcpPort: config.tcpPort,
    announced: config.announce === 'off' ? [] : config.announce,
    publishAddresses: config.announce !== 'off',
    revocation: config.revocation,
    join: config.join,
    peers: config.peers,
    log: log.child({ part: 'node' }),
    meter: metrics?.meter,
  })
  onStop(node.stop)
  metrics?.meter.watch({
    status: node.status,
    hashes: () => 0,
    storeBytes: async () => statSync(join(dataDir.path, CHAIN_FILE)).size,
  })
  const ports = { tcp: [config.tcpPort], udp: [config.udpPort] }
  const admin = await openLightAdmin({ node, dataDir: dataDir.path, ports, metricsUrl: metrics?.server.url })
  onStop(() => admin.close())
  if (config.quiet) return
  const { tip, settled, deviceId, networkId } = node.status()
  context.print(
    [
      '',
      'Lares is running: a coordination node, without blocks, mining and page.',
      '',
      `Device ID    ${deviceId ?? 'none known yet: "lares roster propose --voucher TEXT" asks for one, and to be let in'}`,
      `Network      ${networkId}`,
      `Height       ${tip.height} (settled ${settled.height})`,
      `Data         ${dataDir.path}`,
      ...(logFile === undefined ? [] : [`Log          ${logFile}`]),
      '',
      'Ctrl-C stops the node.',
      '',
    ].join('\n'),
  )
}

async function openMeter({ host, port }: { readonly host: string; readonly port: number }) {
  const [{ createMeter }, { openMetrics }] = await Promise.all([
    import('../metrics/meter.ts'),
    import('../metrics/server.ts'),
  ])
  const meter = createMeter()
  const server = await openMetrics({ host, port, meter })
  meter.watchProcess()
  return { meter, server }
}
