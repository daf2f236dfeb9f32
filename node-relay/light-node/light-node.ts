import { randomInt } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type LabelDecision, labelOf } from '../../shared/admission/label-of.ts'
import { equalBytes, toHex } from '../../shared/bytes.ts'
import { keeperActivity } from '../../shared/chain/keepers.ts'
import { LaresError } from '../../shared/errors.ts'
import { formatDeviceId } from '../../shared/identity/device-id.ts'
import { LABEL } from '../../shared/identity/label.ts'
import { POLICY_KEY } from '../../shared/ledger/state-keys.ts'
import { policyCodec } from '../../shared/policy/policy.ts'
import { formatJoinLink, type JoinLink, parseJoinLink } from '../../shared/protocol/join-link.ts'
import type { TransportClock } from '../../shared/protocol/transport.ts'
import type { ConnectionLimits } from '../../shared/transport/door.ts'
import { PRIVATE_DIRECTORY_MODE } from '../atomic-file.ts'
import { createEvidenceStore } from '../certificate/evidence-store.ts'
import { createRevocationFiles } from '../certificate/revocation-files.ts'
import { showEvidence } from '../certificate/show-evidence.ts'
import { createServiceDesk } from '../coordination/service-desk.ts'
import { createCachingVerifier } from '../crypto/caching-verifier.ts'
import { createNodeVerifier } from '../crypto/node-verifier.ts'
import type { RelayStatus } from '../facade.ts'
import { createIncidentLog } from '../full-node/incidents.ts'
import { createKeys, loadKeys } from '../full-node/keys.ts'
import { createPeerDesk } from '../full-node/peer-desk.ts'
import { findRelayFile, writeRelayFile } from '../full-node/relay-file.ts'
import type { Logger } from '../log.ts'
import type { Meter } from '../metrics/meter.ts'
import { meterNetwork } from '../metrics/metered-network.ts'
import { loadNetworkIdentity } from '../network/network-identity.ts'
import { createRelayNetwork } from '../network/relay-network.ts'
import { systemClock } from '../network/system-clock.ts'
import { measureOwnProfile } from '../own-profile.ts'
import type { RosterDesk } from '../roster/door.ts'
import { serveCoordination } from '../serving/coordination-handlers.ts'
import { openRequests } from '../serving/requests.ts'
import { AddressBook, peerOf } from '../sync/address-book.ts'
import { createDialler } from '../sync/dialler.ts'
import { fetchStart } from '../sync/join-network.ts'
import { addressesForRecord } from '../sync/own-addresses.ts'
import { openPeersFile } from '../sync/peers-file.ts'
import { openChainFile } from './chain-file.ts'
import { CHAIN_FILE, isLightNode, LIGHT_DIRECTORY } from './folder.ts'
import { LightChain } from './light-chain.ts'
import { createLightDesk } from './light-desk.ts'
import { openLightDevice } from './light-device.ts'
import { createLightEndorser } from './light-endorser.ts'
import { createLightView } from './light-view.ts'

/** Connections that such a node holds: newcomers and a few servers. About 0.5 MB each. */
export const LIGHT_CONNECTION_LIMITS: ConnectionLimits = {
  total: 64,
  perPublicHost: 16,
  perSharedHost: 48,
  perPeer: 2,
}
/** Full nodes that it stays connected to, besides those that a person named: independent of each other, and few. */
export const MAX_SERVERS = 3
/** One of them is asked this often where the full nodes serve, ms: their word is good for two hours. */
const SERVICE_ROUND_MS = 5 * 60_000
/** Sooner while the word of one is missing: so often, ms, a few times, and then as otherwise; it may be gone for good. */
const MISSING_ROUND_MS = 5_000
const MISSING_ROUNDS = 12
/** Its own record is looked at this often, ms, and this often while it waits for something in it. */
const RECORD_LOOK_MS = 10 * 60_000
const RECORD_WAIT_MS = 3_000
const UPKEEP_MS = 1_000
/** Good signatures remembered: those of a few hundred headers. */
const REMEMBERED_SIGNATURES = 1_024
/** Longest wait for one part to close, ms. */
const STOP_DEADLINE_MS = 5_000
export interface LightNodeInit {
  readonly dataDir: string
  readonly version: string
  readonly hosts: readonly string[]
  readonly udpPort: number
  readonly tcpPort: number
  /** Where it is reached from outside; they go into its record, too. */
  readonly announced: readonly string[]
  /** Whether its addresses go into its record. */
  readonly publishAddresses: boolean
  readonly revocation: string | undefined
  readonly join: JoinLink | undefined
  readonly peers: readonly string[]
  readonly log: Logger
  readonly meter?: Meter | undefined
  readonly clock?: TransportClock
}

