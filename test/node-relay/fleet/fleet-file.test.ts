/** The relay's list of devices on disk: whole, private, and refused when it is not its own. */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createNodeSigner } from '../../../node-relay/crypto/node-signer.ts'
import { createNodeVerifier } from '../../../node-relay/crypto/node-verifier.ts'
import { type FleetEntry, readFleet, writeFleet } from '../../../node-relay/fleet/fleet-file.ts'

const bytes = (value: number, length = 32) => new Uint8Array(length).fill(value)
const verifier = createNodeVerifier()
const entry = (serial: string, entrance: FleetEntry['entrance']): FleetEntry => ({
  serial,
  name: `Gerät ${serial}`,
  model: '',
  mac: undefined,
  vendor: '',
  entrance,
})
const FLEET = {
  recoveryKey: bytes(5),
  entries: new Map(
    [
      entry('b', { TAG: 'expected', data: { walletKey: bytes(1), recoveryKey: bytes(2) } }),
      entry('a', {
        TAG: 'voucher',
        data: { voucherKey: bytes(3), seed: bytes(4), notAfter: 9, signature: bytes(5, 64) },
      }),
      entry('c', { TAG: 'claimed', data: { voucherKey: bytes(6) } }),
    ].map((one) => [one.serial, one]),
  ),
}

let dataDir: string
const init = (more: { networkId?: Uint8Array; seed?: Uint8Array } = {}) => ({
  dataDir,
  networkId: more.networkId ?? bytes(7),
  wallet: createNodeSigner(more.seed ?? bytes(8)),
  verifier,
})
const codeOf = async (...given: Parameters<typeof init>) => {
  const read = await readFleet(init(...given))
  return read.ok ? 'good' : read.code
}

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'lares-fleet-'))
})
afterEach(() => rmSync(dataDir, { recursive: true }))

describe('the list on disk', () => {
  it('comes back as it was, and only its owner may read it', async () => {
    expect(await writeFleet(init(), FLEET)).toMatchObject({ ok: true })
    expect(await readFleet(init())).toEqual({ ok: true, value: FLEET })
    expect(statSync(join(dataDir, 'fleet.bin')).mode & 0o777).toBe(0o600)
  })

  it('is empty where there is none', async () => {
    expect(await readFleet(init())).toEqual({ ok: true, value: { recoveryKey: undefined, entries: new Map() } })
  })

  it('by an earlier key of this relay is its own, and signed anew', async () => {
    await writeFleet(init(), FLEET)
    const earlierKeys = [init({ seed: bytes(1) }).wallet.publicKey, init().wallet.publicKey]
    expect(await codeOf({ seed: bytes(9) })).toBe('fleet-damaged')
    expect(await readFleet({ ...init({ seed: bytes(9) }), earlierKeys })).toEqual({ ok: true, value: FLEET })
    expect(await codeOf({ seed: bytes(9) })).toBe('good')
    expect(await codeOf()).toBe('fleet-damaged')
  })

  it('is refused when changed, cut, of another network or of another relay', async () => {
    await writeFleet(init(), FLEET)
    const path = join(dataDir, 'fleet.bin')
    const whole = readFileSync(path)
    expect(await codeOf({ networkId: bytes(1) })).toBe('fleet-damaged')
    expect(await codeOf({ seed: bytes(1) })).toBe('fleet-damaged')
    for (let i = 0; i < whole.length; i += 3) {
      const changed = Buffer.from(whole)
      changed[i] = (changed[i] ?? 0) ^ 1
      writeFileSync(path, changed)
      expect(await codeOf(), `byte ${i}`).toBe('fleet-damaged')
    }
    for (const length of [0, 1, 40, whole.length - 1]) {
      writeFileSync(path, whole.subarray(0, length))
      expect(await codeOf(), `${length} bytes`).toBe('fleet-damaged')
    }
    writeFileSync(path, whole)
    expect(await codeOf()).toBe('good')
  })

  it('says in a sentence when it cannot be written, and leaves the old one', async () => {
    await writeFleet(init(), FLEET)
    const missing = { ...init(), dataDir: join(dataDir, 'gone') }
    expect(await writeFleet(missing, FLEET)).toMatchObject({
      code: 'fleet-not-written',
      detail: expect.stringMatching(/nothing was changed/),
    })
    mkdirSync(join(dataDir, 'gone'))
    chmodSync(join(dataDir, 'gone'), 0o700)
    expect(
      await writeFleet(missing, {
        ...FLEET,
        entries: new Map([['a', entry('a', { TAG: 'claimed', data: { voucherKey: bytes(1, 31) } })]]),
      }),
    ).toMatchObject({ code: 'fleet-not-written' })
    expect(await codeOf()).toBe('good')
  })
})
