import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { createNodeSigner } from '../../../node-relay/crypto/node-signer.ts'
import { registerExpected } from '../../../node-relay/device-agent/registration.ts'
import { fromHex, toHex } from '../../../shared/bytes.ts'

const vectors = JSON.parse(readFileSync(new URL('../../vectors/device-profile.json', import.meta.url), 'utf8'))
const networkId = fromHex(vectors.networkId)
const wallet = createNodeSigner(fromHex(vectors.walletSeed))
const application = fromHex(vectors.expected.application)

test('an enrolled device signs what the operator has prepared for it', async () => {
  const made = await registerExpected(networkId, application, wallet)
  expect(made.ok && toHex(made.value.transaction)).toBe(vectors.expected.transaction)
  expect(made.ok && toHex(made.value.deviceId)).toBe(vectors.expected.deviceId)
})

test.each([
  ['another wallet key', 2],
  ['another anchor', 66],
  ['another label', 0],
  ['an address', 130],
])('it does not sign %s', async (_, offset) => {
  const changed = Uint8Array.from(application)
  changed[offset] = (changed[offset] as number) ^ 1
  expect(await registerExpected(networkId, changed, wallet)).toMatchObject({ ok: false, code: 'wrong-application' })
})

test('nor what is short, long or empty', async () => {
  for (const bytes of [new Uint8Array(0), application.subarray(1), Uint8Array.of(...application, 0)])
    expect(await registerExpected(networkId, bytes, wallet)).toMatchObject({ ok: false, code: 'wrong-application' })
})
