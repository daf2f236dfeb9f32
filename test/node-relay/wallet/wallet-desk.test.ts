/** The relay's own keys: replaced by the ledger's rules, chosen by the chain, and never lost on the way. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createVoucher } from '../../../node-relay/admission/create-voucher.ts'
import { createNodeVerifier } from '../../../node-relay/crypto/node-verifier.ts'
import { createBlockSource } from '../../../node-relay/full-node/block-source.ts'
import { checkTransaction } from '../../../node-relay/full-node/check-transaction.ts'
import { createKeysOf, loadKeys, type RelayKeys, replaceSealingKey } from '../../../node-relay/full-node/keys.ts'
import { writeRelayFile } from '../../../node-relay/full-node/relay-file.ts'
import { recordOf } from '../../../node-relay/full-node/views.ts'
import type { WalletProposal, WalletSignatures } from '../../../node-relay/wallet/door.ts'
import { seatMessage, walletMessage } from '../../../node-relay/wallet/new-keys.ts'
import { createOwnKeys, type OwnKeys } from '../../../node-relay/wallet/own-keys.ts'
import { createRelayWallet, type RelayWallet } from '../../../node-relay/wallet/wallet-desk.ts'
import { asciiBytes, equalBytes, fromHex, toHex } from '../../../shared/bytes.ts'
import { expandTarget, meetsTarget } from '../../../shared/chain/target.ts'
import type { Signer } from '../../../shared/crypto/signer.ts'
import { accept, reject } from '../../../shared/errors.ts'
import { sha256 } from '../../../shared/hash.ts'
import { hashHeader } from '../../../shared/header/header.ts'
import { sealMessage } from '../../../shared/header/seal.ts'
import { SEAT_ROTATIONS } from '../../../shared/ledger/roster-change.ts'
import { parseVoucher, publicVoucher } from '../../../shared/protocol/voucher-text.ts'
import { voucherMessage } from '../../../shared/transaction/register.ts'
import { rotateMessage, rotateNewKeyMessage, transactionCodec } from '../../../shared/transaction/transaction.ts'
import { foundRelay, registerByOwner, retire, rotateSeat, type TestDevice } from '../../framework/chain-actions.ts'
import { type BuiltBlock, ChainBuilder, namedSigner } from '../../framework/chain-builder.ts'
import { branch, closeAll, type OpenChain, openChain } from '../full-node/open-chain.ts'

const verifier = createNodeVerifier()
let builder: ChainBuilder
let relay: TestDevice
let full: OpenChain
let dataDir: string
let keys: OwnKeys
let wallet: RelayWallet
/** Handed in, and in no block yet. */
let waiting: Uint8Array[]
let obstacle: string | undefined
let signedAnew: { ok: boolean }

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'lares-wallet-'))
  builder = new ChainBuilder({ keepers: 2, parameters: { epochSeconds: 86_400 } })
  relay = await foundRelay(builder)
  await builder.mineMany(4)
  full = await openChain(builder)
  await full.feed(...builder.from(1))
  full.clock.now = builder.tip.block.header.time + 60_000
  const seed = toHex(sha256(asciiBytes('test keeper 0')))
  writeFileSync(keysPath(), JSON.stringify({ version: 1, walletSeed: seed, sealingSeed: seed }), { mode: 0o600 })
  waiting = []
  obstacle = undefined
  signedAnew = { ok: true }
  await start()
})
afterEach(async () => {
  await closeAll()
  rmSync(dataDir, { recursive: true, force: true })
})

const keysPath = () => join(dataDir, 'keys.json')
const fileOf = () => JSON.parse(readFileSync(keysPath(), 'utf8')) as Record<string, unknown>

/** As after a kill: all that is known is on disk. */
async function start(deviceId = relay.deviceId): Promise<void> {
  keys = createOwnKeys({ dataDir, keys: await loadKeys(dataDir), chain: full.chain, deviceId: () => deviceId })
  wallet = createRelayWallet({
    keys,
    chain: full.chain,
    verifier,
    obstacle: () => obstacle,
    check: (bytes) => checkTransaction(full.chain, full.clock.now, bytes),
    async submit(bytes) {
      if (!waiting.some((one) => equalBytes(one, bytes))) waiting.push(bytes)
      return accept(null)
    },
    beforeOldKeysGo: async () => (signedAnew.ok ? accept(null) : reject('busy', 'not now')),
    log: () => {},
  })
}

