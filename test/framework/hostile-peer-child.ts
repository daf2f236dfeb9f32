/** The process behind `startHostilePeer`. */
import { constants, setPriority } from 'node:os'
import { setTimeout as pass } from 'node:timers/promises'
import { gossipsub } from '@libp2p/gossipsub'
import { identify } from '@libp2p/identify'
import { noise } from '@libp2p/noise'
import { type TCPSocketOptions, tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { fullApplicationCodec } from '../../shared/admission/full-application.ts'
import { PROFILE_VERSION, UNKNOWN_PROFILE } from '../../shared/admission/profile.ts'
import { compactBlockCodec, compactOf } from '../../shared/block/compact-block.ts'
import { transactionRoot } from '../../shared/block/transaction-tree.ts'
import { LABEL } from '../../shared/identity/label.ts'
import { challengeRequestCodec } from '../../shared/protocol/challenge-messages.ts'
import { evidenceRequestCodec } from '../../shared/protocol/evidence-request.ts'
import { storageRequestCodec } from '../../shared/protocol/full-messages.ts'
import { PROTOCOLS, type ProtocolName, topicsOf } from '../../shared/protocol/ids.ts'
import { joinAskCodec, WAY } from '../../shared/protocol/join-messages.ts'
import {
  blocksRequestCodec,
  checkpointRequestCodec,
  headersCodec,
  headersRequestCodec,
  proofRequestCodec,
  recoveryRequestCodec,
  statusCodec,
  statusRequestCodec,
  transactionsRequestCodec,
} from '../../shared/protocol/messages.ts'
import { pairAskCodec } from '../../shared/protocol/pair-messages.ts'
import { serversRequestCodec } from '../../shared/protocol/service-messages.ts'
import { encodeFrame } from '../../shared/transport/frame.ts'
import { gossipOptions } from '../../shared/transport/gossip-options.ts'
import { type BuiltBlock, namedSigner } from './chain-builder.ts'
import { signApplication } from './full-actions.ts'
import { createHonestNode } from './honest-node.ts'
import type { Attack, AttackResult, HostileInit, JunkKind, ServedChain } from './hostile-peer.ts'
import { buildScene } from './hostile-scene.ts'
import { startRelayNetwork } from './network.ts'

/** An attacker has a machine of its own: what it reckons meanwhile must not take the relay's time here. */
function stepBack(isAttacking: boolean): void {
  try {
    setPriority(isAttacking ? constants.priority.PRIORITY_LOW : constants.priority.PRIORITY_NORMAL)
  } catch {
    // Not every account may take back what it has given up: it prepares the next attack more slowly.
  }
}
const init = JSON.parse(process.argv[2] ?? '{}') as HostileInit
process.on('disconnect', () => process.exit())

const chain = await buildScene(init.now)
const { networkId } = chain
const topics = topicsOf(networkId)
const stranger = namedSigner('stranger')
const relayAddress = multiaddr(init.address)
/** Requests opened at once by a flood: more than any limit of one peer. */
const FLOOD_WIDTH = 64

interface Peer {
  readonly id: string
  readonly node: Awaited<ReturnType<typeof createPeer>>
  readonly startedAt: number
  droppedAt: number | undefined
}

/** @param host address of this machine that it comes from */
async function createPeer(host?: string) {
  return createLibp2p({
    transports: [tcp({ dialOpts: { localAddress: host } as TCPSocketOptions })],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionMonitor: { enabled: false },
    connectionManager: { reconnectRetries: 0 },
    services: { identify: identify(), gossip: gossipsub(gossipOptions('leaf')) },
  })
}

/** What the relay has ended may stay among the connections here, closing, for as long as streams are opened on it. */
function isCutOff(node: Peer['node']): boolean {
  return node.getConnections().every(({ status }) => status !== 'open')
}

async function connect(host?: string): Promise<Peer> {
  const node = await createPeer(host)
  const peer: Peer = { id: node.peerId.toString(), node, startedAt: Date.now(), droppedAt: undefined }
  node.addEventListener('connection:close', () => {
    if (node.getConnections().length === 0) peer.droppedAt ??= Date.now()
  })
  const connection = await node.dial(relayAddress)
  if (connection.status !== 'open') throw new Error('the relay has let nobody in')
  return peer
}

/** Runs a step on a peer again and again until the time is over or the peer was dropped. */
async function until(end: number, peer: Peer, step: () => Promise<unknown>): Promise<number> {
  let steps = 0
  while (Date.now() < end && peer.droppedAt === undefined) {
    if (isCutOff(peer.node)) peer.droppedAt ??= Date.now()
    await step().catch(() => pass(5))
    steps++
  }
  return steps
}

/** What one round of an attack has come to. */
interface Round {
  readonly peers: readonly Peer[]
  readonly sent: number
}

/** Round after round, by new peers, until the time is over. */
async function attackFor(forMs: number, round: () => Promise<Round>): Promise<AttackResult> {
  const end = Date.now() + forMs
  const peers: Peer[] = []
  let sent = 0
  do {
    const one = await round()
    peers.push(...one.peers)
    sent += one.sent
  } while (Date.now() < end)
  return report(peers, sent)
}

async function report(peers: readonly Peer[], sent: number): Promise<AttackResult> {
  const dropped = peers.filter(({ droppedAt, node }) => droppedAt !== undefined || isCutOff(node))
  const [first] = dropped
  let cameBack = false
  if (first !== undefined) {
    await first.node.dial(relayAddress).catch(() => undefined)
    await pass(500)
    cameBack = first.node.getConnections().some(({ status }) => status === 'open')
  }
  await Promise.all(peers.map(({ node }) => Promise.race([node.stop(), pass(2_000)])))
  return {
    peerIds: peers.map(({ id }) => id),
    sent,
    dropped: dropped.length,
    droppedAfterMs: first?.droppedAt === undefined ? undefined : first.droppedAt - first.startedAt,
    cameBack,
  }
}

const tip = chain.tip.node
/** Signed by keys that the relay does not know. */
const nobody = { deviceId: tip.hash, wallet: stranger }
/** One good request of each protocol. */
const REQUESTS: Record<ProtocolName, Uint8Array> = {
  status: statusRequestCodec.encode({ networkId }),
  peers: statusRequestCodec.encode({ networkId }),
  servers: serversRequestCodec.encode({ networkId, seats: [0] }),
  recovery: recoveryRequestCodec.encode({ networkId }),
  checkpoint: checkpointRequestCodec.encode({ networkId, hash: tip.hash }),
  headers: headersRequestCodec.encode({ networkId, locator: [networkId], count: 1_000 }),
  proof: proofRequestCodec.encode({ networkId, headerHash: tip.hash, key: new Uint8Array(32) }),
  blocks: blocksRequestCodec.encode({ networkId, hashes: chain.from(1).map(({ node }) => node.hash) }),
  transactions: transactionsRequestCodec.encode({ networkId, hash: tip.hash, places: [0] }),
  // A registration that was never signed by anybody: read, looked at, and refused with a code.
  submit: new Uint8Array(200).fill(7),
  session: new Uint8Array(172).fill(7),
  claim: new Uint8Array(172).fill(7),
  presence: statusRequestCodec.encode({ networkId }),
  endorse: new Uint8Array(200).fill(7),
  endorseCertified: new Uint8Array(200).fill(7),
  witness: new Uint8Array(200).fill(7),
  // By a key that is none: what a relay says to that it says before it verifies.
  join: joinAskCodec.encode({
    ...{
      networkId,
      walletKey: tip.hash,
      label: LABEL.lightweight,
      profile: { version: PROFILE_VERSION, ...UNKNOWN_PROFILE },
    },
    ...{ way: WAY.certificate, issuer: tip.hash, anchor: tip.hash, signature: new Uint8Array(64) },
  }),
  // Has paid nothing, and says so with no signature.
  pair: pairAskCodec.encode({
    ...{ networkId, walletKey: tip.hash, recoveryKey: tip.hash, profile: tip.hash, signature: new Uint8Array(64) },
    payment: {
      quote: { endorser: tip.hash, expires: 0, iterations: 0, salt: new Uint8Array(16), mac: tip.hash },
      counter: 0,
    },
  }),
  challenge: challengeRequestCodec.encode({
    ...{ networkId, deviceId: tip.hash, nonce: tip.hash, isPassedOn: false },
  }),
  fullApplication: fullApplicationCodec.encode(await signApplication(chain, nobody, { issuedAt: init.now })),
  storageChallenge: storageRequestCodec.encode({
    ...{ networkId, deviceId: tip.hash, nonce: tip.hash, height: 1, headerHash: tip.hash, time: init.now, seat: 0 },
    signature: new Uint8Array(64),
  }),
  // Of a seat that there is, and signed by nobody.
  evidence: evidenceRequestCodec.encode({
    ...{ networkId, evidence: tip.hash, time: init.now, seat: 0 },
    signature: new Uint8Array(64),
  }),
}

async function flood(what: string, patienceMs: number): Promise<Round> {
  const peer = await connect()
  const end = peer.startedAt + patienceMs
  const [connection] = peer.node.getConnections()
  const request = REQUESTS[what as ProtocolName] ?? new Uint8Array()
  const id = what === 'heartbeat' ? '/lares/heartbeat/1' : PROTOCOLS[what as ProtocolName].id
  const frame = encodeFrame(request)
  const sent = await Promise.all(
    Array.from({ length: FLOOD_WIDTH }, () =>
      until(end, peer, async () => {
        const stream = await connection?.newStream(id, {
          signal: AbortSignal.timeout(2_000),
          maxOutboundStreams: 4_096,
        })
        stream?.send(frame)
        // It does not wait for what it asked for.
        setTimeout(() => stream?.abort(new Error('enough')), 50)
      }),
    ),
  )
  return { peers: [peer], sent: sent.reduce((sum, one) => sum + one, 0) }
}

async function neighbour(): Promise<Peer> {
  const peer = await connect()
  for (const topic of Object.values(topics)) peer.node.services.gossip.subscribe(topic)
  for (let i = 0; i < 100 && peer.node.services.gossip.getSubscribers(topics.headers).length === 0; i++) await pass(50)
  return peer
}

async function floodGossip(patienceMs: number): Promise<Round> {
  const peer = await neighbour()
  // An old header with a number: read, and of no use to anybody.
  const item = compactBlockCodec.encode(compactOf(chain.at(3).block))
  let number = 0
  const sent = await until(peer.startedAt + patienceMs, peer, async () => {
    for (let i = 0; i < 200; i++) {
      const bytes = item.slice()
      // Another parent: it cannot be placed, so nobody can say that it is bad.
      new DataView(bytes.buffer).setUint32(20, number++)
      await peer.node.services.gossip.publish(topics.blocks, bytes)
    }
    await pass(1)
  })
  return { peers: [peer], sent: sent * 200 }
}

async function junkBlock(what: JunkKind, number: number): Promise<Uint8Array> {
  const time = chain.tip.block.header.time + 1 + number
  if (what === 'seal') {
    const { block } = await chain.mine({ on: chain.tip.parent as BuiltBlock, seat: 1, time, sealWith: stranger })
    return compactBlockCodec.encode(compactOf(block))
  }
  if (what === 'never-comes') {
    // Sealed by a keeper, and it holds together: only the transactions are nowhere.
    const transactions = [new Uint8Array(100).fill(number)]
    const forge = { transactionRoot: transactionRoot(transactions) }
    const { block } = await chain.mine({ on: chain.tip.parent as BuiltBlock, seat: 2, time, transactions: [], forge })
    return compactBlockCodec.encode(compactOf({ ...block, transactions }))
  }
  if (what === 'transaction-root') {
    const transactions = [new Uint8Array(100).fill(number)]
    const built = await chain.mine({ on: chain.tip.parent as BuiltBlock, seat: 2, time, transactions: [] })
    const compact = compactOf({ ...built.block, transactions })
    return compactBlockCodec.encode(compact)
  }
  const { block } = await chain.mine({ on: chain.tip.parent as BuiltBlock, seat: 2, time, transactions: [] })
  const compact = compactOf(block)
  const header = what === 'seat' ? { ...compact.header, seat: 9 } : { ...compact.header, nonce: number }
  return compactBlockCodec.encode({ ...compact, header })
}

/** Goes on over rounds, so that no announcement is the same as one before. */
let junkNumber = 0

async function junk(what: JunkKind, patienceMs: number): Promise<Round> {
  const peer = await neighbour()
  // Whoever asks for what was announced waits.
  if (what === 'never-comes') await peer.node.handle(PROTOCOLS.transactions.id, () => {})
  const sent = await until(peer.startedAt + patienceMs, peer, async () => {
    await peer.node.services.gossip.publish(topics.blocks, await junkBlock(what, junkNumber++))
    await pass(20)
  })
  return { peers: [peer], sent }
}

async function halfRequests(patienceMs: number): Promise<Round> {
  const peers = await Promise.all(Object.keys(PROTOCOLS).map(() => connect()))
  const end = Date.now() + patienceMs
  let sent = 0
  await Promise.all(
    Object.values(PROTOCOLS).map(async ({ id }, i) => {
      const peer = peers[i] as Peer
      const connection = peer.node.getConnections()[0]
      for (let n = 0; n < 32; n++) {
        const stream = await connection?.newStream(id, { maxOutboundStreams: 64 }).catch(() => undefined)
        try {
          stream?.send(Uint8Array.of(0, 0, 0))
          sent++
        } catch {}
      }
    }),
  )
  while (Date.now() < end && peers.some(({ droppedAt }) => droppedAt === undefined)) await pass(50)
  return { peers, sent }
}

async function idle(attack: Extract<Attack, { kind: 'idle' }>, onFull: () => void): Promise<Round> {
  const { hosts = 1, each = 1 } = attack
  const peers: Peer[] = []
  let sent = 0
  const come = async (lane: number) => {
    for (let i = lane; i < attack.peers; i += hosts) {
      const peer = await connect(`127.0.0.${2 + lane}`).catch(() => undefined)
      if (peer === undefined) continue
      peers.push(peer)
      for (let n = 1; n < each; n++) await peer.node.dial(relayAddress, { force: true }).catch(() => undefined)
      sent += peer.node.getConnections().length
    }
  }
  await Promise.all(Array.from({ length: hosts }, (_, lane) => come(lane)))
  onFull()
  await pass(attack.patienceMs)
  return { peers, sent }
}

async function workOfRelay(): Promise<bigint> {
  const peer = await connect()
  const connection = peer.node.getConnections()[0]
  const stream = await connection?.newStream(PROTOCOLS.status.id)
  stream?.send(encodeFrame(REQUESTS.status))
  const chunks: Uint8Array[] = []
  for await (const chunk of stream ?? []) {
    chunks.push(chunk instanceof Uint8Array ? chunk : chunk.subarray())
    const status = statusCodec.decode(Buffer.concat(chunks).subarray(4))
    if (!status.ok) continue
    await peer.node.stop()
    return status.value.tip.work
  }
  throw new Error('no status')
}

/** By one of three keepers: from below what any relay of this scene has settled, or from the last block but one. */
async function heavyBranch(what: ServedChain, work: bigint): Promise<BuiltBlock> {
  let top = what === 'below-settled' ? chain.at(1) : (chain.tip.parent as BuiltBlock)
  const forge =
    what === 'forged-seals'
      ? { sealWith: stranger }
      : what === 'forged-state'
        ? { forge: { stateRoot: new Uint8Array(32) } }
        : {}
  while (top.node.work < work)
    top = await chain.mine({ on: top, seat: 2, time: top.block.header.time + 1, transactions: [], ...forge })
  return top
}

async function serve(
  { what, forMs, patienceMs }: Extract<Attack, { kind: 'serve' }>,
  onStart: () => void,
): Promise<AttackResult> {
  const honest = chain.tip
  const work = await workOfRelay()
  chain.tip = what === 'below-settled' ? prepared : await heavyBranch(what, 3n * work)
  const times = Number((10n * chain.tip.node.work) / work) / 10
  onStart()
  const answer = createHonestNode({ chain, now: Date.now })
  const end = Date.now() + forMs
  const servers: { id: string; stop(): Promise<void>; droppedAfterMs: number | undefined; cameBack: boolean }[] = []
  let given = 0
  let isOver = false
  do {
    const start = Date.now()
    const network = await startRelayNetwork({ tcpPort: 0 })
    const server = {
      ...{ id: network.peerId, cameBack: false, stop: network.stop },
      droppedAfterMs: undefined as number | undefined,
    }
    servers.push(server)
    network.on('disconnected', () => {
      if (!isOver) server.droppedAfterMs ??= Date.now() - start
    })
    for (const spec of Object.values(PROTOCOLS))
      await network.handle(spec, async (_from, request) => {
        const bytes = await answer(spec.id, request)
        const headers = bytes !== 'reject' && spec.id === PROTOCOLS.headers.id ? headersCodec.decode(bytes) : undefined
        if (headers?.ok === true) given += headers.value.items.length
        return bytes
      })
    await network.dial(init.address)
    while (Date.now() < start + patienceMs && server.droppedAfterMs === undefined) await pass(20)
    if (servers.length > 1 || server.droppedAfterMs === undefined) continue
    await network.dial(init.address).catch(() => undefined)
    await pass(500)
    server.cameBack = network.peers().length > 0
  } while (Date.now() < end)
  isOver = true
  chain.tip = honest
  await Promise.all(servers.map(({ stop }) => Promise.race([stop(), pass(2_000)])))
  return {
    peerIds: servers.map(({ id }) => id),
    ...{ sent: given, times },
    dropped: servers.filter(({ droppedAfterMs }) => droppedAfterMs !== undefined).length,
    droppedAfterMs: servers[0]?.droppedAfterMs,
    cameBack: servers.some(({ cameBack }) => cameBack),
  }
}

function perform(attack: Attack): Promise<AttackResult> {
  const { forMs, patienceMs } = attack
  const onStart = () => {
    stepBack(true)
    process.send?.({ value: 'begun' })
  }
  if (attack.kind === 'serve') return serve(attack, onStart)
  if (attack.kind === 'idle') {
    if (attack.hosts === undefined) onStart()
    return attackFor(0, () => idle(attack, attack.hosts === undefined ? () => {} : onStart))
  }
  onStart()
  switch (attack.kind) {
    case 'flood':
      return attackFor(forMs, () =>
        attack.what === 'gossip' ? floodGossip(patienceMs) : flood(attack.what, patienceMs),
      )
    case 'junk':
      return attackFor(forMs, () => junk(attack.what, patienceMs))
    case 'half-requests':
      return attackFor(forMs, () => halfRequests(patienceMs))
  }
}

process.on('message', (attack: Attack) => {
  stepBack(false)
  perform(attack).then(
    (value) => process.send?.({ value }),
    (error: Error) => process.send?.({ error: error.stack ?? error.message }),
  )
})
const prepared = await heavyBranch('below-settled', BigInt(init.heavyWork ?? 0))
// What the relay ends, ends badly here: that is what it is for.
process.on('unhandledRejection', () => {})
process.on('uncaughtException', () => {})
process.send?.({ value: 'ready' })
