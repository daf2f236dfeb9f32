/** A restored relay goes on from its backup: the owners' word, a new key, and no two headers of one key on one parent. */
import { beforeAll, describe, expect, test } from 'vitest'
import { extendChain } from '../../../shared/chain/chain-node.ts'
import { ForkGraph } from '../../../shared/chain/fork-graph.ts'
import { createNobleVerifier } from '../../../shared/crypto/noble-verifier.ts'
import { checkRosterChange } from '../../../shared/proof/roster-change.ts'
import { type Recovery, rosterChangeCoder } from '../../../shared/transaction/roster-change.ts'
import { recoverKeeper } from '../../framework/chain-actions.ts'
import { type BuiltBlock, ChainBuilder, namedSigner } from '../../framework/chain-builder.ts'

const verifier = createNobleVerifier()
const NEW_KEY = namedSigner('restored')

/** Six blocks, of which the backup has two; the third on it carries the recovery. */
async function restored(change: Partial<Recovery> = {}, chain = new ChainBuilder()) {
  const base = await chain.mineMany(2)
  const lost = await chain.mineMany(4)
  chain.tip = base
  const transaction = await recoverKeeper(chain, { base, lost, sealing: NEW_KEY, change })
  return { chain, base, lost, transaction }
}

describe('a recovery', () => {
  let chain: ChainBuilder
  let base: BuiltBlock
  let lost: BuiltBlock
  let first: BuiltBlock

  beforeAll(async () => {
    ;({ chain, base, lost } = await restored())
    first = await chain.mine({ sealWith: NEW_KEY })
  })

  test('is sealed with the new key, on a parent where the old one has sealed another', async () => {
    expect(first.node.sealingKey).toEqual(NEW_KEY.publicKey)
    expect(chain.blocks.get(lost.node.id)?.parent?.parent?.parent?.node.sealingKey).toEqual(chain.keeper(0).publicKey)
    const extended = extendChain(base.node, first.item, chain.rules)
    if (!extended.ok) throw new Error(extended.detail)
    expect(await verifier.verifyBatch(extended.value.signatures)).toEqual([true, true])
  })

  test('does not hold with the seal of the old key', async () => {
    const { chain: other, base: on, transaction } = await restored()
    const stolen = await other.mine({ on, transactions: [transaction], sealWith: other.keeper(0) })
    const extended = extendChain(on.node, stolen.item, other.rules)
    if (!extended.ok) throw new Error(extended.detail)
    expect((await verifier.verifyBatch(extended.value.signatures))[0]).toBe(false)
  })

  test('changes key and time in the roster', () => {
    expect(first.node.roster).toMatchObject({ changeNumber: 1, recovered: first.item.sealed.header.time })
    expect(first.node.roster.members[0]?.sealingKey).toEqual(NEW_KEY.publicKey)
  })

  test('goes before heavier work, whatever comes first, but nobody leaves settled for it', () => {
    for (const order of [
      [...chain.from(1), ...lostBranch()],
      [...lostBranch(), ...chain.from(1)],
    ]) {
      const graph = new ForkGraph(chain.first.node, { ...chain.parameters, settleDepth: 100 })
      for (const { node } of order) graph.insert(node)
      expect(graph.tip.id).toBe(first.node.id)
    }
    const graph = new ForkGraph(chain.first.node, chain.parameters)
    for (const { node } of lostBranch()) graph.insert(node)
    expect(graph.settled.node.height).toBe(4)
    expect(graph.insert(first.node).kind).toBe('conflict')
    expect(graph.tip.id).toBe(lost.node.id)
  })

  test('the old key moves nobody any more: a branch that it seals lends it no seat', () => {
    const graph = new ForkGraph(chain.first.node, { ...chain.parameters, settleDepth: 1, settleSeconds: 0 })
    for (const { node } of chain.from(1)) graph.insert(node)
    expect(graph.settled.node.id).toBe(base.node.id)
    for (const { node } of lostBranch()) expect(graph.insert(node).kind).not.toBe('reorganization')
    expect(graph.tip.id).toBe(first.node.id)
  })

  function lostBranch(): BuiltBlock[] {
    const blocks: BuiltBlock[] = []
    for (let block: BuiltBlock | undefined = lost; block !== undefined && block.node.height > 0; block = block.parent)
      blocks.unshift(block)
    return blocks
  }
})

describe('a block refuses a recovery', () => {
  test.each<[string, Partial<Recovery> | ((base: BuiltBlock) => Partial<Recovery>)]>([
    ['from another header', (base) => ({ base: { height: base.node.height, hash: new Uint8Array(32) } })],
    ['from another height', (base) => ({ base: { height: base.node.height - 1, hash: base.node.hash } })],
    ['that is signed later than the block', (base) => ({ time: base.block.header.time + 3_600_000 })],
  ])('%s', async (_, change) => {
    const { chain, base } = await restored()
    const good = await chain.mine({ sealWith: NEW_KEY })
    expect(extendChain(base.node, good.item, chain.rules)).toMatchObject({ ok: true })
    chain.tip = base
    await recoverKeeper(chain, {
      base,
      lost: base,
      sealing: NEW_KEY,
      change: typeof change === 'function' ? change(base) : change,
    })
    await expect(chain.mine({ sealWith: NEW_KEY })).rejects.toThrow('wrong-recovery')
  })

  test('of another seat than its own', async () => {
    const { chain } = await restored({}, new ChainBuilder({ keepers: 3 }))
    await expect(chain.mine({ seat: 1, sealWith: NEW_KEY })).rejects.toThrow('wrong-recovery')
  })
})

describe('the roster refuses a recovery', () => {
  async function changeOf(change: Partial<Recovery>, chain = new ChainBuilder()) {
    const { transaction } = await restored(change, chain)
    const decoded = rosterChangeCoder.decode(transaction.subarray(1))
    return checkRosterChange(chain.first.node.roster, decoded, { networkId: chain.networkId, height: 3 })
  }

  test('good one', async () => {
    const checked = await changeOf({})
    if (!checked.ok) throw new Error(checked.detail)
    expect(await verifier.verifyBatch(checked.value.signatures)).toEqual([true])
  })

  test.each<[string, Partial<Recovery>, number]>([
    ['not-a-member', { seat: 1 }, 1],
    ['key-in-use', { sealingKey: new ChainBuilder().keeper(0).publicKey }, 1],
    ['recovery-too-old', { time: 0 }, 1],
    ['too-many-seats', {}, 4],
  ])('%s', async (code, change, keepers) => {
    expect(await changeOf(change, new ChainBuilder({ keepers }))).toMatchObject({ ok: false, code })
  })

  test('signed by somebody else', async () => {
    const chain = new ChainBuilder()
    const { transaction } = await restored({}, chain)
    const { roster } = chain.first.node
    const others = { ...roster, owners: { threshold: 1, keys: [namedSigner('thief').publicKey] } }
    const checked = checkRosterChange(others, rosterChangeCoder.decode(transaction.subarray(1)), {
      networkId: chain.networkId,
      height: 3,
    })
    if (!checked.ok) throw new Error(checked.detail)
    expect(await verifier.verifyBatch(checked.value.signatures)).toEqual([false])
  })
})
