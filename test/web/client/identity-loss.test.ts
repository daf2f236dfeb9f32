/** What is left of an identity when the browser loses parts of its storage, and how it comes back. */
import { describe, expect, it } from 'vitest'
import { toHex } from '../../../shared/bytes.ts'
import { LaresError } from '../../../shared/errors.ts'
import { formatDeviceId } from '../../../shared/identity/device-id.ts'
import { PROTOCOLS } from '../../../shared/protocol/ids.ts'
import { refusal, submitAnswerCodec } from '../../../shared/protocol/messages.ts'
import { formatVoucher } from '../../../shared/protocol/voucher-text.ts'
import type { IdentityRecord, LocalStore } from '../../../web/store/local-store.ts'
import { createMemoryStore } from '../../../web/store/memory-store.ts'
import type { WorkerCall } from '../../../web/worker/api.ts'
import { foundRelay, makeVoucher, registerByOwner } from '../../framework/chain-actions.ts'
import { ChainBuilder, namedSigner } from '../../framework/chain-builder.ts'
import { ClientHarness } from '../../framework/client-harness.ts'
import { createHonestNode } from '../../framework/honest-node.ts'

type OpenCall = Extract<WorkerCall, { readonly call: 'open' }>
const open = (keepsake?: string): OpenCall => ({
  call: 'open',
  init: { codeOrigin: 'test', servedBy: undefined, keepsake },
})

/** A browser with a settled ID. */
async function joined(store: LocalStore = createMemoryStore()) {
  const chain = new ChainBuilder()
  const relay = await foundRelay(chain)
  await chain.mineMany(3)
  const harness = new ClientHarness({ chain, store })
  const honest = createHonestNode({ chain, coordinator: relay, now: () => harness.clock.now() })
  await harness.open()
  await harness.connect('A', honest)
  const words = await join(harness, chain, relay)
  for (let i = 0; i < 3; i++) await harness.gossip('A', await chain.mine())
  expect(harness.network.identity).toMatchObject({ state: 'settled', isLost: false })
  const deviceId = harness.network.identity.deviceId as string
  const keepsake = harness.app.view().storage.keepsake as string
  return { chain, relay, harness, honest, words, deviceId, keepsake, networkId: harness.networkId }
}

async function join(
  harness: ClientHarness,
  chain: ChainBuilder,
  relay: Awaited<ReturnType<typeof foundRelay>>,
  name = 'first',
) {
  const voucher = formatVoucher(await makeVoucher(chain, relay, { name }))
  const prepared = await harness.finish({ call: 'prepare-join', voucher })
  if (!prepared.ok) throw new Error(prepared.sentence)
  const { words, asked } = prepared.value
  const confirmed = await harness.finish({ call: 'confirm-join', answers: asked.map((at) => words[at] as string) })
  if (!confirmed.ok) throw new Error(confirmed.sentence)
  return words.join(' ')
}

/** The page once more; the wallet or all of the store may be gone. */
async function reopen(chain: ChainBuilder, honest: ReturnType<typeof createHonestNode>, init: Reopened) {
  const again = new ClientHarness({ chain, store: init.store })
  again.clock.set(chain.tip.block.header.time + 500)
  await again.call(open(init.keepsake))
  await again.idle()
  if (again.client !== undefined) await again.connect('A', honest)
  return again
}
interface Reopened {
  readonly store: LocalStore
  readonly keepsake?: string
}

/** The same store, in which a wallet cannot be found. */
const withoutWallet = (store: LocalStore): LocalStore => ({ ...store, readWallet: async () => undefined })

async function publicKeyOf(store: LocalStore, networkId: string): Promise<string> {
  const wallet = await store.readWallet(networkId)
  return toHex(new Uint8Array(await crypto.subtle.exportKey('raw', wallet?.publicKey as CryptoKey)))
}

