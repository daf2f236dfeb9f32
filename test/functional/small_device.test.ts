/**
 * Shows that a device with HTTP and Ed25519 alone comes in, says that it is alive, proves itself to who asks, and leaves; and
 * that what is forged, old, foreign or used is refused with a code. The same with `lares device` on a board.
 * How: a real relay at the test preset (a block a second), and the client of test/framework/small-device.ts, which shares no
 * line with the product.
 */
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runBoard } from '../framework/board.ts'
import { lares, newVoucher, type RelayProcess, removeDataDir, startRelayProcess } from '../framework/relay-process.ts'
import { isSigned, readVoucher, SmallDevice, tagged } from '../framework/small-device.ts'

const MAIN = fileURLToPath(new URL('../../node-relay/main.ts', import.meta.url))

let relay: RelayProcess
let directory: string
let device: SmallDevice
let voucher: string

beforeAll(async () => {
  relay = await startRelayProcess({ flags: ['--mine-share', '0.3'] })
  directory = mkdtempSync(join(tmpdir(), 'lares-board-'))
  device = new SmallDevice({ relay: relay.localUrl })
  voucher = (await newVoucher(relay.dataDir)).text
  await device.joinWhenReady(voucher)
}, 90_000)
afterAll(async () => {
  await relay?.stop()
  if (directory !== undefined) rmSync(directory, { recursive: true })
  if (relay !== undefined) await removeDataDir(relay.dataDir)
}, 30_000)

const refused = (code: string, status = 422) => expect.objectContaining({ code, status })

describe('joining', () => {
  it('is pending, then registered, and a repeated request says so', { timeout: 60_000 }, async () => {
    await device.until('registered')
    const state = await device.state()
    expect(state).toMatchObject({ sequence: 0, walletKey: device.walletKey.toString('hex') })
    expect(await device.join(voucher)).toEqual({ deviceId: state.deviceId, state: 'registered' })
    // The relay proves the same.
    const audit = await lares(relay.dataDir, 'audit', state.deviceId, '--json')
    expect([audit.code, audit.stderr]).toEqual([0, ''])
  })

  it('is refused for a used voucher, a forged one, one for another network, and no application', async () => {
    const other = () => new SmallDevice({ relay: relay.localUrl })
    await expect(other().join(voucher)).rejects.toEqual(refused('voucher-used'))

    const forger = other()
    const forged = forger.registration((await newVoucher(relay.dataDir)).text)
    forged[forged.length - 1] = (forged[forged.length - 1] as number) ^ 1
    await expect(forger.post('/api/v1/join', forged)).rejects.toEqual(refused('bad-signature'))

    // A voucher of this network's relay, signed for as if it were another network's.
    const stranger = other()
    const abroad = stranger.registration((await newVoucher(relay.dataDir)).text, randomBytes(32))
    await expect(stranger.post('/api/v1/join', abroad)).rejects.toEqual(refused('bad-signature'))

    await expect(device.post('/api/v1/join', device.retirement(1))).rejects.toEqual(refused('not-an-application'))
    await expect(device.post('/api/v1/join', randomBytes(200))).rejects.toMatchObject({ code: 'malformed' })
  })
})

