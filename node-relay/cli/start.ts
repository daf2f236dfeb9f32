import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { LaresError } from '../../shared/errors.ts'
import type { RelayConfig } from '../config.ts'
import type { DataDir } from '../data-dir.ts'
import { assertPortsFree } from '../free-ports.ts'
import { openAdminSocket } from '../http/admin.ts'
import { createHttpApp } from '../http/app.ts'
import { openPort } from '../http/port.ts'
import type { Logger } from '../log.ts'
import { type Announcement, announceName } from '../mdns/announce.ts'
import { createMeter, type Meter } from '../metrics/meter.ts'
import { type MetricsServer, openMetrics } from '../metrics/server.ts'
import { systemClock } from '../network/system-clock.ts'
import { parametersOf } from '../network-file.ts'
import type { Relay, RelayInit } from '../relay.ts'
import { type CertificateStore, openCertificateStore, readBroughtCertificate } from '../tls/certificate-store.ts'
import { isLoopback, reachableAddresses, urlHost } from '../tls/lan-addresses.ts'
import { ownerWordsBox, startBanner } from './banner.ts'
import type { CliContext } from './command.ts'
import { hostsForPeers } from './hosts.ts'
import { openLog } from './open-log.ts'

export type RelayFactory = (init: RelayInit) => Promise<Relay>

/** The node is large, and other commands do without it. */
const loadRelay: RelayFactory = async (init) => (await import('../relay.ts')).createRelay(init)

/** Opens a relay and its doors. @throws {LaresError} with a sentence for a person */
export async function openRelay(
  config: RelayConfig,
  dataDir: DataDir,
  context: CliContext,
  onStop: (close: () => unknown) => void,
  createRelay: RelayFactory = loadRelay,
): Promise<void> {
  const parameters = parametersOf(config.network)
  if (!parameters.ok) throw new LaresError(parameters.code, parameters.detail)
  const { log, logFile } = openLog(config, dataDir, context.version)
  const peerHosts = hostsForPeers(config.listen)
  await assertPortsFree(peerHosts, [
    { protocol: 'UDP', port: config.udpPort, flag: 'udp-port' },
    { protocol: 'TCP', port: config.wsPort, flag: 'ws-port' },
    { protocol: 'TCP', port: config.tcpPort, flag: 'tcp-port' },
  ])

  let certificates: CertificateStore | undefined
  let pageChanged = () => {}
  const mdns = await announceName({
    name: config.name,
    listen: config.listen,
    now: () => performance.now(),
    after: systemClock.after,
    log: note(log),
    onChange: () => {
      // What could not be done now, on a full disk for instance, is done at the next change or start.
      certificates?.check().then(
        () => pageChanged(),
        (error: unknown) => log.warn({ err: error }, 'the certificate could not be renewed'),
      )
    },
  })
  onStop(mdns.stop)
  certificates = await openCertificates(config, dataDir, mdns, log, context.printError)
  onStop(certificates.stop)

  const gate = createGate()
  const port = await openPort({
    hosts: config.listen,
    port: config.port,
    certificate: certificates.current(),
    handler: gate.handler,
  })
  onStop(port.close)
  certificates.onChange(port.useCertificate)

  const meter = createMeter()
  const relay = await createRelay({
    dataDir: dataDir.path,
    version: context.version,
    parameters: parameters.value,
    roles: config.roles,
    join: config.join,
    peers: config.peers,
    name: config.name,
    mineShare: config.mineShare,
    hosts: peerHosts,
    udpPort: config.udpPort,
    wsPort: config.wsPort,
    tcpPort: config.tcpPort,
    webSocketTls: { key: certificates.current().key, cert: certificates.current().cert },
    announce: mdns.name === undefined || config.wsPort === 0 ? [] : [`/dns4/${mdns.name}/tcp/${config.wsPort}/tls/ws`],
    announced: config.announce === 'off' ? [] : config.announce,
    publishAddresses: config.announce !== 'off',
    log: log.child({ part: 'node' }),
    meter,
    revocation: config.revocation,
    onOwnerWords: (words) => context.print(ownerWordsBox(words)),
    onNotice: (sentence) => context.printError(sentence),
  })
  onStop(relay.stop)

  const app = await createHttpApp({
    facade: relay.facade,
    webRoot: context.webRoot,
    authority: certificates.authority,
    log: log.child({ part: 'http' }),
    onAnswer: meter.http,
  })
  onStop(() => app.close())
  gate.open(app.routing)
  const metrics = await startMetrics(config, meter, log)
  if (metrics !== undefined) onStop(metrics.close)

  const page = () => pageOrigin(config, mdns, port.port)
  const joinUrl = () => `${page()}/#join=${relay.facade.join().link}`
  pageChanged = () => relay.setPageUrl(`${page()}/`)
  pageChanged()
  const admin = await openAdminSocket({
    facade: relay.facade,
    dataDir: dataDir.path,
    doors: () => ({
      port: port.port,
      urls: allOrigins(config, mdns, port.port),
      joinUrl: joinUrl(),
      metricsUrl: metrics?.url,
    }),
    ports: { tcp: [port.port, config.wsPort, config.tcpPort], udp: [config.udpPort] },
  })
  onStop(() => admin.close())
  log.info({ port: port.port, mdns: mdns.name }, 'doors open')

  if (config.quiet) return
  context.print(
    startBanner({
      status: relay.facade.status(),
      networkName: config.network.kind === 'preset' ? config.network.preset : config.network.path,
      joinUrl: joinUrl(),
      codeUrl: `${page()}/#join=${relay.facade.join().shortLink}`,
      localUrl: `http://127.0.0.1:${port.port}/`,
      certificateUrl: certificateUrl(config, mdns, port.port, certificates),
      dataDir: dataDir.path,
      logFile,
      hint: config.pageOrigin === undefined ? mdns.problem : undefined,
      columns: context.columns,
      colours: context.columns !== undefined && context.env['NO_COLOR'] === undefined,
    }),
  )
}

