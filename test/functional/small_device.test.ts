/**
 * Shows that a device with HTTP and Ed25519 alone comes in, says that it is alive, proves itself to who asks, and leaves; and
 * that what is forged, old, foreign or used is refused with a code.
 * How: a real relay at the test preset (a block a second), and the client of test/framework/small-device.ts, which shares no
 * line with the product.
 */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { lares, newVoucher, type RelayProcess, removeDataDir, startRelayProcess } from '../framework/relay-process.ts'
import { SmallDevice } from '../framework/small-device.ts'

let relay: RelayProcess
let device: SmallDevice
let voucher: string

beforeAll(async () => {
  relay = await startRelayProcess({ flags: ['--mine-share', '0.3'] })
  device = new SmallDevice({ relay: relay.localUrl })
  voucher = (await newVoucher(relay.dataDir)).text
}, 90_000)
afterAll(async () => {
  await relay?.stop()
  if (relay !== undefined) await removeDataDir(relay.dataDir)
}, 30_000)

/** As a device does that comes before the relay's own first block. */
async function joined(
  one: SmallDevice,
  text: string,
): Promise<{ deviceId: string; state: string; transactionId?: string }> {
  for (;;) {
    try {
      return await one.join(text)
    } catch (error) {
      const { code } = error as { code?: string }
      if (code !== 'not-ready' && code !== 'unknown-issuer') throw error
      await new Promise((resolve) => setTimeout(resolve, 300))
    }
  }
}

it('joins by voucher until it is settled', { timeout: 60_000 }, async () => {
  const answer = await joined(device, voucher)
  expect(answer).toMatchObject({ state: 'pending', transactionId: expect.stringMatching(/^[0-9a-f]{64}$/) })
  await device.until('registered')
  const state = await device.state()
  expect(state).toMatchObject({ sequence: 0, walletKey: device.walletKey.toString('hex'), deviceId: answer.deviceId })
  // The relay says the same by proof.
  const audit = await lares(relay.dataDir, 'audit', answer.deviceId, '--json')
  expect([audit.code, audit.stderr]).toEqual([0, ''])
})
