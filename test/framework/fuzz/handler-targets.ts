/** What peers can say to a relay and to a browser: every protocol's handler behind its frames, every gossip validator. */

import { randomBytes } from 'node:crypto'
import { showEvidence } from '../../../node-relay/certificate/show-evidence.ts'
import { endorseApplication, endorseCertified, witnessIncident } from '../../../node-relay/coordination/endorse.ts'
import { createJoinCounts } from '../../../node-relay/coordination/join-counts.ts'
import { createPairingDesk } from '../../../node-relay/coordination/pairing-desk.ts'
import { createPresenceDesk } from '../../../node-relay/coordination/presence-desk.ts'
import { createPriceDesk } from '../../../node-relay/coordination/price-desk.ts'
import { createPuzzleDesk } from '../../../node-relay/coordination/puzzle-desk.ts'
import { createSessionDesk } from '../../../node-relay/coordination/session-desk.ts'
import { createCachingVerifier } from '../../../node-relay/crypto/caching-verifier.ts'
import { createNodeVerifier } from '../../../node-relay/crypto/node-verifier.ts'
import { approveClaim } from '../../../node-relay/fleet/expected.ts'
import { createExaminer } from '../../../node-relay/full-admission/examiner.ts'
import { createStorageAnswers } from '../../../node-relay/full-admission/storage-answers.ts'
import { checkTransaction } from '../../../node-relay/full-node/check-transaction.ts'
import { joinGossip } from '../../../node-relay/full-node/gossip.ts'
import { createMempool } from '../../../node-relay/full-node/mempool.ts'
import { systemClock } from '../../../node-relay/network/system-clock.ts'
import { serve } from '../../../node-relay/serving/handlers.ts'
import { serveSessions } from '../../../node-relay/serving/session-handlers.ts'
import { createAnnouncements } from '../../../node-relay/sync/announcements.ts'
import { compactBlockCodec, compactOf } from '../../../shared/block/compact-block.ts'
import { equalBytes } from '../../../shared/bytes.ts'
import { presenceTimes } from '../../../shared/coordination/lease.ts'
import { ACCEPT, accept, LaresError } from '../../../shared/errors.ts'
import { formatDeviceId } from '../../../shared/identity/device-id.ts'
import { LABEL } from '../../../shared/identity/label.ts'
import { PREVIOUS_PROTOCOLS, PROTOCOLS, topicsOf } from '../../../shared/protocol/ids.ts'
import { headerItemCodec, statusRequestCodec } from '../../../shared/protocol/messages.ts'
import { MAX_REQUESTS_PER_PEER, type ProtocolSpec, STREAM_IDLE_MS } from '../../../shared/protocol/transport.ts'
import { sessionCertificateCodec } from '../../../shared/session/session-certificate.ts'
import { encodeFrame } from '../../../shared/transport/frame.ts'
import type { ByteStream, Connection, LibraryNode } from '../../../shared/transport/ports.ts'
import { createRequests } from '../../../shared/transport/request-response.ts'
import { createFakeNetwork } from '../../node-relay/full-node/fake-network.ts'
import { openChain } from '../../node-relay/full-node/open-chain.ts'
import { EXAMPLE_EVIDENCE } from '../../shared/vectors/build-chain.ts'
import { ClientHarness } from '../client-harness.ts'
import { createHonestNode } from '../honest-node.ts'
import { NOTHING_TO_PAY, quickScrypt } from '../join-prices.ts'
import { createFakeTransportClock } from '../network-doubles.ts'
import type { Corpus } from './corpus.ts'
import { mutateBytes } from './mutate-bytes.ts'
import type { FuzzRandom } from './random.ts'
import type { FuzzTarget } from './run.ts'

/** Blocks of the corpus that the fuzzed nodes have not heard of yet: gossip may bring them. */
const BLOCKS_HELD_BACK = 3
const LARGEST = 40_000
const VERDICTS = new Set(['accept', 'reject', 'ignore'])

export interface OpenTargets {
  readonly targets: readonly FuzzTarget[]
  close(): Promise<void>
}

