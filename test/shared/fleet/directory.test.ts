/** The private directory: one canonical form, and whose word it is. */
import { describe, expect, it } from 'vitest'
import { createNobleVerifier } from '../../../shared/crypto/noble-verifier.ts'
import { createSeedSigner } from '../../../shared/crypto/signer.ts'
import { checkDirectory, type DirectoryEntry, decodeDirectory, signDirectory } from '../../../shared/fleet/directory.ts'
import type { DeviceRecord } from '../../../shared/identity/record.ts'

const NETWORK = new Uint8Array(32).fill(1)
const SIGNER = new Uint8Array(32).fill(2)
const wallet = createSeedSigner(new Uint8Array(32).fill(3))
const { verify } = createNobleVerifier()

const entry = (first: number, more: Partial<DirectoryEntry> = {}): DirectoryEntry => ({
  deviceId: new Uint8Array(32).fill(first),
  name: `Sensor ${first}`,
  model: '',
  serial: `S${first}`,
  mac: undefined,
  vendor: '',
  ...more,
})
const record = (more: Partial<DeviceRecord> = {}) =>
  ({ deviceId: SIGNER, walletKey: wallet.publicKey, status: 1, label: 6, ...more }) as DeviceRecord
const signed = (...entries: DirectoryEntry[]) =>
  signDirectory({ networkId: NETWORK, signer: SIGNER, madeAt: 1_700_000_000_000, entries }, wallet)

async function judge(bytes: Uint8Array, network = NETWORK, signer: DeviceRecord | undefined = record()) {
  const directory = decodeDirectory(bytes)
  if (!directory.ok) return directory.code
  const checked = checkDirectory(bytes, directory.value, network, signer)
  if (!checked.ok) return checked.code
  return (await verify(checked.value)) ? 'good' : 'bad-signature'
}

describe('a directory', () => {
  it('is sorted by device ID, and comes back as it was', async () => {
    const mac = Uint8Array.of(0, 0x1b, 0x63, 0x84, 0x45, 0xe6)
    const bytes = await signed(entry(9, { name: 'Wasserzähler', mac, vendor: 'Apple, Inc.' }), entry(4))
    const decoded = decodeDirectory(bytes)
    expect(decoded.ok && decoded.value.entries).toEqual([
      entry(4),
      entry(9, { name: 'Wasserzähler', mac, vendor: 'Apple, Inc.' }),
    ])
    expect(await judge(bytes)).toBe('good')
    expect(await judge(await signed())).toBe('good')
  })

  it('counts only with the signature of an active full or coordination node of that network', async () => {
    const bytes = await signed(entry(4))
    expect(await judge(bytes, new Uint8Array(32).fill(8))).toBe('wrong-network')
    expect(await judge(bytes, NETWORK, record({ status: 2 }))).toBe('unknown-signer')
    expect(await judge(bytes, NETWORK, record({ deviceId: NETWORK }))).toBe('unknown-signer')
    expect(await judge(bytes, NETWORK, record({ label: 1 }))).toBe('signer-has-no-right')
    expect(await judge(bytes, NETWORK, record({ label: 4 }))).toBe('good')
    const other = createSeedSigner(new Uint8Array(32).fill(4)).publicKey
    expect(await judge(bytes, NETWORK, record({ walletKey: other }))).toBe('bad-signature')
    const directory = decodeDirectory(bytes)
    expect(directory.ok && checkDirectory(bytes, directory.value, NETWORK, undefined)).toMatchObject({
      code: 'unknown-signer',
    })
  })

  it('is refused with any byte changed, cut or added', async () => {
    const bytes = await signed(entry(4, { name: 'Boiler' }), entry(5))
    for (let i = 0; i < bytes.length; i++) {
      const changed = Uint8Array.from(bytes)
      changed[i] = (changed[i] ?? 0) ^ 1
      expect(await judge(changed), `byte ${i}`).not.toBe('good')
    }
    expect(await judge(bytes.subarray(0, -1))).toBe('malformed')
    expect(await judge(Uint8Array.of(...bytes, 0))).toBe('malformed')
  })

  it('holds no text that would mislead on a screen, and no device twice', async () => {
    await expect(signed(entry(4, { name: 'a\u202eb' }))).rejects.toMatchObject({ code: 'unencodable' })
    await expect(signed(entry(4, { mac: new Uint8Array(6) }))).rejects.toMatchObject({ code: 'unencodable' })
    await expect(signed(entry(4), entry(4))).rejects.toMatchObject({ code: 'unencodable' })
  })
})
