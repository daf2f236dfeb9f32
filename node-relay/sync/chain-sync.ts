import type { ChainNode } from '../../shared/chain/chain-node.ts'
import { ForkGraph } from '../../shared/chain/fork-graph.ts'
import type { SignatureVerifier } from '../../shared/crypto/signature-verifier.ts'
import { accept, LaresError, type Result, reject } from '../../shared/errors.ts'
import { LABEL } from '../../shared/identity/label.ts'
import { PROTOCOLS } from '../../shared/protocol/ids.ts'
import { blocksCodec, blocksRequestCodec, type Status, statusCodec } from '../../shared/protocol/messages.ts'
import { pointsFor } from '../../shared/protocol/offence-points.ts'
import type { PeerNetwork } from '../../shared/protocol/transport.ts'
import { BodyFetch } from '../../shared/sync/body-fetch.ts'
import { LightSync } from '../../shared/sync/light-sync.ts'
import type { SyncAction, SyncEvent } from '../../shared/sync/sync-events.ts'
import { type AcceptOutcome, type FullChain, OWN_LACK_CODES } from '../full-node/chain.ts'

/** Headers checked ahead of the bodies; beyond this many, bodies come first. */
export const MAX_HEADERS_AHEAD = 1_024
/** A peer that did not say where it stands, or is no full node, is asked again after this long, ms. */
const ASK_AGAIN_MS = 60_000
/** And after a roster change this soon. */
const ASK_SOON_MS = 5_000
/** Headers whose block turned out bad. When full the oldest is forgotten; it is found out anew when it comes again. */
export const MAX_REFUSED_HEADERS = 1_024

export interface ChainSyncInit {
  readonly network: PeerNetwork
  readonly chain: FullChain
  readonly verifier: SignatureVerifier
  /** ms since the Unix epoch */
  readonly now: () => number
  onOutcome(outcome: AcceptOutcome): void
  /** What a peer says of itself. */
  onStatus?(peer: string, status: Status): void
  /** A peer has answered as a full node of this network. */
  onFullNode(peer: string): void
  log(message: string, error?: unknown): void
}

/** Where the relay stands against the others. */
export interface SyncState {
  readonly phase: 'connecting' | 'syncing' | 'following' | 'asleep' | 'offline'
  /** Height that full nodes speak of, or their headers reach. */
  readonly target: number
  /** Full nodes that answered. */
  readonly sources: number
}

export interface ChainSync {
  readonly state: SyncState
  /** From time to time: questions that are old, answers that are late. */
  tick(): void
  /** A peer has shown that it knows more: it is asked where it stands. */
  heard(peer: string): void
  /** What a peer has is not to be had from it: all others are asked where they stand. */
  askOthers(peer: string): void
  stop(): void
}

/**
 * Keeps a full node's chain up with the other full nodes: headers first, by the same state machine as a phone's, then the
 * bodies from several peers at once, then each block through the chain's own door, which believes none of it.
 */
