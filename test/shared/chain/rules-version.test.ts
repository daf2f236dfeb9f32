/** The owners name a height from which newer rules hold. Who knows them goes on; who does not stops there, blaming nobody. */
import { beforeAll, describe, expect, test } from 'vitest'
import { extendChain } from '../../../shared/chain/chain-node.ts'
import { applyBlock } from '../../../shared/ledger/apply.ts'
import { holdsAt, policyOf } from '../../../shared/ledger/policy.ts'
import { changePolicy } from '../../framework/chain-actions.ts'
import { type BuiltBlock, ChainBuilder } from '../../framework/chain-builder.ts'

const SWITCH = 4

describe('rules 2 from a height on', () => {
  let chain: ChainBuilder

  beforeAll(async () => {
    chain = new ChainBuilder({ highestVersion: 2 })
    await changePolicy(chain, { rules: { version: 2, fromHeight: SWITCH } })
    await chain.mineMany(SWITCH + 2)
  })

  const apply = (block: BuiltBlock, version = block.block.header.version) => {
    const { tree, node } = block.parent as BuiltBlock
    const header = { ...block.block.header, version }
    return applyBlock({ state: tree, roster: node.roster }, { ...block.block, header }, chain.rules)
  }

  test('the version changes at that height and stays', () => {
    expect(chain.from(1).map(({ block }) => block.header.version)).toEqual([1, 1, 1, 2, 2, 2])
    for (const block of chain.from(1)) expect(apply(block)).toMatchObject({ ok: true })
  })

  test('not a block early, not a block late', () => {
    expect(apply(chain.at(SWITCH - 1), 2)).toMatchObject({ ok: false, code: 'wrong-version' })
    expect(apply(chain.at(SWITCH), 1)).toMatchObject({ ok: false, code: 'wrong-version' })
    expect(apply(chain.at(SWITCH + 1), 3)).toMatchObject({ ok: false, code: 'wrong-version' })
  })

  test('headers alone show that it never goes back', async () => {
    const back = chain.mine({ forge: { version: 1 } })
    await expect(back).rejects.toThrow('wrong-version')
  })

  test('older software follows up to there', () => {
    const older = { ...chain.rules, highestVersion: 1 }
    for (const block of chain.from(1)) {
      const extended = extendChain((block.parent as BuiltBlock).node, block.item, older)
      if (block.node.height < SWITCH) expect(extended).toMatchObject({ ok: true })
      else expect(extended).toMatchObject({ ok: false, code: 'unknown-version' })
    }
  })

  test('what holds cannot be unsaid, what is still to come can', async () => {
    const planned = new ChainBuilder({ highestVersion: 3 })
    await changePolicy(planned, { rules: { version: 2, fromHeight: 5 } })
    await planned.mine()
    await changePolicy(planned, { rules: { version: 2, fromHeight: 3 } })
    await planned.mineMany(3)
    expect(planned.tip.block.header.version).toBe(2)
    await changePolicy(planned, { rules: { version: 2, fromHeight: 9 } })
    await expect(planned.mine()).rejects.toThrow('rules-out-of-range')
    await changePolicy(planned, { rules: { version: 3, fromHeight: 7 } })
    await planned.mineMany(3)
    expect(planned.from(5).map(({ block }) => block.header.version)).toEqual([2, 2, 3])
    expect(holdsAt(policyOf(planned.tip.tree), 2, 7)).toBe(false)
  })
})