describe('an ID whose key is gone', () => {
  it('comes back by its recovery words, with a new key, and settles', async () => {
    const { chain, harness, honest, words, deviceId, networkId } = await joined()
    await harness.app.close()
    let hidden = true
    const { store } = harness
    const walletless: LocalStore = { ...store, readWallet: async (id) => (hidden ? undefined : store.readWallet(id)) }
    const again = await reopen(chain, honest, { store: walletless })
    expect(again.network.identity).toMatchObject({ state: 'settled', isLost: true, deviceId })
    expect(again.incidents).toEqual(['wallet-missing'])
    const oldKey = await publicKeyOf(store, networkId)

    const outcome = await again.finish({ call: 'recover-identity', words: words.toUpperCase(), deviceId })
    expect(outcome).toEqual({ ok: true, value: null })
    hidden = false
    expect(again.network.identity).toMatchObject({ state: 'joining', isLost: false, deviceId })
    expect(again.network.identity.steps).toEqual([
      { name: 'submitted', done: true },
      { name: 'in-block', done: false },
      { name: 'settled', done: false },
    ])
    expect(await publicKeyOf(store, networkId)).not.toBe(oldKey)
    expect((await store.readWallet(networkId))?.privateKey.extractable).toBe(false)
    await again.gossip('A', await chain.mine())
    expect(again.network.identity).toMatchObject({ state: 'pending', deviceId })
    for (let i = 0; i < 2; i++) await again.gossip('A', await chain.mine())
    expect(again.network.identity).toMatchObject({ state: 'settled', isLost: false, deviceId })
    await again.app.close()
    const third = await reopen(chain, honest, { store })
    expect(third.network.identity).toMatchObject({ state: 'settled', isLost: false, deviceId })
    // No words are needed twice.
    expect(await third.finish({ call: 'recover-identity', words, deviceId })).toMatchObject({ code: 'has-identity' })
  })

  it('comes back in another browser, and the first one learns of it', async () => {
    const { chain, harness, honest, words, deviceId } = await joined()
    const other = new ClientHarness({ chain })
    await other.open()
    await other.connect('B', honest)
    expect(await other.finish({ call: 'recover-identity', words, deviceId })).toEqual({ ok: true, value: null })
    for (let i = 0; i < 3; i++) {
      const block = await chain.mine()
      await other.gossip('B', block)
      await harness.gossip('A', block)
    }
    expect(other.network.identity).toMatchObject({ state: 'settled', isLost: false, deviceId })
    await harness.clock.advance(61_000)
    await harness.gossip('A', await chain.mine())
    expect(harness.network.identity).toMatchObject({ isLost: true, deviceId })
    expect(harness.incidents).toContain('wallet-missing')
  })

  it('is not brought back by other words, nor for other IDs, and says why', async () => {
    const { chain, relay, harness, honest, words, deviceId } = await joined()
    await harness.app.close()
    const again = await reopen(chain, honest, { store: withoutWallet(harness.store) })
    const swapped = words.split(' ').toReversed().join(' ')
    const second = await registerByOwner(chain, { wallet: namedSigner('second'), endorsers: [relay] })
    await again.gossip('A', await chain.mine())
    const idOf = (bytes: Uint8Array) => formatDeviceId(chain.networkId, bytes)
    const asked: [words: string, deviceId: string, code: string][] = [
      [`${words} one`, deviceId, 'bad-words'],
      [words.replace(/^\w+/, 'xylophone'), deviceId, 'bad-words'],
      [swapped, deviceId, 'bad-checksum'],
      [`${'abandon '.repeat(11)}about`, deviceId, 'words-of-another'],
      [words, idOf(relay.deviceId), 'words-of-another'],
      [words, idOf(second.deviceId), 'words-of-another'],
      [words, idOf(new Uint8Array(32).fill(9)), 'id-not-in-ledger'],
      [words, formatDeviceId(new Uint8Array(32).fill(3), new Uint8Array(32)), 'id-of-other-network'],
      [words, 'LARES1QQQ', 'malformed-id'],
    ]
    for (const [typed, id, code] of asked) {
      const outcome = await again.finish({ call: 'recover-identity', words: typed, deviceId: id })
      // A set of words may fit by chance: then they are another's.
      const allowed = code === 'bad-checksum' ? ['bad-checksum', 'words-of-another'] : [code]
      expect(allowed).toContain(outcome.ok ? 'ok' : outcome.code)
      if (!outcome.ok) expect(outcome.sentence).toMatch(/^[A-Z1].+\.$/)
    }
    expect(again.network.identity).toMatchObject({ isLost: true, deviceId })
  })

  it('does not keep its browser from joining anew', async () => {
    const { chain, relay, harness, honest, deviceId } = await joined()
    await harness.app.close()
    const again = await reopen(chain, honest, { store: withoutWallet(harness.store) })
    await join(again, chain, relay, 'second')
    expect(again.network.identity).toMatchObject({ state: 'joining', isLost: false })
    expect(again.network.identity.deviceId).not.toBe(deviceId)
  })
})

