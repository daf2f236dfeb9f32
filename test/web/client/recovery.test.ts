/** The relay was restored from a backup that is older than what a phone has settled. */
import { describe, expect, it } from 'vitest'
import { LaresError } from '../../../shared/errors.ts'
import { PREVIOUS_PROTOCOLS, PROTOCOLS } from '../../../shared/protocol/ids.ts'
import { statusCodec, statusRequestCodec } from '../../../shared/protocol/messages.ts'
import { previousVersion } from '../../../shared/protocol/versions.ts'
import { formatVoucher } from '../../../shared/protocol/voucher-text.ts'
import type { Recovery } from '../../../shared/transaction/roster-change.ts'
import { createMemoryStore } from '../../../web/store/memory-store.ts'
import { foundRelay, makeVoucher, recoverKeeper } from '../../framework/chain-actions.ts'
import { type BuiltBlock, ChainBuilder, namedSigner } from '../../framework/chain-builder.ts'
import { ClientHarness } from '../../framework/client-harness.ts'
import { type Answer, createHonestNode, NotServed } from '../../framework/honest-node.ts'

const NEW_KEY = namedSigner('restored')

async function scene(keepers = 1) {
  const chain = new ChainBuilder({ keepers })
  const relay = await foundRelay(chain)
  const base = await chain.mineMany(3)
  const harness = new ClientHarness({ chain })
  const honest = createHonestNode({ chain, coordinator: relay, now: () => harness.clock.now() })
  await harness.open()
  await harness.connect('A', honest)
  return { chain, relay, base, harness, honest }
}

/** The relay goes on from the backup; the phone hears of it by the next status. */
async function restore(chain: ChainBuilder, base: BuiltBlock, change: Partial<Recovery> = {}) {
  const lost = chain.tip
  chain.tip = base
  await recoverKeeper(chain, { base, lost, sealing: NEW_KEY, change })
  const first = await chain.mine({ seat: 0, sealWith: NEW_KEY, time: lost.block.header.time + 1_000 })
  await chain.mineMany(2)
  return first
}

const ask = async (harness: ClientHarness) => {
  await harness.clock.advance(10_000)
  await harness.idle()
  await harness.clock.advance(10_000)
  await harness.idle()
}

