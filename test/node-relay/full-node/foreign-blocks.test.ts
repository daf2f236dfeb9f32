/** What a stranger's block costs: its header is judged before its body is looked at. */
import { afterEach, expect, it } from 'vitest'
import { headerItemOf } from '../../../node-relay/full-node/chain.ts'
import { MAX_ROSTER_CHANGES_PER_BLOCK } from '../../../shared/block/block.ts'
import { transactionRoot } from '../../../shared/block/transaction-tree.ts'
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