/** Blocks by the other keeper, which does not hold our keys: the first takes in what waits. */
async function mine(count = 1, on = builder.tip): Promise<BuiltBlock> {
  let block = on
  for (let i = 0; i < count; i++) {
    const transactions = on === builder.tip || i > 0 ? waiting.splice(0) : []
    block = await builder.mine({ on: block, seat: 1, transactions })
    await full.feed(block)
  }
  return block
}

const settledRecord = () => recordOf(builder.tip.tree, relay.deviceId)
const seat = () => full.chain.tip.roster.members[0]

/** What signs is what the chain names. */
function expectNamed(): void {
  expect(toHex(keys.wallet.publicKey)).toBe(toHex(recordOf(full.chain.state, relay.deviceId)?.walletKey as Uint8Array))
  expect(toHex(keys.sealing.publicKey)).toBe(toHex(seat()?.sealingKey as Uint8Array))
}

async function rotate(): Promise<void> {
  const begun = await wallet.rotate()
  if (!begun.ok) throw new Error(begun.detail)
}

/** Both seats seal in turn, so that blocks settle. */
async function settle(): Promise<void> {
  for (const signer of [keys.held.next?.sealing, keys.held.sealing]) if (signer) builder.addSealer(signer)
  for (let i = 0; i < 6; i++) {
    const transactions = [...builder.waiting.splice(0), ...waiting.splice(0)]
    await full.feed(await builder.mine({ seat: i % 2, transactions }))
    await wallet.look()
  }
}

