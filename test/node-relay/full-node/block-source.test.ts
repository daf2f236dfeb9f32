import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createNodeVerifier } from '../../../node-relay/crypto/node-verifier.ts'
import { type BlockTemplate, createBlockSource, NEWER_RULES } from '../../../node-relay/full-node/block-source.ts'
import { checkTransaction } from '../../../node-relay/full-node/check-transaction.ts'
import { expandTarget, meetsTarget } from '../../../shared/chain/target.ts'
import type { Signer } from '../../../shared/crypto/signer.ts'
import { hashHeader } from '../../../shared/header/header.ts'
import { sealMessage } from '../../../shared/header/seal.ts'
import { changePolicy, recoverKeeper, registerByOwner } from '../../framework/chain-actions.ts'
import { ChainBuilder, namedSigner } from '../../framework/chain-builder.ts'
import { closeAll, type OpenChain, openChain } from './open-chain.ts'

let builder: ChainBuilder
let full: OpenChain
let refused: string[]

beforeEach(async () => {
  builder = new ChainBuilder({ keepers: 2 })
  full = await openChain(builder)
  full.clock.now = builder.genesis.createdAt + 10_000
  refused = []
})
afterEach(closeAll)

const createSource = (candidates: readonly Uint8Array[] = [], signer: Signer = builder.keeper(0)) =>
  createBlockSource({
    chain: full.chain,
    verifier: createNodeVerifier(),
    sealingKey: () => signer.publicKey,
    candidates: () => candidates,
    refuse: (_, code) => refused.push(code),
  })

async function templateOf(source: ReturnType<typeof createSource>, time = full.clock.now): Promise<BlockTemplate> {
  const template = await source.template(time)
  if ('wait' in template) throw new Error(template.wait)
  return template
}

async function seal({ header }: BlockTemplate, signer = builder.keeper(0)) {
  for (let nonce = 0; ; nonce++) {
    const mined = { ...header, nonce }
    const hash = hashHeader(mined)
    if (meetsTarget(hash, expandTarget(header.target) as bigint))
      return { header: mined, seal: await signer.sign(sealMessage(builder.networkId, hash)) }
  }
}

describe('block source', () => {
  it('makes a block of what waits, stores it as sealed, and seals none beside it', async () => {
    await registerByOwner(builder, { wallet: namedSigner('one') })
    const source = createSource(builder.waiting)
    const template = await templateOf(source)
    expect(template.transactions).toEqual(builder.waiting)
    expect(template.header).toMatchObject({ height: 1, time: full.clock.now, seat: 0, nonce: 0 })
    expect(source.tipTime()).toBe(builder.genesis.createdAt)
    expect(await source.submit(await seal(template), template)).toBe('stored')
    expect(full.chain.tip.height).toBe(1)
    expect(full.chain.lastSealed?.hash).toEqual(full.chain.tip.hash)
    expect((await templateOf(source, 0)).header).toMatchObject({ height: 2, time: full.clock.now + 1 })
  })

  it('calls a block stale when the tip has moved, and stores nothing', async () => {
    const source = createSource()
    const template = await templateOf(source)
    await full.feed(await builder.mine({ seat: 1 }))
    expect(await source.submit(await seal(template), template)).toBe('stale')
    expect(full.chain.lastSealed).toBeUndefined()
  })

  it('leaves out what the rules refuse, what is signed by nobody, and what does not decode', async () => {
    await registerByOwner(builder, { wallet: namedSigner('one') })
    await registerByOwner(builder, { wallet: namedSigner('two') })
    const [one, two] = builder.waiting as [Uint8Array, Uint8Array]
    const unsigned = two.map((byte, i) => (i === two.length - 1 ? byte ^ 1 : byte))
    const template = await templateOf(createSource([one, one, unsigned, Uint8Array.of(1)]))
    expect(template.transactions).toEqual([one])
    expect(refused.sort()).toEqual(['anchor-live', 'bad-signature', 'malformed'])
    const good = await templateOf(createSource([one, two]))
    expect(good.transactions).toEqual([one, two])
  })

  it('waits without a seat, and throws on a block that its own rules refuse', async () => {
    expect(await createSource([], namedSigner('nobody')).template(0)).toMatchObject({
      wait: expect.stringContaining('no seat'),
    })
    const source = createSource()
    const template = await templateOf(source)
    const sealed = await seal({ ...template, header: { ...template.header, stateRoot: new Uint8Array(32) } })
    await expect(source.submit(sealed, template)).rejects.toThrow('wrong-state-root')
    expect(full.chain.tip.height).toBe(0)
  })

  it('stops before rules that it does not know, and blames nobody for them', async () => {
    const newer = new ChainBuilder({ highestVersion: 2 })
    await changePolicy(newer, { rules: { version: 2, fromHeight: 3 } })
    await newer.mineMany(3)
    const older = await openChain(newer)
    older.clock.now = newer.tip.block.header.time
    const source = createBlockSource({
      chain: older.chain,
      verifier: createNodeVerifier(),
      sealingKey: () => newer.keeper(0).publicKey,
      candidates: () => [],
      refuse: (_, code) => refused.push(code),
    })
    await older.feed(newer.at(1))
    expect((await templateOf(source)).header).toMatchObject({ height: 2, version: 1 })
    await older.feed(newer.at(2))
    expect(await source.template(older.clock.now)).toEqual({ wait: NEWER_RULES })
    expect(await older.feed(newer.at(3))).toMatchObject([{ kind: 'rejected', rejection: { code: 'unknown-version' } }])
  })

  it('lets no recovery wait with the other transactions', async () => {
    await builder.mineMany(2)
    await full.feed(builder.at(1), builder.at(2))
    const change = await recoverKeeper(builder, {
      base: builder.tip,
      lost: builder.tip,
      sealing: namedSigner('restored'),
    })
    expect(checkTransaction(full.chain, full.clock.now, change)).toMatchObject({ ok: false, code: 'not-submitted' })
  })
})
