/** The private directory on a phone: taken only from a relay of that network, checked by proof, and never sent. */
import { describe, expect, it } from 'vitest'
import { toHex } from '../../../shared/bytes.ts'
import type { Signer } from '../../../shared/crypto/signer.ts'
import { type DirectoryEntry, signDirectory } from '../../../shared/fleet/directory.ts'
import { formatDeviceId } from '../../../shared/identity/device-id.ts'
import { foundRelay, makeVoucher, registerByVoucher, retire } from '../../framework/chain-actions.ts'
import { ChainBuilder, namedSigner } from '../../framework/chain-builder.ts'
import { ClientHarness } from '../../framework/client-harness.ts'
import { createHonestNode } from '../../framework/honest-node.ts'

const MAC = Uint8Array.of(0, 0x1b, 0x63, 1, 2, 3)

async function scene() {
  const chain = new ChainBuilder({ keepers: 3 })
  const relay = await foundRelay(chain)
  const sensor = await registerByVoucher(chain, await makeVoucher(chain, relay), {
    wallet: namedSigner('sensor'),
    endorsers: [relay],
  })
  await chain.mineMany(6)
  const harness = new ClientHarness({ chain })
  const honest = createHonestNode({ chain, now: () => harness.clock.now() })
  const entryOf = (deviceId: Uint8Array, name: string): DirectoryEntry => ({
    deviceId,
    name,
    model: 'P-200',
    serial: `S ${name}`,
    mac: MAC,
    vendor: 'Apple, Inc.',
  })
  const entries = [entryOf(sensor.deviceId, 'Pump 7'), entryOf(new Uint8Array(32).fill(9), 'Lamp')]
  const sign = (wallet: Signer = relay.wallet, signer = relay.deviceId, networkId = chain.networkId) =>
    signDirectory({ networkId, signer, madeAt: 1_700_000_000_000, entries }, wallet)
  const audit = (deviceId: Uint8Array) =>
    harness.finish({ call: 'audit', text: formatDeviceId(chain.networkId, deviceId) })
  const take = (bytes: Uint8Array) => harness.finish({ call: 'import-directory', bytes })
  const search = async (text: string) => {
    const answer = await harness.finish({ call: 'search-directory', text })
    return answer.ok ? answer.value.entries.map(({ name }) => name) : answer.code
  }
  return { chain, relay, sensor, harness, honest, sign, audit, take, search }
}

async function opened() {
  const made = await scene()
  await made.harness.open()
  await made.harness.connect('A', made.honest)
  return made
}

describe('importing', () => {
  it('puts names on verdicts, also of a device that has not joined', async () => {
    const { sensor, harness, sign, audit, take } = await opened()
    expect((await audit(sensor.deviceId)).entry).toBeUndefined()
    expect(await take(await sign())).toEqual({ ok: true, value: { devices: 2 } })
    expect(harness.app.view().directory).toMatchObject({ devices: 2, madeAt: 1_700_000_000_000, state: 'checked' })
    expect(await audit(sensor.deviceId)).toMatchObject({
      verdict: 'registered',
      entry: { name: 'Pump 7', model: 'P-200', serial: 'S Pump 7', mac: '00:1B:63:01:02:03', vendor: 'Apple, Inc.' },
    })
    expect(await audit(new Uint8Array(32).fill(9))).toMatchObject({ verdict: 'not-in-ledger', entry: { name: 'Lamp' } })
    expect((await audit(new Uint8Array(32).fill(8))).entry).toBeUndefined()
  })

  it('finds devices by part of what is known of them', async () => {
    const { sign, take, search } = await opened()
    expect(await search('')).toBe('no-directory')
    await take(await sign())
    expect(await search('PUMP')).toEqual(['Pump 7'])
    expect(await search('1b:63')).toEqual(['Lamp', 'Pump 7'])
    expect(await search('apple')).toEqual(['Lamp', 'Pump 7'])
    expect(await search('nothing like it')).toEqual([])
  })

  it('refuses what is foreign, altered, or signed by nobody with the right', async () => {
    const { chain, sensor, harness, sign, take } = await opened()
    const codeOf = async (bytes: Uint8Array) => {
      const answer = await take(bytes)
      return answer.ok ? 'taken' : answer.code
    }
    const good = await sign()
    expect(await codeOf(Uint8Array.of(1, 2, 3))).toBe('malformed-directory')
    expect(await codeOf(new Uint8Array(17 * 1024 * 1024))).toBe('directory-too-large')
    expect(await codeOf(await sign(undefined, undefined, new Uint8Array(32).fill(1)))).toBe('wrong-network')
    expect(await codeOf(await sign(undefined, new Uint8Array(32).fill(3)))).toBe('unknown-signer')
    // In the ledger, but a lightweight device.
    expect(await codeOf(await sign(sensor.wallet, sensor.deviceId))).toBe('signer-has-no-right')
    // The relay's name under another's signature.
    expect(await codeOf(await sign(sensor.wallet))).toBe('directory-altered')
    const altered = Uint8Array.from(good)
    altered[altered.length - 70] = (altered[altered.length - 70] ?? 0) ^ 1
    expect(await codeOf(altered)).not.toBe('taken')
    expect(harness.app.view().directory).toBeUndefined()
    expect(await harness.store.readDirectory(toHex(chain.networkId))).toBeUndefined()
    expect(await codeOf(good)).toBe('taken')
  })

  it('says that it cannot be checked while nobody answers', async () => {
    const { harness, sign, take } = await scene()
    await harness.open()
    expect(await take(await sign())).toMatchObject({ ok: false, code: 'cannot-check-directory' })
  })
})