describe('new keys', () => {
  it('take over in a block, and the old ones go when that is settled', async () => {
    const old = { wallet: keys.wallet.publicKey, sealing: keys.sealing.publicKey }
    const before = wallet.view()
    expect(before).toMatchObject({
      record: { isOwn: true, isSettled: true, recoveryKey: toHex(relay.recovery.publicKey) },
      seat: { seat: 0, isOwn: true },
      rotation: undefined,
    })
    await rotate()
    expect(statSync(keysPath()).mode & 0o777).toBe(0o600)
    expect(waiting).toHaveLength(2)
    expect(wallet.view().rotation).toMatchObject({ by: 'wallet', state: 'waiting' })
    expectNamed()
    expect(keys.wallet.publicKey).toEqual(old.wallet)
    await mine()
    await wallet.look()
    expectNamed()
    expect(keys.wallet.publicKey).not.toEqual(old.wallet)
    expect(keys.sealing.publicKey).not.toEqual(old.sealing)
    expect(wallet.view().rotation).toMatchObject({ state: 'in-block' })
    expect(keys.held.wallet.publicKey).toEqual(old.wallet)
    await settle()
    const after = wallet.view()
    expect(after).toMatchObject({ deviceId: before.deviceId, walletId: before.walletId, rotation: undefined })
    expect(after.record).toMatchObject({ walletKey: after.walletKey, isOwn: true, isSettled: true })
    expect(after.seat).toMatchObject({ sealingKey: after.sealingKey, isOwn: true })
    const stored = await loadKeys(dataDir)
    expect([stored.wallet.publicKey, stored.sealing.publicKey, stored.next]).toEqual([
      keys.wallet.publicKey,
      keys.sealing.publicKey,
      undefined,
    ])
    expect(waiting).toHaveLength(0)
  })

  it('are found again after a kill at each step, with the ID that the first key gave', async () => {
    // Whoever starts from the file has no other word for its ID.
    const elsewhere = new Uint8Array(32)
    await rotate()
    const rotation = wallet.view().rotation
    waiting = []
    await start(elsewhere)
    expectNamed()
    await wallet.look()
    expect([waiting.length, wallet.view().rotation]).toEqual([2, rotation])
    await mine()
    await start(elsewhere)
    expectNamed()
    expect(wallet.view()).toMatchObject({ walletKey: rotation?.walletKey, rotation: { state: 'in-block' } })
    await settle()
    await start(elsewhere)
    expectNamed()
    expect(wallet.view()).toMatchObject({ walletKey: rotation?.walletKey, rotation: undefined })
    // And a second time, from keys that are no longer the first.
    await rotate()
    await mine()
    await settle()
    await start(elsewhere)
    expectNamed()
    expect(wallet.view().walletKey).not.toBe(rotation?.walletKey)
  })

  it('a reorganization brings the old ones back, and the new ones are handed in again', async () => {
    const fork = builder.tip
    await rotate()
    await mine()
    const { walletKey } = wallet.view()
    const other = await builder.mineMany(2, { on: fork, seat: 1, transactions: [] })
    await full.feed(...branch(other, fork.node.height + 1))
    builder.tip = other
    expect(full.chain.tip.id).toBe(other.node.id)
    expectNamed()
    expect(wallet.view()).toMatchObject({ walletKey: toHex(relay.wallet.publicKey), rotation: { state: 'waiting' } })
    await wallet.look()
    expect(waiting).toHaveLength(2)
    await mine()
    expectNamed()
    expect(wallet.view().walletKey).toBe(walletKey)
  })

  it('are signed anew where the numbers have moved on', async () => {
    await rotate()
    waiting = []
    // Another change of the roster, and another transaction of the device, came first.
    await rotateSeat(builder, 1, namedSigner('another for seat 1'))
    await pushRotation(relay.wallet, relay.wallet)
    const sealer = builder.keeper(1)
    await full.feed(await builder.mine({ seat: 1, sealWith: sealer }))
    await wallet.look()
    await mine()
    expectNamed()
    expect(wallet.view().rotation).toMatchObject({ state: 'in-block' })
  })

  it('a relay without a seat keeps its sealing key', async () => {
    const other = await registerByOwner(builder, { wallet: namedSigner('no seat'), endorsers: [relay] })
    await settle()
    const seed = toHex(sha256(asciiBytes('no seat')))
    writeFileSync(keysPath(), JSON.stringify({ version: 1, walletSeed: seed, sealingSeed: seed }))
    await start(other.deviceId)
    expect(wallet.view()).toMatchObject({ seat: undefined, record: { isOwn: true } })
    await rotate()
    expect(waiting).toHaveLength(1)
    expect(wallet.view().rotation?.sealingKey).toBeUndefined()
    await settle()
    expect(wallet.view()).toMatchObject({
      rotation: undefined,
      record: { isOwn: true },
      sealingKey: toHex(other.wallet.publicKey),
    })
    expect(wallet.view().walletKey).not.toBe(toHex(other.wallet.publicKey))
  })

  it('that others have overtaken are given up, and the seat has its new one', async () => {
    await rotate()
    const [, seatChange] = waiting
    waiting = [seatChange as Uint8Array]
    await pushRotation(relay.recovery, namedSigner('by the words'))
    builder.waiting.push(...waiting.splice(0))
    await full.feed(await builder.mine({ seat: 1 }))
    await settle()
    expect(wallet.view()).toMatchObject({ rotation: undefined, record: { isOwn: false }, seat: { isOwn: true } })
    expect(await wallet.rotate()).toMatchObject({ ok: false, code: 'another-key' })
  })

  it('the old ones stay while what they have signed is not signed anew', async () => {
    await rotate()
    signedAnew = { ok: false }
    await mine()
    await settle()
    expect(wallet.view().rotation).toMatchObject({ state: 'in-block' })
    signedAnew = { ok: true }
    await wallet.look()
    expect(wallet.view().rotation).toBeUndefined()
  })

  it('while the chain is behind nothing is handed in, and nothing given up', async () => {
    await rotate()
    waiting = []
    obstacle = 'This relay is still fetching the chain.'
    await mine()
    await wallet.look()
    expect(waiting).toHaveLength(0)
    expect(wallet.view().rotation).toBeDefined()
  })
})

