import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { AdminStatus } from '../../../node-relay/http/admin-socket.ts'

/**
 * The command line as a person uses it: a real relay process on loopback founds a test network, is asked, killed without
 * warning, started again, and stopped.
 */
const MAIN = join(import.meta.dirname, '../../../node-relay/main.ts')

let directory: string
let dataDir: string
let relay: ChildProcess

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'lares-process-'))
  dataDir = join(directory, 'data')
})
afterAll(async () => {
  await end('SIGKILL')
  rmSync(directory, { recursive: true })
})

async function lares(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const child = spawn(process.execPath, [MAIN, ...args, '--data-dir', dataDir], {
    cwd: directory,
    env: { ...process.env, INIT_CWD: directory },
  })
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
  return { code, out, err }
}

async function status(): Promise<AdminStatus> {
  return JSON.parse((await lares('status', '--json')).out)
}

/** Starts the relay and gives what it has printed once it runs. */
async function start(): Promise<string> {
  const flags = [
    '--network=test',
    '--listen=127.0.0.1',
    '--port=0',
    '--udp-port=0',
    '--ws-port=0',
    '--tcp-port=0',
    '--mine-share=0.2',
  ]
  relay = spawn(process.execPath, [MAIN, 'start', '--data-dir', dataDir, ...flags], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let printed = ''
  for await (const chunk of relay.stdout ?? []) {
    printed += chunk
    if (printed.includes('Ctrl-C stops')) break
  }
  return printed
}

async function end(signal: NodeJS.Signals): Promise<number | null> {
  if (relay?.exitCode !== null || relay.signalCode !== null) return relay?.exitCode ?? null
  relay.kill(signal)
  const [code] = await once(relay, 'exit')
  return code
}

describe('a relay process', { timeout: 90_000 }, () => {
  let deviceId: string
  let networkId: string

  test('first start shows the recovery words; its own registration settles', async () => {
    expect(await start()).toContain('RECOVERY WORDS')
    await expect
      .poll(status, { timeout: 60_000, interval: 500 })
      .toMatchObject({ deviceId: expect.any(String), settled: { keepersSeen: 1 } })
    const answer = await status()
    deviceId = answer.deviceId ?? ''
    networkId = answer.networkId
    await expect
      .poll(() => lares('audit', deviceId), { timeout: 60_000, interval: 500 })
      .toMatchObject({ code: 0, out: expect.stringMatching(/^REGISTERED/) })
    expect((await lares('devices')).out).toContain(deviceId)
  })

  test('a proof is exported and verified offline, by itself alone', async () => {
    expect((await lares('proof', 'export', deviceId, '--out', 'p')).code).toBe(0)
    const file = join(directory, 'p')
    expect((await lares('proof', 'verify', 'p', '--network', networkId)).out).toMatch(/^REGISTERED/)
    const other = await lares('proof', 'verify', 'p', '--network', 'ab'.repeat(32))
    expect(other).toMatchObject({ code: 1, err: expect.stringMatching(/^UNKNOWN NETWORK/) })
    const bytes = readFileSync(file)
    bytes[bytes.length - 40] = (bytes[bytes.length - 40] ?? 0) ^ 1
    writeFileSync(file, bytes)
    expect(await lares('proof', 'verify', 'p')).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringMatching(/^CANNOT SAY/),
    })
  })

  test('vouchers are made beside it', async () => {
    const answer = JSON.parse((await lares('voucher', 'create', '--count', '2', '--json')).out)
    expect(answer).toHaveLength(2)
    expect(answer[0].text).not.toBe(answer[1].text)
    expect(answer[0].url).toContain('&voucher=')
  })

  test('killed, it starts again as the same; stopped, it ends with 0', async () => {
    const before = await status()
    await end('SIGKILL')
    expect((await lares('status')).err).toMatch(/^No relay is running/)
    expect(await start()).not.toContain('RECOVERY WORDS')
    const after = await status()
    expect([after.deviceId, after.networkId]).toEqual([before.deviceId, before.networkId])
    expect(after.tip.height).toBeGreaterThanOrEqual(before.tip.height)
    expect(await end('SIGTERM')).toBe(0)
  })
})
