/** A full node that takes blocks and says what it takes up. argv: directory of the database. Needs --expose-gc. */
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { openFullNode, takeBlock } from './full-node.ts'

export type ToSize =
  | { readonly kind: 'open'; readonly genesis: Uint8Array; readonly now: number }
  | { readonly kind: 'block'; readonly bytes: Uint8Array }
  | { readonly kind: 'report' }

export interface Sized {
  /** Heap and buffers after garbage collection, bytes. */
  readonly memory: number
  /** Resident, as the system counts it, threads that verify included. Bytes. */
  readonly resident: number
  /** The database, compacted, bytes. */
  readonly disk: number
}

const NOTHING: Sized = { memory: 0, resident: 0, disk: 0 }
const [directory = ''] = process.argv.slice(2)
let node: Awaited<ReturnType<typeof openFullNode>> | undefined

async function report(): Promise<Sized> {
  await node?.store.compact()
  for (let turn = 0; turn < 4; turn++) {
    globalThis.gc?.()
    await new Promise((resolve) => setImmediate(resolve))
  }
  const { heapUsed, external, rss } = process.memoryUsage()
  const disk = readdirSync(directory).reduce((sum, name) => sum + statSync(join(directory, name)).size, 0)
  return { memory: heapUsed + external, resident: rss, disk }
}

process.on('message', async (message: ToSize) => {
  if (message.kind === 'open') node = await openFullNode(directory, message.genesis, () => message.now)
  if (message.kind === 'block' && node !== undefined) await takeBlock(node.chain, message.bytes)
  process.send?.(message.kind === 'report' ? await report() : NOTHING)
})
