/**
 * A relay gets new keys and stays the same device.
 *
 * A real relay on the test preset mines alone. `lares wallet rotate` gives it a new wallet key and a new sealing key: its ID
 * is the same, the settled record names the new key, it goes on sealing with the new one, and a voucher by it lets a device
 * in. Then it is killed in the middle of a rotation, at several moments: each time it comes back with keys that the chain
 * knows, blocks go on, and the rotation ends by itself. It has never sealed twice on one block, and its database is whole.
 *
 * The list of devices that the old key has signed stays its own, and a voucher in it is printed anew for the new key.
 *
 * Then its recovery words give it new keys: while it runs, as when a key was stolen; and when the file of keys is gone.
 */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { parse } from 'csv-parse/sync'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { RelayStatus } from '../../node-relay/facade.ts'
import type { WalletView } from '../../node-relay/wallet/door.ts'
import { eventually } from '../framework/network.ts'
import {
  lares,
  laresWith,
  newVoucher,
  ownerWords,
  type RelayProcess,
  removeDataDir,
  startRelayProcess,
} from '../framework/relay-process.ts'
import { SmallDevice } from '../framework/small-device.ts'

const FLAGS = ['--mine-share', '0.5']
/** After the new keys are on disk, ms: before and after they are handed in, in a block, and settled. */
const KILLED_AFTER_MS = [0, 150, 700, 1_500, 3_000]

/** A voucher each: one is used after the first rotation, one after the kills. */
const FLEET = 'name,serial\nSensor,SN-1\nCamera,SN-2\n'
const OTHER_WORDS = 'legal winner thank year wave sausage worth useful legal winner thank yellow'

let folder: string
let relay: RelayProcess
/** Of the owner, and of the relay that has founded the network. */
let words: string
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'lares-fleet-'))
  relay = await startRelayProcess({ flags: FLAGS })
  words = ownerWords(relay)
}, 90_000)
afterAll(async () => {
  await relay.stop()
  await removeDataDir(relay.dataDir)
  rmSync(folder, { recursive: true })
})

async function show(): Promise<WalletView> {
  const { code, stdout, stderr } = await lares(relay.dataDir, 'wallet', 'show', '--json')
  if (code !== 0) throw new Error(stderr)
  return JSON.parse(stdout) as WalletView
}

const status = async () => JSON.parse((await lares(relay.dataDir, 'status', '--json')).stdout) as RelayStatus
const keysFile = () => readFileSync(join(relay.dataDir, 'keys.json'), 'utf8')
const hasNext = () => 'next' in (JSON.parse(keysFile()) as object)

/** Enrols the fleet, again and again the same. @returns its vouchers by serial */
async function enrol(): Promise<ReadonlyMap<string, string>> {
  const csv = join(folder, 'fleet.csv')
  writeFileSync(csv, FLEET)
  const { code, stderr } = await lares(relay.dataDir, 'enroll', csv)
  if (code !== 0) throw new Error(stderr)
  const rows = parse(readFileSync(`${csv}.result.csv`), { columns: true }) as { serial: string; voucher: string }[]
  return new Map(rows.map(({ serial, voucher }) => [serial, voucher]))
}

/** The voucher lets a device in. */
async function joins(voucher: string | undefined): Promise<void> {
  const device = new SmallDevice({ relay: relay.localUrl })
  await device.joinWhenReady(voucher ?? '')
  await device.until('registered')
}

async function blocksGoOn(): Promise<void> {
  const { height } = await show()
  await eventually('blocks go on', async () => ((await show()).height >= height + 3 ? true : undefined))
}

it('new keys, the same ID', { timeout: 180_000 }, async () => {
  const before = await eventually('its registration is settled', async () => {
    const view = await show()
    return view.record?.isSettled === true ? view : undefined
  })
  expect(before).toMatchObject({ seat: { seat: 0, isOwn: true }, record: { isOwn: true } })
  expect(before.rotation).toBeUndefined()
  const given = await enrol()
  const unasked = await lares(relay.dataDir, 'wallet', 'rotate')
  expect(unasked).toMatchObject({ code: 2, stderr: expect.stringContaining('--yes') })

  const rotating = lares(relay.dataDir, 'wallet', 'rotate', '--yes')
  await eventually('the new keys are on disk', () => hasNext() || undefined)
  expect(statSync(join(relay.dataDir, 'keys.json')).mode & 0o777).toBe(0o600)
  const twice = await lares(relay.dataDir, 'wallet', 'rotate', '--yes')
  expect(twice).toMatchObject({ code: 1, stderr: expect.stringContaining('taking over already') })
  const rotated = await rotating
  expect(rotated).toMatchObject({
    code: 0,
    stderr: '',
    stdout: expect.stringContaining('Settled: the old keys are gone'),
  })

  const after = await show()
  expect(after).toMatchObject({ deviceId: before.deviceId, walletId: before.walletId })
  expect(after.rotation).toBeUndefined()
  expect(after.walletKey).not.toBe(before.walletKey)
  expect(after.sealingKey).not.toBe(before.sealingKey)
  expect(after.record).toMatchObject({ walletKey: after.walletKey, isOwn: true, isSettled: true })
  expect(after.seat).toMatchObject({ seat: 0, sealingKey: after.sealingKey, isOwn: true })
  expect(hasNext()).toBe(false)
  const { walletSeed, sealingSeed } = JSON.parse(keysFile()) as { walletSeed: string; sealingSeed: string }
  for (const text of [rotated.stdout, (await lares(relay.dataDir, 'wallet', 'show')).stdout])
    for (const seed of [walletSeed, sealingSeed]) expect(text).not.toContain(seed)
  await blocksGoOn()
  expect((await status()).deviceId).toBe(before.deviceId)

  // It vouches and endorses with the new key; what the old one has vouched for is void.
  await joins((await newVoucher(relay.dataDir)).text)
  await expect(joins(given.get('SN-1'))).rejects.toMatchObject({ code: 'bad-signature' })
  const anew = await enrol()
  expect(anew.get('SN-1')).not.toBe(given.get('SN-1'))
  await joins(anew.get('SN-1'))
})

