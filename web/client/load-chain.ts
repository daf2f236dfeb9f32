import { equalBytes } from '../../shared/bytes.ts'
import { type ChainNode, type ChainRules, extendChain } from '../../shared/chain/chain-node.ts'
import { ForkGraph } from '../../shared/chain/fork-graph.ts'
import type { SignatureCheck, SignatureVerifier } from '../../shared/crypto/signature-verifier.ts'
import { headersCodec } from '../../shared/protocol/messages.ts'
import type { HeaderChunk, StoredChain } from '../store/local-store.ts'
import { HeaderLog, type LogBase } from './header-log.ts'
import { decodeStartPoint } from './start-point.ts'

export interface LoadedChain {
  readonly graph: ForkGraph
  readonly log: HeaderLog
  /** Headers that were read and held. */
  readonly verified: number
  /** What was read is not all that had been written, or not as it was. */
  readonly damaged: boolean
}

/**
 * Takes up a stored chain: every header is validated and every seal verified again, as if a stranger had sent it. The
 * first thing that does not hold ends it; what stands before that is used.
 *
 * @param origin the checked checkpoint or genesis that the network is joined with
 */
export async function loadChain(init: {
  readonly stored: StoredChain | undefined
  readonly origin: LogBase
  readonly rules: ChainRules
  readonly verifier: SignatureVerifier
}): Promise<LoadedChain> {
  const { stored, origin, rules, verifier } = init
  const base = stored === undefined ? origin : baseOf(stored, origin)
  const graph = new ForkGraph((base ?? origin).node, rules.parameters)
  const log = new HeaderLog(base ?? origin, (id) => graph.get(id))
  if (stored === undefined) return { graph, log, verified: 0, damaged: false }

  let verified = 0
  let whole = base !== undefined
  for (const chunk of base === undefined ? [] : stored.chunks) {
    const nodes = await readChunk(chunk, graph.tip, rules, verifier)
    for (const node of nodes.good) graph.insert(node)
    if (nodes.good.length > 0) log.apply(nodes.good, graph.settled.node.height)
    verified += nodes.good.length
    whole = nodes.whole
    if (!whole) break
  }
  const { height, hash, settled } = stored.tip
  // Once settled stays settled, also over a reload.
  if (settled !== undefined) graph.restoreSettled(settled)
  const damaged = !whole || height !== graph.tip.height || !equalBytes(hash, graph.tip.hash)
  return { graph, log, verified, damaged }
}

/** Where the first chunk begins: at the origin, or above it when older chunks have been dropped. */
function baseOf(stored: StoredChain, origin: LogBase): LogBase | undefined {
  const [first] = stored.chunks
  if (first === undefined) return origin
  const start = decodeStartPoint(first.start)
  if (!start.ok || first.first !== start.value.height + 1) return undefined
  if (start.value.height <= origin.node.height) return start.value.id === origin.node.id ? origin : undefined
  return { node: start.value, start: first.start }
}

async function readChunk(
  chunk: HeaderChunk,
  tip: ChainNode,
  rules: ChainRules,
  verifier: SignatureVerifier,
): Promise<{ good: ChainNode[]; whole: boolean }> {
  const decoded = headersCodec.decode(chunk.items)
  if (!decoded.ok || chunk.first !== tip.height + 1) return { good: [], whole: false }
  const nodes: { node: ChainNode; signatures: number }[] = []
  const checks: SignatureCheck[] = []
  let parent = tip
  for (const item of decoded.value.items) {
    const extended = extendChain(parent, item, rules)
    if (!extended.ok) break
    parent = extended.value.node
    nodes.push({ node: parent, signatures: extended.value.signatures.length })
    checks.push(...extended.value.signatures)
  }
  const verdicts = await verifier.verifyBatch(checks)
  const good: ChainNode[] = []
  let next = 0
  for (const { node, signatures } of nodes) {
    if (!verdicts.slice(next, next + signatures).every(Boolean)) break
    next += signatures
    good.push(node)
  }
  return { good, whole: good.length === decoded.value.items.length }
}
