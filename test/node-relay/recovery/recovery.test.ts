/** A restored relay: seals nothing, learns what it had sealed, gets a new key by the owners' word, and goes on with it. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createNodeVerifier } from '../../../node-relay/crypto/node-verifier.ts'
import { createBlockSource } from '../../../node-relay/full-node/block-source.ts'
import { createKeys, loadKeys, type RelayKeys, replaceSealingKey } from '../../../node-relay/full-node/keys.ts'
import { createLaterBlocks, type LaterBlocks } from '../../../node-relay/recovery/later-blocks.ts'
import { createRecovery, type RelayRecovery } from '../../../node-relay/recovery/recovery.ts'
import { fromHex, toHex } from '../../../shared/bytes.ts'
import { expandTarget, meetsTarget } from '../../../shared/chain/target.ts'
import type { Signer } from '../../../shared/crypto/signer.ts'
import { hashHeader } from '../../../shared/header/header.ts'
import { sealMessage } from '../../../shared/header/seal.ts'
import type { Member } from '../../../shared/roster/roster.ts'
import { ownerMessage } from '../../../shared/transaction/approval.ts'
import { KIND } from '../../../shared/transaction/kinds.ts'
import { hashChangeContent, recoveryCodec } from '../../../shared/transaction/roster-change.ts'
import { ChainBuilder, namedSigner } from '../../framework/chain-builder.ts'
import { createHonestNode } from '../../framework/honest-node.ts'
import { closeAll, type OpenChain, openChain } from '../full-node/open-chain.ts'

const verifier = createNodeVerifier()
let builder: ChainBuilder
let full: OpenChain
let dataDir: string
let keys: RelayKeys
let later: LaterBlocks
let recovery: RelayRecovery

/** A relay that has the first three blocks of six, which it sealed itself. */
beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'lares-recovery-'))
  await createKeys(dataDir)
  builder = new ChainBuilder()
  // Its sealing key is that of the builder's keeper.
  keys = { ...(await loadKeys(dataDir)), sealing: builder.keeper(0) }
  await builder.mineMany(6)
  full = await openChain(builder)
  await full.feed(builder.at(1), builder.at(2), builder.at(3))
  full.clock.now = builder.tip.block.header.time + 60_000
  const { height, hash } = full.chain.tip
  await full.store.setRestored({ height, hash, time: builder.at(3).block.header.time, highestSealed: undefined })
  const ask = createHonestNode({ chain: builder })
  later = createLaterBlocks({
    network: {
      peers: () => [{ peerId: 'phone' }, { peerId: 'silent' }] as never,
      request: async (peerId, spec, bytes) => {
        const answer = await ask(spec.id, bytes)
        if (peerId === 'silent' || answer === 'reject') throw new Error('no answer')
        return answer
      },
    },
    networkId: builder.networkId,
    verifier,
    tip: () => full.chain.tip,
  })
  recovery = await open()
})
afterEach(async () => {
  await closeAll()
  rmSync(dataDir, { recursive: true, force: true })
})

function open({
  sealing = keys.sealing,
  walletId = new Uint8Array(32),
}: {
  sealing?: Signer
  walletId?: Uint8Array
} = {}): Promise<RelayRecovery> {
  let present = sealing
  return createRecovery({
    dataDir,
    chain: full.chain,
    verifier,
    sealing: () => present,
    replaceSealing(seed) {
      present = replaceSealingKey(dataDir, seed).sealing
    },
    walletId,
    laterBlocks: later,
    restored: () => full.store.restored(),
    clearRestored: () => full.store.setRestored(undefined),
    now: () => full.clock.now,
  })
}

const sourceOf = () =>
  createBlockSource({
    chain: full.chain,
    verifier,
    sealingKey: () => recovery.sealing.publicKey,
    recovery: () => recovery.pending,
    candidates: () => [],
    refuse: (_, code) => expect.fail(code),
  })

async function signed(signer = builder.owner) {
  const proposal = recovery.propose()
  if (!proposal.ok) throw new Error(proposal.detail)
  const decoded = recoveryCodec.decode(fromHex(proposal.value.recovery))
  if (!decoded.ok) throw new Error(decoded.detail)
  const action = { TAG: 'recover' as const, data: { recovery: decoded.value, signatures: [] } }
  const content = hashChangeContent(proposal.value.changeNumber, action)
  const signature = toHex(await signer.sign(ownerMessage(builder.networkId, KIND.rosterChange, content)))
  const taken = await recovery.submit(proposal.value.recovery, [{ owner: 0, signature }])
  return { proposal: proposal.value, recovery: decoded.value, taken }
}

/** Mines and seals what the source wants, as the miner does. */
async function mineOne(): Promise<void> {
  const source = sourceOf()
  const template = await source.template(full.clock.now)
  if ('wait' in template) throw new Error(template.wait)
  for (let nonce = 0; ; nonce++) {
    const header = { ...template.header, nonce }
    const hash = hashHeader(header)
    if (!meetsTarget(hash, expandTarget(header.target) as bigint)) continue
    const seal = await recovery.sealing.sign(sealMessage(builder.networkId, hash))
    expect(await source.submit({ header, seal }, template)).toBe('stored')
    return
  }
}

