import { isAsleep } from '../../shared/chain/clock-rules.ts'
import { restoredSentence } from '../../shared/chain/recovery-words.ts'
import type { SignatureVerifier } from '../../shared/crypto/signature-verifier.ts'
import { type Rejection, reject } from '../../shared/errors.ts'
import type { NetworkParameters } from '../../shared/params.ts'
import { MAX_GOSSIP_HEADER_LENGTH, topicsOf } from '../../shared/protocol/ids.ts'
import { checkpointCodec, type Status, statusCodec } from '../../shared/protocol/messages.ts'
import { pointsFor } from '../../shared/protocol/offence-points.ts'
import type { PeerNetwork, TransportClock } from '../../shared/protocol/transport.ts'
import { RecoveryWatch } from '../../shared/sync/recovery-watch.ts'
import { checkStart } from '../../shared/sync/start.ts'
import { encodeStartPoint } from '../../shared/sync/start-point.ts'
import { createStateQuery } from '../../shared/sync/state-query.ts'
import { SyncDriver } from '../../shared/sync/sync-driver.ts'
import type { SyncPhase } from '../../shared/sync/sync-events.ts'
import { createBranchMemory } from '../full-node/branch-memory.ts'
import type { LightChain } from './light-chain.ts'
import { createProvenState, type ProvenState } from './proven-state.ts'
import { createLightServers, type LightServers } from './servers.ts'

/** Headers asked for at once: a quarter of what a phone asks for, to be gentle with memory. */
const HEADERS_PER_ANSWER = 250
/** A clock that differs by more from those of most full nodes judges nobody, ms: vouchers and certificates end by it. */
const CLOCK_TOLERANCE_MS = 2 * 60_000

export interface LightViewInit {
  readonly network: PeerNetwork
  readonly chain: LightChain
  readonly verifier: SignatureVerifier
  readonly clock: TransportClock
  onFullNode(peer: string): void
  onStatus(peer: string, status: Status): void
  /** The best chain has changed. */
  onChange(): void
  /** What a person should know of. */
  report(code: string, sentence: string): void
  log(message: string): void
}

/** A chain followed by its headers, and the part of its state that was asked for and proven. */
export interface LightView {
  readonly phase: SyncPhase
  readonly servers: LightServers
  readonly state: ProvenState
  /** Why nothing can be vouched for now: `view-stale`, `view-clock`. */
  obstacle(): Rejection | undefined
  /** From time to time. */
  look(): void
  stop(): void
}

export function createLightView(init: LightViewInit): LightView {
  const { network, chain, verifier, clock } = init
  const { networkId, parameters } = chain.rules
  const conflicts = createBranchMemory()
  /** By how much the clocks of connected full nodes differ from ours, ms. */
  const clocks = new Map<string, number>()
  let driver: SyncDriver

  function charge(peer: string, code: string): void {
    const points = pointsFor(code)
    init.log(`peer ${peer}: ${code}`)
    if (points > 0) network.penalise(peer, points, code)
  }

  const servers = createLightServers({
    network,
    clock,
    onPeer: (peer) => driver.peerConnected(peer),
    onGone(peer) {
      clocks.delete(peer)
      driver.peerGone(peer)
    },
    onFullNode: init.onFullNode,
  })

  const recovery = new RecoveryWatch({
    networkId,
    servers,
    verifier,
    tip: () => chain.tip,
    onLie: charge,
    async onRecovered({ recovery: { backupTime, lost }, checkpoint, answer }) {
      const decoded = checkpointCodec.decode(answer)
      const start = decoded.ok ? checkStart(networkId, checkpoint.hash, decoded.value) : decoded
      if (!decoded.ok || !start.ok) return
      const { node } = start.value
      driver.follow(chain.restart({ node, bytes: encodeStartPoint(node, decoded.value.range) }))
      init.report('restored', restoredSentence(backupTime, node.height, lost.height))
      init.onChange()
    },
  })

  driver = new SyncDriver({
    graph: chain.graph,
    rules: chain.rules,
    servers,
    verifier,
    clock,
    options: { perAnswer: HEADERS_PER_ANSWER, mayFetch: () => chain.hasRoom },
    onChain(outcomes) {
      for (const outcome of outcomes) {
        chain.followed(outcome.applied)
        if (outcome.kind === 'reorganization' && outcome.leftSettled)
          init.report(
            'settled-left',
            'Two thirds of the keepers sealed another branch, so settled blocks were left for it.',
          )
      }
      init.onChange()
    },
    onConflict(node) {
      // Once for a branch, however long it grows.
      if (conflicts.continues(node)) return
      init.report(
        'settled-conflict',
        `A branch at height ${node.height} tried to roll back settled blocks and was not followed.`,
      )
    },
    onOffence: charge,
    onStatus(bytes, peer) {
      const status = statusCodec.decode(bytes)
      if (!status.ok) return
      clocks.set(peer, Math.abs(status.value.time - clock.now()))
      init.onStatus(peer, status.value)
      void recovery.look(peer, status.value)
    },
    onStep() {},
  })
  network.subscribe(topicsOf(networkId).headers, MAX_GOSSIP_HEADER_LENGTH, async (from, bytes) =>
    chain.hasRoom ? await driver.gossip(from, bytes) : 'ignore',
  )
  for (const { peerId } of network.peers()) driver.peerConnected(peerId)

  const settled = () => chain.graph.settled.node
  function obstacle(): Rejection | undefined {
    const off = [...clocks.values()].filter((difference) => difference > CLOCK_TOLERANCE_MS)
    if (2 * off.length > clocks.size)
      return reject('view-clock', 'the clock of this node differs from that of most full nodes; try again later')
    return isStale(settled().sealed.header.time, clock.now(), parameters)
      ? reject('view-stale', 'what this node has settled is too old to judge by; try again later')
      : undefined
  }
  const query = createStateQuery({ networkId, servers, clock, onLie: charge })
  return {
    get phase() {
      return driver.phase
    },
    servers,
    state: createProvenState({ query, clock, settled, obstacle }),
    obstacle,
    look: servers.look,
    stop() {
      driver.stop()
      servers.stop()
    },
  }
}

/**
 * Whether a settled header is too old to vouch by: what has happened since is not known, and whoever cuts this node off from
 * the others would choose what it sees. As long as a chain may be silent, and twice what settling takes.
 */
export function isStale(settledTime: number, now: number, parameters: NetworkParameters): boolean {
  const { spacingMs, settleDepth, settleSeconds } = parameters
  return isAsleep(settledTime + 2 * Math.max(settleDepth * spacingMs, settleSeconds * 1000), now, parameters)
}
