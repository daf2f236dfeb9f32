/**
 * Shows that an enrolment stands as a whole or not at all, whenever relay or command is killed, and that running it again
 * adds only what is missing.
 * How: a real relay and the real command line; SIGKILL at random moments and in the moment the list is written. The seed is
 * printed.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, watch, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parse } from 'csv-parse/sync'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createFleetCsv, mulberry32 } from '../framework/fleet-csv.ts'
import { lares, makeDataDir, type RelayProcess, removeDataDir, startRelayProcess } from '../framework/relay-process.ts'
import { SmallDevice } from '../framework/small-device.ts'

const MAIN = fileURLToPath(new URL('../../node-relay/main.ts', import.meta.url))
const ROWS = 800
const BAD_ROWS = 20
const SEED = Number(process.env['LARES_SEED'] ?? Math.floor(Math.random() * 2 ** 31))
const GOOD_ROWS = ROWS - BAD_ROWS
const MINUTE_MS = 60_000

const random = mulberry32(SEED)
const fleet = createFleetCsv({ rows: ROWS, bad: BAD_ROWS, seed: SEED })
let dataDir: string
let folder: string
let csv: string
let relay: RelayProcess | undefined

beforeAll(async () => {
  console.log(`seed ${SEED}`)
  dataDir = await makeDataDir()
  folder = mkdtempSync(join(tmpdir(), 'lares-fleet-'))
  csv = join(folder, 'fleet.csv')
  writeFileSync(csv, fleet.bytes)
})
afterAll(async () => {
  await relay?.kill()
  await removeDataDir(dataDir)
  rmSync(folder, { recursive: true })
})

async function start(): Promise<RelayProcess> {
  relay = await startRelayProcess({ dataDir, flags: ['--mine-share', '0.3'] })
  return relay
}

async function enrolled(): Promise<{ serial: string; name: string; state: string }[]> {
  const { code, stdout, stderr } = await lares(dataDir, 'directory', 'list', '--json')
  if (code !== 0) throw new Error(stderr)
  return JSON.parse(stdout) as { serial: string; name: string; state: string }[]
}

/** Starts the command, with a way to kill it. */
function startEnrolment() {
  const child = spawn(process.execPath, [MAIN, 'enroll', csv, '--data-dir', dataDir], { stdio: 'ignore' })
  return { child, ended: once(child, 'exit') as Promise<[number | null]> }
}

const resultRows = () =>
  parse(readFileSync(`${csv}.result.csv`), { columns: true }) as { serial: string; status: string; voucher: string }[]

it('without a relay there is nobody to enrol them, and it says so', async () => {
  const { code, stderr } = await lares(dataDir, 'enroll', csv)
  expect(code).toBe(1)
  expect(stderr).toMatch(/No relay is running .* start it with/)
})

describe('killed in the middle', () => {
  /** Waits for the moment to kill. */
  const moments: readonly { readonly what: string; readonly wait: () => Promise<void> }[] = [
    { what: 'at a random moment', wait: () => pause(200 + random() * 3_000) },
    { what: 'in the moment the list is written', wait: () => listBeingWritten() },
  ]
  for (const { what, wait } of moments)
    it(`the relay, ${what}: all of it stands, or nothing`, { timeout: 3 * MINUTE_MS }, async () => {
      const running = await start()
      const before = (await enrolled()).length
      const { ended } = startEnrolment()
      await Promise.race([wait(), ended])
      await running.kill()
      await ended
      await start()
      const count = (await enrolled()).length
      expect([before, GOOD_ROWS]).toContain(count)
      expect(readdirSync(dataDir).filter((name) => name.endsWith('.tmp'))).toEqual([])
      await relay?.stop()
    })

  it('the command: what it enrolled stands, and the result comes with the next run', {
    timeout: 3 * MINUTE_MS,
  }, async () => {
    await start()
    const { child, ended } = startEnrolment()
    await Promise.race([pause(200 + random() * 3_000), ended])
    child.kill('SIGKILL')
    await ended
    const { code, stderr } = await lares(dataDir, 'enroll', csv)
    expect([code, stderr.includes('failed')]).toEqual([1, false])
    const rows = resultRows()
    expect(rows.length).toBe(ROWS)
    expect(rows.filter(({ status }) => status === 'refused').length).toBe(BAD_ROWS)
    const vouchers = rows.map(({ voucher }) => voucher).filter((voucher) => voucher !== '')
    expect(new Set(vouchers).size).toBe(GOOD_ROWS - fleet.seeds.size)
    const names = new Map((await enrolled()).map(({ serial, name }) => [serial, name]))
    expect(names).toEqual(new Map([...fleet.good].map(([serial, { name }]) => [serial, name])))
  })
})

