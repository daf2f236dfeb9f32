import { afterEach, expect, it } from 'vitest'
import { createRoleRecords } from '../../../node-relay/full-node/role-records.ts'
import { deviceRecords } from '../../../node-relay/full-node/views.ts'
import { walletIdOf } from '../../../shared/identity/device-id.ts'
import { LABEL } from '../../../shared/identity/label.ts'
import {
  admitKeeper,
  announceAddresses,
  changeCoordination,
  foundRelay,
  makeVoucher,
  registerByVoucher,
  removeKeeper,
} from '../../framework/chain-actions.ts'
import { ChainBuilder, namedSigner } from '../../framework/chain-builder.ts'
import { branch, closeAll, openChain } from './open-chain.ts'

afterEach(closeAll)

it('follows who has a role, with what addresses, through blocks and a reorganization', async () => {
  const builder = new ChainBuilder()
  const full = await openChain(builder)
  const roles = createRoleRecords(full.chain)
  let changes = 0
  roles.onChange(() => changes++)
  /** What a walk over all devices finds. */
  const agree = () => {
    const all = [...deviceRecords(full.chain.state)].filter(({ label }) => label !== LABEL.lightweight)
    const sorted = (list: readonly { deviceId: Uint8Array }[]) =>
      [...list].sort((a, b) => (a.deviceId.join() < b.deviceId.join() ? -1 : 1))
    expect(sorted(roles.list())).toEqual(sorted(all))
    return all.length
  }
  const relay = await foundRelay(builder)
  await full.feed(...builder.from(1))
  expect([agree(), changes]).toEqual([1, 2])

  const second = await registerByVoucher(builder, await makeVoucher(builder, relay), {
    wallet: namedSigner('second'),
    endorsers: [relay],
  })
  await full.feed(await builder.mine())
  expect([agree(), changes]).toEqual([1, 2])
  await admitKeeper(builder, second, namedSigner('second seal'))
  const admitted = await builder.mine({ seat: 0 })
  await changeCoordination(builder, second.deviceId)
  await full.feed(admitted, await builder.mine({ seat: 0 }))
  expect([agree(), changes]).toEqual([2, 4])
  expect(roles.ofWallet(walletIdOf(second.wallet.publicKey))?.label).toBe(LABEL.full | LABEL.coordination)

  await announceAddresses(builder, second, ['/ip4/192.168.7.2/tcp/1/p2p/second'])
  const told = await builder.mine({ seat: 0 })
  await full.feed(told)
  expect([agree(), changes]).toEqual([2, 5])
  expect(roles.ofWallet(walletIdOf(second.wallet.publicKey))?.addresses).toHaveLength(1)

  // A heavier branch from before the addresses, on which its seat is taken away.
  const before = admitted
  await removeKeeper(builder, second.deviceId, 1)
  const transactions = builder.waiting.splice(0)
  let tip = await builder.mine({ on: before, seat: 0, transactions })
  while (tip.node.height <= told.node.height) tip = await builder.mine({ on: tip, seat: 0, transactions: [] })
  await full.feed(...branch(tip, before.node.height + 1))
  expect(full.chain.tip.id).toBe(tip.node.id)
  expect(agree()).toBe(1)
  expect(roles.ofWallet(walletIdOf(second.wallet.publicKey))).toBeUndefined()
})
