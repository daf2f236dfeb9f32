import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { TransportKind } from '../../shared/protocol/transport.ts'
import type { RelayStatus } from '../facade.ts'
import { createBoundedLabel } from './bounded-label.ts'

/** What is read when somebody asks, and not counted as it happens. */
export interface MeterSources {
  status(): RelayStatus
  /** Hashes tried since the start. */
  hashes(): number
  /** Bytes of the chain database on disk. */
  storeBytes(): Promise<number>
}

/**
 * Counts what a relay does, for Prometheus. Labels are words of the program (protocols, codes, routes): no names, no
 * addresses, no IDs of peers or devices.
 */
export interface Meter {
  /** Blocks put on and taken off the best chain in one change. */
  chainChanged(applied: number, undone: number): void
  /** A request answered (`in`) or asked (`out`), by how it ended. */
  request(direction: 'in' | 'out', protocol: string, outcome: string, ms: number): void
  /** A gossip message from a neighbour, by our verdict, or one of ours, `published`. */
  gossip(topic: string, verdict: string): void
  penalty(code: string, points: number, banned: boolean): void
  incident(code: string): void
  /** `route` as the program spells it (`/api/v1/devices/:id`), never as it was asked for. */
  http(route: string, status: number): void
  watch(sources: MeterSources): void
  /** Memory, garbage collection, event loop and open files of this process. Once in a process. */
  watchProcess(): void
  /** Prometheus text format 0.0.4. */
  text(): Promise<string>
  readonly contentType: string
}

/** Every transport is there from the start, with 0: a series that comes and goes cannot be alerted on. */
const TRANSPORTS: readonly TransportKind[] = ['webrtc-direct', 'webrtc', 'websocket', 'tcp', 'circuit']
/** Seconds. A proof takes a millisecond; the longest deadline of a protocol is 20 s. */
const REQUEST_SECONDS = [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 20]

export function createMeter(): Meter {
  const registry = new Registry()
  const registers = [registry]
  let sources: MeterSources | undefined
  /** Taken once for all that one answer shows. */
  let snapshot: RelayStatus | undefined

  const counter = <Label extends string>(name: string, help: string, labelNames: readonly Label[] = []) =>
    new Counter({ name: `lares_${name}`, help, labelNames: [...labelNames], registers })
  /** Read from the relay's status when asked for. */
  const gauge = (name: string, help: string, read: (status: RelayStatus) => number) =>
    new Gauge({
      name: `lares_${name}`,
      help,
      registers,
      collect() {
        if (snapshot !== undefined) this.set(read(snapshot))
      },
    })

  gauge('tip_height', 'Height of the newest block.', ({ tip }) => tip.height)
  gauge('settled_height', 'Height of the newest settled block.', ({ settled }) => settled.height)
  gauge('tip_time_seconds', 'Time of the newest block, Unix.', ({ tip }) => tip.time / 1_000)
  gauge('keepers', 'Seats of the roster.', ({ settled }) => settled.keepers)
  gauge('keepers_seen', 'Seats that sealed above the settled block.', ({ settled }) => settled.keepersSeen)
  gauge('devices', 'Devices ever registered.', ({ devices }) => devices)
  gauge('mempool_transactions', 'Transactions that wait.', ({ pendingTransactions }) => pendingTransactions)
  gauge('mining', '1 while mining, 0 while stopped.', ({ mining }) => (mining.state === 'mining' ? 1 : 0))
  gauge('start_time_seconds', 'When the relay started, Unix.', ({ startedAt }) => startedAt / 1_000)
  new Gauge({
    name: 'lares_peers',
    help: 'Connected peers by the transport of their best connection.',
    labelNames: ['transport'],
    registers,
    collect() {
      const peers = snapshot?.peers ?? []
      for (const transport of TRANSPORTS)
        this.set({ transport }, peers.filter((peer) => peer.transport === transport).length)
    },
  })
  new Gauge({
    name: 'lares_store_bytes',
    help: 'Bytes of the chain database on disk.',
    registers,
    async collect() {
      if (sources !== undefined) this.set(await sources.storeBytes())
    },
  })
  new Counter({
    name: 'lares_hashes_total',
    help: 'Headers hashed by the miner.',
    registers,
    collect() {
      this.reset()
      this.inc(sources?.hashes() ?? 0)
    },
  })

  const blocks = counter('blocks_total', 'Blocks put on the best chain.')
  const undoneBlocks = counter('blocks_undone_total', 'Blocks taken off the best chain.')
  const reorganizations = counter('reorganizations_total', 'Changes that took blocks off the best chain.')
  const requests = counter('requests_total', 'Requests of the libp2p protocols.', ['direction', 'protocol', 'outcome'])
  const requestSeconds = new Histogram({
    name: 'lares_request_seconds',
    help: 'From the request to our answer.',
    labelNames: ['protocol'],
    buckets: REQUEST_SECONDS,
    registers,
  })
  const gossips = counter('gossip_messages_total', 'Gossip messages by verdict.', ['topic', 'verdict'])
  const penaltyPoints = counter('penalty_points_total', 'Points charged to peers.', ['code'])
  const bans = counter('bans_total', 'Peers banned.')
  const incidents = counter('incidents_total', 'What a person should know of.', ['code'])
  const httpRequests = counter('http_requests_total', 'HTTP answers.', ['route', 'status'])
  const protocolLabel = createBoundedLabel()
  const penaltyLabel = createBoundedLabel()
  const incidentLabel = createBoundedLabel()
  const routeLabel = createBoundedLabel()

  return {
    chainChanged(applied, undone) {
      blocks.inc(applied)
      undoneBlocks.inc(undone)
      if (undone > 0) reorganizations.inc()
    },
    request(direction, protocol, outcome, ms) {
      const label = protocolLabel(protocol)
      requests.inc({ direction, protocol: label, outcome })
      if (direction === 'in') requestSeconds.observe({ protocol: label }, ms / 1_000)
    },
    gossip: (topic, verdict) => gossips.inc({ topic, verdict }),
    penalty(code, points, banned) {
      penaltyPoints.inc({ code: penaltyLabel(code) }, points)
      if (banned) bans.inc()
    },
    incident: (code) => incidents.inc({ code: incidentLabel(code) }),
    http: (route, status) => httpRequests.inc({ route: routeLabel(route), status: String(status) }),
    watch(next) {
      sources = next
    },
    watchProcess: () => collectDefaultMetrics({ register: registry }),
    text() {
      snapshot = sources?.status()
      return registry.metrics()
    },
    contentType: registry.contentType,
  }
}