/** undefined when they are switched off, or when nobody asked for them and another relay of this PC has the port. */
async function startMetrics(config: RelayConfig, meter: Meter, log: Logger): Promise<MetricsServer | undefined> {
  if (config.metrics === undefined) return undefined
  const { host, port, asked } = config.metrics
  try {
    const server = await openMetrics({ host, port, meter })
    meter.watchProcess()
    return server
  } catch (error) {
    if (asked) throw error
    log.warn({ err: error }, 'no metrics')
    return undefined
  }
}

function openCertificates(
  config: RelayConfig,
  dataDir: DataDir,
  mdns: Announcement,
  log: Logger,
  notice: (sentence: string) => void,
): CertificateStore | Promise<CertificateStore> {
  if (config.tls !== undefined) return readBroughtCertificate(config.tls.certFile, config.tls.keyFile)
  return openCertificateStore({
    directory: dataDir.directory('tls'),
    name: config.name,
    hosts: () => [
      mdns.name ?? `${config.name}.local`,
      'localhost',
      '127.0.0.1',
      '::1',
      ...reachableAddresses(config.listen).map(({ address }) => address),
    ],
    ...systemClock,
    log: note(log),
    notice,
  })
}

/** Where the page is best reached, the most stable first. */
function pageOrigin(config: RelayConfig, mdns: Announcement, port: number): string {
  return config.pageOrigin ?? allOrigins(config, mdns, port)[0] ?? `http://127.0.0.1:${port}`
}

/** Only where a phone can reach it: over the LAN, and only the home's own authority. */
function certificateUrl(config: RelayConfig, mdns: Announcement, port: number, certificates: CertificateStore) {
  const origin = allOrigins(config, mdns, port).find((one) => one.startsWith('https:'))
  return certificates.authority === undefined || origin === undefined ? undefined : `${origin}/lares-ca.crt`
}

function allOrigins(config: RelayConfig, mdns: Announcement, port: number): readonly string[] {
  const hosts = [mdns.name, ...reachableAddresses(config.listen).map(({ address }) => urlHost(address))].filter(
    (host) => host !== undefined,
  )
  const local = config.listen.some((host) => isLoopback(host) || host === '0.0.0.0' || host === '::')
  return [...hosts.map((host) => `https://${host}:${port}`), ...(local ? [`http://127.0.0.1:${port}`] : [])]
}

/** The port is taken before the node is made, so what comes early is asked to come again. */
function createGate(): { handler: RequestListener; open(handler: RequestListener): void } {
  let inner: RequestListener = (_request: IncomingMessage, response: ServerResponse) => {
    response.writeHead(503, {
      'content-type': 'application/json',
      'retry-after': '2',
      'access-control-allow-origin': '*',
    })
    response.end(JSON.stringify({ code: 'not-ready', sentence: 'The relay is still starting; try again in a moment.' }))
  }
  return {
    handler: (request, response) => inner(request, response),
    open(handler) {
      inner = handler
    },
  }
}

function note(log: Logger): (message: string, error?: unknown) => void {
  return (message, error) => (error === undefined ? log.info(message) : log.warn({ err: error }, message))
}
