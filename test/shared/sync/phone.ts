/** A phone without a browser: LightSync driven over answers in memory, with a clock of its own. */
import { createNodeVerifier } from '../../../node-relay/crypto/node-verifier.ts'
import { ForkGraph, type ForkGraphLimits } from '../../../shared/chain/fork-graph.ts'
import { accept, type Result, reject } from '../../../shared/errors.ts'
import { PROTOCOLS } from '../../../shared/protocol/ids.ts'
import { checkpointCodec, checkpointRequestCodec, headerItemCodec } from '../../../shared/protocol/messages.ts'
import { LightSync } from '../../../shared/sync/light-sync.ts'
import { checkStart } from '../../../shared/sync/start.ts'
import type { SyncAction, SyncEvent } from '../../../shared/sync/sync-events.ts'
import { type BuiltBlock, type ChainBuilder, GENESIS } from '../../framework/chain-builder.ts'
import type { Answer } from '../../framework/honest-node.ts'

const verifier = createNodeVerifier()

/** Asks for a start and checks it as a newcomer does. */
export async function startFrom(chain: ChainBuilder, answer: Answer, hash: Uint8Array = GENESIS) {
  const bytes = await answer(
    PROTOCOLS.checkpoint.id,
    checkpointRequestCodec.encode({ networkId: chain.networkId, hash }),
  )
  return bytes === 'reject' ? reject('refused', 'refused') : await checkAnswer(chain.networkId, hash, bytes)
}

export async function checkAnswer(networkId: Uint8Array, hash: Uint8Array, bytes: Uint8Array) {
  const decoded = checkpointCodec.decode(bytes)
  if (!decoded.ok) return decoded
  const start = checkStart(networkId, hash, decoded.value)
  if (!start.ok) return start
  const verdicts = await verifier.verifyBatch(start.value.signatures)
  return verdicts.every(Boolean) ? start : reject('bad-seal', 'the checkpoint is not sealed by its keeper')
}

export interface Phone {
  readonly sync: LightSync
  readonly graph: ForkGraph
  /** All actions so far that are no requests. */
  readonly seen: SyncAction[]
  readonly requests: { peer: string; protocol: string }[]
  now: number
  connect(peer: string, answer: Answer | 'silent'): Promise<void>
  leave(peer: string): Promise<void>
  tick(ms?: number): Promise<void>
  gossip(peer: string, block: BuiltBlock | Uint8Array): Promise<'accept' | 'ignore' | 'reject' | undefined>
  offences(): string[]
}

export async function createPhone(
  chain: ChainBuilder,
  answer: Answer,
  init: { hash?: Uint8Array; now?: number; limits?: Partial<ForkGraphLimits> } = {},
): Promise<Phone> {
  const start = await startFrom(chain, answer, init.hash)
  if (!start.ok) throw new Error(start.code)
  const graph = new ForkGraph(start.value.node, chain.parameters, init.limits)
  const sync = new LightSync(graph, { networkId: chain.networkId, parameters: start.value.genesis.parameters })
  const peers = new Map<string, Answer | 'silent'>()
  const silent: number[] = []
  let gossipId = 0
  const phone: Phone = {
    sync,
    graph,
    seen: [],
    requests: [],
    now: init.now ?? chain.tip.block.header.time,
    async connect(peer, answers) {
      peers.set(peer, answers)
      await run({ type: 'peer-connected', peer })
    },
    async leave(peer) {
      peers.delete(peer)
      await run({ type: 'peer-gone', peer })
    },
    async tick(ms = 1_000) {
      phone.now += ms
      // What a silent peer owes has timed out by now.
      for (const id of silent.splice(0)) await run({ type: 'answer', id, result: reject('timeout', 'no answer') })
      await run({ type: 'tick' })
    },
    async gossip(peer, block) {
      const bytes = block instanceof Uint8Array ? block : headerItemCodec.encode(block.item)
      const id = ++gossipId
      await run({ type: 'gossip', gossipId: id, peer, bytes })
      const verdict = phone.seen.find((action) => action.type === 'gossip-verdict' && action.gossipId === id)
      return verdict?.type === 'gossip-verdict' ? verdict.verdict : undefined
    },
    offences: () =>
      phone.seen.flatMap((action) => (action.type === 'offence' ? [`${action.peer}: ${action.code}`] : [])),
  }

  async function run(event: SyncEvent): Promise<void> {
    const queue = [...sync.handle(event, phone.now)]
    for (let action = queue.shift(); action !== undefined; action = queue.shift()) {
      if (action.type === 'verify') {
        const verdicts = await verifier.verifyBatch(action.signatures)
        queue.push(...sync.handle({ type: 'verified', id: action.id, verdicts }, phone.now))
      } else if (action.type === 'request') {
        phone.requests.push({ peer: action.peer, protocol: action.protocol })
        if (phone.requests.length > 10_000) throw new Error('asks without end')
        const answers = peers.get(action.peer)
        if (answers === 'silent') {
          silent.push(action.id)
          continue
        }
        const bytes = answers === undefined ? 'reject' : await answers(PROTOCOLS[action.protocol].id, action.bytes)
        const result: Result<Uint8Array> = bytes === 'reject' ? reject('refused', 'refused') : accept(bytes)
        queue.push(...sync.handle({ type: 'answer', id: action.id, result }, phone.now))
      } else phone.seen.push(action)
    }
  }
  return phone
}
