import { type ChainNode, type ChainRules, extendChain } from '../../shared/chain/chain-node.ts'
import type { HeaderItem } from '../../shared/chain/header-item.ts'
import type { SignatureCheck, SignatureVerifier } from '../../shared/crypto/signature-verifier.ts'
import { headersCodec } from '../../shared/protocol/messages.ts'

/** Rules and signatures, as of headers that a stranger sends. */
export interface HeaderRules {
  readonly rules: ChainRules
  readonly verifier: SignatureVerifier
}

export interface ReadHeaders {
  /** Those that hold, upwards from the parent. */
  readonly nodes: ChainNode[]
  /** All that was there holds. */
  readonly whole: boolean
}

/** Validates packed headers on their parent and verifies every seal; the first that does not hold ends it. */
export async function readPackedHeaders(bytes: Uint8Array, parent: ChainNode, by: HeaderRules): Promise<ReadHeaders> {
  const decoded = headersCodec.decode(bytes)
  return decoded.ok ? readHeaders(decoded.value.items, parent, by) : { nodes: [], whole: false }
}

export async function readHeaders(
  items: readonly HeaderItem[],
  parent: ChainNode,
  { rules, verifier }: HeaderRules,
): Promise<ReadHeaders> {
  const extended: { node: ChainNode; signatures: number }[] = []
  const checks: SignatureCheck[] = []
  let last = parent
  for (const item of items) {
    const one = extendChain(last, item, rules)
    if (!one.ok) break
    last = one.value.node
    extended.push({ node: last, signatures: one.value.signatures.length })
    checks.push(...one.value.signatures)
  }
  const verdicts = await verifier.verifyBatch(checks)
  const nodes: ChainNode[] = []
  let next = 0
  for (const { node, signatures } of extended) {
    if (!verdicts.slice(next, next + signatures).every(Boolean)) break
    next += signatures
    nodes.push(node)
  }
  return { nodes, whole: nodes.length === items.length }
}
