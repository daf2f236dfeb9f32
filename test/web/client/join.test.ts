/** Joining with a voucher: checked, words asked back, endorsed, submitted, pending, settled; and each way it can fail. */
import { describe, expect, it } from 'vitest'
import { toHex } from '../../../shared/bytes.ts'
import { createNobleVerifier } from '../../../shared/crypto/noble-verifier.ts'
import { RECOVERY_WORDLIST } from '../../../shared/crypto/recovery-wordlist.ts'
import { decodeRecoveryWords, deriveSeed } from '../../../shared/crypto/recovery-words.ts'
import { createSeedSigner } from '../../../shared/crypto/signer.ts'
import { LaresError, reject } from '../../../shared/errors.ts'
import { LABEL } from '../../../shared/identity/label.ts'
import { PROTOCOLS } from '../../../shared/protocol/ids.ts'
import { endorsementAnswerCodec, submitAnswerCodec } from '../../../shared/protocol/messages.ts'
import { formatVoucher, type VoucherSecret } from '../../../shared/protocol/voucher-text.ts'
import { hashApplication, registerWalletMessage } from '../../../shared/transaction/register.ts'
import { transactionCodec } from '../../../shared/transaction/transaction.ts'
import type { LocalStore } from '../../../web/store/local-store.ts'
import { createMemoryStore } from '../../../web/store/memory-store.ts'
import {
  changeCoordination,
  foundRelay,
  makeVoucher,
  registerByOwner,
  registerByVoucher,
} from '../../framework/chain-actions.ts'
import { ChainBuilder, namedSigner } from '../../framework/chain-builder.ts'
import { ClientHarness } from '../../framework/client-harness.ts'
import { createHonestNode } from '../../framework/honest-node.ts'
import { alterByte, createLyingNode } from '../../framework/lying-full-node.ts'

async function scene(store: LocalStore = createMemoryStore()) {
  const chain = new ChainBuilder()
  const relay = await foundRelay(chain)
  await chain.mineMany(3)
  const harness = new ClientHarness({ chain, store })
  const honest = createHonestNode({ chain, coordinator: relay, now: () => harness.clock.now() })
  await harness.open()
  await harness.connect('A', honest)
  const secret = await makeVoucher(chain, relay)
  return { chain, relay, harness, honest, secret }
}

async function prepare(harness: ClientHarness, secret: VoucherSecret | string) {
  const voucher = typeof secret === 'string' ? secret : formatVoucher(secret)
  return harness.finish({ call: 'prepare-join', voucher })
}

/** Prepares and answers the words that are asked back. */
async function join(harness: ClientHarness, secret: VoucherSecret) {
  const prepared = await prepare(harness, secret)
  if (!prepared.ok) throw new Error(prepared.sentence)
  const { words, asked } = prepared.value
  const answers = asked.map((position) => words[position] as string)
  return { words, outcome: await harness.finish({ call: 'confirm-join', answers }) }
}

const steps = (harness: ClientHarness) => harness.network.identity.steps.map(({ done }) => done)