export function createChainSync(init: ChainSyncInit): ChainSync {
  const { network, chain, verifier, now } = init
  const { networkId } = chain.rules
  const bodies = new BodyFetch()
  const full = new Set<string>()
  /** When those were asked that are not followed: connected peers only, so it is bounded as these are. */
  const others = new Map<string, number>()
  /** Who gave the headers whose bodies are wanted. */
  const givers = new Map<string, string>()
  /** Codes by header. */
  const refused = new Map<string, string>()
  let headers = createView()
  let isAccepting = false
  let isStopped = false

  /** The headers that the chain has, and those that are to become blocks. */
  function createView(): { readonly graph: ForkGraph; readonly sync: LightSync } {
    const { base, tip, settled } = chain.graph
    // Its settled header may be far above the chain's tip, which must stay in it; nothing deeper than the chain has.
    const graph = new ForkGraph(base, chain.rules.parameters, { keptFrom: () => chain.graph.base.height })
    for (let height = base.height + 1; height <= tip.height; height++) graph.insert(chain.graph.at(height) as ChainNode)
    graph.restoreSettled({ height: settled.node.height, keepersSeen: settled.keepersSeen, keepers: settled.keepers })
    const sync = new LightSync(graph, chain.rules, {
      mayFetch: () => graph.tip.height - chain.tip.height <= MAX_HEADERS_AHEAD,
      refusedFor: (id) => refused.get(id),
    })
    return { graph, sync }
  }

  function handle(event: SyncEvent, view = headers): void {
    // An answer to a question of the view before.
    if (isStopped || view !== headers) return
    for (const action of view.sync.handle(event, now())) perform(action, view)
    plan()
  }

  function perform(action: SyncAction, view: typeof headers): void {
    switch (action.type) {
      case 'request':
        void ask(action).then((result) => handle({ type: 'answer', id: action.id, result }, view))
        break
      case 'verify':
        void verifier
          .verifyBatch(action.signatures)
          .then((verdicts) => handle({ type: 'verified', id: action.id, verdicts }, view))
        break
      case 'offence':
        charge(action.peer, action.code)
        break
      case 'conflict':
        init.onOutcome({ kind: 'conflict', node: action.node })
        break
      case 'chain':
        for (const node of action.outcome.applied) givers.set(node.id, action.from)
        break
      case 'gossip-verdict':
        break
    }
  }

  async function ask({ peer, protocol, bytes }: Extract<SyncAction, { type: 'request' }>): Promise<Result<Uint8Array>> {
    try {
      const answer = await network.request(peer, PROTOCOLS[protocol], bytes)
      if (protocol !== 'status') return accept(answer)
      const status = statusCodec.decode(answer)
      if (!status.ok) return accept(answer)
      init.onStatus?.(peer, status.value)
      // Phones follow, they have no blocks; one of them may become a full node later.
      if ((status.value.label & LABEL.full) === 0) {
        queueMicrotask(() => setAside(peer))
        return reject('no-full-node', 'it serves no blocks')
      }
      full.add(peer)
      init.onFullNode(peer)
      bodies.peerStands(peer, status.value.tip.work)
      return accept(answer)
    } catch (error) {
      // Who says nothing must not take the place of one who does.
      if (protocol === 'status' && !full.has(peer)) queueMicrotask(() => setAside(peer))
      return reject(error instanceof LaresError ? error.code : 'failed', String(error))
    }
  }

  function charge(peer: string, code: string): void {
    const points = pointsFor(code)
    init.log(`peer ${peer}: ${code}`)
    if (points > 0) network.penalise(peer, points, code)
  }

  /** The bodies on the way from the chain to the best header. */
  function plan(): void {
    const path: ChainNode[] = []
    let node: ChainNode | undefined = headers.graph.tip
    while (node !== undefined && chain.graph.get(node.id) === undefined) {
      path.push(node)
      node = headers.graph.get(node.parentId)
    }
    // The way is broken only where the chain has settled on another branch meanwhile.
    const wanted = node === undefined ? [] : path.reverse()
    const ids = new Set(wanted.map(({ id }) => id))
    for (const id of [...givers.keys()]) if (!ids.has(id)) givers.delete(id)
    bodies.want(wanted)
    fetch()
  }

  function fetch(): void {
    if (isStopped) return
    for (const { id, peer, hashes } of bodies.next(now())) {
      const request = blocksRequestCodec.encode({ networkId, hashes: [...hashes] })
      network.request(peer, PROTOCOLS.blocks, request).then(
        (answer) => {
          const blocks = blocksCodec.decode(answer)
          const offence = blocks.ok ? bodies.answered(id, blocks.value.blocks, now()) : blocks.code
          if (!blocks.ok) bodies.failed(id, now())
          if (offence !== undefined) charge(peer, offence)
          void acceptNext()
        },
        () => {
          bodies.failed(id, now())
          fetch()
        },
      )
    }
  }

  /** One after another: each stands on the one before. */
  async function acceptNext(): Promise<void> {
    if (isAccepting) return
    isAccepting = true
    try {
      for (let body = bodies.take(); body !== undefined && !isStopped; body = bodies.take()) {
        fetch()
        const giver = givers.get(body.node.id)
        const outcome = await chain.accept(body.block)
        init.onOutcome(outcome)
        if (outcome.kind !== 'rejected') continue
        init.log(`block ${body.node.height} is bad: ${outcome.rejection.code} ${outcome.rejection.detail}`)
        if (OWN_LACK_CODES.has(outcome.rejection.code)) break
        // Not who had the body, which may lie beside anybody's chain: who follows these headers has executed the block.
        if (giver !== undefined) charge(giver, outcome.rejection.code)
        refuse(body.node.id, outcome.rejection.code)
        break
      }
    } catch (error) {
      // The disk: the chain says so itself, and what is missing is fetched again.
      init.log('a block could not be stored', error)
    } finally {
      isAccepting = false
      plan()
    }
  }

  /** Two thirds may have sealed it, it is bad all the same: headers on it are not followed. */
  function refuse(id: string, code: string): void {
    refused.set(id, code)
    if (refused.size > MAX_REFUSED_HEADERS) refused.delete(refused.keys().next().value as string)
    headers = createView()
    for (const peer of full) handle({ type: 'peer-connected', peer })
  }

  function setAside(peer: string): void {
    leave(peer)
    others.set(peer, now())
  }

  function askAgain(): void {
    for (const [peer, at] of others) {
      if (now() - at < ASK_AGAIN_MS) continue
      others.delete(peer)
      handle({ type: 'peer-connected', peer })
    }
  }

  function leave(peer: string): void {
    full.delete(peer)
    others.delete(peer)
    bodies.peerGone(peer)
    handle({ type: 'peer-gone', peer })
  }

  function heard(peer: string): void {
    // As if it had just come: what it said before is old.
    if (full.has(peer)) handle({ type: 'peer-gone', peer })
    handle({ type: 'peer-connected', peer })
  }

  const endings = [
    network.on('connected', ({ peerId }) => handle({ type: 'peer-connected', peer: peerId })),
    network.on('disconnected', ({ peerId }) => leave(peerId)),
    chain.onChange(({ outcome }) => {
      // What was mined here, or came as an announcement.
      for (const node of outcome.applied) headers.graph.insert(node)
      // Who was no full node may be one now, and says so once it has this block, too.
      if (outcome.applied.some(({ rosterChanges }) => rosterChanges.length > 0))
        for (const peer of others.keys()) others.set(peer, now() - ASK_AGAIN_MS + ASK_SOON_MS)
      handle({ type: 'tick' })
    }),
  ]
  for (const { peerId } of network.peers()) handle({ type: 'peer-connected', peer: peerId })

  return {
    get state() {
      const { sync } = headers
      return { phase: sync.phase(now()), target: sync.targetHeight, sources: full.size }
    },
    tick() {
      askAgain()
      handle({ type: 'tick' })
    },
    heard,
    askOthers(peer) {
      for (const other of [...full]) if (other !== peer) heard(other)
    },
    stop() {
      isStopped = true
      for (const end of endings) end()
    },
  }
}