describe('what is kept', () => {
  it('is there after a reload, and gone when forgotten', async () => {
    const { chain, sensor, harness, honest, sign, take } = await opened()
    await take(await sign())
    await harness.app.close()
    const again = new ClientHarness({ chain, store: harness.store, clock: harness.clock })
    await again.open()
    await again.connect('A', honest)
    const text = formatDeviceId(chain.networkId, sensor.deviceId)
    expect(await again.finish({ call: 'audit', text })).toMatchObject({ entry: { name: 'Pump 7' } })
    expect(await again.finish({ call: 'forget-directory' })).toMatchObject({ ok: true })
    expect((await again.finish({ call: 'audit', text })).entry).toBeUndefined()
    expect(await harness.store.readDirectory(toHex(chain.networkId))).toBeUndefined()
  })

  it('is said to be damaged when it is', async () => {
    const { chain, harness, sign, search } = await scene()
    const bytes = (await sign()).slice(1)
    await harness.store.writeDirectory(toHex(chain.networkId), { bytes, importedAt: 1 })
    await harness.open()
    expect(harness.incidents).toEqual(['names-damaged'])
    expect(await search('')).toBe('no-directory')
  })

  it('is stored again when the database was deleted under the page', async () => {
    const made = await scene()
    let lose = () => {}
    const harness = new ClientHarness({
      chain: made.chain,
      openStore: async (onLoss) => {
        lose = () => onLoss('emptied')
        return made.harness.store
      },
    })
    await harness.open()
    await harness.connect('A', made.honest)
    expect(await harness.finish({ call: 'import-directory', bytes: await made.sign() })).toMatchObject({ ok: true })
    const { store } = made.harness
    await store.removeNetwork(harness.networkId)
    lose()
    await harness.idle()
    expect((await store.readDirectory(harness.networkId))?.bytes).toEqual(await made.sign())
  })

  it('counts no more once its signer has left the ledger', async () => {
    const { chain, sensor, harness, honest, sign, search } = await scene()
    const directory = await sign(sensor.wallet, sensor.deviceId)
    await harness.store.writeDirectory(toHex(chain.networkId), { bytes: directory, importedAt: 1 })
    await retire(chain, sensor)
    await chain.mineMany(6)
    harness.clock.set(chain.tip.block.header.time)
    await harness.open()
    await harness.connect('A', honest)
    expect(await search('')).toBe('unknown-signer')
    expect(harness.app.view().directory).toMatchObject({ state: 'refused', failure: { code: 'unknown-signer' } })
  })

  it('is never put into a question to a server', async () => {
    const { sensor, harness, sign, audit, take, search } = await opened()
    await take(await sign())
    await search('Pump')
    await audit(sensor.deviceId)
    const sent = harness.calls.flatMap((call) => ('bytes' in call ? [Buffer.from(call.bytes).toString('latin1')] : []))
    expect(sent.length).toBeGreaterThan(0)
    expect(sent.filter((bytes) => bytes.includes('Pump') || bytes.includes('P-200'))).toEqual([])
  })
})