describe('a new identity', () => {
  it('is not touched by what is still said of the one before', async () => {
    const chain = new ChainBuilder()
    const relay = await foundRelay(chain)
    await chain.mineMany(3)
    const harness = new ClientHarness({ chain })
    const honest = createHonestNode({ chain, coordinator: relay, now: () => harness.clock.now() })
    await harness.open()
    await harness.connect('A', honest)
    await join(harness, chain, relay)
    await harness.app.close()
    // Its key is gone before it was in a block, and the server takes its time with what is sent once more.
    let refuse = (_answer: Uint8Array) => {}
    const late = new Promise<Uint8Array>((resolve) => {
      refuse = resolve
    })
    const again = new ClientHarness({ chain, store: withoutWallet(harness.store) })
    const slow = again.answerLate(PROTOCOLS.submit.id, honest, late)
    await again.finish(open())
    await again.connect('A', slow)
    const submissions = () =>
      again.calls.filter((call) => call.call === 'request' && call.protocol === PROTOCOLS.submit.id)
    for (let tries = 0; submissions().length === 0 && tries < 100; tries++) {
      await again.clock.advance(100)
      await again.idle()
    }
    expect(submissions()).toHaveLength(1)
    const voucher = formatVoucher(await makeVoucher(chain, relay, { name: 'second' }))
    const prepared = await again.finish({ call: 'prepare-join', voucher })
    if (!prepared.ok) throw new Error(prepared.sentence)
    const { words, asked } = prepared.value
    const answers = asked.map((position) => words[position] as string)
    expect(await again.finish({ call: 'confirm-join', answers })).toMatchObject({ ok: true })
    const { deviceId } = again.network.identity
    refuse(submitAnswerCodec.encode(refusal('voucher-expired', '')))
    await again.idle()
    await again.clock.advance(10_000)
    expect(again.network.identity).toMatchObject({ state: 'joining', failure: undefined, deviceId })
    await again.gossip('A', await chain.mine())
    expect(again.network.identity).toMatchObject({ state: 'pending', isLost: false, deviceId })
  })
})

