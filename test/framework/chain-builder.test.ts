import { describe, expect, it } from 'vitest'
import { extendChain } from '../../shared/chain/chain-node.ts'
import { createNobleVerifier } from '../../shared/crypto/noble-verifier.ts'
import { deviceKey } from '../../shared/ledger/state-keys.ts'
import { admitKeeper, foundRelay, makeVoucher, registerByVoucher, retire } from './chain-actions.ts'
import { ChainBuilder, namedSigner } from './chain-builder.ts'

describe('chain builder', () => {
  it('makes chains whose rules and seals hold, with devices, seats and forks', async () => {
    const chain = new ChainBuilder({ keepers: 2 })
    const relay = await foundRelay(chain)
    const voucher = await makeVoucher(chain, relay)
    const phone = await registerByVoucher(chain, voucher, { wallet: namedSigner('phone'), endorsers: [relay] })
    await chain.mine()
    expect(chain.tip.tree.get(deviceKey(phone.deviceId))).toBeDefined()
    await admitKeeper(chain, phone, namedSigner('phone seal'))
    await chain.mineMany(4)
    expect(chain.tip.node.roster.members).toHaveLength(3)
    const other = await registerByVoucher(chain, await makeVoucher(chain, relay, { name: 'other' }), {
      wallet: namedSigner('other'),
      endorsers: [relay],
    })
    await chain.mine()
    await retire(chain, other)
    await chain.mine()
    const fork = await chain.mineMany(5, { on: chain.at(3) })
    expect(fork.node.work).not.toBe(chain.tip.node.work)
    expect(chain.tip.node.height).toBe(9)

    const verifier = createNobleVerifier()
    for (const { item, parent } of [...chain.from(1), fork]) {
      const extended = extendChain((parent as typeof fork).node, item, chain.rules)
      expect(extended.ok && (await verifier.verifyBatch(extended.value.signatures)).every(Boolean)).toBe(true)
    }
  })
})
