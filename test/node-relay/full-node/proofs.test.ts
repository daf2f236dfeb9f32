import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createNodeVerifier } from '../../../node-relay/crypto/node-verifier.ts'
import { ZERO_HASH } from '../../../shared/bytes.ts'
import { deviceKey } from '../../../shared/ledger/state-keys.ts'
import { verifyBundle } from '../../../shared/proof/bundle.ts'
import { checkpointCodec } from '../../../shared/protocol/messages.ts'
import { checkStart } from '../../../shared/sync/start.ts'
import {
  admitKeeper,
  foundRelay,
  registerByOwner,
  removeKeeper,
  type TestDevice,
} from '../../framework/chain-actions.ts'
import { ChainBuilder, namedSigner } from '../../framework/chain-builder.ts'
import { buildBundle } from '../../shared/proof/build-bundle.ts'
import { branch, closeAll, type OpenChain, openChain } from './open-chain.ts'

const verifier = createNodeVerifier()
const absent = new Uint8Array(32).fill(1)
let builder: ChainBuilder
let full: OpenChain
let relay: TestDevice

/** Three keepers; a fourth comes and goes. */
beforeEach(async () => {
  builder = new ChainBuilder({ keepers: 3 })
  relay = await foundRelay(builder)
  const late = await registerByOwner(builder, { wallet: namedSigner('late'), endorsers: [relay] })
  await builder.mine()
  await admitKeeper(builder, late, namedSigner('late seal'))
  await builder.mineMany(2)
  await removeKeeper(builder, late.deviceId, 3)
  await builder.mineMany(8)
  full = await openChain(builder)
  await full.feed(...builder.from(1))
})
afterEach(closeAll)

describe('chain reader', () => {
  it('gives bundles of the settled header that a reader verifies', async () => {
    const settled = full.chain.graph.settled.node
    for (const [deviceId, state] of [
      [relay.deviceId, 'registered'],
      [absent, 'not-in-ledger'],
    ] as const) {
      const bundle = (await full.reader.bundle(deviceId)) as Uint8Array
      expect(bundle).toEqual(buildBundle(builder, deviceId, builder.at(settled.height)))
      const verdict = await verifyBundle(bundle, builder.networkId, verifier, deviceId)
      expect(verdict).toMatchObject({ ok: true, value: { state, settled: { height: settled.height } } })
    }
  })

  it('gives bundles at genesis', async () => {
    const fresh = await openChain(new ChainBuilder({ name: 'fresh' }))
    const bundle = (await fresh.reader.bundle(absent)) as Uint8Array
    expect(await verifyBundle(bundle, fresh.chain.rules.networkId, verifier)).toMatchObject({
      ok: true,
      value: { settled: { height: 0 } },
    })
  })

  it('gives bundles where the settling seals were on a branch that lost, and where a new keeper has not sealed yet', async () => {
    const settled = full.chain.graph.settled.node
    const lone = await builder.mineMany(12, { on: builder.at(settled.height), seat: 0 })
    await full.feed(...branch(lone, settled.height + 1))
    expect(full.chain.tip.id).toBe(lone.node.id)
    const bundle = (await full.reader.bundle(relay.deviceId)) as Uint8Array
    const verdict = await verifyBundle(bundle, builder.networkId, verifier)
    expect(verdict.ok && verdict.value.settled.height).toBeLessThan(settled.height)

    const small = new ChainBuilder({ name: 'small' })
    const first = await foundRelay(small)
    const device = await registerByOwner(small, { wallet: namedSigner('b'), endorsers: [first] })
    await small.mineMany(4)
    await admitKeeper(small, device, namedSigner('b seal'))
    await small.mineMany(4, { seat: 0 })
    const opened = await openChain(small)
    await opened.feed(...small.from(1))
    const other = (await opened.reader.bundle(first.deviceId)) as Uint8Array
    expect((await verifyBundle(other, small.networkId, verifier)).ok).toBe(true)
  })

  it('gives checkpoints that a newcomer starts from, at every height', async () => {
    for (const { node } of builder.from(0)) {
      const hash = node.height === 0 ? ZERO_HASH : node.hash
      const checkpoint = await full.reader.checkpoint(hash)
      if (checkpoint === undefined) throw new Error(`none at ${node.height}`)
      const decoded = checkpointCodec.decode(checkpointCodec.encode(checkpoint))
      const start = decoded.ok ? checkStart(builder.networkId, hash, decoded.value) : decoded
      expect(start.ok && start.value.node).toMatchObject({ id: node.id, roster: node.roster, work: node.work })
    }
    expect(await full.reader.checkpoint(absent)).toBeUndefined()
  })

  it('gives headers after the first hash it knows, no more than asked', () => {
    const ids = (items: readonly { sealed: unknown }[]) => items.map(({ sealed }) => sealed)
    const all = builder.from(1).map(({ item }) => item.sealed)
    const first = builder.first.node.hash
    expect(ids(full.reader.headersAfter([first], 1_000))).toEqual(all)
    expect(ids(full.reader.headersAfter([absent, builder.at(5).node.hash, first], 3))).toEqual(all.slice(5, 8))
    expect(full.reader.headersAfter([absent], 10)).toEqual([])
    expect(full.reader.headersAfter([builder.tip.node.hash], 10)).toEqual([])
    expect(full.reader.headersAfter([first], 1_000)).toEqual(builder.from(1).map(({ item }) => item))
  })

  it('gives state proofs of headers it has', () => {
    const key = deviceKey(relay.deviceId)
    expect(full.reader.stateProof(builder.tip.node.hash, key)).toEqual(builder.tip.tree.prove(key))
    expect(full.reader.stateProof(builder.at(0).node.hash, key)).toEqual(builder.first.tree.prove(key))
    expect(full.reader.stateProof(absent, key)).toBeUndefined()
    expect(full.reader.hashAt(3)).toEqual(builder.at(3).node.hash)
    expect(full.reader.hashAt(99)).toBeUndefined()
  })
})