describe('a lease', () => {
  it('shows the device as seen, and the next replaces it', async () => {
    const first = await device.renew()
    const second = await device.renew(2 * 3_600_000)
    expect(second.until - first.until).toBeGreaterThan(3_000_000)
    const { stdout } = await lares(relay.dataDir, 'devices', '--json')
    const rows = JSON.parse(stdout) as { walletKey: string; presence?: { seen: number; until: number } }[]
    const row = rows.find((one) => one.walletKey === device.walletKey.toString('hex'))
    expect(row?.presence?.until).toBe(second.until)
    expect(rows.filter((one) => one.presence !== undefined)).toHaveLength(1)
    expect((await lares(relay.dataDir, 'devices')).stdout).toMatch(/SEEN[\s\S]*seconds? ago/)
    expect((await lares(relay.dataDir, 'status')).stdout).toContain('1 alive by lease')
  })

  it('is refused when replayed, old, ended, too long, forged, of another device, network or clock', async () => {
    const now = Date.now()
    const send = (lease: Buffer, path = device.path) => device.post(`${path}/lease`, lease)
    const good = device.lease(now, now + 60_000)
    await send(good)
    await expect(send(good)).rejects.toEqual(refused('replayed-lease'))
    await expect(send(device.lease(now - 1_000, now + 60_000))).rejects.toEqual(refused('old-lease'))
    await expect(send(device.lease(now + 1, now - 1))).rejects.toEqual(refused('lease-ended'))
    await expect(send(device.lease(now + 1, now + 25 * 3_600_000))).rejects.toEqual(refused('lease-too-long'))
    await expect(send(device.lease(now - 600_000, now + 60_000))).rejects.toEqual(refused('clock-differs'))

    const forged = device.lease(now + 1, now + 60_000)
    forged[75] = (forged[75] as number) ^ 1
    await expect(send(forged)).rejects.toEqual(refused('bad-signature'))
    const { networkId, deviceId } = device
    device.networkId = randomBytes(32)
    const foreign = device.lease(now + 1, now + 60_000)
    device.networkId = networkId
    await expect(send(foreign)).rejects.toEqual(refused('wrong-network'))
    device.deviceId = randomBytes(32)
    const others = device.lease(now + 1, now + 60_000)
    const unknown = device.path
    device.deviceId = deviceId
    await expect(send(others)).rejects.toEqual(refused('wrong-device'))
    await expect(send(others, unknown)).rejects.toEqual(refused('not-in-ledger', 404))
    await expect(send(good.subarray(1))).rejects.toEqual(refused('malformed'))
    await expect(send(good, '/api/v1/devices/LARES1NONSENSE')).rejects.toEqual(refused('malformed-id', 400))
  })

  it('is dated by the relay where the device has no clock', async () => {
    const { issuer } = readVoucher(voucher)
    const time = await device.relayTime(issuer)
    expect(Math.abs(time - Date.now())).toBeLessThan(60_000)
    await expect(device.relayTime(randomBytes(32))).rejects.toThrow('another relay')
    await expect(device.get('/api/v1/time?nonce=00')).rejects.toEqual(refused('malformed-request', 400))
  })
})