export interface LightNode {
  readonly networkId: Uint8Array
  readonly peerId: string
  status(): RelayStatus
  labelDecision(): Promise<LabelDecision>
  readonly roster: RosterDesk
  stop(): Promise<void>
}

/**
 * A coordination node and nothing else (DESIGN 4): it follows headers, judges newcomers by proofs under what it has settled,
 * and passes on where full nodes serve. No blocks, no mining, no page.
 * @throws {LaresError} `no-link`, `cannot-join`, `another-network`, `another-role`, `registration-damaged`, `keys-damaged`,
 *   `port-busy`, `cannot-listen`: the message is a sentence for a person
 */
export async function createLightNode(init: LightNodeInit): Promise<LightNode> {
  const closing: (() => Promise<void> | void)[] = []
  const stop = async () => {
    for (const close of closing.reverse().splice(0))
      await Promise.race([close(), pause(STOP_DEADLINE_MS, undefined, { ref: false })])
  }
  try {
    return await start(init, (close) => closing.push(close), stop)
  } catch (error) {
    await stop()
    throw error
  }
}

async function start(
  init: LightNodeInit,
  onStop: (close: () => Promise<void> | void) => void,
  stop: () => Promise<void>,
): Promise<LightNode> {
  const { dataDir, log, meter } = init
  const clock = init.clock ?? systemClock
  const startedAt = clock.now()
  if (!isLightNode(dataDir) && findRelayFile(dataDir) !== undefined)
    throw new LaresError(
      'another-role',
      `${dataDir} is the folder of a full relay: start it with --roles full,coordination, or name another folder with --data-dir.`,
    )
  const link = init.join ?? keptLink(dataDir)
  if (link === undefined)
    throw new LaresError(
      'no-link',
      'A node without blocks founds no network: give it the join link of one with --join LINK. It is needed at the first start only.',
    )
  const verifier = createCachingVerifier(createNodeVerifier(), REMEMBERED_SIGNATURES)
  const keys = await loadKeys(dataDir).catch((error: unknown) => {
    if (error instanceof LaresError && error.code === 'no-keys') return createKeys(dataDir)
    throw error
  })
  const incidents = createIncidentLog(clock.now, ({ code, sentence }) => {
    meter?.incident(code)
    log.warn({ code }, sentence)
  })
  const debug = (message: string, error?: unknown) => log.debug({ err: error }, message)
  let noteDropped = (_peer: string, _code: string) => {}
  const host = await createRelayNetwork({
    ...(await loadNetworkIdentity(dataDir)),
    hosts: init.hosts,
    udpPort: init.udpPort,
    tcpPort: init.tcpPort,
    announce: init.announced,
    limits: LIGHT_CONNECTION_LIMITS,
    circuitLimits: 'off',
    onPenalty(code, points, banned, peer) {
      meter?.penalty(code, points, banned)
      if (banned) noteDropped(peer, code)
    },
    log: debug,
  })
  onStop(() => host.stop())
  const network = meter === undefined ? host : meterNetwork(host, meter)

  const chain = await openChain()
  const { networkId } = chain.rules
  const peers = createPeerDesk({ network, networkId, records: () => [], now: clock.now })
  noteDropped = peers.dropped
  const book = new AddressBook({ ownPeerId: network.peerId, random: randomInt })
  const peersFile = openPeersFile(dataDir)
  book.configure([...init.peers, ...link.addresses, ...peersFile.read()])
  const view = createLightView({
    network,
    chain,
    verifier,
    clock,
    onFullNode(peer) {
      dialler.foundFullNode(peer)
      services.foundFullNode(peer)
    },
    onStatus: peers.said,
    onChange: () => meter?.chainChanged(1, 0),
    report: incidents.report,
    log: debug,
  })
  onStop(view.stop)
  const services = createServiceDesk({
    network,
    chain,
    verifier,
    // Its wallet has no seat, so it says nothing of itself.
    sealing: () => keys.wallet,
    addresses: () => [],
    capacity: LIGHT_CONNECTION_LIMITS.total,
    now: clock.now,
  })
  const dialler = createDialler({
    network,
    networkId,
    book,
    clock,
    outbound: MAX_SERVERS,
    recorded: () => services.records(seats()).map(({ seat, addresses }) => ({ device: `seat ${seat}`, addresses })),
    remember: (addresses) => peersFile.write([...link.addresses, ...addresses]),
    log: debug,
  })
  onStop(dialler.stop)

  const addresses = () => {
    if (!init.publishAddresses) return []
    const own = addressesForRecord(network.peerId, network.addresses(), init.announced)
    return own.length === 0 ? undefined : own
  }
  const device = openLightDevice({
    dataDir,
    network,
    verifier,
    wallet: keys.wallet,
    chain,
    view,
    addresses,
    onRegistered: noteIdentity,
    log: debug,
  })
  const evidence = createEvidenceStore(join(dataDir, 'evidence'), clock.now)
  const revocation = createRevocationFiles(init.revocation, (message) => log.warn(message))
  const endorser = createLightEndorser({
    chain,
    state: view.state,
    verifier,
    wallet: keys.wallet,
    deviceId: () => device.deviceId,
    now: clock.now,
    evidence,
    revocation,
  })
  await serveCoordination(openRequests(network, networkId), {
    networkId,
    chain: () => ({ tip: chain.tip, settledHeight: chain.graph.settled.node.height }),
    label: () => (admits() ? LABEL.coordination : 0),
    now: clock.now,
    knownPeers: () => dialler.known().filter((address) => peerOf(address) !== network.peerId),
    serviceRecords: (seats) => services.records(seats),
    showEvidence: (from, request) =>
      showEvidence({ chain, verifier, evidence, peerId: network.peerId, now: clock.now }, from, request),
    endorse: endorser,
    quote: endorser.quote,
    pair: undefined,
  })
  onStop(every(UPKEEP_MS, async () => view.look()))
  let rounds = 0
  let askedFor = ''
  let askedAt = Number.NEGATIVE_INFINITY
  onStop(every(MISSING_ROUND_MS, lookAtServices))
  let lookedAt = Number.NEGATIVE_INFINITY
  onStop(every(RECORD_WAIT_MS, lookAtRecord))

  function seats(): number[] {
    return chain.tip.roster.members.map(({ seat }) => seat)
  }

  /** Who serves is also who can be asked. */
  async function lookAtServices(): Promise<void> {
    const all = seats()
    if (all.join() !== askedFor) rounds = 0
    askedFor = all.join()
    const isHurried = rounds < MISSING_ROUNDS && services.records(all).length < all.length
    if (!isHurried && Math.abs(clock.now() - askedAt) < SERVICE_ROUND_MS) return
    if (view.servers.size > 0) rounds++
    askedAt = clock.now()
    await services.look()
    dialler.recordsChanged()
  }

  function admits(): boolean {
    return ((device.record?.label ?? 0) & LABEL.coordination) !== 0
  }

  async function lookAtRecord(): Promise<void> {
    const wanted = addresses()
    const isAsWanted =
      device.deviceId === undefined ||
      (admits() &&
        (wanted === undefined || [...wanted].sort().join() === [...(device.record?.addresses ?? [])].sort().join()))
    if (isAsWanted && Math.abs(clock.now() - lookedAt) < RECORD_LOOK_MS) return
    lookedAt = clock.now()
    await device.look()
  }

  async function openChain(): Promise<LightChain> {
    const chainInit = {
      file: openChainFile(join(dataDir, CHAIN_FILE)),
      verifier,
      onDisk: (error: unknown) =>
        error === undefined
          ? incidents.report('stored-again', 'The headers are stored again.')
          : incidents.report('not-stored', 'The headers cannot be stored now: the disk is full, or refuses.'),
    }
    const kept = await LightChain.read(chainInit)
    if (kept !== undefined && !equalBytes(kept.rules.networkId, (link as JoinLink).networkId))
      throw new LaresError(
        'another-network',
        'This node belongs to another network than the link. Name another folder with --data-dir to join it.',
      )
    if (kept !== undefined) return kept
    const { networkId: id } = link as JoinLink
    const begin = await fetchStart(network, verifier, link as JoinLink)
    mkdirSync(join(dataDir, LIGHT_DIRECTORY), { recursive: true, mode: PRIVATE_DIRECTORY_MODE })
    return LightChain.begin(chainInit, id, begin)
  }

  function status(): RelayStatus {
    const { tip, graph } = chain
    const { node, keepersSeen, keepers } = graph.settled
    const { record } = device
    const { rss, heapUsed } = process.memoryUsage()
    return {
      networkId: toHex(networkId),
      deviceId: record && formatDeviceId(networkId, record.deviceId),
      roles: ['coordination'],
      version: init.version,
      startedAt,
      tip: { height: tip.height, hash: tip.id, time: tip.sealed.header.time },
      settled: { height: node.height, hash: node.id, time: node.sealed.header.time, keepersSeen, keepers },
      work: tip.work.toString(),
      mining: { state: 'stopped', sentence: 'This node does not mine.', hashesPerSecond: 0, share: 0 },
      peers: peers.rows(),
      droppedPeers: peers.out(),
      keepers: keeperActivity(graph).map((row) => {
        const [said] = services.records([row.seat])
        return {
          ...row,
          deviceId: undefined,
          isOwn: false,
          service: said && { isBusy: said.isBusy, saidAt: said.issuedAt },
        }
      }),
      pendingTransactions: 0,
      devices: 0,
      devicesAlive: 0,
      incidents: incidents.list(),
      light: {
        phase: view.phase,
        servers: view.servers.size,
        admits: admits(),
        obstacle: view.obstacle()?.code,
        memory: { resident: rss, heap: heapUsed },
      },
    }
  }

  /** For the commands that work without a running node. */
  function noteIdentity(): void {
    writeRelayFile(dataDir, {
      networkId: toHex(networkId),
      deviceId: toHex(device.deviceId ?? new Uint8Array()),
      pageUrl: undefined,
      link: formatJoinLink(link as JoinLink),
    })
  }

  /** Runs a task now and again and again. */
  function every(ms: number, task: () => Promise<void>): () => Promise<void> {
    let cancel = () => {}
    let ended = false
    let underway: Promise<void>
    const run = () => {
      underway = task()
        .catch((error: unknown) => log.error({ err: error }, 'upkeep failed'))
        .then(() => {
          if (!ended) cancel = clock.after(ms, run)
        })
    }
    run()
    return () => {
      ended = true
      cancel()
      return underway
    }
  }

  noteIdentity()
  log.info({ networkId: toHex(networkId), height: chain.tip.height }, 'coordination node started')
  return {
    networkId,
    peerId: network.peerId,
    status,
    async labelDecision() {
      const proven = await view.state.read(POLICY_KEY)
      const policy = proven.ok && proven.value ? policyCodec.decode(proven.value) : undefined
      const profile = measureOwnProfile({
        dataDir,
        uptimeMs: clock.now() - startedAt,
        totals: { hashes: 0, busyMs: 0 },
        addresses: network.addresses(),
      })
      return labelOf(profile, (policy?.ok ? policy.value : chain.genesis.policy).label)
    },
    roster: createLightDesk({ chain, view, device }),
    stop,
  }
}

/** The link of the first start: where the headers on disk are lost, it begins there again. */
function keptLink(dataDir: string): JoinLink | undefined {
  const read = parseJoinLink(`#join=${findRelayFile(dataDir)?.link ?? ''}`)
  return read.ok ? read.value.link : undefined
}
