/** A full node's chain in a temporary folder, fed from a chain builder. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createNodeVerifier } from '../../../node-relay/crypto/node-verifier.ts'
import { type AcceptOutcome, FullChain } from '../../../node-relay/full-node/chain.ts'
import { ChainReader } from '../../../node-relay/full-node/proofs.ts'
import type { Pace } from '../../../node-relay/pace.ts'
import { ChainStore } from '../../../node-relay/store/chain-store.ts'
import type { ForkGraphLimits } from '../../../shared/chain/fork-graph.ts'
import type { BuiltBlock, ChainBuilder } from '../../framework/chain-builder.ts'

export interface OpenChain {
  readonly location: string
  readonly store: ChainStore
  readonly chain: FullChain
  readonly reader: ChainReader
  /** Its clock, ms: a year after genesis, so that no block is ahead of it. */
  clock: { now: number }
  feed(...blocks: readonly BuiltBlock[]): Promise<AcceptOutcome[]>
  /** Closes and opens it again from disk. */
  reopen(): Promise<OpenChain>
  close(): Promise<void>
}

const open = new Set<OpenChain>()

export async function openChain(
  builder: ChainBuilder,
  init: { location?: string; limits?: Partial<ForkGraphLimits & { sideBytes: number }>; createPace?: () => Pace } = {},
): Promise<OpenChain> {
  const location = init.location ?? mkdtempSync(join(tmpdir(), 'lares-chain-'))
  const store = await ChainStore.open(location)
  const clock = { now: builder.genesis.createdAt + 365 * 86_400_000 }
  const verifier = createNodeVerifier()
  const chain = await FullChain.open({
    store,
    verifier,
    now: () => clock.now,
    genesis: builder.genesis,
    limits: init.limits,
    createPace: init.createPace,
  })
  const opened: OpenChain = {
    location,
    store,
    chain,
    reader: new ChainReader(chain, store),
    clock,
    async feed(...blocks) {
      const outcomes: AcceptOutcome[] = []
      for (const { block } of blocks) outcomes.push(await chain.accept(block))
      return outcomes
    },
    async reopen() {
      await opened.close()
      return await openChain(builder, { ...init, location })
    },
    async close() {
      open.delete(opened)
      await store.close()
    },
  }
  open.add(opened)
  return opened
}

/** For afterEach. */
export async function closeAll(): Promise<void> {
  for (const one of [...open]) {
    await one.close()
    rmSync(one.location, { recursive: true, force: true })
  }
}

export const kinds = (outcomes: readonly AcceptOutcome[]) => outcomes.map(({ kind }) => kind)

/** Blocks of a branch from a height on, oldest first. */
export function branch(tip: BuiltBlock, from: number): BuiltBlock[] {
  const blocks: BuiltBlock[] = []
  for (let one: BuiltBlock | undefined = tip; one !== undefined && one.node.height >= from; one = one.parent)
    blocks.unshift(one)
  return blocks
}