describe('a phone that is ahead of the restored relay', () => {
  it('goes on from the backup by the word of the owner, and says which blocks are lost', async () => {
    const { chain, base, harness } = await scene()
    for (let i = 0; i < 5; i++) await harness.gossip('A', await chain.mine())
    const settledBefore = harness.network.settled?.height ?? 0
    expect(settledBefore).toBeGreaterThan(base.node.height)
    const first = await restore(chain, base)
    await ask(harness)
    expect(harness.network.tip?.height).toBe(chain.tip.node.height)
    expect(harness.client?.graph?.tip.id).toBe(chain.tip.node.id)
    const [incident] = harness.network.incidents.filter(({ code }) => code === 'restored')
    expect(incident?.sentence).toContain('restored from 2026-01-01')
    expect(incident?.sentence).toContain(`5 blocks are lost (${base.node.height + 1} to ${base.node.height + 5})`)
    expect(harness.penalties).toEqual([])
    // It stays there over a reload, and the lost branch moves it nowhere.
    const again = new ClientHarness({ chain, store: harness.store, clock: harness.clock })
    await again.call({ call: 'open', init: { codeOrigin: 'test', servedBy: undefined } })
    await again.idle()
    expect(again.client?.graph?.tip.id).toBe(chain.tip.node.id)
    expect(again.network.startHeight).toBe(first.node.height)
  })

  it('is told of it by a header too, and not that a longer chain came', async () => {
    const { chain, base, harness } = await scene()
    // The owner knew of the first lost block only.
    const lost = await chain.mine()
    await harness.gossip('A', lost)
    await harness.gossip('A', await chain.mine())
    const ahead = chain.tip.node.height
    chain.tip = base
    await recoverKeeper(chain, { base, lost, sealing: NEW_KEY })
    const time = harness.clock.now() + 10_000
    harness.clock.set(time)
    await harness.gossip('A', await chain.mine({ seat: 0, sealWith: NEW_KEY, time }))
    expect(harness.client?.graph?.tip.id).toBe(chain.tip.node.id)
    expect(harness.incidents).toEqual(['restored'])
    expect(harness.network.incidents[0]?.sentence).toContain(`(${base.node.height + 1} to ${ahead})`)
  })

  it('does not go back to the branch that was left when that could not be cleared', async () => {
    const { chain, base } = await scene()
    const joinedAt = await chain.mineMany(3)
    await chain.mineMany(3)
    const inner = createMemoryStore()
    let clearings = 0
    const clearChain = async () => {
      clearings++
      throw new LaresError('storage-failed', 'not now')
    }
    const harness = new ClientHarness({ chain, store: { ...inner, clearChain } })
    const honest = createHonestNode({ chain, now: () => harness.clock.now() })
    await harness.open(joinedAt)
    await harness.connect('A', honest)
    await restore(chain, base)
    await ask(harness)
    expect(harness.client?.graph?.tip.id).toBe(chain.tip.node.id)
    expect(clearings).toBe(1)
    const again = new ClientHarness({ chain, store: inner, clock: harness.clock })
    await again.call({ call: 'open', init: { codeOrigin: 'test', servedBy: undefined } })
    await again.idle()
    expect(again.client?.graph?.tip.id).toBe(chain.tip.node.id)
  })

  it('sends its registration again when that was in a lost block', async () => {
    const { chain, relay, base, harness } = await scene()
    const secret = await makeVoucher(chain, relay)
    const prepared = await harness.finish({ call: 'prepare-join', voucher: formatVoucher(secret) })
    if (!prepared.ok) throw new Error(prepared.sentence)
    const { words, asked } = prepared.value
    await harness.finish({ call: 'confirm-join', answers: asked.map((position) => words[position] as string) })
    for (let i = 0; i < 4; i++) await harness.gossip('A', await chain.mine())
    expect(harness.network.identity.state).toBe('settled')
    const { deviceId } = harness.network.identity
    await restore(chain, base)
    await ask(harness)
    expect(harness.network.identity).toMatchObject({ state: 'joining', deviceId })
    for (let i = 0; i < 4; i++) await harness.gossip('A', await chain.mine())
    await harness.clock.advance(10_000)
    expect(harness.network.identity).toMatchObject({ state: 'settled', deviceId })
  })

  it('does not follow what others than its owners have signed', async () => {
    const { chain, base, harness } = await scene()
    for (let i = 0; i < 5; i++) await harness.gossip('A', await chain.mine())
    const { tip, settled } = harness.network
    Object.assign(chain, { owner: namedSigner('thief') })
    await restore(chain, base)
    await ask(harness)
    expect(harness.network).toMatchObject({ tip: { hash: tip?.hash }, settled: { hash: settled?.hash } })
    expect(harness.incidents).not.toContain('restored')
  })

  it('is moved by the owner of three keepers too: below four seats the owners vouch for all', async () => {
    const { chain, base, harness } = await scene(3)
    for (let i = 0; i < 9; i++) await harness.gossip('A', await chain.mine())
    await restore(chain, base)
    await ask(harness)
    expect(harness.client?.graph?.tip.id).toBe(chain.tip.node.id)
  })
})

it('a phone that is behind the backup goes on as usual, and is told', async () => {
  const { chain, base, harness } = await scene()
  await harness.disconnect('A')
  await chain.mineMany(3)
  await restore(chain, base)
  const honest = createHonestNode({ chain, now: () => harness.clock.now() })
  await harness.connect('B', honest)
  await ask(harness)
  expect(harness.client?.graph?.tip.id).toBe(chain.tip.node.id)
  expect(harness.network.startHeight).toBe(0)
  expect(harness.incidents).toContain('restored')
})

it('a server of the version before is understood', async () => {
  const { chain, harness, honest } = await scene()
  await harness.disconnect('A')
  const older: Answer = async (protocol, request) => {
    if (protocol === PROTOCOLS.status.id) throw new NotServed()
    if (protocol !== PREVIOUS_PROTOCOLS.status.id) return honest(protocol, request)
    const newest = (await honest(PROTOCOLS.status.id, request)) as Uint8Array
    return previousVersion('status')?.toOld(newest) as Uint8Array
  }
  await chain.mineMany(4)
  await harness.connect('old', older)
  await ask(harness)
  expect(harness.network.tip?.height).toBe(chain.tip.node.height)
})

it('tells who asks where it stands, with the sealed tip', async () => {
  const { chain, harness } = await scene()
  const request = statusRequestCodec.encode({ networkId: chain.networkId })
  const answer = await harness.call({ call: 'answer', from: 'A', protocol: PROTOCOLS.status.id, bytes: request })
  const status = statusCodec.decode(answer as Uint8Array)
  expect(status.ok && status.value).toMatchObject({ label: 1, sealedTip: chain.tip.item.sealed })
  for (const [protocol, bytes] of [
    [PROTOCOLS.headers.id, request],
    [PROTOCOLS.status.id, statusRequestCodec.encode({ networkId: new Uint8Array(32) })],
    [PROTOCOLS.status.id, new Uint8Array(3)],
  ] as const)
    expect(await harness.call({ call: 'answer', from: 'A', protocol, bytes })).toBeNull()
})
