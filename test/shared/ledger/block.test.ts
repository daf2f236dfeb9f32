import { beforeEach, describe, expect, test } from 'vitest'
import { MAX_ROSTER_CHANGES_PER_BLOCK } from '../../../shared/block/block.ts'
import { transactionRoot } from '../../../shared/block/transaction-tree.ts'
import { applyBlock } from '../../../shared/ledger/apply.ts'
import { buildBlock } from '../../../shared/ledger/build-block.ts'
import {
  type Genesis,
  genesisCodec,
  genesisHeader,
  genesisRoster,
  genesisState,
  hashGenesis,
} from '../../../shared/ledger/genesis.ts'
import { epochCodec } from '../../../shared/ledger/records.ts'
import { EPOCH_KEY } from '../../../shared/ledger/state-keys.ts'
import { DEFAULT_POLICY } from '../../../shared/policy/policy.ts'
import { rosterRoot } from '../../../shared/roster/roster.ts'
import { ownerMessage } from '../../../shared/transaction/approval.ts'
import { KIND } from '../../../shared/transaction/kinds.ts'
import { hashChangeContent, type RosterAction } from '../../../shared/transaction/roster-change.ts'
import { hashPolicy, transactionCodec } from '../../../shared/transaction/transaction.ts'
import {
  admitKeeper,
  foundRelay,
  makeVoucher,
  registerByOwner,
  registerByVoucher,
  retire,
  type TestDevice,
} from '../../framework/chain-actions.ts'
import { type BuiltBlock, ChainBuilder, namedSigner } from '../../framework/chain-builder.ts'

let chain: ChainBuilder
let relay: TestDevice
beforeEach(async () => {
  chain = new ChainBuilder()
  relay = await foundRelay(chain)
})

const before = (built: BuiltBlock) => {
  const parent = built.parent as BuiltBlock
  return { state: parent.tree, roster: parent.node.roster }
}
const apply = (built: BuiltBlock, transactions = built.block.transactions, header = built.block.header) =>
  applyBlock(before(built), { ...built.block, header, transactions }, chain.rules)
const refusedWith = (code: string) => expect.objectContaining({ ok: false, code })

async function phones(count: number): Promise<void> {
  for (let i = 0; i < count; i++)
    await registerByVoucher(chain, await makeVoucher(chain, relay, { name: `v${i}` }), {
      wallet: namedSigner(`phone ${i}`),
      endorsers: [relay],
    })
}

describe('applyBlock', () => {
  test('comes to the state that the header commits to, each time alike', async () => {
    await phones(3)
    const block = await chain.mine()
    const [one, two] = [apply(block), apply(block)]
    if (!one.ok || !two.ok) throw new Error('refused')
    expect(one).toEqual(two)
    const { tree } = (block.parent as BuiltBlock).tree.update({
      version: block.node.height,
      changes: one.value.changes,
    })
    expect(tree.root).toEqual(block.block.header.stateRoot)
    expect(one.value.signatures).toHaveLength(3 * 4)
  })

  test('refuses other transactions, another order, one twice', async () => {
    await phones(2)
    const block = await chain.mine()
    const [a, b] = block.block.transactions as [Uint8Array, Uint8Array]
    for (const transactions of [[], [a], [b, a], [a, b, b]])
      expect(apply(block, transactions)).toEqual(refusedWith('wrong-transaction-root'))
    const twice = { ...block.block.header, transactionRoot: transactionRoot([a, a]) }
    expect(apply(block, [a, a], twice)).toEqual(refusedWith('voucher-used'))
  })

  test('refuses what does not decode, and names the place', async () => {
    const block = await chain.mine()
    const junk = [Uint8Array.of(200)]
    const header = { ...block.block.header, transactionRoot: transactionRoot(junk) }
    expect(apply(block, junk, header)).toMatchObject({
      ok: false,
      code: 'malformed',
      detail: expect.stringContaining('transaction 0'),
    })
  })

  test('refuses a roster root that its roster changes do not lead to', async () => {
    const device = await registerByOwner(chain, { wallet: namedSigner('second'), endorsers: [relay] })
    await chain.mine()
    await admitKeeper(chain, device, namedSigner('second seal'))
    const block = await chain.mine()
    expect(apply(block)).toMatchObject({ ok: true, value: { rosterChanges: [{ changeNumber: 1 }] } })
    const old = { ...block.block.header, rosterRoot: rosterRoot(before(block).roster) }
    expect(apply(block, undefined, old)).toEqual(refusedWith('wrong-roster-root'))
  })

  test('refuses more transactions than the policy allows', async () => {
    const count = DEFAULT_POLICY.maxBlockTransactions + 1
    const transactions = Array.from({ length: count }, () => Uint8Array.of(1))
    const block = await chain.mine()
    const header = { ...block.block.header, transactionRoot: transactionRoot(transactions) }
    expect(apply(block, transactions, header)).toEqual(refusedWith('too-many-transactions'))
  })

  test('one block turns one epoch at most, however long the network slept', async () => {
    const { epochSeconds, spacingMs } = chain.parameters
    const numberAt = (built: BuiltBlock) => {
      const epoch = epochCodec.decode(built.tree.get(EPOCH_KEY) as Uint8Array)
      return epoch.ok ? epoch.value.number : -1
    }
    const start = chain.first.block.header.time
    const last = await chain.mine({ time: start + epochSeconds * 1000 - 1 })
    expect(numberAt(last)).toBe(0)
    expect(numberAt(await chain.mine({ time: start + epochSeconds * 1000 }))).toBe(1)
    expect(numberAt(await chain.mine({ time: start + 1000 * epochSeconds * 1000 }))).toBe(2)
    expect(numberAt(await chain.mine({ time: start + 1000 * epochSeconds * 1000 + spacingMs }))).toBe(2)
  })
})

