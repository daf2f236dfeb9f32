import { beforeAll, describe, expect, it } from 'vitest'
import { createCachingVerifier } from '../../../node-relay/crypto/caching-verifier.ts'
import { createNodeVerifier } from '../../../node-relay/crypto/node-verifier.ts'
import { concatBytes } from '../../../shared/bytes.ts'
import { hashHeader } from '../../../shared/header/header.ts'
import { sealMessage } from '../../../shared/header/seal.ts'
import { historyRoot } from '../../../shared/history/mountain-range.ts'
import { MAX_TIME, MAX_WORK } from '../../../shared/history/node.ts'
import { type Bundle, bundleCodec, MAX_BUNDLE_LENGTH, verifyBundle } from '../../../shared/proof/bundle.ts'
import { voteMessage } from '../../../shared/transaction/approval.ts'
import { KIND } from '../../../shared/transaction/kinds.ts'
import {
  hashChangeContent,
  hashMotion,
  memberMessage,
  type RosterAction,
} from '../../../shared/transaction/roster-change.ts'
import { transactionCodec } from '../../../shared/transaction/transaction.ts'
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
import { alterByte } from '../../framework/lying-full-node.ts'
import { buildBundle } from './build-bundle.ts'

// Thousands of bundles have all but one signature in common.
const verifier = createCachingVerifier(createNodeVerifier())
const chain = new ChainBuilder({ keepers: 3 })
const absent = new Uint8Array(32).fill(0xab)
let phone: TestDevice
let gone: TestDevice
let settled: BuiltBlock

const verify = (bytes: Uint8Array, deviceId?: Uint8Array, networkId = chain.networkId) =>
  verifyBundle(bytes, networkId, verifier, deviceId)

function pushChange(make: (changeNumber: number) => RosterAction): void {
  const changeNumber = chain.tip.node.roster.changeNumber + 1
  chain.waiting.push(
    transactionCodec.encode({ TAG: 'rosterChange', data: { changeNumber, action: make(changeNumber) } }),
  )
}

/** Three keepers; one more by the owners, who rotates its key, and is removed by votes: all ways to sign are in the log. */
beforeAll(async () => {
  const relay = await foundRelay(chain)
  const late = await registerByOwner(chain, { wallet: namedSigner('late'), endorsers: [relay] })
  phone = await registerByVoucher(chain, await makeVoucher(chain, relay), {
    wallet: namedSigner('phone'),
    endorsers: [relay],
  })
  gone = await registerByVoucher(chain, await makeVoucher(chain, relay, { name: 'gone' }), {
    wallet: namedSigner('gone'),
    endorsers: [relay],
  })
  await chain.mine()
  await retire(chain, gone)
  await admitKeeper(chain, late, namedSigner('late seal'))
  await chain.mine()
  await chain.mine({ seat: 3 })

  const rotate = { seat: 3, sealingKey: namedSigner('late seal 2').publicKey, recoveryKey: late.recovery.publicKey }
  const rotateBy = (signature: Uint8Array): RosterAction => ({
    TAG: 'rotateKey',
    data: { rotate, authority: { TAG: 'member', data: signature } },
  })
  const content = hashChangeContent(chain.tip.node.roster.changeNumber + 1, rotateBy(new Uint8Array(64)))
  const signature = await namedSigner('late seal').sign(memberMessage(chain.networkId, content))
  pushChange(() => rotateBy(signature))
  chain.addSealer(namedSigner('late seal 2'))
  await chain.mine({ seat: 0 })

  const remove = { deviceId: late.deviceId, seat: 3 }
  const removeBy = (votes: { seat: number; expires: number; signature: Uint8Array }[]): RosterAction => ({
    TAG: 'remove',
    data: { remove, approval: { TAG: 'votes', data: votes } },
  })
  const votes: { seat: number; expires: number; signature: Uint8Array }[] = []
  for (const seat of [0, 1, 2]) {
    const message = voteMessage(chain.networkId, KIND.rosterChange, hashMotion(removeBy([])), 100)
    votes.push({ seat, expires: 100, signature: await chain.keeper(seat).sign(message) })
  }
  pushChange(() => removeBy(votes))
  settled = await chain.mine({ seat: 1 })
  for (const seat of [2, 0]) await chain.mine({ seat })
})

