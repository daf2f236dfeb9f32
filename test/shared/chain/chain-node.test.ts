import { beforeAll, describe, expect, test } from 'vitest'
import { type ChainNode, type ExtendCode, extendChain, startChain } from '../../../shared/chain/chain-node.ts'
import type { HeaderItem } from '../../../shared/chain/header-item.ts'
import { expandTarget, meetsTarget, workOfTarget } from '../../../shared/chain/target.ts'
import { createNobleVerifier } from '../../../shared/crypto/noble-verifier.ts'
import { type Header, hashHeader } from '../../../shared/header/header.ts'
import { EMPTY_RANGE } from '../../../shared/history/mountain-range.ts'
import { admitKeeper, foundRelay, registerByOwner } from '../../framework/chain-actions.ts'
import { type BuiltBlock, ChainBuilder, namedSigner } from '../../framework/chain-builder.ts'

const verifier = createNobleVerifier()
let chain: ChainBuilder
/** A block without and one with a roster change. */
let plain: BuiltBlock
let changing: BuiltBlock
beforeAll(async () => {
  chain = new ChainBuilder({ keepers: 2 })
  const relay = await foundRelay(chain)
  plain = await chain.mine()
  const second = await registerByOwner(chain, { wallet: namedSigner('second'), endorsers: [relay] })
  await chain.mine()
  await admitKeeper(chain, second, namedSigner('second seal'))
  changing = await chain.mine()
})

const parentOf = (built: BuiltBlock): ChainNode => (built.parent as BuiltBlock).node
const extend = (built: BuiltBlock, item: HeaderItem = built.item) => extendChain(parentOf(built), item, chain.rules)

/** The block's item with another header, its nonce searched anew until the hash meets, or misses, the target. */
function withHeader(built: BuiltBlock, change: Partial<Header>, meets = true): HeaderItem {
  const { sealed, rosterChanges } = built.item
  for (let nonce = 0; ; nonce++) {
    const header = { ...sealed.header, nonce, ...change }
    const target = expandTarget(header.target)
    if (target !== undefined && meetsTarget(hashHeader(header), target) !== meets && change.nonce === undefined)
      continue
    return { sealed: { ...sealed, header }, rosterChanges }
  }
}

const refusedWith = (code: ExtendCode) => expect.objectContaining({ ok: false, code })

