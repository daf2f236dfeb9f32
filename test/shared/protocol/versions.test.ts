/** Versions of a protocol overlap by one. */
import { expect, test } from 'vitest'
import { PROTOCOLS } from '../../../shared/protocol/ids.ts'
import { statusCodec, statusCodecV1 } from '../../../shared/protocol/messages.ts'
import { previousVersion } from '../../../shared/protocol/versions.ts'
import { ChainBuilder } from '../../framework/chain-builder.ts'

test('a status is told in the version before, and understood from it', async () => {
  const { tip, networkId } = new ChainBuilder()
  const { height, hash, work, sealed } = tip.node
  const common = { networkId, label: 6, tip: { height, hash, work }, settledHeight: 0, time: 1_000 }
  const newest = statusCodec.encode({ ...common, recovered: 5, sealedTip: sealed })
  const status = previousVersion('status')
  expect(status?.spec.id).not.toBe(PROTOCOLS.status.id)
  const old = status?.toOld(newest) as Uint8Array
  expect(statusCodecV1.decode(old)).toEqual({ ok: true, value: common })
  expect(statusCodec.decode(old).ok).toBe(false)
  const again = status?.fromOld(old)
  expect(again?.ok && statusCodec.decode(again.value)).toEqual({
    ok: true,
    value: { ...common, recovered: 0, sealedTip: undefined },
  })
  expect(status?.fromOld(newest).ok).toBe(false)
  expect(previousVersion('headers')).toBeUndefined()
})