it('killed in the middle, it comes back with keys that the chain knows', { timeout: 300_000 }, async () => {
  const { deviceId } = await show()
  for (const delay of KILLED_AFTER_MS) {
    const before = await show()
    const rotating = lares(relay.dataDir, 'wallet', 'rotate', '--yes')
    await eventually('the new keys are on disk', () => hasNext() || undefined)
    await pause(delay)
    await relay.kill()
    await rotating
    relay = await startRelayProcess({ dataDir: relay.dataDir, flags: FLAGS })
    expect(await show()).toMatchObject({ deviceId, record: { isOwn: true }, seat: { isOwn: true } })
    await blocksGoOn()
    const after = await eventually('the rotation ends by itself', async () => {
      const view = await show()
      return view.rotation === undefined ? view : undefined
    })
    expect(after).toMatchObject({ deviceId, record: { isOwn: true }, seat: { isOwn: true } })
    expect([after.walletKey, after.sealingKey], `after ${delay} ms`).not.toContain(before.walletKey)
    expect(after.sealingKey).not.toBe(before.sealingKey)
  }
  for (const code of ['equivocation', 'fleet-damaged'])
    expect((await status()).incidents.map((incident) => incident.code)).not.toContain(code)
  await joins((await enrol()).get('SN-2'))
  await relay.stop()
  const verified = await lares(relay.dataDir, 'db', 'verify')
  expect(verified).toMatchObject({ code: 0, stdout: expect.stringContaining('The database is whole') })
})

it('its words give it new keys while it runs', { timeout: 180_000 }, async () => {
  relay = await startRelayProcess({ dataDir: relay.dataDir, flags: FLAGS })
  const before = await show()
  const wrong = await laresWith(OTHER_WORDS, relay.dataDir, 'wallet', 'recover')
  expect(wrong).toMatchObject({ code: 1, stderr: expect.stringContaining('not the recovery words of this relay') })
  expect((await show()).rotation).toBeUndefined()
  const recovered = await laresWith(words, relay.dataDir, 'wallet', 'recover')
  expect(recovered).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining('Settled') })
  const after = await show()
  expect(after).toMatchObject({ deviceId: before.deviceId, record: { isOwn: true }, seat: { isOwn: true } })
  expect([after.walletKey, after.sealingKey]).not.toContain(before.walletKey)
  expect(after.sealingKey).not.toBe(before.sealingKey)
  await blocksGoOn()
})

it('and where the file of keys is gone', { timeout: 240_000 }, async () => {
  const { dataDir } = relay
  const before = await show()
  await relay.kill()
  rmSync(join(dataDir, 'keys.json'))
  await expect(startRelayProcess({ dataDir, flags: FLAGS })).rejects.toThrow(/lares wallet recover/)
  const wrong = await laresWith(OTHER_WORDS, dataDir, 'wallet', 'recover')
  expect(wrong).toMatchObject({ code: 1, stderr: expect.stringContaining('not the recovery words of this relay') })
  const made = await laresWith(words, dataDir, 'wallet', 'recover')
  expect(made).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining('lares recover ') })

  relay = await startRelayProcess({ dataDir, flags: FLAGS })
  expect(await show()).toMatchObject({ deviceId: before.deviceId, record: { isOwn: false }, seat: { isOwn: false } })
  expect((await status()).mining).toMatchObject({
    state: 'stopped',
    sentence: expect.stringContaining('seals nothing'),
  })
  const early = await laresWith(words, dataDir, 'wallet', 'recover')
  expect(early).toMatchObject({ code: 1, stderr: expect.stringContaining('lares recover') })
  expect(await laresWith(words, dataDir, 'recover', '--yes')).toMatchObject({ code: 0, stderr: '' })
  await blocksGoOn()
  const recovered = await laresWith(words, dataDir, 'wallet', 'recover')
  expect(recovered).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining('Settled') })
  const after = await show()
  expect(after).toMatchObject({ deviceId: before.deviceId, record: { isOwn: true }, seat: { isOwn: true } })
  expect(after.walletKey).not.toBe(before.walletKey)
  await blocksGoOn()
  await relay.stop()
  expect(await lares(dataDir, 'db', 'verify')).toMatchObject({ code: 0 })
})