describe('are refused', () => {
  const codes: [string, () => unknown][] = [
    ['rotation-under-way', rotate],
    ['not-ready', () => (obstacle = 'The disk is full.')],
    ['not-registered', () => start(new Uint8Array(32))],
    ['retired', retired],
    [
      'another-key',
      async () => {
        await pushRotation(relay.recovery, namedSigner('by the words'))
        await full.feed(await builder.mine({ seat: 1 }))
      },
    ],
    ['quota-exceeded', usedUp],
    ['keys-not-written', () => rmSync(dataDir, { recursive: true })],
  ]
  for (const [code, arrange] of codes)
    it(`with ${code}, and nothing is changed`, async () => {
      await arrange()
      waiting = []
      const before = code === 'keys-not-written' ? undefined : fileOf()
      expect(await wallet.rotate()).toMatchObject({ ok: false, code, detail: expect.stringMatching(/\.$/) })
      expect(waiting).toHaveLength(0)
      if (before !== undefined) expect(fileOf()).toEqual(before)
    })

  /** A seat's member cannot retire, and neither can a coordination node: another device. */
  async function retired(): Promise<void> {
    const other = await registerByOwner(builder, { wallet: namedSigner('retired'), endorsers: [relay] })
    await settle()
    const seed = toHex(sha256(asciiBytes('retired')))
    writeFileSync(keysPath(), JSON.stringify({ version: 1, walletSeed: seed, sealingSeed: seed }))
    await start(other.deviceId)
    await retire(builder, other)
    await full.feed(await builder.mine({ seat: 1 }))
  }

  async function usedUp(): Promise<void> {
    for (let i = 0; i < SEAT_ROTATIONS; i++) {
      await rotate()
      await settle()
    }
  }
})

