import { beforeEach, describe, expect, it } from 'vitest'
import { createAddressRecord, SAME_ADDRESSES_BLOCKS } from '../../../node-relay/full-node/address-record.ts'
import { recordOf } from '../../../node-relay/full-node/views.ts'
import { accept } from '../../../shared/errors.ts'
import { foundRelay, makeVoucher, registerByVoucher, type TestDevice } from '../../framework/chain-actions.ts'
import { ChainBuilder, namedSigner } from '../../framework/chain-builder.ts'

const ONE = '/ip4/192.168.7.2/tcp/1/p2p/self'
const TWO = '/ip4/192.168.7.3/tcp/1/p2p/self'
let builder: ChainBuilder
let relay: TestDevice
let sent: Uint8Array[]
let wanted: readonly string[] | undefined
/** Blocks that the chain seems to have more. */
let later: number

beforeEach(async () => {
  builder = new ChainBuilder()
  relay = await foundRelay(builder)
  sent = []
  wanted = [ONE]
  later = 0
})

function keep(device = relay) {
  return createAddressRecord({
    chain: {
      rules: builder.rules,
      get state() {
        return builder.tip.tree
      },
      get tip() {
        const { node } = builder.tip
        return { ...node, height: node.height + later }
      },
    },
    wallet: device.wallet,
    deviceId: () => device.deviceId,
    wanted: () => wanted,
    async submit(bytes) {
      sent.push(bytes)
      return accept(null)
    },
    log: () => {},
  })
}

/** What was handed in goes into a block, by the ledger's own rules. */
async function mineSent(): Promise<readonly string[] | undefined> {
  await builder.mine({ transactions: sent.splice(0) })
  return recordOf(builder.tip.tree, relay.deviceId)?.addresses
}

describe('the addresses in the record of a relay', () => {
  it('come there once they stood still, and not twice', async () => {
    const record = keep()
    await record.look()
    expect(sent).toHaveLength(0)
    await record.look()
    await record.look()
    expect(sent).toHaveLength(1)
    expect(await mineSent()).toEqual([ONE])
    await record.look()
    expect(sent).toHaveLength(0)
  })

  it('are handed in again where they came into no block', async () => {
    const record = keep()
    for (let i = 0; i < 3; i++) await record.look()
    later = 20
    await record.look()
    expect(sent).toHaveLength(2)
    expect(sent[0]).toEqual(sent[1])
  })

  it('are replaced once a day at most, and not for a while without a network', async () => {
    const record = keep()
    for (let i = 0; i < 2; i++) await record.look()
    expect(await mineSent()).toEqual([ONE])
    wanted = undefined
    later = SAME_ADDRESSES_BLOCKS
    for (let i = 0; i < 2; i++) await record.look()
    expect(sent).toHaveLength(0)
    wanted = [TWO, ONE]
    later = SAME_ADDRESSES_BLOCKS - 1
    for (let i = 0; i < 3; i++) await record.look()
    expect(sent).toHaveLength(0)
    later++
    await record.look()
    expect(await mineSent()).toEqual([TWO, ONE])
    // Their order is no news.
    wanted = [ONE, TWO]
    later *= 2
    for (let i = 0; i < 3; i++) await record.look()
    expect(sent).toHaveLength(0)
    // A person does not want them there any more.
    wanted = []
    for (let i = 0; i < 2; i++) await record.look()
    expect(await mineSent()).toEqual([])
  })

  it('an address that comes and goes is not written', async () => {
    const record = keep()
    for (let i = 0; i < 6; i++) {
      wanted = i % 2 === 0 ? [ONE] : [TWO]
      await record.look()
    }
    expect(sent).toHaveLength(0)
  })

  it('who has no role, is in no ledger, or whose key was replaced writes nothing', async () => {
    const phone = await registerByVoucher(builder, await makeVoucher(builder, relay), {
      wallet: namedSigner('phone'),
      endorsers: [relay],
    })
    await builder.mine()
    const stranger = { ...relay, deviceId: new Uint8Array(32) }
    const replaced = { ...relay, wallet: namedSigner('another') }
    for (const device of [phone, stranger, replaced]) {
      const record = keep(device)
      for (let i = 0; i < 3; i++) await record.look()
    }
    expect(sent).toHaveLength(0)
  })
})