/** A relay's handlers and validators, over a real chain on disk and a real mempool. */
export async function relayTargets(corpus: Corpus): Promise<OpenTargets> {
  const { chain: builder, relay } = corpus.made
  const { networkId } = builder
  const full = await openChain(builder)
  const known = builder.from(1).slice(0, -BLOCKS_HELD_BACK)
  await full.feed(...known)
  const { chain, reader } = full
  const now = () => full.clock.now
  const network = createFakeNetwork()
  const verifier = createCachingVerifier(createNodeVerifier())
  const mempool = createMempool({ networkId, now, verifier, check: (bytes) => checkTransaction(chain, now(), bytes) })
  const logged: unknown[] = []
  joinGossip({
    network,
    chain,
    submit: (bytes) => mempool.add(bytes),
    onAnnouncement: createAnnouncements({
      network,
      chain,
      mempool,
      onOutcome: () => {},
      clock: systemClock,
      onSlow: () => {},
      onAhead: () => {},
      log: (message) => void logged.push(message),
    }),
    log: (message, error) => void logged.push(message, error),
  })
  const deviceId = () => relay.deviceId
  const prices = createPriceDesk({
    ...{ chain, verifier, deviceId, joins: createJoinCounts(chain) },
    puzzles: createPuzzleDesk({ networkId, deviceId, now, scrypt: quickScrypt }),
  })
  const approver = { networkId, deviceId: relay.deviceId, wallet: relay.wallet, now }
  const pairing = createPairingDesk({
    ...{ networkId, verifier, prices: NOTHING_TO_PAY, deviceId, random: randomBytes, now },
    approve: (claim) => approveClaim({ ...approver, state: chain.state }, claim),
  })
  const endorser = {
    chain,
    verifier,
    wallet: relay.wallet,
    deviceId: relay.deviceId,
    now,
    evidence: { keep: () => ACCEPT, get: () => undefined },
    revocation: () => accept([]),
    prices,
  }
  await serve({
    network,
    chain,
    reader,
    label: () => LABEL.full | LABEL.coordination,
    mayProve: () => true,
    knownPeers: () => [],
    serviceRecords: () => [],
    now,
    submit: async (bytes) => {
      const added = await mempool.add(bytes)
      return added.ok ? { ok: true, value: { transactionId: networkId } } : added
    },
    // Valid requests are of another time than this chain's clock: the signature is looked at all the same.
    showEvidence: (from, request) =>
      showEvidence(
        {
          ...{ chain, verifier, peerId: network.peerId, now: () => request.time },
          evidence: { get: () => EXAMPLE_EVIDENCE },
        },
        from,
        request,
      ),
    examiner: createExaminer({
      // Valid requests are of the time of the builder's tip.
      ...{ chain, verifier, now: () => builder.tip.block.header.time, random: () => 0.5 },
      sealing: () => builder.keeper(0),
      file: { read: () => ({ applicants: [], vouches: [] }), write: () => {} },
      measure: { reach: async () => true, capacity: async () => 1_000, storage: async () => true },
    }),
    showStorage: createStorageAnswers({
      ...{ chain, verifier, now: () => builder.tip.block.header.time },
      applicant: () => corpus.made.phone.deviceId,
      hashAt: (height) => reader.hashAt(height),
      blockAt: (height) => reader.blocks([reader.hashAt(height) ?? networkId])[0],
    }),
    // No device is there to answer.
    challenge: async () => ({ TAG: 'waiting', data: { expires: now() } }),
    endorse: {
      endorse: (bytes) => endorseApplication(endorser, bytes),
      endorseCertified: (bytes) => endorseCertified(endorser, bytes),
      witness: (bytes) => witnessIncident(endorser, bytes),
    },
    quote: prices.quote,
    pair: pairing.ask,
  })

  const session = sessionCertificateCodec.decode(corpus.requests[PROTOCOLS.session.id]?.[0] ?? new Uint8Array())
  if (!session.ok) throw new Error(session.detail)
  const sessions = createSessionDesk({ network, chain, verifier, now })
  const presence = createPresenceDesk({
    network,
    networkId,
    times: presenceTimes(chain.rules.parameters),
    seat: () => 0,
    sessions: { ...sessions, of: () => session.value },
    servers: { othersOf: () => ({ peers: ['other'], away: 1 }), isKeeper: () => true },
    verifier,
    random: (length) => new Uint8Array(length),
    now,
    onDuelWon: () => {},
    log: () => {},
  })
  await serveSessions({ network, networkId, sessions, presence })

  const specs: ProtocolSpec[] = [...Object.values(PROTOCOLS), ...Object.values(PREVIOUS_PROTOCOLS)]
  const seedsOf = (spec: ProtocolSpec) =>
    corpus.requests[spec.id] ?? [
      statusRequestCodec.encode({ networkId }),
      ...(corpus.made.transactions['retire'] ? [corpus.made.transactions['retire']] : []),
    ]
  const asks = specs.map((spec): FuzzTarget<Uint8Array> => {
    const valid = seedsOf(spec)
    return {
      name: `ask ${spec.id}`,
      share: 1,
      make: (random) => mutateBytes(random.pick(valid), random, corpus.bytes, spec.maxRequest),
      async check(input) {
        const answer = await network.ask(spec, input).catch((error: unknown) => {
          // The one failure that is said by throwing: refused, and nobody is charged.
          if (error instanceof LaresError && error.code === 'unknown-header') return 'reject' as const
          throw error
        })
        if (answer === 'reject') return
        if (!(answer instanceof Uint8Array) || answer.length > spec.maxResponse)
          throw new Error('no answer of this protocol')
      },
    }
  })

  const topics = topicsOf(networkId)
  const validOn = {
    [topics.headers]: builder.from(1).map(({ item }) => headerItemCodec.encode(item)),
    [topics.transactions]: Object.values(corpus.made.transactions),
    [topics.blocks]: builder.from(1).map(({ block }) => compactBlockCodec.encode(compactOf(block))),
  }
  const gossip = Object.entries(validOn).map(
    ([topic, valid]): FuzzTarget<Uint8Array> => ({
      name: `gossip ${topic.split('/').slice(-2).join('/')}`,
      share: 1,
      make: (random) => mutateBytes(random.pick(valid), random, [...valid, random.pick(corpus.bytes)], LARGEST),
      async check(input) {
        const verdict = await network.deliver(topic, input)
        if (!VERDICTS.has(verdict)) throw new Error(`no verdict: ${verdict}`)
        if (!builder.blocks.has(chain.tip.id)) throw new Error('a tip that nobody made')
      },
    }),
  )
  return {
    targets: [...asks, ...gossip, streamTarget(corpus, specs, network.handlers)] as FuzzTarget[],
    async close() {
      await full.close()
      if (logged.length > 0) throw new Error(`gossip logged ${JSON.stringify(logged.slice(0, 2))}`)
    },
  }
}