describe('by the recovery words', () => {
  /** As the command line does it, with the words of the relay's record and of its seat. */
  async function signed(
    { wallet: own, seat: ofSeat, ...proposal }: WalletProposal,
    by: { wallet?: Signer; seat?: Signer } = { wallet: relay.recovery, seat: builder.keeperRecovery(0) },
  ): Promise<WalletSignatures> {
    const content = own && {
      ...own,
      deviceId: fromHex(own.deviceId),
      walletKey: fromHex(own.walletKey),
      recoveryKey: fromHex(own.recoveryKey),
      addresses: [...own.addresses],
    }
    const seatContent = ofSeat && {
      seat: ofSeat.seat,
      sealingKey: fromHex(ofSeat.sealingKey),
      recoveryKey: fromHex(ofSeat.recoveryKey),
    }
    return {
      walletKey: proposal.walletKey,
      ...(content && by.wallet && { wallet: toHex(await by.wallet.sign(walletMessage(builder.networkId, content))) }),
      ...(seatContent &&
        by.seat && {
          seat: toHex(await by.seat.sign(seatMessage(builder.networkId, ofSeat.changeNumber, seatContent))),
        }),
    }
  }

  async function propose(): Promise<WalletProposal> {
    const proposal = await wallet.proposeRecovery()
    if (!proposal.ok) throw new Error(proposal.detail)
    return proposal.value
  }

  async function recover(by?: Parameters<typeof signed>[1]): Promise<void> {
    const taken = await wallet.recover(await signed(await propose(), by))
    if (!taken.ok) throw new Error(taken.detail)
  }

  /** The file of keys is gone, and the relay was given another. */
  async function loseKeys(): Promise<void> {
    createKeysOf(dataDir, { deviceId: relay.deviceId, walletId: keys.walletId })
    await start(new Uint8Array(32))
  }

  it('lost keys are replaced, and the ID stays', async () => {
    await loseKeys()
    const before = wallet.view()
    expect(before).toMatchObject({ record: { isOwn: false }, seat: { isOwn: false } })
    expect(await wallet.rotate()).toMatchObject({ ok: false, code: 'another-key' })
    await recover()
    expect(waiting).toHaveLength(2)
    expect(wallet.view().rotation).toMatchObject({ by: 'recovery', state: 'waiting' })
    await mine()
    expectNamed()
    await settle()
    const after = wallet.view()
    expect(after).toMatchObject({ record: { isOwn: true }, seat: { isOwn: true }, rotation: undefined })
    expect([after.deviceId, after.walletId, after.record?.recoveryKey]).toEqual([
      before.deviceId,
      before.walletId,
      before.record?.recoveryKey,
    ])
    expect(after.walletKey).not.toBe(before.walletKey)
  })

  it('killed after they were signed, they are handed in again', async () => {
    await loseKeys()
    await recover()
    waiting = []
    await start(new Uint8Array(32))
    await wallet.look()
    expect(waiting).toHaveLength(2)
    await mine()
    expectNamed()
  })

  it('a thief who came first is overridden, and the keys that wait are the ones that are signed', async () => {
    await rotate()
    const waited = wallet.view().rotation
    waiting = []
    await pushRotation(relay.wallet, namedSigner('thief'))
    await full.feed(await builder.mine({ seat: 1 }))
    await recover()
    expect(wallet.view().rotation).toMatchObject({ by: 'recovery', walletKey: waited?.walletKey })
    await mine()
    expectNamed()
    expect(wallet.view().walletKey).toBe(waited?.walletKey)
    await settle()
    expect(wallet.view()).toMatchObject({ rotation: undefined, record: { isOwn: true }, seat: { isOwn: true } })
  })

  it('what was signed before the chain moved on is signed again for the same keys', async () => {
    await loseKeys()
    await recover()
    const first = wallet.view().rotation
    waiting = []
    await pushRotation(relay.wallet, namedSigner('thief'))
    await rotateSeat(builder, 1, namedSigner('another for seat 1'))
    await full.feed(await builder.mine({ seat: 1, sealWith: builder.keeper(1) }))
    await recover()
    await mine()
    expectNamed()
    expect(wallet.view().walletKey).toBe(first?.walletKey)
    expect(await wallet.proposeRecovery()).toMatchObject({ ok: false, code: 'rotation-under-way' })
  })

  it('a seat with other words keeps its sealing key, and the wallet key is not kept waiting for it', async () => {
    await loseKeys()
    await recover({ wallet: relay.recovery })
    expect(waiting).toHaveLength(1)
    await settle()
    expect(wallet.view()).toMatchObject({ rotation: undefined, record: { isOwn: true }, seat: { isOwn: false } })
  })

  it('are refused with their codes, and nothing is changed', async () => {
    await loseKeys()
    const before = fileOf()
    const proposal = await propose()
    const codeOf = async (signatures: WalletSignatures) => {
      const taken = await wallet.recover(signatures)
      return taken.ok ? 'good' : taken.code
    }
    const stranger = namedSigner('stranger')
    expect(await codeOf(await signed(proposal, { wallet: stranger }))).toBe('bad-signature')
    expect(await codeOf(await signed(proposal, { wallet: relay.recovery, seat: stranger }))).toBe('bad-signature')
    expect(await codeOf({ walletKey: proposal.walletKey })).toBe('nothing-signed')
    const other = await propose()
    expect(await codeOf(await signed(proposal))).toBe('another-proposal')
    await pushRotation(relay.wallet, namedSigner('thief'))
    await full.feed(await builder.mine({ seat: 1 }))
    expect(await codeOf(await signed(other))).toBe('wrong-sequence')
    obstacle = 'The disk is full.'
    expect(await wallet.proposeRecovery()).toMatchObject({ ok: false, code: 'not-ready' })
    expect([fileOf(), waiting]).toEqual([before, []])
    obstacle = undefined
    await recover()
    expect(fileOf()).not.toEqual(before)
  })
})

it('what the new key seals is good for everybody, and nothing is sealed twice on one block', async () => {
  const witness = await openChain(builder)
  await witness.feed(...builder.from(1))
  const fork = builder.tip
  const parents: string[] = []
  const source = createBlockSource({
    chain: full.chain,
    verifier,
    sealingKey: () => keys.sealing.publicKey,
    candidates: () => waiting,
    refuse: () => {},
  })
  async function seal(): Promise<void> {
    full.clock.now += 1_000
    const template = await source.template(full.clock.now)
    if ('wait' in template) throw new Error(template.wait)
    for (let nonce = 0; ; nonce++) {
      const header = { ...template.header, nonce }
      const hash = hashHeader(header)
      if (!meetsTarget(hash, expandTarget(header.target) as bigint)) continue
      parents.push(toHex(header.previousHash))
      const sealed = { header, seal: await keys.sealing.sign(sealMessage(builder.networkId, hash)) }
      expect(await source.submit(sealed, template)).toBe('stored')
      const outcome = await witness.chain.accept({ ...sealed, transactions: [...template.transactions] })
      expect(outcome).toMatchObject({ kind: expect.stringMatching(/^(extension|fork|reorganization)$/) })
      return
    }
  }
  witness.clock.now = full.clock.now + 365 * 86_400_000
  await rotate()
  await seal()
  waiting = []
  const [old, next] = [keys.held.sealing.publicKey, keys.held.next?.sealing?.publicKey]
  expect(keys.sealing.publicKey).toEqual(next)
  await seal()
  expect(full.chain.tip.sealingKey).toEqual(next)
  // Back before the rotation, the old key is the key again.
  const other = await builder.mineMany(3, { on: fork, seat: 1, transactions: [] })
  const blocks = branch(other, fork.node.height + 1)
  await full.feed(...blocks)
  await witness.feed(...blocks)
  expect(keys.sealing.publicKey).toEqual(old)
  await seal()
  expect(full.chain.tip.sealingKey).toEqual(old)
  expect(new Set(parents).size).toBe(parents.length)
})