describe('proof bundle', () => {
  it('gives the verdict of a registered, a retired and an absent device', async () => {
    for (const [deviceId, state] of [
      [phone.deviceId, 'registered'],
      [gone.deviceId, 'retired'],
      [absent, 'not-in-ledger'],
    ] as const) {
      const verdict = await verify(buildBundle(chain, deviceId, settled), deviceId)
      expect(verdict).toMatchObject({
        ok: true,
        value: {
          state,
          deviceId,
          settled: { height: settled.node.height, keepersSeen: 2, keepers: 3 },
          tip: { height: chain.tip.node.height },
        },
      })
      if (verdict.ok && state !== 'not-in-ledger') expect(verdict.value.record?.deviceId).toEqual(deviceId)
    }
    const log = bundleCodec.decode(buildBundle(chain, phone.deviceId, settled))
    expect(log.ok && log.value.rosterLog.map(({ action }) => action.TAG)).toEqual(['admit', 'rotateKey', 'remove'])
  })

  it.each(['registered', 'retired', 'absent'])(
    'gives none when any one byte is altered: %s',
    async (which) => {
      const deviceId = which === 'registered' ? phone.deviceId : which === 'retired' ? gone.deviceId : absent
      const bundle = buildBundle(chain, deviceId, settled)
      expect((await verify(bundle, deviceId)).ok).toBe(true)
      const passed: string[] = []
      for (let position = 0; position < bundle.length; position++) {
        const masks = position % 16 === 0 ? [0xff, 0x01, 0x80, 0x10] : [1 << (position % 8)]
        for (const mask of masks)
          if ((await verify(alterByte(bundle, position, mask), deviceId)).ok) passed.push(`${position}^${mask}`)
      }
      expect(passed).toEqual([])
    },
    60_000,
  )

  it('gives none when it is cut, longer, too long, empty, or of another network', async () => {
    const bundle = buildBundle(chain, phone.deviceId, settled)
    for (let length = 0; length < bundle.length; length += 7)
      expect((await verify(bundle.subarray(0, length))).ok).toBe(false)
    expect((await verify(bundle.subarray(0, -1))).ok).toBe(false)
    expect((await verify(concatBytes(bundle, Uint8Array.of(0)))).ok).toBe(false)
    expect(await verify(new Uint8Array(MAX_BUNDLE_LENGTH + 1))).toMatchObject({ code: 'too-long' })
    const other = new ChainBuilder({ keepers: 3, name: 'other' })
    expect(await verify(bundle, undefined, other.networkId)).toMatchObject({ code: 'unknown-network' })
    expect(await verify(buildBundle(other, absent, other.first))).toMatchObject({ code: 'unknown-network' })
  })

  it('gives none about another device than the one asked for', async () => {
    expect(await verify(buildBundle(chain, absent, settled), phone.deviceId)).toMatchObject({ code: 'another-device' })
  })

  it('gives none when the seals on top do not settle the header', async () => {
    // Too few blocks; enough blocks of one seat; and, good beside bad, of two.
    expect(await verify(buildBundle(chain, absent, settled, chain.at(settled.node.height + 1)))).toMatchObject({
      code: 'not-settled',
    })
    expect(await verify(buildBundle(chain, absent, settled, settled))).toMatchObject({ code: 'not-settled' })
    const lone = await chain.mineMany(9, { on: settled, seat: 2 })
    expect(await verify(buildBundle(chain, absent, settled, lone))).toMatchObject({ code: 'not-settled' })
    const two = await chain.mine({ on: lone, seat: 1 })
    expect((await verify(buildBundle(chain, absent, settled, two))).ok).toBe(true)
  })

  it('stays good when a keeper is admitted on top that has not sealed yet', async () => {
    const fresh = new ChainBuilder()
    const relay = await foundRelay(fresh)
    const second = await registerByOwner(fresh, { wallet: namedSigner('second'), endorsers: [relay] })
    const at = await fresh.mine()
    await fresh.mineMany(2)
    await admitKeeper(fresh, second, namedSigner('second seal'))
    await fresh.mine()
    await fresh.mine({ seat: 0 })
    const bundle = buildBundle(fresh, relay.deviceId, at)
    expect(await verifyBundle(bundle, fresh.networkId, verifier)).toMatchObject({
      ok: true,
      value: { settled: { keepersSeen: 1, keepers: 1 } },
    })
  })

  it('gives none for seals by a stranger, by a removed key, or by one key in the name of another', async () => {
    const lastTwo = chain.from(settled.node.height + 1)
    const resealed = async (name: string) =>
      await Promise.all(
        lastTwo.map(async ({ item, node }) => ({
          ...item,
          sealed: { ...item.sealed, seal: await namedSigner(name).sign(sealMessage(chain.networkId, node.hash)) },
        })),
      )
    for (const name of ['stranger', 'late seal', 'late seal 2', 'test keeper 0']) {
      const bundle = buildBundle(chain, phone.deviceId, settled, chain.tip, { above: await resealed(name) })
      expect(await verify(bundle), name).toMatchObject({ code: 'bad-signature' })
    }
    const swapped = lastTwo.map(({ item }, i) => ({
      ...item,
      sealed: { ...item.sealed, seal: (lastTwo[1 - i] as BuiltBlock).item.sealed.seal },
    }))
    expect((await verify(buildBundle(chain, phone.deviceId, settled, chain.tip, { above: swapped }))).ok).toBe(false)
  })

  it('gives none when a roster change is left out, doubled or comes from another place', async () => {
    const bundle = bundleCodec.decode(buildBundle(chain, phone.deviceId, settled))
    if (!bundle.ok) throw new Error(bundle.detail)
    const { rosterLog } = bundle.value
    const [admit, rotate, remove] = rosterLog as [
      Bundle['rosterLog'][number],
      Bundle['rosterLog'][number],
      Bundle['rosterLog'][number],
    ]
    for (const log of [
      [],
      [admit],
      [admit, rotate],
      [rotate, admit, remove],
      [admit, admit, rotate, remove],
      [admit, rotate, remove, remove],
    ])
      expect((await verify(buildBundle(chain, phone.deviceId, settled, chain.tip, { rosterLog: log }))).ok).toBe(false)
  })

  it('gives none for the state proof of another block or device', async () => {
    const other = bundleCodec.decode(buildBundle(chain, gone.deviceId, settled))
    const older = bundleCodec.decode(buildBundle(chain, phone.deviceId, chain.at(3)))
    if (!other.ok || !older.ok) throw new Error('does not decode')
    for (const { proof } of [other.value, older.value])
      expect((await verify(buildBundle(chain, phone.deviceId, settled, chain.tip, { proof }))).ok).toBe(false)
  })

  it('refuses a made-up history at the end of all numbers instead of breaking', async () => {
    const { header } = settled.block
    const range = { count: 1, peaks: [{ hash: absent, work: MAX_WORK, startTime: 0, endTime: 1 }] }
    const forged = { ...header, height: 1, historyRoot: historyRoot(range) }
    const parent = { ...header, time: MAX_TIME }
    const bundle = buildBundle(chain, absent, settled, settled, {
      range,
      settled: { ...forged, previousHash: hashHeader(parent) },
      parent,
    })
    expect(await verify(bundle)).toMatchObject({ ok: false, code: 'wrong-history-root' })
  })
})