describe('running it again', () => {
  it('adds what is missing, and reports what has changed', { timeout: MINUTE_MS }, async () => {
    const rows = fleet.bytes.toString('latin1').split('\r\n')
    const [first = '', second = ''] = [...fleet.good.values()].map(({ line }) => rows[line - 1])
    const part = join(folder, 'part.csv')
    const renamed = second.replace(/^Sensor \d+/, 'Boiler')
    writeFileSync(part, [rows[0], first, renamed, 'New lamp,L-1,SN-NEW,,'].join('\n'))
    const { code, stdout } = await lares(dataDir, 'enroll', part)
    expect(code).toBe(1)
    expect(stdout).toMatch(/1 {2}new, each with a voucher/)
    expect(stdout).toMatch(/1 {2}there already/)
    expect(stdout).toMatch(/line 3: serial SN-\d+ is enrolled with another name \(changed\)/)
    const updated = await lares(dataDir, 'enroll', part, '--update')
    expect([updated.code, updated.stdout]).toEqual([0, expect.stringMatching(/1 {2}with a changed name/)])
    const found = await lares(dataDir, 'directory', 'list', '--search', 'boiler')
    expect(found.stdout).toContain('Boiler')
  })

  it('a device that has come in keeps its row, and its voucher is not handed out again', {
    timeout: 2 * MINUTE_MS,
  }, async () => {
    const [row] = resultRows().filter(({ voucher }) => voucher !== '') as [
      { serial: string; status: string; voucher: string },
    ]
    const device = new SmallDevice({ relay: (relay as RelayProcess).localUrl })
    await device.join(row.voucher)
    await device.until('registered')
    expect((await lares(dataDir, 'enroll', csv, '--update')).stdout).toContain('there already')
    const again = resultRows().find(({ serial }) => serial === row.serial)
    const { deviceId } = await device.state()
    expect(again).toMatchObject({ status: 'kept', voucher: '', device_id: deviceId })
    const listed = (await lares(dataDir, 'devices')).stdout.split('\n').find((line) => line.includes(String(deviceId)))
    expect(listed).toContain(fleet.good.get(row.serial)?.name)
  })

  it('a key that is expected opens the door to nobody else', { timeout: MINUTE_MS }, async () => {
    const url = (relay as RelayProcess).localUrl
    const [serial, seed] = [...fleet.seeds][0] as [string, Buffer]
    const thief = new SmallDevice({ relay: url })
    const device = new SmallDevice({ relay: url, seed })
    const prepared = await device.get(`/api/v1/expected/${device.walletKey.toString('hex')}`)
    const application = Buffer.from(prepared.application, 'base64url')
    const forged = device.expectedRegistration(Buffer.alloc(32), application)
    forged.set(thief.sign(Buffer.from('whatever')), forged.length - 64)
    await expect(thief.post('/api/v1/join', forged)).rejects.toMatchObject({ code: 'bad-signature' })
    expect((await device.joinExpected()).state).toBe('pending')
    await device.until('registered')
    await expect(device.get(`/api/v1/expected/${device.walletKey.toString('hex')}`)).rejects.toMatchObject({
      code: 'already-registered',
    })
    // Forgotten: the next one with such a key is a stranger.
    const [, other] = [...fleet.seeds.keys()] as [string, string]
    expect((await lares(dataDir, 'directory', 'remove', other)).code).toBe(0)
    const stranger = new SmallDevice({ relay: url, seed: fleet.seeds.get(other) as Buffer })
    await expect(stranger.joinExpected()).rejects.toMatchObject({ code: 'not-expected' })
    expect((await lares(dataDir, 'directory', 'remove', 'no such serial')).stderr).toMatch(/no device with the serial/)
    expect(serial).not.toBe(other)
  })
})

it('a damaged list keeps the relay running, and the commands name the way out', {
  timeout: 2 * MINUTE_MS,
}, async () => {
  await relay?.stop()
  const path = join(dataDir, 'fleet.bin')
  const whole = readFileSync(path)
  whole[whole.length >> 1] = (whole[whole.length >> 1] ?? 0) ^ 1
  writeFileSync(path, whole)
  await start()
  const list = await lares(dataDir, 'directory', 'list')
  expect(list.stderr).toMatch(/list of devices .*fleet\.bin .*restore it from a backup/)
  expect((await lares(dataDir, 'enroll', csv)).stderr).toMatch(/restore it from a backup/)
  expect(readFileSync(path).equals(whole)).toBe(true)
  expect((await lares(dataDir, 'status')).code).toBe(0)
  const devices = await lares(dataDir, 'devices')
  expect([devices.code, devices.stderr]).toEqual([0, expect.stringMatching(/^Without names: /)])
})

/** Resolves when the temporary file of the list appears, or soon when the list is not written at all. */
async function listBeingWritten(): Promise<void> {
  const ending = new AbortController()
  const seen = new Promise<void>((resolve) => {
    watch(dataDir, { signal: ending.signal }, (_, name) => {
      if (name?.startsWith('fleet.bin.') === true) resolve()
    })
  })
  await Promise.race([seen, pause(20_000)])
  ending.abort()
}
