/**
 * Branches of random blocks with transactions of every kind overtake each other, the relay restarts in between, and
 * transactions wait all the while. Afterwards the relay is what it would be, had it only ever heard of the best chain:
 * state, roster, history, indexes, record by record on the disk. And each transaction is in the chain, or waits.
 */
import fc from 'fast-check'
import { afterEach, expect, it } from 'vitest'
import { createNodeVerifier } from '../../../node-relay/crypto/node-verifier.ts'
import { checkTransaction } from '../../../node-relay/full-node/check-transaction.ts'
import { createMempool, type Mempool } from '../../../node-relay/full-node/mempool.ts'
import { subjectOf } from '../../../node-relay/full-node/mempool-entry.ts'
import { KEYS } from '../../../node-relay/store/key-table.ts'
import { compareBytes, toHex } from '../../../shared/bytes.ts'
import { peakPositions } from '../../../shared/history/node.ts'
import { rosterRoot } from '../../../shared/roster/roster.ts'
import { transactionCodec } from '../../../shared/transaction/transaction.ts'
import type { BuiltBlock } from '../../framework/chain-builder.ts'
import { PROPERTY_TIMEOUT_MS, propertyRuns } from '../../framework/property-runs.ts'
import { branch, closeAll, type OpenChain, openChain } from './open-chain.ts'
import { KINDS, RandomBlocks } from './random-blocks.ts'

const NEVER = 1_000
/** With 8, blocks settle, but none that a branch here leaves. */
const SETTLE_DEPTHS = [8, NEVER]
const DEEPEST = 5

const kind = fc.tuple(fc.constantFrom(...KINDS), fc.nat(20))
const newBlock = fc.record({
  wanted: fc.array(kind, { maxLength: 4 }),
  seat: fc.nat(20),
  // Never less than the spacing: the target stays, so the longer branch is the heavier.
  gap: fc.integer({ min: 1_000, max: 3_000 }),
})
const step = fc.record({
  /** How far below the tip the branch starts; 0 extends. */
  depth: fc.oneof(fc.constant(0), fc.nat(DEEPEST)),
  /** Goes on from a branch that lost, where there is one as near. */
  onLost: fc.boolean(),
  blocks: fc.array(newBlock, { minLength: DEEPEST + 1, maxLength: DEEPEST + 1 }),
  waiting: kind,
  restart: fc.constantFrom(true, false, false),
})

afterEach(closeAll)

/** All that is on the disk, without the bodies beside the best chain and what later headers will overwrite. */
async function recordsOf({ store, chain }: OpenChain): Promise<Map<string, string>> {
  const best = new Set<string>()
  for (let height = 0; height <= chain.tip.height; height++) best.add(toHex(chain.graph.at(height)?.hash as Uint8Array))
  const mountains = peakPositions(chain.tip.height + 1)
  const isInRange = (level: number, index: number) =>
    mountains.some((peak) => level <= peak.level && index >> (peak.level - level) === peak.index)
  const records = new Map<string, string>()
  for await (const { key, value } of store.records()) {
    const table = String.fromCharCode(key[0] as number)
    const view = new DataView(key.buffer, key.byteOffset)
    if ((table === 'b' || table === 'B') && !best.has(toHex(key.slice(-32)))) continue
    if (table === 'l' && !isInRange(key[1] as number, view.getUint32(2))) continue
    // A keeper that sealed on a branch that lost has sealed what lies below, too: it stays counted.
    if (compareBytes(key, KEYS.meta('settled')) === 0) continue
    records.set(toHex(key), value === undefined ? 'damaged' : toHex(value))
  }
  return records
}

/** @param seen gets the claims of all blocks that come from now on */
function openMempool({ chain, clock }: OpenChain, seen: Set<string>): Mempool {
  const check = (bytes: Uint8Array) => checkTransaction(chain, clock.now, bytes)
  const { networkId } = chain.rules
  const mempool = createMempool({ networkId, now: () => clock.now, verifier: createNodeVerifier(), check })
  chain.onChange((change) => {
    mempool.chainChanged(change)
    for (const { transactions } of change.applied) for (const bytes of transactions) seen.add(claimOf(bytes))
  })
  return mempool
}

