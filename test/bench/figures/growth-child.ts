/**
 * A full node's chain in a process of its own, so that its memory is only this. Takes blocks, and says what it takes up.
 * argv: directory of the database. Needs --expose-gc.
 */
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { createNodeVerifier } from '../../../node-relay/crypto/node-verifier.ts'
import { FullChain } from '../../../node-relay/full-node/chain.ts'
import { ChainStore } from '../../../node-relay/store/chain-store.ts'
import { blockCodec } from '../../../shared/block/block.ts'
import { genesisCodec } from '../../../shared/ledger/genesis.ts'

export type ToGrowth =
  | { readonly kind: 'genesis'; readonly bytes: Uint8Array; readonly now: number }
  | { readonly kind: 'blocks'; readonly blocks: readonly Uint8Array[] }
  | { readonly kind: 'report' }

/** The answer to each message; the sizes only to `report`. */
export interface Grown {
  readonly height: number
  /** Heap and buffers after garbage collection, bytes. */
  readonly memory: number
  /** The closed and compacted database, bytes. */
  readonly disk: number
}

const [directory = ''] = process.argv.slice(2)
let genesis: { readonly bytes: Uint8Array; readonly now: number } | undefined
let node: Awaited<ReturnType<typeof open>> | undefined
let queue = Promise.resolve()

process.on('message', (message: ToGrowth) => {
  queue = queue.then(async () => {
    process.send?.(await handle(message))
  })
})

async function handle(message: ToGrowth): Promise<Grown> {
  if (message.kind === 'genesis') genesis = message
  if (message.kind === 'blocks') for (const bytes of message.blocks) await feed(bytes)
  return message.kind === 'report' ? await report() : { height: 0, memory: 0, disk: 0 }
}

async function open() {
  const store = await ChainStore.open(directory)
  const decoded = genesisCodec.decode(genesis?.bytes ?? new Uint8Array())
  if (!decoded.ok) throw new Error(decoded.detail)
  const now = () => genesis?.now ?? 0
  return { store, chain: await FullChain.open({ store, verifier: createNodeVerifier(), now, genesis: decoded.value }) }
}

async function feed(bytes: Uint8Array): Promise<void> {
  node ??= await open()
  const block = blockCodec.decode(new Uint8Array(bytes))
  if (!block.ok) throw new Error(block.detail)
  const outcome = await node.chain.accept(block.value)
  if (outcome.kind !== 'extension') throw new Error(JSON.stringify(outcome))
}

async function report(): Promise<Grown> {
  node ??= await open()
  for (let turn = 0; turn < 4; turn++) {
    globalThis.gc?.()
    await new Promise((resolve) => setImmediate(resolve))
  }
  const { heapUsed, external } = process.memoryUsage()
  const { height } = node.chain.tip
  // The write-ahead log and what waits for compaction would be counted by chance.
  await node.store.close()
  const level = new ClassicLevel<Uint8Array, Uint8Array>(directory, { keyEncoding: 'view', valueEncoding: 'view' })
  await level.open()
  await level.compactRange(Uint8Array.of(0), Uint8Array.of(255))
  await level.close()
  const disk = readdirSync(directory).reduce((sum, name) => sum + statSync(join(directory, name)).size, 0)
  node = await open()
  return { height, memory: heapUsed + external, disk }
}