interface StreamInput {
  readonly protocol: number
  readonly chunks: readonly Uint8Array[]
  /** How the stream ends after its chunks. */
  readonly end: 'end' | 'throw' | 'stay'
}

/** A protocol's handler as the library calls it: a stream of chunks that ends well, badly, or not at all. */
function streamTarget(
  corpus: Corpus,
  specs: readonly ProtocolSpec[],
  handlers: ReadonlyMap<string, Parameters<ReturnType<typeof createRequests>['serve']>[2]>,
): FuzzTarget<StreamInput> {
  const clock = createFakeTransportClock()
  const requests = createRequests({ clock, createAbort: () => new AbortController(), charge: () => {}, log: () => {} })
  const taken: ((stream: ByteStream, connection: Connection) => void | Promise<void>)[] = []
  const node = { handle: async (_id: string, handler: (typeof taken)[number]) => void taken.push(handler) }
  const ready = Promise.all(
    specs.map((spec) =>
      requests.serve(node as unknown as LibraryNode, spec, (...request) => {
        const handler = handlers.get(spec.id)
        return handler === undefined ? Promise.resolve('reject' as const) : handler(...request)
      }),
    ),
  )
  const frames = Object.values(corpus.requests).flat().map(encodeFrame)
  let connections = 0
  return {
    name: 'streams',
    share: 1,
    make(random: FuzzRandom) {
      const bytes = mutateBytes(random.pick(frames), random, frames, 5_000)
      const chunks: Uint8Array[] = []
      for (let at = 0; at < bytes.length; ) {
        const length = 1 + random.below(random.pick([4, 100, 5_000]))
        chunks.push(bytes.slice(at, at + length))
        at += length
      }
      return { protocol: random.below(specs.length), chunks, end: random.pick(['end', 'throw', 'stay'] as const) }
    },
    async check({ protocol, chunks, end }) {
      await ready
      const left = [...chunks]
      let closed = () => {}
      const gone = new Promise<void>((resolve) => {
        closed = resolve
      })
      const stream = {
        status: 'open',
        send: () => true,
        onDrain: async () => {},
        close: async () => closed(),
        abort: () => closed(),
        // Read again for each request: what was read is gone.
        async *[Symbol.asyncIterator]() {
          for (let chunk = left.shift(); chunk !== undefined; chunk = left.shift()) yield chunk
          if (end === 'throw') throw new Error('reset by the peer')
          if (end === 'stay') await gone
        },
      }
      connections = (connections + 1) % MAX_REQUESTS_PER_PEER
      const connection = { remotePeer: `peer ${connections}`, remoteAddr: '/ip4/10.0.0.1/tcp/1' }
      const answered = Promise.resolve(
        taken[protocol]?.(stream as unknown as ByteStream, connection as unknown as Connection),
      )
      // A stream that says no more is ended by the deadline of its protocol, or once nothing was asked on it for long.
      await Promise.race([answered, new Promise((resolve) => setImmediate(resolve))])
      await clock.advance(60_000 + STREAM_IDLE_MS)
      await answered
    },
  }
}

