/** What `lares audit` says of a device, from the proof alone. */
import { expect, test } from 'vitest'
import { describeVerdict, verifyProof } from '../../../node-relay/cli/verdict.ts'
import { toHex } from '../../../shared/bytes.ts'
import { transactionCodec } from '../../../shared/transaction/transaction.ts'
import { foundRelay, makeVoucher, registerByVoucher } from '../../framework/chain-actions.ts'
import { ChainBuilder, namedSigner } from '../../framework/chain-builder.ts'
import { fight, reportIncident } from '../../framework/session-peer.ts'
import { buildBundle } from '../../shared/proof/build-bundle.ts'

test('it warns of a device that was claimed with a copy of its key, and says when', async () => {
  const chain = new ChainBuilder()
  const relay = await foundRelay(chain)
  const voucher = await makeVoucher(chain, relay)
  const phone = await registerByVoucher(chain, voucher, { wallet: namedSigner('phone'), endorsers: [relay] })
  const before = await chain.mine()
  const time = Date.UTC(2026, 0, 1, 12, 30)
  const duel = await fight(phone, { networkId: chain.networkId, time: before.block.header.time })
  chain.waiting.push(transactionCodec.encode(await reportIncident(duel, [relay])))
  const after = await chain.mine()
  await chain.mineMany(2 * chain.parameters.settleDepth)

  async function said(at: typeof before) {
    const verified = await verifyProof(buildBundle(chain, phone.deviceId, at), toHex(chain.networkId))
    if (!verified.ok) throw new Error(verified.detail)
    const { verdict, contested, contestedAt } = verified.value
    return [
      { verdict, contested, contestedAt },
      describeVerdict({ ...verified.value, contestedAt: contestedAt && time }),
    ]
  }
  const warning =
    '  Warning     someone else claimed this device with a copy of its key at 2026-01-01 12:30:00 UTC; not verified again since'
  expect(await said(before)).toEqual([
    { verdict: 'registered', contested: false, contestedAt: undefined },
    expect.not.stringContaining('Warning'),
  ])
  expect(await said(after)).toEqual([
    { verdict: 'registered', contested: true, contestedAt: duel.proof.time },
    expect.stringContaining(warning),
  ])
})
