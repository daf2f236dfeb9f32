/** Which device a relay is, by its wallet or beside its keys. */
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { RelayKeys } from '../../../node-relay/full-node/keys.ts'
import { createOwnDevice } from '../../../node-relay/full-node/own-device.ts'
import { ownerAnchor } from '../../../shared/identity/anchor.ts'
import { deviceIdOf, walletIdOf } from '../../../shared/identity/device-id.ts'
import { foundRelay, makeVoucher, registerByVoucher, type TestDevice } from '../../framework/chain-actions.ts'
import { ChainBuilder, namedSigner } from '../../framework/chain-builder.ts'
import { closeAll, type OpenChain, openChain } from './open-chain.ts'

const second = namedSigner('second relay')
let builder: ChainBuilder
let first: TestDevice
let full: OpenChain
let registered: number
let keys: RelayKeys

beforeEach(async () => {
  builder = new ChainBuilder()
  first = await foundRelay(builder)
  full = await openChain(builder)
  await full.feed(...builder.from(1))
  registered = 0
  keys = { wallet: second, sealing: second, device: undefined, next: undefined }
})
afterEach(closeAll)

const own = () =>
  createOwnDevice(
    full.chain,
    () => keys,
    () => registered++,
  )

/** A registration of the second relay's wallet by a voucher. */
async function register(): Promise<TestDevice> {
  const voucher = await makeVoucher(builder, first, { name: `voucher ${registered}` })
  const device = await registerByVoucher(builder, voucher, { wallet: second, endorsers: [first] })
  await full.feed(await builder.mine())
  return device
}

it('the founder by its wallet alone', () => {
  keys = { ...keys, wallet: first.wallet }
  expect(own().deviceId).toEqual(first.deviceId)
})

it('one that joined as soon as it is in a block, and after a start', async () => {
  const running = own()
  expect(running.deviceId).toEqual(deviceIdOf(builder.networkId, second.publicKey, ownerAnchor(second.publicKey)))
  const { deviceId } = await register()
  expect([running.deviceId, own().deviceId, registered]).toEqual([deviceId, deviceId, 1])
})

it('one whose wallet key was replaced, whoever registers the old one', async () => {
  const running = own()
  const { deviceId } = await register()
  keys = { ...keys, device: { deviceId, walletId: walletIdOf(second.publicKey) } }
  const thief = await register()
  expect(thief.deviceId).not.toEqual(deviceId)
  expect([running.deviceId, own().deviceId, registered]).toEqual([deviceId, deviceId, 1])
  keys = { ...keys, wallet: namedSigner('next') }
  expect(own().deviceId).toEqual(deviceId)
})