describe('the file of keys', () => {
  it('a recovery by the owners takes the place of a sealing key that waits', async () => {
    await rotate()
    const seed = sha256(asciiBytes('by the owners'))
    replaceSealingKey(dataDir, seed)
    const { sealing, next }: RelayKeys = await loadKeys(dataDir)
    expect(sealing.publicKey).toEqual(namedSigner('by the owners').publicKey)
    expect([next?.wallet.publicKey, next?.sealing]).toEqual([keys.held.next?.wallet.publicKey, undefined])
  })

  it('a voucher is signed by the key that takes over, since it is judged by the key of its day', async () => {
    const ids = { networkId: toHex(builder.networkId), deviceId: toHex(relay.deviceId) }
    writeRelayFile(dataDir, { ...ids, pageUrl: undefined, link: undefined })
    const signer = async () => {
      const [made] = await createVoucher({ dataDir, count: 1, days: 1, now: full.clock.now })
      const parsed = parseVoucher(made?.text ?? '')
      if (!parsed.ok) throw new Error(parsed.detail)
      const { signature } = parsed.value
      const message = voucherMessage(builder.networkId, publicVoucher(parsed.value))
      const { wallet: present, next } = keys.held
      const isBy = (publicKey: Uint8Array) => verifier.verify({ publicKey, message, signature })
      return (await isBy(present.publicKey))
        ? 'present'
        : next && (await isBy(next.wallet.publicKey))
          ? 'next'
          : 'nobody'
    }
    expect(await signer()).toBe('present')
    await rotate()
    expect(await signer()).toBe('next')
  })

  it('is refused where it is damaged, and by an older Lares while it has more than that knows', async () => {
    expect(fileOf()).toMatchObject({ version: 1 })
    await rotate()
    const file = fileOf() as { device: object; next: object }
    expect(file).toMatchObject({ version: 2 })
    for (const damaged of [
      { ...file, version: 0 },
      { ...file, device: { deviceId: 'ab', walletId: 'ab' } },
      { ...file, next: { walletSeed: 'ab' } },
      { ...file, next: 5 },
    ]) {
      writeFileSync(keysPath(), JSON.stringify(damaged))
      await expect(loadKeys(dataDir)).rejects.toMatchObject({ code: 'keys-damaged' })
    }
    // Not to be set aside by a recovery: there are keys in it.
    writeFileSync(keysPath(), JSON.stringify({ ...file, version: 3 }))
    await expect(loadKeys(dataDir)).rejects.toMatchObject({ code: 'keys-newer' })
  })
})

/** By the wallet key or by the recovery key, outside of the relay. Waits for the next block of the builder. */
async function pushRotation(by: Signer, next: Signer): Promise<void> {
  const record = settledRecord()
  if (record === undefined) throw new Error('not registered')
  const content = {
    deviceId: relay.deviceId,
    sequence: record.sequence + 1,
    walletKey: next.publicKey,
    recoveryKey: record.recoveryKey,
    addresses: [],
  }
  const signature = await by.sign(rotateMessage(builder.networkId, content))
  const TAG = by === relay.recovery ? ('recovery' as const) : ('wallet' as const)
  const newKeySignature = await next.sign(rotateNewKeyMessage(builder.networkId, content))
  const data = { rotate: content, authority: { TAG, data: signature }, newKeySignature }
  builder.waiting.push(transactionCodec.encode({ TAG: 'rotate', data }))
}
