/** What a stranger's block costs: its header is judged before its body is looked at. */
import { afterEach, expect, it, vi } from 'vitest'
import { headerItemOf } from '../../../node-relay/full-node/chain.ts'
import { MAX_ROSTER_CHANGES_PER_BLOCK } from '../../../shared/block/block.ts'
import { transactionRoot } from '../../../shared/block/transaction-tree.ts'
import { ZERO_HASH } from '../../../shared/bytes.ts'
import { hashHeader } from '../../../shared/header/header.ts'
import { transactionCodec } from '../../../shared/transaction/transaction.ts'
import { foundRelay } from '../../framework/chain-actions.ts'
import { ChainBuilder } from '../../framework/chain-builder.ts'
import { closeAll, openChain } from './open-chain.ts'

afterEach(closeAll)

it('a header without work or seat is refused whatever the body is', async () => {
  const builder = new ChainBuilder()
  await foundRelay(builder)
  const full = await openChain(builder)
  const { block } = builder.at(1)
  const body = Array.from({ length: 100 }, () => new Uint8Array(32_768))
  const code = async (change: object) => {
    const outcome = await full.chain.accept({ ...block, header: { ...block.header, ...change }, transactions: body })
    return outcome.kind === 'rejected' ? outcome.rejection.code : outcome.kind
  }
  let nonce = block.header.nonce
  do nonce++
  while ((hashHeader({ ...block.header, nonce })[0] as number) === 0)
  expect(await code({ nonce })).toBe('not-enough-work')
  expect(await code({ seat: 7 })).toBe('not-a-keeper')
  expect(await code({ target: block.header.target - 1 })).toBe('wrong-target')
  // The honest header, and only that, leads to a look at the body.
  expect(await code({})).toBe('wrong-transaction-root')
  expect(transactionRoot(block.transactions)).toEqual(block.header.transactionRoot)
})

it('more roster changes than a block may hold are not even read', async () => {
  const builder = new ChainBuilder()
  await foundRelay(builder)
  const leave = {
    TAG: 'leave' as const,
    data: { leave: { deviceId: new Uint8Array(32), seat: 0 }, signature: new Uint8Array(64) },
  }
  const one = transactionCodec.encode({ TAG: 'rosterChange', data: { changeNumber: 1, action: leave } })
  const blockWith = (count: number) => ({
    ...builder.at(1).block,
    transactions: Array.from({ length: count }, () => one),
  })
  expect(headerItemOf(blockWith(MAX_ROSTER_CHANGES_PER_BLOCK))).toMatchObject({ ok: true })
  expect(headerItemOf(blockWith(MAX_ROSTER_CHANGES_PER_BLOCK + 1))).toMatchObject({ code: 'too-many-roster-changes' })
})

it('a heavier branch is read from disk only as far as its blocks are good', async () => {
  const builder = new ChainBuilder({ keepers: 3 })
  await builder.mineMany(2)
  const full = await openChain(builder)
  await full.feed(...builder.from(1))
  // A keeper's branch whose first block is bad: nobody executed it while the branch was lighter.
  const time = builder.at(1).block.header.time + 1
  const bad = await builder.mine({ on: builder.first, time, transactions: [], forge: { stateRoot: ZERO_HASH } })
  const blocks = [bad.block]
  let on = bad
  for (let i = 0; i < 3; i++) {
    on = await builder.mine({ on, transactions: [] })
    blocks.push(on.block)
  }
  const read = vi.spyOn(full.store, 'block')
  const outcomes = []
  for (const block of blocks) outcomes.push(await full.chain.accept(block))
  const refused = outcomes.find((outcome) => outcome.kind === 'rejected')
  expect(refused).toMatchObject({ rejection: { code: 'wrong-state-root' } })
  expect(read.mock.calls.map(([hash]) => hash)).toEqual([bad.node.hash])
  expect(full.chain.tip.id).toBe(builder.at(2).node.id)
})