describe('a restored relay', () => {
  it('seals nothing before the owners have spoken', async () => {
    expect(await sourceOf().template(full.clock.now)).toMatchObject({ wait: expect.stringContaining('seals nothing') })
  })

  it('learns from phones what it had sealed, by its own seal', async () => {
    expect(recovery.view()).toMatchObject({ height: 3, asked: 0, newest: undefined, signed: false })
    await later.ask()
    expect(recovery.view()).toMatchObject({ asked: 1, newest: { height: 6, hash: builder.tip.node.id } })
  })

  it('believes no header that no known keeper has sealed', async () => {
    const stranger = await builder.mine({ sealWith: namedSigner('stranger') })
    expect(stranger.node.height).toBe(7)
    await later.ask()
    expect(recovery.view()).toMatchObject({ asked: 1, newest: undefined })
  })

  it('goes on with a new key, and says what is lost', async () => {
    await later.ask()
    const { taken, recovery: said } = await signed()
    expect(taken).toMatchObject({ ok: true })
    expect(said).toMatchObject({ base: { height: 3 }, lost: { height: 6, hash: builder.tip.node.hash } })
    await mineOne()
    await recovery.chainChanged()
    const { tip } = full.chain
    expect(tip).toMatchObject({ height: 4, roster: { recovered: said.time } })
    expect(tip.sealingKey).not.toEqual(keys.sealing.publicKey)
    expect(tip.sealingKey).toEqual((await loadKeys(dataDir)).sealing.publicKey)
    expect(full.store.restored()).toBeUndefined()
    expect(recovery.view()).toBeUndefined()
    expect(recovery.pending).toBeUndefined()
    full.clock.now += 60_000
    await mineOne()
    expect(full.chain.tip.height).toBe(5)
  })

  it('killed after the block, it finds its new key at the next start', async () => {
    const { taken } = await signed()
    expect(taken).toMatchObject({ ok: true })
    await mineOne()
    recovery = await open()
    expect(recovery.pending).toBeUndefined()
    expect((await loadKeys(dataDir)).sealing.publicKey).toEqual(full.chain.tip.sealingKey)
    expect(full.store.restored()).toBeUndefined()
  })

  it('killed before the block, it goes on with what the owners signed', async () => {
    const { recovery: said } = await signed()
    recovery = await open()
    expect(recovery.pending?.recovery).toEqual(said)
    expect(recovery.sealing.publicKey).toEqual(said.sealingKey)
    await mineOne()
    expect(full.chain.tip.height).toBe(4)
  })

  it('finds its seat by its wallet where the chain was taken back below an earlier recovery, and seals with a new key', async () => {
    const { walletId } = full.chain.tip.roster.members[0] as Member
    const sealing = namedSigner('given by the recovery that was taken back')
    recovery = await open({ sealing, walletId })
    const { taken, recovery: said } = await signed()
    expect(taken).toMatchObject({ ok: true })
    expect([sealing.publicKey, keys.sealing.publicKey]).not.toContainEqual(said.sealingKey)
    await mineOne()
    await recovery.chainChanged()
    expect(full.chain.tip.sealingKey).toEqual((await loadKeys(dataDir)).sealing.publicKey)
    expect(full.store.restored()).toBeUndefined()
  })

  it('killed between the file of its sealed block and the database goes on with that block', async () => {
    await signed()
    const before = join(dataDir, 'before')
    await full.close()
    cpSync(full.location, before, { recursive: true })
    full = await openChain(builder, { location: full.location })
    full.clock.now = builder.tip.block.header.time + 60_000
    recovery = await open()
    await mineOne()
    const { id } = full.chain.tip
    cpSync(join(full.location, 'SEALED'), join(before, 'SEALED'))
    full = await openChain(builder, { location: before })
    expect(full.chain.tip.id).toBe(id)
  })

  it('that holds no seat says so', async () => {
    recovery = await open({ sealing: namedSigner('a stranger') })
    expect(recovery.propose()).toMatchObject({ ok: false, code: 'no-seat' })
  })

  it('takes nobody else for the owner, and no answer to an older question', async () => {
    expect((await signed(namedSigner('thief'))).taken).toMatchObject({ ok: false, code: 'bad-signature' })
    expect(recovery.pending).toBeUndefined()
    const older = recovery.propose()
    full.clock.now += 1
    expect(recovery.propose().ok).toBe(true)
    if (!older.ok) throw new Error(older.detail)
    expect(await recovery.submit(older.value.recovery, [])).toMatchObject({ ok: false, code: 'another-proposal' })
  })

  it('asks again where newer blocks came since', async () => {
    await signed()
    await full.feed(builder.at(4))
    expect(await sourceOf().template(full.clock.now)).toMatchObject({ wait: expect.stringContaining('lares recover') })
  })
})

it('a relay that was not restored has nothing to recover', async () => {
  await full.store.setRestored(undefined)
  expect(recovery.view()).toBeUndefined()
  expect(recovery.propose()).toMatchObject({ ok: false, code: 'not-restored' })
})