function claimOf(bytes: Uint8Array): string {
  const decoded = transactionCodec.decode(bytes)
  if (!decoded.ok) throw new Error(decoded.detail)
  return subjectOf(decoded.value).claim
}

/** Of all claims seen, each is in the chain or waits, and none does both. */
function expectNothingLost(seen: ReadonlySet<string>, tip: BuiltBlock, mempool: Mempool): void {
  const inChain = branch(tip, 1).flatMap(({ block }) => block.transactions.map(claimOf))
  const waiting = mempool.candidates().map(claimOf)
  expect([...new Set([...inChain, ...waiting])].length).toBe(inChain.length + waiting.length)
  for (const claim of seen) expect([...inChain, ...waiting]).toContain(claim)
}

function expectAt({ chain }: OpenChain, best: BuiltBlock): void {
  expect(chain.tip.id).toBe(best.node.id)
  expect(toHex(chain.state.root)).toBe(toHex(best.tree.root))
  expect([...chain.state.leaves()]).toEqual([...best.tree.leaves()])
  expect(chain.tip.roster).toEqual(best.node.roster)
  expect(toHex(rosterRoot(chain.tip.roster))).toBe(toHex(best.block.header.rosterRoot))
  expect(chain.tip.range).toEqual(best.node.range)
  expect(toHex(chain.tip.historyRoot)).toBe(toHex(best.node.historyRoot))
}

const at = (tip: BuiltBlock, height: number) => branch(tip, height)[0] as BuiltBlock
const isIn = (tip: BuiltBlock, id: string) => branch(tip, 0).some(({ node }) => node.id === id)

it('blocks hold transactions of every kind', async () => {
  const made = await RandomBlocks.found(NEVER)
  for (const [i, one] of KINDS.entries()) await made.mine(made.builder.tip, [[one, i]], i, 1_000)
  expect([...made.seen]).toEqual(KINDS)
})

it('apply then undo is identity', { timeout: PROPERTY_TIMEOUT_MS }, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...SETTLE_DEPTHS),
      fc.array(step, { minLength: 3, maxLength: 8 }),
      async (depth, steps) => {
        const made = await RandomBlocks.found(depth)
        const { builder } = made
        let best = await builder.mine({ on: builder.tip, transactions: [] })
        let full = await openChain(builder)
        await full.feed(...branch(best, 1))
        let seen = new Set<string>()
        let mempool = openMempool(full, seen)
        for (const one of steps) {
          const waiting = await made.transaction(...one.waiting, best)
          if (waiting !== undefined && (await mempool.add(waiting)).ok) seen.add(claimOf(waiting))
          const { height } = full.chain.graph.settled.node
          const lowest = Math.max(height, best.node.height - one.depth)
          const lost = [...builder.blocks.values()].filter(
            ({ node, ...block }) =>
              node.height > lowest && !isIn(best, node.id) && isIn({ node, ...block }, at(best, lowest).node.id),
          )
          let on = (one.onLost ? lost.at(-1) : undefined) ?? at(best, lowest)
          // Beside the best chain a relay knows nothing after a restart: it asks for the branch.
          await full.feed(...branch(on, height + 1))
          for (const { wanted, seat, gap } of one.blocks) {
            on = await made.mine(on, wanted, seat, gap)
            await full.feed(on)
            if (on.node.height > best.node.height) break
          }
          best = on
          expect(full.chain.tip.id).toBe(best.node.id)
          expectNothingLost(seen, best, mempool)
          if (!one.restart) continue
          const before = full.chain.graph.settled
          full = await full.reopen()
          expect(full.chain.graph.settled.node.id).toBe(before.node.id)
          seen = new Set()
          mempool = openMempool(full, seen)
        }
        const fresh = await openChain(builder)
        await fresh.feed(...branch(best, 1))
        expectAt(full, best)
        expect(full.chain.graph.settled.node.height).toBeGreaterThanOrEqual(fresh.chain.graph.settled.node.height)
        expect(await recordsOf(full)).toEqual(await recordsOf(fresh))
        expectAt(await full.reopen(), best)
        await closeAll()
      },
    ),
    propertyRuns(5),
  )
})