describe('joining with a voucher', () => {
  it('goes from voucher to settled, and stays over a reload', async () => {
    const { chain, harness, honest, secret } = await scene()
    expect(harness.network.identity).toMatchObject({ state: 'none', deviceId: undefined, steps: [] })
    const { words, outcome } = await join(harness, secret)
    expect(outcome).toEqual({ ok: true, value: null })
    expect(words).toHaveLength(12)
    expect(harness.network.identity).toMatchObject({ state: 'joining', failure: undefined, label: 'lightweight' })
    expect(steps(harness)).toEqual([true, true, true, false, false])
    const { deviceId } = harness.network.identity

    const block = await chain.mine()
    expect(block.block.transactions).toHaveLength(1)
    await harness.gossip('A', block)
    expect(harness.network.identity).toMatchObject({ state: 'pending', deviceId })
    expect(await harness.finish({ call: 'audit', text: deviceId as string })).toMatchObject({
      verdict: 'not-in-ledger',
      pending: true,
    })
    for (let i = 0; i < 2; i++) await harness.gossip('A', await chain.mine())
    expect(harness.network.identity).toMatchObject({ state: 'settled', deviceId })
    expect(steps(harness)).toEqual([true, true, true, true, true])
    expect(await harness.finish({ call: 'audit', text: deviceId as string })).toMatchObject({ verdict: 'registered' })

    // What is on chain: the words bring its recovery key back, and the wallet signed for it.
    const decoded = transactionCodec.decode(block.block.transactions[0] as Uint8Array)
    if (!decoded.ok || decoded.value.TAG !== 'register') throw new Error('no registration')
    const register = decoded.value.data
    const entropy = decodeRecoveryWords(words.join(' '), RECOVERY_WORDLIST)
    const recovery = createSeedSigner(deriveSeed(entropy.ok ? entropy.value : new Uint8Array(0), 'recovery'))
    expect(register.claim.recoveryKey).toEqual(recovery.publicKey)
    const message = registerWalletMessage(chain.networkId, hashApplication(register))
    const { walletKey: publicKey } = register.claim
    expect(createNobleVerifier().verify({ publicKey, message, signature: register.walletSignature })).toBe(true)

    await harness.app.close()
    const again = new ClientHarness({ chain, store: harness.store })
    await again.call({ call: 'open', init: { codeOrigin: 'test', servedBy: undefined } })
    expect(again.network.identity).toMatchObject({ state: 'settled', deviceId })
    await again.connect('A', honest)
    expect(again.network).toMatchObject({ identity: { state: 'settled', deviceId }, incidents: [] })
    expect((await prepare(again, secret)).ok).toBe(false)
  })

  it('never sends the private half of the voucher, and stores no recovery key', async () => {
    const { harness, secret } = await scene()
    await join(harness, secret)
    const seed = toHex(secret.seed)
    const sent = harness.calls.flatMap((call) => ('bytes' in call ? [toHex(call.bytes)] : []))
    expect(sent.length).toBeGreaterThan(3)
    expect(sent.filter((hex) => hex.includes(seed))).toEqual([])
    const kept = await harness.store.readIdentity(harness.networkId)
    expect(toHex(kept?.application ?? new Uint8Array(0))).not.toContain(seed)
    const wallet = await harness.store.readWallet(harness.networkId)
    expect(wallet?.privateKey.extractable).toBe(false)
  })

  it('asks three words back, and again when they are wrong', async () => {
    const { harness, secret } = await scene()
    expect(await harness.finish({ call: 'confirm-join', answers: [] })).toMatchObject({ code: 'not-prepared' })
    const prepared = await prepare(harness, secret)
    if (!prepared.ok) throw new Error(prepared.sentence)
    const { words, asked } = prepared.value
    expect(new Set(asked).size).toBe(3)
    const right = asked.map((position) => words[position] as string)
    for (const answers of [right.slice(1), [...right, 'x'], right.toReversed(), ['', '', '']])
      expect(await harness.finish({ call: 'confirm-join', answers })).toMatchObject({ ok: false, code: 'wrong-words' })
    expect(harness.network.identity.state).toBe('none')
    const answers = right.map((word) => ` ${word.toUpperCase()} `)
    expect(await harness.finish({ call: 'confirm-join', answers })).toMatchObject({ ok: true })
    await harness.call({ call: 'cancel-join' })
    expect(harness.network.identity.state).toBe('joining')
    expect(await prepare(harness, secret)).toMatchObject({ ok: false, code: 'join-under-way' })
  })

  it('takes the same words again when there was no room to store it', async () => {
    const inner = createMemoryStore()
    let isFull = true
    const store: LocalStore = {
      ...inner,
      writeIdentity: (...all) =>
        isFull ? Promise.reject(new LaresError('storage-full', 'no room')) : inner.writeIdentity(...all),
    }
    const { harness, secret } = await scene(store)
    const prepared = await prepare(harness, secret)
    if (!prepared.ok) throw new Error(prepared.sentence)
    const { words, asked } = prepared.value
    const answers = asked.map((position) => words[position] as string)
    expect(await harness.finish({ call: 'confirm-join', answers })).toMatchObject({ code: 'storage-failed' })
    expect(harness.network.identity.state).toBe('none')
    isFull = false
    expect(await harness.finish({ call: 'confirm-join', answers })).toEqual({ ok: true, value: null })
    expect(harness.network.identity.state).toBe('joining')
    expect(await harness.finish({ call: 'confirm-join', answers })).toMatchObject({ code: 'not-prepared' })
  })

  it('refuses a voucher that is no good, with a sentence, before any words are shown', async () => {
    const { chain, relay, harness, secret } = await scene()
    const used = await makeVoucher(chain, relay, { name: 'used' })
    await registerByVoucher(chain, used, { wallet: namedSigner('first'), endorsers: [relay] })
    const block = await chain.mine()
    await harness.gossip('A', block)
    const foreign = { ...secret, networkId: new Uint8Array(32).fill(1) }
    const expired = await makeVoucher(chain, relay, { notAfter: chain.tip.block.header.time - 1 })
    const full = await makeVoucher(chain, relay, { label: LABEL.full })
    const cases: [string, VoucherSecret | string][] = [
      ['malformed-voucher', 'this is no voucher'],
      ['malformed-voucher', formatVoucher(secret).slice(0, -3)],
      ['wrong-network', foreign],
      ['voucher-used', used],
      ['voucher-expired', expired],
      ['voucher-for-another-label', full],
      ['voucher-altered', { ...secret, notAfter: secret.notAfter + 1 }],
      ['voucher-altered', { ...secret, seed: new Uint8Array(32).fill(5) }],
      ['unknown-issuer', { ...secret, issuer: new Uint8Array(32).fill(6) }],
    ]
    for (const [code, voucher] of cases) {
      const outcome = await prepare(harness, voucher)
      expect(outcome).toMatchObject({ ok: false, code })
      expect(!outcome.ok && outcome.sentence).toMatch(/^[A-Z].*\.$/)
    }
    await harness.disconnect('A')
    expect(await prepare(harness, secret)).toMatchObject({ ok: false, code: 'cannot-check' })
  })

  it('survives a crash between storing and sending, and sends what it has', async () => {
    const { chain, harness, honest, secret } = await scene()
    harness.replace('A', createLyingNode(honest, { protocol: PROTOCOLS.submit.id, forge: () => 'reject' }))
    const { outcome } = await join(harness, secret)
    expect(outcome.ok).toBe(true)
    expect(harness.network.identity.state).toBe('joining')
    expect(steps(harness)).toEqual([true, true, false, false, false])
    const before = await harness.store.readIdentity(harness.networkId)
    // No goodbye: the page is just gone.
    const again = new ClientHarness({ chain, store: harness.store })
    await again.call({ call: 'open', init: { codeOrigin: 'test', servedBy: undefined } })
    await again.connect('A', honest)
    await again.clock.advance(6_000)
    await again.idle()
    expect(chain.waiting).toEqual([before?.transaction])
    expect(steps(again)).toEqual([true, true, true, false, false])
    // And once more: what is sent twice is one registration.
    const third = new ClientHarness({ chain, store: harness.store })
    await third.call({ call: 'open', init: { codeOrigin: 'test', servedBy: undefined } })
    await third.connect('A', honest)
    expect(chain.waiting).toHaveLength(1)
    for (let i = 0; i < 3; i++) await third.gossip('A', await chain.mine())
    expect(third.network.identity.state).toBe('settled')
  })

  it('registers again when a reorganization takes its block away', async () => {
    const { chain, harness, secret } = await scene()
    await join(harness, secret)
    const fork = chain.tip
    await harness.gossip('A', await chain.mine())
    expect(harness.network.identity.state).toBe('pending')
    chain.tip = await chain.mineMany(2, { on: fork, transactions: [], time: fork.block.header.time + 900 })
    await harness.clock.advance(6_000)
    await harness.idle()
    expect(harness.incidents).toContain('identity-undone')
    expect(harness.network.identity.state).toBe('joining')
    await harness.clock.advance(6_000)
    await harness.idle()
    expect(chain.waiting).toHaveLength(1)
    for (let i = 0; i < 3; i++) await harness.gossip('A', await chain.mine())
    expect(harness.network.identity.state).toBe('settled')
  })

  it('is refused for good when somebody else was faster with the voucher', async () => {
    const { chain, relay, harness, secret } = await scene()
    const prepared = await prepare(harness, secret)
    if (!prepared.ok) throw new Error(prepared.sentence)
    await registerByVoucher(chain, secret, { wallet: namedSigner('thief'), endorsers: [relay] })
    await harness.gossip('A', await chain.mine())
    const { words, asked } = prepared.value
    const answers = asked.map((position) => words[position] as string)
    const outcome = await harness.finish({ call: 'confirm-join', answers })
    expect(outcome).toMatchObject({ ok: false, code: 'voucher-used' })
    expect(harness.network.identity).toMatchObject({ state: 'none', failure: { code: 'voucher-used' } })
    // A new voucher begins anew.
    const other = await makeVoucher(chain, relay, { name: 'other' })
    expect((await join(harness, other)).outcome.ok).toBe(true)
    expect(harness.network.identity).toMatchObject({ state: 'joining', failure: undefined })
  })

  it('does not give up its join because one server lies about it', async () => {
    const { chain, harness, honest, secret } = await scene()
    const { refusal } = await import('../../../shared/protocol/messages.ts')
    harness.replace(
      'A',
      createLyingNode(
        honest,
        { protocol: PROTOCOLS.submit.id, forge: () => submitAnswerCodec.encode(refusal('voucher-used', 'no')) },
        { protocol: PROTOCOLS.endorse.id, forge: (bytes) => alterByte(bytes, bytes.length - 1) },
      ),
    )
    const { outcome } = await join(harness, secret)
    expect(outcome.ok).toBe(true)
    // Its endorsement is not by the key of the coordination node, so it does not count.
    expect(steps(harness)).toEqual([true, false, false, false, false])
    await harness.connect('B', honest)
    await harness.clock.advance(6_000)
    await harness.idle()
    expect(steps(harness)).toEqual([true, true, true, false, false])
    expect(chain.waiting).toHaveLength(1)
  })

  it('collects two endorsements of different sponsors where there are two, from a node it has to dial', async () => {
    const { chain, relay, harness, honest, secret } = await scene()
    const second = await registerByOwner(chain, { wallet: namedSigner('second relay'), endorsers: [relay] })
    await harness.gossip('A', await chain.mine())
    await changeCoordination(chain, second.deviceId)
    await harness.gossip('A', await chain.mine())
    // Both were let in by the owners: one sponsor, one voice.
    expect((await join(harness, secret)).outcome.ok).toBe(true)
    const decoded = transactionCodec.decode(chain.waiting[0] as Uint8Array)
    expect(decoded.ok && decoded.value.TAG === 'register' && decoded.value.data.endorsements).toHaveLength(1)
    const answer = await honest(PROTOCOLS.endorse.id, chain.waiting[0] as Uint8Array)
    expect(endorsementAnswerCodec.decode(answer as Uint8Array).ok).toBe(true)
  })

  it('says in one sentence what the browser lacks', async () => {
    const chain = new ChainBuilder()
    const init = { codeOrigin: 'test', servedBy: undefined }
    const { LaresError } = await import('../../../shared/errors.ts')
    const noStore = new ClientHarness({
      chain,
      openStore: async () => Promise.reject(new LaresError('no-storage', 'private')),
    })
    expect((await noStore.call({ call: 'open', init })).obstacle).toMatchObject({ code: 'no-storage' })
    expect(await noStore.call({ call: 'add-network', link: noStore.link() })).toMatchObject({ ok: false })
    const noKeys = new ClientHarness({ chain, ports: { createWallet: async () => reject('no-ed25519', 'none') } })
    expect((await noKeys.call({ call: 'open', init })).obstacle).toMatchObject({ code: 'no-ed25519' })
  })
})