describe('a store that lost', () => {
  it('a byte of the identity record takes it up from the note and the ledger, or not at all', async () => {
    const { chain, harness, honest, deviceId, keepsake, networkId } = await joined()
    await harness.app.close()
    const record = (await harness.store.readIdentity(networkId)) as IdentityRecord
    const flip = (bytes: Uint8Array) => bytes.map((byte, i) => (i === 40 % bytes.length ? byte ^ 1 : byte))
    const damages: Partial<IdentityRecord>[] = [
      { deviceId: flip(record.deviceId) },
      { anchor: flip(record.anchor) },
      { application: flip(record.application) },
      { application: record.application.slice(1) },
      { label: 2 },
    ]
    for (const damage of damages)
      for (const note of [keepsake, undefined]) {
        await harness.store.writeIdentity(networkId, { ...record, ...damage })
        const again = await reopen(chain, honest, { store: harness.store, ...(note ? { keepsake: note } : {}) })
        await again.clock.advance(10_000)
        await again.idle()
        const { identity } = again.network
        // Some bytes of the application do not matter any more: then the ID is the right one all the same.
        if (note === undefined) expect([undefined, deviceId]).toContain(identity.deviceId)
        else expect(identity).toMatchObject({ state: 'settled', isLost: false, deviceId })
        await again.app.close()
      }
  })

  it('the identity record, but not the wallet, is filled from the note and the ledger', async () => {
    const { chain, harness, honest, deviceId, keepsake } = await joined()
    await harness.app.close()
    let written: IdentityRecord | undefined
    const store: LocalStore = {
      ...harness.store,
      readIdentity: async () => written,
      async writeIdentity(networkId, record, wallet) {
        written = record
        await harness.store.writeIdentity(networkId, record, wallet)
      },
    }
    const again = await reopen(chain, honest, { store, keepsake })
    await again.clock.advance(10_000)
    await again.idle()
    expect(again.network.identity).toMatchObject({ state: 'settled', isLost: false, deviceId })
    expect(written?.state).toBe('settled')
  })

  it('everything takes up its networks from the note, and its ID from the words', async () => {
    const { chain, honest, words, deviceId, keepsake } = await joined()
    expect(keepsake).not.toContain(words.split(' ')[0])
    const again = await reopen(chain, honest, { store: createMemoryStore(), keepsake })
    expect(again.network).toMatchObject({
      phase: 'following',
      tip: { hash: chain.tip.node.id },
      identity: { state: 'none', isLost: true, deviceId },
    })
    expect(again.incidents).toEqual(['wallet-missing', 'storage-lost'])
    expect(await again.finish({ call: 'recover-identity', words, deviceId })).toEqual({ ok: true, value: null })
    for (let i = 0; i < 3; i++) await again.gossip('A', await chain.mine())
    expect(again.network.identity).toMatchObject({ state: 'settled', isLost: false, deviceId })
  })

  it('everything, and has no room for its networks, keeps note and network all the same', async () => {
    const { chain, honest, words, deviceId, keepsake } = await joined()
    const full = async () => Promise.reject(new LaresError('storage-full', 'no room'))
    const inner = createMemoryStore()
    const state = { isFull: true }
    const tight =
      <Rest extends unknown[]>(write: (...all: Rest) => Promise<void>) =>
      (...all: Rest): Promise<void> =>
        state.isFull ? full() : write(...all)
    const store: LocalStore = {
      ...inner,
      putNetwork: tight(inner.putNetwork),
      writeChain: tight(inner.writeChain),
      writeIncidents: tight(inner.writeIncidents),
      writeIdentity: tight(inner.writeIdentity),
    }
    const again = await reopen(chain, honest, { store, keepsake })
    expect(again.network).toMatchObject({ phase: 'following', identity: { isLost: true, deviceId } })
    expect(again.incidents).toContain('storage-full')
    expect(again.app.view().storage.keepsake).toBe(keepsake)
    expect(await again.finish({ call: 'recover-identity', words, deviceId })).toMatchObject({ code: 'storage-failed' })
    state.isFull = false
    expect(await again.finish({ call: 'recover-identity', words, deviceId })).toEqual({ ok: true, value: null })
    for (let i = 0; i < 3; i++) await again.gossip('A', await chain.mine())
    expect(again.network.identity).toMatchObject({ state: 'settled', isLost: false, deviceId })
  })

  it('everything, note included, is a new browser', async () => {
    const { chain, honest } = await joined()
    const again = await reopen(chain, honest, { store: createMemoryStore(), keepsake: 'nonsense\n#join=x' })
    expect(again.app.view()).toMatchObject({ networks: [], active: undefined })
  })

  it('everything while it was open gets it back from memory', async () => {
    const inner = createMemoryStore()
    let lose = () => {}
    const store: LocalStore = inner
    const { chain, harness, honest, deviceId, networkId } = await joined(store)
    await harness.app.close()
    const again = new ClientHarness({
      chain,
      store,
      openStore: async (onLoss) => {
        lose = () => onLoss('emptied')
        return store
      },
    })
    again.clock.set(chain.tip.block.header.time + 500)
    await again.call(open())
    await again.connect('A', honest)
    const key = await publicKeyOf(store, networkId)
    await inner.removeNetwork(networkId)
    lose()
    await again.idle()
    expect(await store.networks()).toHaveLength(1)
    expect(await store.readIdentity(networkId)).toMatchObject({ state: 'settled' })
    expect(await publicKeyOf(store, networkId)).toBe(key)
    expect((await store.readChain(networkId))?.restart).toMatchObject({ height: chain.tip.node.height })
    expect(again.incidents).toEqual(['storage-emptied'])
    expect(again.network.identity).toMatchObject({ state: 'settled', isLost: false, deviceId })
  })
})