describe('buildBlock', () => {
  const context = () => ({
    ...chain.rules,
    height: chain.tip.node.height + 1,
    time: chain.tip.block.header.time + 1_000,
  })
  const state = () => ({ state: chain.tip.tree, roster: chain.tip.node.roster })

  test('takes what is good in its order and names what is not', async () => {
    await phones(2)
    const [a, b] = chain.waiting as [Uint8Array, Uint8Array]
    const junk = Uint8Array.of(77)
    const content = buildBlock(state(), context(), [b, junk, a, b])
    expect(content.transactions).toEqual([b, a])
    expect(content.refused.map(({ code }) => code)).toEqual(['malformed', 'voucher-used'])
    expect(content.signatures.map((list) => list.length)).toEqual([4, 4])
  })

  test('what stands on one before it is good in the same block', async () => {
    const device = await registerByOwner(chain, { wallet: namedSigner('short-lived'), label: 1, endorsers: [relay] })
    await retire(chain, device)
    const content = buildBlock(state(), context(), chain.waiting)
    expect(content.transactions).toHaveLength(2)
    expect(buildBlock(state(), context(), chain.waiting.toReversed()).refused).toMatchObject([
      { code: 'unknown-device' },
    ])
  })

  test('what has no room waits: it is neither taken nor refused', async () => {
    const next = { ...DEFAULT_POLICY, number: 1, maxBlockTransactions: 1 }
    const signature = await chain.owner.sign(ownerMessage(chain.networkId, KIND.policy, hashPolicy(next)))
    chain.waiting.push(
      transactionCodec.encode({ TAG: 'policy', data: { policy: next, signatures: [{ owner: 0, signature }] } }),
    )
    await chain.mine()
    await phones(2)
    const content = buildBlock(state(), context(), chain.waiting)
    expect(content.transactions).toEqual(chain.waiting.slice(0, 1))
    expect(content.refused).toEqual([])
  })

  test('so many roster changes and no more', async () => {
    const changes: Uint8Array[] = []
    const { owners } = chain.genesis
    for (let changeNumber = 1; changeNumber <= MAX_ROSTER_CHANGES_PER_BLOCK + 1; changeNumber++) {
      const action = (signatures: { owner: number; signature: Uint8Array }[]): RosterAction => ({
        TAG: 'owners',
        data: { owners, signatures },
      })
      const content = hashChangeContent(changeNumber, action([]))
      const signature = await chain.owner.sign(ownerMessage(chain.networkId, KIND.rosterChange, content))
      const data = { changeNumber, action: action([{ owner: 0, signature }]) }
      changes.push(transactionCodec.encode({ TAG: 'rosterChange', data }))
    }
    const content = buildBlock(state(), context(), changes)
    expect(content.transactions).toHaveLength(MAX_ROSTER_CHANGES_PER_BLOCK)
    expect(content.refused).toEqual([])
    const block = await chain.mine()
    const header = { ...block.block.header, transactionRoot: transactionRoot(changes) }
    expect(apply(block, changes, header)).toEqual(refusedWith('too-many-roster-changes'))
    const fewer = changes.slice(0, -1)
    const good = {
      ...block.block.header,
      transactionRoot: transactionRoot(fewer),
      rosterRoot: rosterRoot(content.roster),
    }
    expect(apply(block, fewer, good)).toMatchObject({ ok: true })
  })
})

describe('genesis', () => {
  test('every part of it is in the network ID', () => {
    const { genesis } = chain
    const others: Genesis[] = [
      { ...genesis, createdAt: genesis.createdAt + 1 },
      { ...genesis, parameters: { ...genesis.parameters, settleDepth: 7 } },
      { ...genesis, owners: { threshold: 1, keys: [namedSigner('other').publicKey] } },
      { ...genesis, keepers: [{ ...genesis.keepers[0]!, recoveryKey: namedSigner('other').publicKey }] },
      { ...genesis, policy: { ...genesis.policy, quotaBase: 1 } },
    ]
    const hashes = [genesis, ...others].map((one) => Buffer.from(hashGenesis(one)).toString('hex'))
    expect(new Set(hashes).size).toBe(hashes.length)
    expect(genesisHeader(genesis, chain.first.tree.root)).toEqual(chain.first.block.header)
    expect(genesisRoster(genesis)).toMatchObject({ changeNumber: 0, nextSeat: 1 })
    expect(genesisState(genesis)).toHaveLength(3)
  })

  test.each<[string, (genesis: Genesis) => Genesis]>([
    ['no keepers', (genesis) => ({ ...genesis, keepers: [] })],
    ['no owners', (genesis) => ({ ...genesis, owners: { threshold: 1, keys: [] } })],
    ['a threshold above its owners', (genesis) => ({ ...genesis, owners: { ...genesis.owners, threshold: 2 } })],
    ['another version', (genesis) => ({ ...genesis, version: 2 })],
  ])('refuses %s', (_, change) => {
    expect(genesisCodec.decode(genesisCodec.encode(chain.genesis))).toEqual({ ok: true, value: chain.genesis })
    expect(() => genesisCodec.encode(change(chain.genesis))).toThrow(expect.objectContaining({ code: 'unencodable' }))
  })
})

test('the chain builder and the codec agree', () => {
  for (const { block } of chain.from(1))
    for (const bytes of block.transactions) expect(transactionCodec.decode(bytes).ok).toBe(true)
})