/** A browser's worker: gossip from a server, and servers all of whose answers are altered. */
export async function clientTargets(corpus: Corpus): Promise<OpenTargets> {
  const { chain, relay, phone } = corpus.made
  const tip = chain.tip
  const items = chain.from(1).map(({ item }) => headerItemCodec.encode(item))
  const honest = createHonestNode({ chain, coordinator: relay })
  const open = async () => {
    const client = new ClientHarness({ chain })
    await client.open()
    await client.connect('honest', honest)
    return client
  }
  const follower = await open()
  const isOnChain = (client: ClientHarness) => {
    const hash = client.client?.graph?.tip.id
    if (hash !== undefined && !chain.blocks.has(hash)) throw new Error('a tip that nobody made')
    if (client.client?.graph?.tip.height !== tip.node.height) throw new Error('it lost the honest chain')
  }
  const id = formatDeviceId(chain.networkId, phone.deviceId)
  let peers = 0
  return {
    targets: [
      {
        name: 'browser gossip',
        share: 1,
        make: (random: FuzzRandom) => mutateBytes(random.pick(items), random, items, LARGEST),
        async check(input: Uint8Array) {
          const verdict = await follower.call({
            ...{ call: 'gossip', from: 'honest', topic: topicsOf(chain.networkId).headers },
            bytes: input,
          } as Parameters<ClientHarness['call']>[0])
          if (!VERDICTS.has(String(verdict))) throw new Error(`no verdict: ${verdict}`)
          isOnChain(follower)
        },
      },
      {
        name: 'browser answers',
        share: 0.05,
        make: (random: FuzzRandom) => random,
        show: () => 'answers altered as the index says',
        async check(random: FuzzRandom) {
          const peer = `liar ${++peers}`
          await follower.connect(peer, async (protocol, request) => {
            const answer = await honest(protocol, request)
            return answer instanceof Uint8Array ? mutateBytes(answer, random, [answer], LARGEST) : answer
          })
          isOnChain(follower)
          await follower.disconnect(peer)
        },
      },
      {
        name: 'browser audit',
        share: 0.02,
        make: (random: FuzzRandom) => random,
        show: () => 'answers altered as the index says',
        async check(random: FuzzRandom) {
          const client = await open()
          client.replace('honest', async (protocol, request) => {
            const answer = await honest(protocol, request)
            return answer instanceof Uint8Array && protocol === PROTOCOLS.proof.id
              ? mutateBytes(answer, random, corpus.bytes, LARGEST)
              : answer
          })
          const report = await client.finish({ call: 'audit', text: id })
          const { verdict } = report
          if (verdict === 'not-in-ledger' || verdict === 'retired') throw new Error(`it believed ${verdict}`)
          await client.disconnect('honest')
        },
      },
    ] as unknown as FuzzTarget[],
    async close() {
      if (!equalBytes(chain.tip.node.hash, tip.node.hash)) throw new Error('the chain of the corpus was changed')
    },
  }
}