describe('extendChain', () => {
  test('follows a good header', async () => {
    const extended = extend(plain)
    if (!extended.ok) throw new Error(extended.detail)
    const { node, signatures } = extended.value
    expect(node).toEqual(plain.node)
    expect(node.height).toBe(parentOf(plain).height + 1)
    expect(node.work).toBe(parentOf(plain).work + workOfTarget(expandTarget(node.sealed.header.target) as bigint))
    expect(node.previous).toEqual({
      time: parentOf(plain).sealed.header.time,
      target: parentOf(plain).sealed.header.target,
    })
    expect(signatures).toHaveLength(1)
    expect(await verifier.verifyBatch(signatures)).toEqual([true])
  })

  test('follows roster changes, with their signatures', async () => {
    const extended = extend(changing)
    if (!extended.ok) throw new Error(extended.detail)
    expect(extended.value.node.roster.members).toHaveLength(3)
    expect(extended.value.node.roster.changeNumber).toBe(1)
    expect(await verifier.verifyBatch(extended.value.signatures)).toEqual([true, true])
  })

  const mark = () => new Uint8Array(32).fill(0xee)
  test.each<[ExtendCode, () => Partial<Header>]>([
    ['unknown-version', () => ({ version: 2 })],
    ['wrong-version', () => ({ version: 0 })],
    ['wrong-parent', () => ({ previousHash: mark() })],
    ['wrong-height', () => ({ height: plain.node.height + 1 })],
    ['wrong-height', () => ({ height: plain.node.height - 1 })],
    ['time-not-rising', () => ({ time: parentOf(plain).sealed.header.time })],
    ['time-not-rising', () => ({ time: 0 })],
    ['wrong-target', () => ({ target: 0x20700000 })],
    ['wrong-target', () => ({ target: 0x1f7fffff })],
    ['not-a-keeper', () => ({ seat: 2 })],
    ['not-a-keeper', () => ({ seat: 0xffff })],
    ['wrong-history-root', () => ({ historyRoot: mark() })],
    ['wrong-roster-root', () => ({ rosterRoot: mark() })],
  ])('refuses with %s', (code, change) => {
    expect(extend(plain, withHeader(plain, {}))).toMatchObject({ ok: true })
    expect(extend(plain, withHeader(plain, change()))).toEqual(refusedWith(code))
  })

  test('refuses a hash above the target', () => {
    expect(extend(plain, withHeader(plain, {}, false))).toEqual(refusedWith('not-enough-work'))
  })

  test('time may rise by one millisecond, and by years: the clock is not its matter', () => {
    const { time } = parentOf(plain).sealed.header
    for (const later of [1, 10 * 365 * 86_400_000])
      expect(extend(plain, withHeader(plain, { time: time + later }))).toMatchObject({ ok: true })
  })

  test('a seal by another key does not hold, and that of another network does not', async () => {
    const stolen = await chain.mine({ on: plain, seat: 0, sealWith: chain.keeper(1), transactions: [] })
    const extended = extend(stolen)
    if (!extended.ok) throw new Error(extended.detail)
    expect(await verifier.verifyBatch(extended.value.signatures)).toEqual([false])
    const elsewhere = extendChain(parentOf(plain), plain.item, { ...chain.rules, networkId: new Uint8Array(32) })
    if (!elsewhere.ok) throw new Error(elsewhere.detail)
    expect(await verifier.verifyBatch(elsewhere.value.signatures)).toEqual([false])
  })

  test('a roster change left out, made up or given twice shows', () => {
    expect(extend(changing, { ...changing.item, rosterChanges: [] })).toEqual(refusedWith('wrong-roster-root'))
    expect(extend(plain, { ...plain.item, rosterChanges: changing.item.rosterChanges })).toEqual(
      refusedWith('wrong-roster-root'),
    )
    const twice = [...changing.item.rosterChanges, ...changing.item.rosterChanges]
    expect(extend(changing, { ...changing.item, rosterChanges: twice })).toEqual(refusedWith('wrong-change-number'))
  })

  test('a new keeper seals from the next block on, not in the one that admits it', async () => {
    expect(extend(changing, withHeader(changing, { seat: 2 }))).toEqual(refusedWith('not-a-keeper'))
    const next = await chain.mine({ on: changing, seat: 2, transactions: [] })
    const extended = extend(next)
    expect(extended.ok && (await verifier.verifyBatch(extended.value.signatures))).toEqual([true])
  })
})

describe('startChain', () => {
  const startOf = (built: BuiltBlock) => ({
    sealed: built.item.sealed,
    previous: built.node.previous,
    roster: built.node.roster,
    range: parentOf(built).range,
  })

  test('starts at genesis without work, and anywhere else where the chain stood', () => {
    expect(chain.first.node).toMatchObject({ height: 0, work: 0n, previous: undefined })
    const started = startChain(startOf(changing))
    if (!started.ok) throw new Error(started.detail)
    expect(started.value).toEqual({ ...changing.node, sealingKey: undefined, rosterChanges: [] })
  })

  test.each([
    ['wrong-roster-root', () => ({ roster: plain.node.roster })],
    ['wrong-history-root', () => ({ range: changing.node.range })],
    ['wrong-history-root', () => ({ range: EMPTY_RANGE })],
  ] as const)('refuses with %s', (code, change) => {
    expect(startChain({ ...startOf(changing), ...change() })).toEqual(expect.objectContaining({ ok: false, code }))
  })

  test.each([
    ['a target that is not canonical', () => ({ target: 0x1d0000ff })],
    ['a time before the headers below', () => ({ time: 1 })],
  ])('refuses %s', (_, change) => {
    const { sealed, ...rest } = startOf(changing)
    const header = { ...sealed.header, ...change() }
    expect(startChain({ ...rest, sealed: { ...sealed, header } })).toEqual(
      expect.objectContaining({ ok: false, code: 'wrong-target' }),
    )
  })
})
