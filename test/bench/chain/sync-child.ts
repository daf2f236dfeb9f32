/** A full node on a network of its own, over TCP on loopback: it serves its chain, or fetches that of others. */
import { ChainReader } from '../../../node-relay/full-node/proofs.ts'
import { serve } from '../../../node-relay/serving/handlers.ts'
import { createChainSync } from '../../../node-relay/sync/chain-sync.ts'
import { reject } from '../../../shared/errors.ts'
import { LABEL } from '../../../shared/identity/label.ts'
import { refusal } from '../../../shared/protocol/messages.ts'
import { addressOf, startRelayNetwork } from '../../framework/network.ts'
import { openFullNode, takeBlock } from './full-node.ts'

export type ToSync =
  | { readonly kind: 'open'; readonly genesis: Uint8Array; readonly now: number }
  | { readonly kind: 'block'; readonly bytes: Uint8Array }
  | { readonly kind: 'fetch'; readonly from: readonly string[]; readonly height: number }

export interface Synced {
  /** Where it is reached. */
  readonly address: string
  /** Of `fetch`: from the first connection until the last block was stored. */
  readonly seconds: number
}

const TICK_MS = 100
const [directory = ''] = process.argv.slice(2)
let node: Awaited<ReturnType<typeof open>> | undefined

async function open(genesis: Uint8Array, start: number) {
  const opened = performance.now()
  const now = () => start + Math.round(performance.now() - opened)
  const full = await openFullNode(directory, genesis, now)
  const network = await startRelayNetwork({ tcpPort: 0 })
  await serve({
    mayProve: () => true,
    network,
    chain: full.chain,
    reader: new ChainReader(full.chain, full.store),
    label: () => LABEL.full,
    knownPeers: () => [],
    serviceRecords: () => [],
    now,
    submit: async () => reject('not-here', 'nothing is taken in'),
    challenge: async () => refusal('not-here', 'no device is asked here'),
    showEvidence: async () => reject('evidence-not-here', 'nothing is kept'),
    examiner: { hear: async () => reject('no-seat', 'nobody is examined here') },
    showStorage: async () => reject('not-applying', 'this node has its seat'),
    endorse: undefined,
    quote: undefined,
    pair: undefined,
  })
  return { ...full, network, now, address: addressOf(network.addresses(), 'tcp') }
}

async function fetchFrom({ chain, verifier, network, now }: Awaited<ReturnType<typeof open>>, message: ToSync) {
  if (message.kind !== 'fetch') return 0
  const { from, height } = message
  const start = performance.now()
  await Promise.all(from.map((address) => network.dial(address)))
  const sync = createChainSync({
    network,
    chain,
    verifier,
    now,
    onOutcome: () => {},
    onFullNode: () => {},
    log: () => {},
  })
  const ticking = setInterval(() => sync.tick(), TICK_MS)
  await new Promise<void>((resolve) => {
    chain.onChange(() => {
      if (chain.tip.height >= height) resolve()
    })
  })
  clearInterval(ticking)
  sync.stop()
  return (performance.now() - start) / 1_000
}

process.on('message', async (message: ToSync) => {
  if (message.kind === 'open') node = await open(message.genesis, message.now)
  if (node === undefined) throw new Error('not open')
  if (message.kind === 'block') await takeBlock(node.chain, message.bytes)
  const seconds = await fetchFrom(node, message)
  const answer: Synced = { address: node.address, seconds }
  process.send?.(answer)
})