describe('a store that does not open', () => {
  const failing = (code: string) => async () => Promise.reject(new LaresError(code, 'not now'))

  it('is worked without, says so, and takes no identity that it could not keep', async () => {
    const { chain, relay, honest, keepsake, networkId } = await joined()
    const again = new ClientHarness({ chain, openStore: failing('storage-unusable') })
    again.clock.set(chain.tip.block.header.time + 500)
    await again.call(open(keepsake))
    await again.connect('A', honest)
    expect(again.app.view()).toMatchObject({
      obstacle: undefined,
      storage: { problem: { code: 'storage-unusable' }, keepsake: undefined },
      networks: [{ networkId }],
      active: { phase: 'following' },
    })
    const voucher = formatVoucher(await makeVoucher(chain, relay))
    expect(await again.finish({ call: 'prepare-join', voucher })).toMatchObject({ code: 'storage-unusable' })
  })

  it.each(['newer-storage', 'storage-blocked', 'no-storage'])('for %s waits for a person', async (code) => {
    const chain = new ChainBuilder()
    const harness = new ClientHarness({ chain, openStore: failing(code) })
    await harness.call(open())
    expect(harness.app.view().obstacle).toMatchObject({ code })
  })

  it('any more, since a newer page has it, is left alone', async () => {
    const { chain, harness, honest } = await joined()
    await harness.app.close()
    let taken = () => {}
    const again = new ClientHarness({
      chain,
      openStore: async (onLoss) => {
        taken = () => onLoss('newer')
        return harness.store
      },
    })
    await again.call(open())
    await again.connect('A', honest)
    taken()
    await again.idle()
    expect(again.app.view()).toMatchObject({ obstacle: { code: 'newer-storage' }, active: undefined })
  })
})

describe('room', () => {
  it('for identity and network is made of headers', async () => {
    const inner = createMemoryStore()
    let full = false
    const make = (write: () => Promise<void>) => {
      if (full) throw new LaresError('storage-full', 'no room')
      return write()
    }
    const store: LocalStore = {
      ...inner,
      writeIdentity: (...all) => make(() => inner.writeIdentity(...all)),
      putNetwork: (...all) => make(() => inner.putNetwork(...all)),
      dropChunks: async () => {
        full = false
        await inner.dropChunks()
      },
    }
    const chain = new ChainBuilder()
    const relay = await foundRelay(chain)
    const harness = new ClientHarness({ chain, store })
    await harness.open()
    await harness.connect('A', createHonestNode({ chain, coordinator: relay, now: () => harness.clock.now() }))
    full = true
    await join(harness, chain, relay)
    expect(await inner.readWallet(toHex(chain.networkId))).toBeDefined()
    expect(full).toBe(false)
    // The browser is asked to keep it, now that there is something to keep.
    expect(harness.calls.filter(({ call }) => call === 'persist')).toHaveLength(1)
  })
})