describe('a challenge', () => {
  it('reaches a device that waits for it, and its answer the asker who waits for that', async () => {
    const nonce = randomBytes(32)
    const answering = device.answerAll(20)
    const receipt = await device.post(`${device.path}/challenges`, nonce)
    expect(receipt).toMatchObject({
      nonce: nonce.toString('hex'),
      text: expect.stringMatching(/^LARESC1[0-9A-Z]{64}$/),
    })
    const outcome = await device.get(`/api/v1/challenges/${nonce.toString('hex')}?wait=20`)
    expect(await answering).toEqual([nonce.toString('hex')])
    expect(outcome).toMatchObject({ state: 'answered', deviceId: (await device.state()).deviceId })
    // The asker believes nobody: the answer says it all.
    const bytes = Buffer.from(outcome.answer, 'base64url')
    const content = Buffer.concat([device.networkId, device.deviceId, nonce, bytes.subarray(96, 102)])
    expect(bytes.subarray(0, 102)).toEqual(content)
    expect(isSigned(device.walletKey, tagged('lares/challenge-answer/1', content), bytes.subarray(102))).toBe(true)
    expect((await device.challenges()).challenges).toEqual([])
  })

  it('is answered once, by its device alone, for nonces that somebody asks', async () => {
    const nonce = randomBytes(32)
    await device.post(`${device.path}/challenges`, nonce)
    expect(await device.get(`/api/v1/challenges/${nonce.toString('hex')}`)).toMatchObject({ state: 'waiting' })
    const send = (answer: Buffer) => device.post(`${device.path}/answers`, answer)
    const thief = new SmallDevice({ relay: relay.localUrl })
    thief.networkId = device.networkId
    thief.deviceId = device.deviceId
    await expect(send(thief.answer(nonce, Date.now()))).rejects.toEqual(refused('bad-signature'))
    await expect(send(device.answer(nonce, Date.now() - 600_000))).rejects.toEqual(refused('clock-differs'))
    await expect(send(device.answer(randomBytes(32), Date.now()))).rejects.toEqual(refused('unknown-challenge', 404))
    await send(device.answer(nonce, Date.now()))
    await expect(send(device.answer(nonce, Date.now()))).rejects.toEqual(refused('already-answered'))
  })

  it('is refused for who is not in the ledger, and without 32 bytes; nobody can fill a device up', async () => {
    const nowhere = `/api/v1/devices/${randomBytes(32).toString('hex')}/challenges`
    await expect(device.post(nowhere, randomBytes(32))).rejects.toEqual(refused('not-in-ledger', 404))
    await expect(device.post(`${device.path}/challenges`, randomBytes(31))).rejects.toMatchObject({ status: 400 })
    const ask = () => device.post(`${device.path}/challenges`, randomBytes(32))
    for (let i = 0; i < 4; i++) await ask()
    await expect(ask()).rejects.toEqual(refused('device-busy', 429))
    expect(await device.answerAll()).toHaveLength(4)
    await ask()
    await device.answerAll()
  })
})

const board = (...args: readonly string[]) => runBoard(directory, ...args)

describe('a board with the command line', () => {
  it('makes a key, joins, says it is alive, answers, and leaves', { timeout: 120_000 }, async () => {
    const key = join(directory, 'sensor.key')
    const made = await board('keygen', '--out', key)
    expect(made.stdout).toMatch(/RECOVERY WORDS[^\n]*\n {2}(?:[a-z]+ ){11}[a-z]+\n/)
    expect(statSync(key).mode & 0o777).toBe(0o600)
    const again = await board('keygen', '--out', key)
    expect([again.code, again.stderr]).toEqual([1, expect.stringContaining('never overwritten')])

    const { text } = await newVoucher(relay.dataDir)
    const early = await board('renew', '--key', key, '--relay', relay.localUrl)
    expect([early.code, early.stderr]).toEqual([1, expect.stringContaining('has not joined')])
    const came = await board('join', '--key', key, '--relay', relay.localUrl, '--voucher', text)
    expect([came.code, came.stderr, came.stdout]).toEqual([0, '', expect.stringContaining('is registered')])
    const shown = JSON.parse((await board('show', '--key', key, '--json')).stdout)
    expect(shown).toMatchObject({ state: 'registered', deviceId: expect.stringMatching(/^LARES1/) })
    expect((await board('renew', '--key', key, '--hours', '2')).stdout).toContain('alive until')

    // Answers while it watches, and ends by Ctrl-C.
    const nonce = randomBytes(32)
    const path = `/api/v1/devices/${shown.deviceId}`
    const { text: challenge } = await device.post(`${path}/challenges`, nonce)
    const watching = spawn(process.execPath, [MAIN, 'device', 'answer', '--key', key, '--watch'])
    const outcome = await device.get(`/api/v1/challenges/${nonce.toString('hex')}?wait=20`)
    expect(outcome.state).toBe('answered')
    const second = randomBytes(32)
    await device.post(`${path}/challenges`, second)
    expect((await device.get(`/api/v1/challenges/${second.toString('hex')}?wait=20`)).state).toBe('answered')
    const ended = once(watching, 'exit')
    watching.kill('SIGINT')
    expect(await ended).toEqual([0, null])

    // By text, with nobody in between.
    const offline = await board('answer', '--key', key, '--nonce', challenge, '--json')
    expect(JSON.parse(offline.stdout)).toEqual({ answer: expect.stringMatching(/^LARESA1[0-9A-Z]{272}$/), sent: false })
    const otherLast = challenge.endsWith('Q') ? 'P' : 'Q'
    const wrong = await board('answer', '--key', key, '--nonce', challenge.slice(0, -1) + otherLast)
    expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining('LARESC1')])

    const retired = await board('retire', '--key', key, '--json')
    expect(JSON.parse(retired.stdout)).toEqual({ transactionId: expect.stringMatching(/^[0-9a-f]{64}$/) })
    const same = new SmallDevice({
      relay: relay.localUrl,
      seed: Buffer.from(JSON.parse(readFileSync(key, 'utf8')).seed, 'hex'),
    })
    same.networkId = device.networkId
    same.deviceId = Buffer.from(JSON.parse(readFileSync(key, 'utf8')).deviceId, 'hex')
    await same.until('retired')
    const gone = await board('renew', '--key', key)
    expect([gone.code, gone.stderr]).toEqual([1, expect.stringContaining('retired')])
    const watch = await board('answer', '--key', key, '--watch')
    expect([watch.code, watch.stderr]).toEqual([1, expect.stringContaining('retired')])
  })
})

