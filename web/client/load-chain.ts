import { equalBytes } from '../../shared/bytes.ts'
import type { ChainNode } from '../../shared/chain/chain-node.ts'
import { ForkGraph } from '../../shared/chain/fork-graph.ts'
import { decodeStartPoint } from '../../shared/sync/start-point.ts'
import type { HeaderChunk, RestartRecord, StoredChain } from '../store/local-store.ts'
import { HeaderLog, type LogBase } from './header-log.ts'
import { type HeaderRules, type ReadHeaders, readPackedHeaders } from './read-headers.ts'

export interface LoadedChain {
  readonly graph: ForkGraph
  readonly log: HeaderLog
  /** Where the graph begins. */
  readonly base: LogBase
  /** Headers that were read and held. */
  readonly verified: number
  /** What was read is not all that had been written, or not as it was. */
  readonly damaged: boolean
  /** The database is to be written anew: for damage, or since an older page packed headers otherwise. */
  readonly isStale: boolean
}

/**
 * Takes up a stored chain from its restart point: every header is validated and every seal verified again, as if a
 * stranger had sent it. The first thing that does not hold ends it; what stands before that is used. Chunks are read only
 * where the restart point is damaged, or begins above what was settled.
 *
 * @param origin the checked checkpoint or genesis that the network is joined with
 */
export async function loadChain(
  init: HeaderRules & {
    readonly stored: StoredChain | undefined
    readonly readChunk: (first: number) => Promise<HeaderChunk | undefined>
    readonly origin: LogBase
  },
): Promise<LoadedChain> {
  const { stored, readChunk, origin } = init
  const { restart } = stored ?? {}
  const older = [...(stored?.firsts ?? [])]
  // From the newest part down, to one that begins where nobody rolls back.
  const rootHeight = Math.max(restart?.settled?.height ?? Number.POSITIVE_INFINITY, origin.node.height)
  const parts: Pick<HeaderChunk, 'items'>[] = restart === undefined ? [] : [restart]
  let base: LogBase | undefined
  let lowest: ReadHeaders | undefined
  let whole = stored === undefined || restart !== undefined
  for (let part: Pick<HeaderChunk, 'start' | 'items'> | undefined = restart; stored !== undefined; ) {
    const below = part && baseOf(part, origin)
    const read = part && below && (await readPackedHeaders(part.items, below.node, init))
    // A start can look like one and be another header: what stands on it shows that it is not.
    const isBase = below === origin || (read?.nodes.length ?? 0) > 0 || isTip(below?.node, restart)
    if (part === undefined || below === undefined || !isBase) whole = false
    else {
      if (part !== restart) parts.unshift(part)
      base = below
      lowest = read
    }
    const first = base !== undefined && base.node.height <= rootHeight ? undefined : older.pop()
    if (first === undefined) break
    part = await readChunk(first)
  }
  // What is not settled may not become the root: then it is fetched again.
  if (base !== undefined && base.node.height > rootHeight) {
    base = undefined
    lowest = undefined
    whole = false
  }
  if (base === undefined) older.length = 0
  base ??= origin
  const floor = whole ? restart?.floor : undefined
  const graph = new ForkGraph(base.node, init.rules.parameters)
  const log = new HeaderLog(base, (id) => graph.get(id), older, floorOf(floor, origin, base, older))
  let verified = 0
  for (const { items } of parts) {
    const read: ReadHeaders = lowest ?? (await readPackedHeaders(items, graph.tip, init))
    lowest = undefined
    for (const node of read.nodes) graph.insert(node)
    if (read.nodes.length > 0) log.apply(read.nodes, 0)
    verified += read.nodes.length
    whole &&= read.whole
    if (!read.whole) break
  }
  // Once settled stays settled, also over a reload.
  if (restart?.settled !== undefined) graph.restoreSettled(restart.settled)
  const damaged = stored !== undefined && !(whole && isTip(graph.tip, restart))
  const isStale = damaged || (stored !== undefined && log.firsts.join() !== stored.firsts.join())
  return { graph, log, base, verified, damaged, isStale }
}

function isTip(node: ChainNode | undefined, restart: RestartRecord | undefined): boolean {
  return node !== undefined && restart?.height === node.height && equalBytes(restart.hash, node.hash)
}

/** A floor that says more than the parts do is not believed: it would keep what is missing from being fetched. */
function floorOf(floor: number | undefined, origin: LogBase, base: LogBase, older: readonly number[]): number {
  const lowest = origin.node.height + 1
  if (floor === undefined) return older[0] ?? lowest
  return Math.max(lowest, Math.min(floor, older[0] ?? base.node.height + 1))
}

/** Where a part begins: at the origin, or at a header above it. */
export function baseOf({ start }: { readonly start: Uint8Array }, origin: LogBase): LogBase | undefined {
  const node = decodeStartPoint(start)
  if (!node.ok) return undefined
  if (node.value.height <= origin.node.height) return node.value.id === origin.node.id ? origin : undefined
  // Of the branch that was left for a recovery, however high it went.
  if (node.value.roster.recovered < origin.node.roster.recovered) return undefined
  return { node: node.value, start }
}
