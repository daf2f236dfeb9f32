import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type RelayConfig, readRelayConfig } from '../../node-relay/config.ts'
import { examine, type Finding } from '../../node-relay/doctor.ts'
import type { AdminStatus } from '../../node-relay/http/admin-socket.ts'
import { LABEL } from '../../shared/identity/label.ts'
import { FAKE_STATUS } from '../framework/fake-relay.ts'
import { holdTcpPort } from './cli/context.ts'

const NOW = Date.UTC(2027, 0, 1)
let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'lares-doctor-'))
})
afterEach(() => rmSync(directory, { recursive: true }))

function config(...args: string[]): RelayConfig {
  const read = readRelayConfig(
    [
      '--data-dir',
      join(directory, 'data'),
      '--listen',
      '127.0.0.1',
      '--udp-port=0',
      '--ws-port=0',
      '--tcp-port=0',
      ...args,
    ],
    {
      env: {},
      cwd: directory,
    },
  )
  if (!read.ok) throw new Error(read.detail)
  return read.value
}

const running = (tipTime: number): AdminStatus => ({
  ...FAKE_STATUS,
  tip: { ...FAKE_STATUS.tip, time: tipTime },
  fits: { label: LABEL.lightweight, reasons: [] },
  pid: 42,
  doors: { port: 1, urls: [], joinUrl: '' },
  ports: { tcp: [], udp: [] },
})

const about = (findings: readonly Finding[], subject: Finding['subject']) =>
  findings.filter((finding) => finding.subject === subject)

test('without a relay: all is looked at, nothing is made', async () => {
  const { port, release } = await holdTcpPort()
  await release()
  const findings = await examine({ config: config(`--port=${port}`), running: undefined, now: NOW })
  expect(new Set(findings.map(({ subject }) => subject))).toEqual(
    new Set(['node', 'relay', 'addresses', 'ports', 'firewall', 'clock', 'data', 'disk']),
  )
  expect(about(findings, 'relay')).toMatchObject([{ state: 'warning', sentence: expect.stringContaining('npm start') }])
  expect(about(findings, 'ports')).toMatchObject([{ state: 'good', sentence: `TCP ${port} is free.` }])
  expect(about(findings, 'data')).toMatchObject([{ state: 'good' }])
  for (const { sentence } of findings) expect(sentence).not.toContain('\n')
})

test('a busy port is bad, unless the relay holds it', async () => {
  const { port, release } = await holdTcpPort()
  const busy = await examine({ config: config(`--port=${port}`), running: undefined, now: NOW })
  expect(about(busy, 'ports')).toMatchObject([{ state: 'bad', sentence: expect.stringContaining('--port') }])
  const held = { ...running(NOW), ports: { tcp: [port], udp: [] } }
  const ours = await examine({ config: config(`--port=${port}`), running: held, now: NOW })
  expect(about(ours, 'ports')).toMatchObject([{ state: 'good', sentence: `TCP ${port} is open, held by the relay.` }])
  expect(about(ours, 'relay')).toMatchObject([{ state: 'good', sentence: expect.stringContaining('process 42') }])
  await release()
})

test('a clock in the past, one behind the chain, one far ahead', async () => {
  const clock = async (now: number, relay?: AdminStatus) =>
    about(await examine({ config: config('--port=0'), running: relay, now, platform: 'darwin' }), 'clock')
  expect(await clock(Date.UTC(2000, 0, 1))).toMatchObject([{ state: 'bad' }])
  expect(await clock(NOW)).toMatchObject([{ state: 'good' }])
  expect(await clock(NOW, running(NOW + 3_600_000))).toMatchObject([
    { state: 'bad', sentence: expect.stringContaining('behind the newest block') },
  ])
  expect(await clock(NOW, running(NOW - 30 * 86_400_000))).toMatchObject([{ state: 'warning' }])
})

test('a foreign folder is bad', async () => {
  writeFileSync(join(directory, 'data'), '')
  const findings = await examine({ config: config('--port=0'), running: undefined, now: NOW })
  expect(about(findings, 'data')).toMatchObject([{ state: 'bad', sentence: expect.stringContaining('--data-dir') }])
})

test('the firewall of each system', async () => {
  for (const [platform, part] of [
    ['win32', 'netsh'],
    ['darwin', 'System Settings'],
    ['linux', 'TCP 4670'],
  ] as const) {
    const findings = await examine({ config: config('--port=4670'), running: undefined, now: NOW, platform })
    expect(about(findings, 'firewall')[0]?.sentence).toMatch(platform === 'linux' ? /4670/ : part)
  }
})