describe('devices that the operator has enrolled by their public keys', () => {
  it('join without a voucher, and with no key but that', { timeout: 60_000 }, async () => {
    const sensor = new SmallDevice({ relay: relay.localUrl })
    const key = join(directory, 'board.key')
    const made = await board('keygen', '--out', key, '--recovery-key', sensor.recoveryKey.toString('hex'), '--json')
    const fleet = join(directory, 'fleet.json')
    const row = (serial: string, publicKey: string) => ({ name: serial, serial, publicKey })
    const rows = [row('A-1', sensor.walletKey.toString('hex')), row('A-2', JSON.parse(made.stdout).walletKey)]
    writeFileSync(fleet, JSON.stringify(rows))
    expect((await lares(relay.dataDir, 'enroll', fleet)).code).toBe(0)

    await expect(new SmallDevice({ relay: relay.localUrl }).joinExpected()).rejects.toEqual(
      refused('not-expected', 404),
    )
    expect(await sensor.joinExpected()).toMatchObject({ state: 'pending' })
    const flags = ['--key', key, '--relay', relay.localUrl, '--expected', '--network']
    const abroad = await board('join', ...flags, 'ab'.repeat(32))
    expect([abroad.code, abroad.stderr]).toEqual([1, expect.stringContaining('another network')])
    const came = await board('join', ...flags, device.networkId.toString('hex'))
    expect([came.code, came.stdout]).toEqual([0, expect.stringContaining('is registered')])
    // After a power cut: the same again.
    const again = await board('join', '--key', key, '--expected')
    expect([again.code, again.stderr, again.stdout]).toEqual([0, '', came.stdout])
    await sensor.until('registered')
    expect(await sensor.renew()).toMatchObject({ until: expect.any(Number) })
  })
})

describe('leaving', () => {
  it('is refused with a wrong sequence, and then for good', { timeout: 60_000 }, async () => {
    const hand = (bytes: Buffer) => device.post('/api/v1/transactions', bytes)
    await expect(hand(device.retirement(2))).rejects.toEqual(refused('wrong-sequence'))
    const forged = device.retirement(1)
    forged[40] = (forged[40] as number) ^ 1
    await expect(hand(forged)).rejects.toEqual(refused('bad-signature'))
    await device.retire()
    await device.until('retired')
    await expect(device.renew()).rejects.toEqual(refused('retired'))
    await expect(device.post(`${device.path}/challenges`, randomBytes(32))).rejects.toEqual(refused('retired'))
    await expect(new SmallDevice({ relay: relay.localUrl }).join(voucher)).rejects.toEqual(refused('voucher-used'))
  })
})
